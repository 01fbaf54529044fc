/*
 * What programs do to files, timed, in folders that take turns.
 *
 *     files WHAT ROUNDS MILLISECONDS PROCESSES FOLDER...
 *
 * prints a line for each turn: the folder's number, and nanoseconds of wall time for each
 * thing that was done (for a listing: for all of it), by all processes together. A FOLDER
 * holds `file`, of 4 KiB; `large`, of several times 128 KiB; and `many`, a folder.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "turns.h"

enum { BLOCK = 128 << 10 };

/* Whole pages, in memory: the kernel would write others in pieces. */
static char buffer[BLOCK] __attribute__((aligned(4096)));

static const char *where; /* the folder */

static void
fail(const char *what)
{
    fprintf(stderr, "%s/%s: %s\n", where, what, strerror(errno));
    exit(1);
}

/* Each does something and returns how often it did it. */

static int
do_stat(void)
{
    struct stat st;

    if (stat("file", &st) || st.st_size != 4096)
        fail("stat");
    return 1;
}

static int
do_missing(void)
{
    struct stat st;

    if (stat("missing", &st) != -1 || errno != ENOENT)
        fail("stat of a missing name");
    return 1;
}

static int
do_create(void)
{
    int fd = open("new", O_CREAT | O_EXCL | O_WRONLY, 0644);

    if (fd < 0 || write(fd, buffer, 4096) != 4096 || close(fd) || unlink("new"))
        fail("create, write, close, unlink");
    return 1;
}

/* The file is opened anew each time; then nothing of it is in the kernel's cache, if the
 * mount does not ask for that (fuse.py, OPTIONS). */
static int
do_blocks(int flags, ssize_t (*move)(int fd))
{
    int fd = open("large", flags), count = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        fail("large");
    for (off_t at = 0; at + BLOCK <= st.st_size; at += BLOCK, count++)
        if (move(fd) != BLOCK)
            fail("large");
    if (close(fd))
        fail("close");
    return count;
}

static ssize_t
read_block(int fd)
{
    return read(fd, buffer, BLOCK);
}

static ssize_t
write_block(int fd)
{
    return write(fd, buffer, BLOCK);
}

static int
do_read(void)
{
    return do_blocks(O_RDONLY, read_block);
}

static int
do_write(void)
{
    return do_blocks(O_WRONLY, write_block);
}

/* As `ls -l`: names, and what each is. */
static int
do_list(void)
{
    DIR *many = opendir("many");
    struct dirent *entry;
    struct stat st;

    if (!many)
        fail("many");
    while ((entry = readdir(many)))
        if (fstatat(dirfd(many), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            fail(entry->d_name);
    closedir(many);
    return 1;
}

static const struct {
    const char *name;
    int (*run)(void);
} whats[] = {
    {"stat", do_stat}, {"missing", do_missing}, {"create", do_create},
    {"read", do_read}, {"write", do_write},     {"list", do_list},
};

/* How often it was done until then, at least once. */
static int64_t
repeat(int (*run)(void), int64_t end)
{
    int64_t count = 0;

    do
        count += run();
    while (now() < end);
    return count;
}

/* The same, by several processes. */
static int64_t
repeat_all(int (*run)(void), int64_t end, int processes, int64_t *counts)
{
    int64_t count = 0;
    int status;

    if (processes == 1)
        return repeat(run, end);
    for (int i = 0; i < processes; i++)
        if (fork() == 0) {
            counts[i] = repeat(run, end);
            _exit(0);
        }
    for (int i = 0; i < processes; i++)
        if (wait(&status) < 0 || status != 0)
            exit(1);
    for (int i = 0; i < processes; i++)
        count += counts[i];
    return count;
}

int
main(int argc, char **argv)
{
    enum { FOLDERS = 5 };
    int (*run)(void) = NULL;
    int rounds, processes, folders = argc - FOLDERS, order[TURNS];
    int64_t slice, start, count, *counts;

    for (size_t i = 0; folders > 0 && folders <= TURNS && i < sizeof(whats) / sizeof(whats[0]); i++)
        if (strcmp(whats[i].name, argv[1]) == 0)
            run = whats[i].run;
    if (!run) {
        fprintf(stderr, "usage: files WHAT ROUNDS MILLISECONDS PROCESSES FOLDER...\n");
        return 2;
    }
    memset(buffer, 'x', sizeof(buffer));
    rounds = atoi(argv[2]);
    slice = atoll(argv[3]) * 1000000;
    processes = atoi(argv[4]);
    counts = mmap(NULL, processes * sizeof(*counts), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < rounds; i++) {
        take_turns(order, folders);
        for (int j = 0; j < folders; j++) {
            int folder = order[j];

            where = argv[FOLDERS + folder];
            if (chdir(where))
                fail("");
            start = now();
            count = repeat_all(run, start + slice, processes, counts);
            printf("%d %.0f\n", folder, (double)(now() - start) / count);
            fflush(stdout); /* before the next fork */
        }
    }
    return 0;
}
