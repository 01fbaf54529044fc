/*
 * A library to preload: counts the calls that allocate memory or take a
 * reference, on the threads that ask for it, between their start and stop.
 */
#include "count.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <stddef.h>

/* Every counted function: its name and its signature. */
#define ALLOCATORS(X)                                                          \
    X(malloc, void *, (size_t size), (size))                                   \
    X(calloc, void *, (size_t n, size_t size), (n, size))                      \
    X(realloc, void *, (void *old, size_t size), (old, size))
#define OTHERS(X)                                                              \
    X(posix_memalign, int, (void **to, size_t align, size_t size),             \
      (to, align, size))                                                       \
    X(loc_copy, int, (void *to, void *from), (to, from))                       \
    X(inode_ref, void *, (void *inode), (inode))                               \
    X(fd_ref, void *, (void *fd), (fd))                                        \
    X(dict_ref, void *, (void *dict), (dict))                                  \
    X(iobref_ref, void *, (void *iobref), (iobref))                            \
    X(iobref_new, void *, (void), ())                                          \
    X(iobuf_get2, void *, (void *pool, size_t size), (pool, size))             \
    X(dict_new, void *, (void), ())                                            \
    X(mem_get_malloc, void *, (void *pool), (pool))                            \
    X(mem_get_calloc, void *, (void *pool), (pool))

#define NAME(name, type, params, args) COUNT_##name,
enum { ALLOCATORS(NAME) OTHERS(NAME) COUNTERS };
#undef NAME

#define NAME(name, type, params, args) #name,
static const char *names[] = {ALLOCATORS(NAME) OTHERS(NAME)};
#undef NAME

/* initial-exec: reaching these must not itself allocate */
static __thread __attribute__((tls_model("initial-exec"))) int counting;
static __thread __attribute__((tls_model("initial-exec")))
unsigned long counts[COUNTERS];

#define COUNT(name)                                                            \
    do {                                                                       \
        if (counting)                                                          \
            counts[COUNT_##name]++;                                            \
    } while (0)

/* dlsym allocates, so glibc's own names are used for its allocators. */
#define WRAP(name, type, params, args)                                         \
    extern type __libc_##name params;                                          \
    type name params                                                           \
    {                                                                          \
        COUNT(name);                                                           \
        return __libc_##name args;                                             \
    }
ALLOCATORS(WRAP)
#undef WRAP

#define WRAP(name, type, params, args)                                         \
    type name params                                                           \
    {                                                                          \
        static type(*next) params;                                             \
        if (!next)                                                             \
            next = (type(*) params)dlsym(RTLD_NEXT, #name);                    \
        COUNT(name);                                                           \
        return next args;                                                      \
    }
OTHERS(WRAP)
#undef WRAP

void
course_count_start(void)
{
    memset(counts, 0, sizeof(counts));
    counting = 1;
}

const char *
course_count_stop(void)
{
    static __thread char text[1024];
    int at = 0;

    counting = 0;
    for (int i = 0; i < COUNTERS; i++)
        at += snprintf(text + at, sizeof(text) - at, "%s\"%s\": %lu",
                       i ? ", " : "{", names[i], counts[i]);
    snprintf(text + at, sizeof(text) - at, "}");
    return text;
}
