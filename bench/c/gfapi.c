/*
 * Times calls of libgfapi on several volumes of one process, which take turns in blocks.
 *
 *     gfapi LOGFILE BLOCKS MICROSECONDS NAME=VOLFILE...
 *
 * prints a line of JSON for each block: what was called, on which volume, nanoseconds per
 * call.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glusterfs/api/glfs.h>

#include "clock.h"
#include "turns.h"

enum { VOLUMES = TURNS, WARM_UP = 100, LARGE = 128 << 10 };

typedef struct {
    const char *name;
    glfs_t *fs;
    glfs_fd_t *fd;
    int calls;
} volume_t;

static char buffer[LARGE];

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Each call must do what it is timed for. */

static bool
call_lstat(const volume_t *v)
{
    struct stat st;

    return glfs_lstat(v->fs, "/file", &st) == 0;
}

static bool
call_missing(const volume_t *v)
{
    struct stat st;

    return glfs_lstat(v->fs, "/missing", &st) == -1 && errno == ENOENT;
}

static bool
call_getxattr(const volume_t *v)
{
    return glfs_getxattr(v->fs, "/file", "user.bench", buffer, sizeof(buffer)) == 5;
}

static bool
call_pread_4k(const volume_t *v)
{
    return glfs_pread(v->fd, buffer, 4096, 0, 0, NULL) == 4096;
}

static bool
call_pread_128k(const volume_t *v)
{
    return glfs_pread(v->fd, buffer, LARGE, 0, 0, NULL) == LARGE;
}

static bool
call_pwrite_4k(const volume_t *v)
{
    return glfs_pwrite(v->fd, buffer, 4096, 0, 0, NULL, NULL) == 4096;
}

static bool
call_pwrite_128k(const volume_t *v)
{
    return glfs_pwrite(v->fd, buffer, LARGE, 0, 0, NULL, NULL) == LARGE;
}

static const struct {
    const char *name;
    bool (*call)(const volume_t *v);
} calls[] = {
    {"lstat", call_lstat},
    {"lstat of a missing name", call_missing},
    {"getxattr", call_getxattr},
    {"pread 4 KiB", call_pread_4k},
    {"pread 128 KiB", call_pread_128k},
    {"pwrite 4 KiB", call_pwrite_4k},
    {"pwrite 128 KiB", call_pwrite_128k},
};

static double
block(const volume_t *v, size_t which, int count)
{
    int64_t start = now();

    for (int i = 0; i < count; i++)
        if (!calls[which].call(v)) {
            fprintf(stderr, "%s on %s: ", calls[which].name, v->name);
            fail("not what was expected");
        }
    return (double)(now() - start) / count;
}

static void
open_volume(volume_t *v, char *argument, const char *log)
{
    char *volfile = strchr(argument, '=');

    if (!volfile)
        fail("NAME=VOLFILE");
    *volfile++ = 0;
    v->name = argument;
    v->fs = glfs_new("volume");
    if (!v->fs || glfs_set_volfile(v->fs, volfile) || glfs_set_logging(v->fs, log, 7) ||
        glfs_init(v->fs))
        fail(v->name);
    v->fd = glfs_creat(v->fs, "/file", O_RDWR, 0644);
    if (!v->fd || glfs_setxattr(v->fs, "/file", "user.bench", "value", 5, 0) ||
        !call_pwrite_128k(v))
        fail("/file");
}

int
main(int argc, char **argv)
{
    volume_t volumes[VOLUMES];
    int count = argc - 4, blocks, order[TURNS];
    double ns;

    if (argc < 5 || count > VOLUMES) {
        fprintf(stderr, "usage: gfapi LOGFILE BLOCKS MICROSECONDS NAME=VOLFILE...\n");
        return 2;
    }
    blocks = atoi(argv[2]);
    ns = atof(argv[3]) * 1000;
    for (int i = 0; i < count; i++)
        open_volume(&volumes[i], argv[4 + i], argv[1]);
    for (size_t which = 0; which < sizeof(calls) / sizeof(calls[0]); which++) {
        for (volume_t *v = volumes; v < volumes + count; v++) {
            block(v, which, WARM_UP);
            v->calls = 1 + ns / block(v, which, WARM_UP);
        }
        for (int i = 0; i < blocks; i++) {
            take_turns(order, count);
            for (int j = 0; j < count; j++) {
                const volume_t *v = &volumes[order[j]];

                printf("{\"call\": \"%s\", \"volume\": \"%s\", \"ns\": %.0f}\n",
                       calls[which].name, v->name, block(v, which, v->calls));
            }
        }
    }
    fflush(stdout);
    _exit(0); /* glfs_fini waits for an event that storage/posix never sends */
}
