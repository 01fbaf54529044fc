/*
 * A library to preload: frames, dicts and the like are not recycled.
 *
 * GlusterFS takes them from pools that give out again what has just come back,
 * so that a frame used after its end is mostly found alive and well.  Here each
 * is overwritten when it comes back, and kept from being reused for a while:
 * who still uses it reads 0xdd and crashes, which is what the test wants.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <glusterfs/mem-pool.h>

#define QUARANTINE 4096

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

void
mem_put_pool(void *object)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static void *waiting[QUARANTINE];
    static unsigned next;
    void *oldest;

    if (!object)
        return;
    memset(object, 0xdd, malloc_usable_size(object));
    pthread_mutex_lock(&lock);
    oldest = waiting[next % QUARANTINE];
    waiting[next++ % QUARANTINE] = object;
    pthread_mutex_unlock(&lock);
    free(oldest);
}
