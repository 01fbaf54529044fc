/* While there is a file "threads", or "stacks", in the directory SCARCE, glupy.so gets none. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_scarce(const char *what, void *caller)
{
    Dl_info info;
    char file[PATH_MAX];
    const char *directory = getenv("SCARCE");
    if (!directory)
        return 0;
    snprintf(file, sizeof file, "%s/%s", directory, what);
    return access(file, F_OK) == 0 && dladdr(caller, &info) && strstr(info.dli_fname, "glupy.so");
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        dlsym(RTLD_NEXT, "pthread_create");
    if (is_scarce("threads", __builtin_return_address(0)))
        return EAGAIN;
    return real(thread, attributes, run, argument);
}

void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");
    if ((flags & MAP_STACK) && is_scarce("stacks", __builtin_return_address(0))) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return real(at, size, protection, flags, file, offset);
}
