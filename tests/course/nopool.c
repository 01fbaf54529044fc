/*
 * A library to preload: frames, dicts, buffers and the like are not recycled.
 *
 * GlusterFS takes them from pools that give out again what has just come back,
 * so that a frame used after its end is mostly found alive and well.  Here each
 * is overwritten when it comes back, and kept from being reused for a while:
 * who still uses it reads 0xdd and crashes, which is what the test wants.
 * AddressSanitizer does both itself, and reports the use.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <glusterfs/iobuf.h>
#include <glusterfs/mem-pool.h>

#define QUARANTINE 4096

/* Buffers that are larger do not come from a pool. */
#define LARGEST_IOBUF (1 << 20)

/* Is there when AddressSanitizer is preloaded, too. */
extern void __asan_init(void) __attribute__((weak));

void *
mem_get_malloc(struct mem_pool *pool)
{
    return malloc(pool->sizeof_type);
}

void *
mem_get_calloc(struct mem_pool *pool)
{
    return calloc(1, pool->sizeof_type);
}

static void *
quarantine(void *object)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static void *waiting[QUARANTINE];
    static unsigned next;
    void *oldest;

    memset(object, 0xdd, malloc_usable_size(object));
    pthread_mutex_lock(&lock);
    oldest = waiting[next % QUARANTINE];
    waiting[next++ % QUARANTINE] = object;
    pthread_mutex_unlock(&lock);
    return oldest;
}

void
mem_put_pool(void *object)
{
    if (object && !__asan_init)
        object = quarantine(object);
    free(object);
}

struct iobuf *
iobuf_get2(struct iobuf_pool *pool, size_t size)
{
    static struct iobuf *(*original)(struct iobuf_pool *, size_t);
    struct iobuf *iobuf;

    if (!original)
        original = dlsym(RTLD_NEXT, "iobuf_get2");
    if (!size)
        size = pool->default_page_size; /* whose macro is gone since 11 */
    iobuf = original(pool, size > LARGEST_IOBUF ? size : LARGEST_IOBUF + 1);
    if (iobuf)
        iobuf->page_size = size;
    return iobuf;
}
