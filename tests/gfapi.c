/*
 * What programs do to files through libgfapi, operation by operation: the
 * calls that FUSE has no way to make, above all.
 *
 *     gfapi VOLFILE LOGFILE [quick]
 *
 * prints one line of JSON for each call: its name, and its result or its
 * errno, as fopscript.py does. `quick` leaves out glfs_fini, which waits for ten seconds.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <glusterfs/api/glfs-handles.h>
#include <glusterfs/api/glfs.h>

/* Exported for GlusterFS's own programs; no header declares it. */
int glfs_ipc(glfs_t *fs, int cmd, void *xd_in, void **xd_out);

static void
say(const char *name, long long result)
{
    if (result >= 0)
        printf("[\"%s\", %lld]\n", name, result);
    else
        printf("[\"%s\", \"%s\"]\n", name, strerrorname_np(errno));
    fflush(stdout);
}

static void
say_text(const char *name, const char *text, long long length)
{
    if (length < 0)
        say(name, length);
    else
        printf("[\"%s\", \"%.*s\"]\n", name, (int)length, text);
    fflush(stdout);
}

static void
say_stat(const char *name, int result, const struct stat *st)
{
    if (result < 0)
        say(name, result);
    else
        printf("[\"%s\", [\"%o\", %d, %d, %lld]]\n", name, st->st_mode,
               (int)st->st_uid, (int)st->st_gid,
               S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size);
    fflush(stdout);
}

/* A pointer as a result: what matters is whether there is one. */
static void *
say_made(const char *name, void *pointer)
{
    say(name, pointer ? 0 : -1);
    return pointer;
}

static long long
sum(const unsigned char *data, ssize_t length)
{
    uint32_t sum = 1;
    if (length < 0)
        return length;
    for (ssize_t i = 0; i < length; i++)
        sum = sum * 31 + data[i];
    return sum;
}

static void
data(glfs_t *fs)
{
    static unsigned char buffer[1 << 20], back[1 << 20];
    char text[256];
    struct stat st;
    struct glfs_stat after;
    glfs_fd_t *fd = say_made("creat", glfs_creat(fs, "/file", O_RDWR, 0640));
    glfs_fd_t *copy = say_made("creat, for the copy",
                               glfs_creat(fs, "/copy", O_RDWR, 0644));

    for (size_t i = 0; i < sizeof(buffer); i++)
        buffer[i] = (unsigned char)(i * i >> 7);
    say("pwrite", glfs_pwrite(fd, buffer, sizeof(buffer), 0, 0, NULL, NULL));
    say("pread", glfs_pread(fd, back, sizeof(back), 0, 0, NULL));
    say("what was read", sum(back, sizeof(back)));
    say("fallocate", glfs_fallocate(fd, 0, 0, 2 << 20));
    say("fallocate that keeps the size", glfs_fallocate(fd, 1, 0, 3 << 20));
    say("discard", glfs_discard(fd, 8192, 65536));
    say("zerofill", glfs_zerofill(fd, 500000, 100000));
    say("pread after them", glfs_pread(fd, back, sizeof(back), 0, 0, NULL));
    say("what was read then", sum(back, sizeof(back)));
    say("lseek to data", glfs_lseek(fd, 8192, SEEK_DATA));
    say("lseek to a hole", glfs_lseek(fd, 0, SEEK_HOLE));
    off64_t from = 4096, to = 100;
    say("copy_file_range", glfs_copy_file_range(fd, &from, copy, &to, 200000, 0,
                                                NULL, NULL, &after));
    say("size after copy_file_range", (long long)after.glfs_st_size);
    say("ftruncate", glfs_ftruncate(fd, 777777, NULL, NULL));
    say("fsync", glfs_fsync(fd, NULL, NULL));
    say("fdatasync", glfs_fdatasync(fd, NULL, NULL));
    say("fchmod", glfs_fchmod(fd, 0604));
    say("fchown", glfs_fchown(fd, 101, 102));
    struct timespec times[2] = {{1000, 1}, {2000, 2}};
    say("futimens", glfs_futimens(fd, times));
    say_stat("fstat", glfs_fstat(fd, &st), &st);
    say("mtime", st.st_mtime);

    say("fsetxattr", glfs_fsetxattr(fd, "user.one", "first", 5, 0));
    say("fsetxattr that must create", glfs_fsetxattr(fd, "user.one", "2", 1, XATTR_CREATE));
    say_text("fgetxattr", text, glfs_fgetxattr(fd, "user.one", text, sizeof(text)));
    say_text("fgetxattr, missing", text, glfs_fgetxattr(fd, "user.no", text, sizeof(text)));
    say("fremovexattr", glfs_fremovexattr(fd, "user.one"));
    say("fremovexattr again", glfs_fremovexattr(fd, "user.one"));

    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20};
    say("fd_set_lkowner", glfs_fd_set_lkowner(fd, "one", 3));
    say("posix_lock", glfs_posix_lock(fd, F_SETLK, &lock));
    glfs_fd_t *other = say_made("open", glfs_open(fs, "/file", O_RDWR));
    say("fd_set_lkowner of another", glfs_fd_set_lkowner(other, "two", 3));
    say("posix_lock that is held", glfs_posix_lock(other, F_SETLK, &lock));
    say("posix_lock, query", glfs_posix_lock(other, F_GETLK, &lock));
    say("who holds it", lock.l_type * 1000 + lock.l_start);
    lock.l_type = F_UNLCK;
    say("posix_lock, unlock", glfs_posix_lock(fd, F_SETLK, &lock));

    say("close", glfs_close(fd));
    say("close the other", glfs_close(other));
    say("close the copy", glfs_close(copy));
}

static void
names(glfs_t *fs)
{
    struct stat st;
    struct statvfs vfs;
    char text[4096];

    say("mkdir", glfs_mkdir(fs, "/dir", 0755));
    say("mkdir again", glfs_mkdir(fs, "/dir", 0755));
    say("mknod", glfs_mknod(fs, "/dir/fifo", S_IFIFO | 0600, 0));
    say("symlink", glfs_symlink(fs, "../file", "/dir/symlink"));
    say_text("readlink", text, glfs_readlink(fs, "/dir/symlink", text, sizeof(text)));
    say("link", glfs_link(fs, "/file", "/dir/link"));
    say("rename", glfs_rename(fs, "/dir/link", "/dir/renamed"));
    say("access", glfs_access(fs, "/file", R_OK | W_OK));
    say("access of a missing name", glfs_access(fs, "/missing", F_OK));
    say_stat("stat", glfs_stat(fs, "/file", &st), &st);
    say_stat("lstat", glfs_lstat(fs, "/dir/symlink", &st), &st);
    say_stat("stat of a missing name", glfs_stat(fs, "/missing", &st), &st);
    say("truncate", glfs_truncate(fs, "/copy", 5000));
    say("chmod", glfs_chmod(fs, "/copy", 0600));
    say("setxattr", glfs_setxattr(fs, "/copy", "user.x", "y", 1, 0));
    say_text("getxattr", text, glfs_getxattr(fs, "/copy", "user.x", text, sizeof(text)));
    say("removexattr", glfs_removexattr(fs, "/copy", "user.x"));
    say("statvfs", glfs_statvfs(fs, "/", &vfs));
    say("longest name", (long long)vfs.f_namemax);

    /* Handles: no path, anonymous fds. */
    glfs_object_t *root = say_made("h_lookupat, /", glfs_h_lookupat(fs, NULL, "/", &st, 0));
    glfs_object_t *copy = say_made("h_lookupat", glfs_h_lookupat(fs, root, "copy", &st, 0));
    say_stat("h_lookupat, its stat", 0, &st);
    say("h_anonymous_write", glfs_h_anonymous_write(fs, copy, "anonymous", 9, 100));
    say_text("h_anonymous_read", text, glfs_h_anonymous_read(fs, copy, text, 9, 100));
    say("h_truncate", glfs_h_truncate(fs, copy, 4000));
    say_stat("h_getattrs", glfs_h_getattrs(fs, copy, &st), &st);
    st.st_mode = 0622;
    say("h_setattrs", glfs_h_setattrs(fs, copy, &st, GFAPI_SET_ATTR_MODE));
    glfs_object_t *made = say_made("h_mkdir", glfs_h_mkdir(fs, root, "made", 0711, &st));
    say("h_link", glfs_h_link(fs, copy, made, "again"));
    say("h_rename", glfs_h_rename(fs, made, "again", root, "back"));
    say("h_unlink", glfs_h_unlink(fs, root, "back"));
    glfs_fd_t *fd = say_made("h_opendir", glfs_h_opendir(fs, made));
    say("fsync of a directory", glfs_fsync(fd, NULL, NULL));
    say("fsetxattr of a directory", glfs_fsetxattr(fd, "user.d", "d", 1, 0));
    say("closedir of a handle", glfs_closedir(fd));
    glfs_h_close(made);
    glfs_h_close(copy);
    glfs_h_close(root);
}

/* What NFS-Ganesha does: all by handle. */
static void
handles(glfs_t *fs)
{
    struct stat st;
    struct statvfs vfs;
    char text[256];
    unsigned char handle[GFAPI_HANDLE_LENGTH];
    glfs_object_t *root = say_made("h_lookupat, /", glfs_h_lookupat(fs, NULL, "/", &st, 0));
    glfs_object_t *file =
        say_made("h_creat", glfs_h_creat(fs, root, "handled", O_CREAT | O_RDWR, 0644, &st));
    glfs_object_t *link = say_made("h_symlink", glfs_h_symlink(fs, root, "leads", "handled", &st));
    glfs_object_t *fifo =
        say_made("h_mknod", glfs_h_mknod(fs, root, "pipe", S_IFIFO | 0600, 0, &st));

    say_stat("h_stat", glfs_h_stat(fs, file, &st), &st);
    say("h_access", glfs_h_access(fs, file, R_OK | W_OK));
    say_text("h_readlink", text, glfs_h_readlink(fs, link, text, sizeof(text)));
    say("h_setxattrs", glfs_h_setxattrs(fs, file, "user.h", "h", 1, 0));
    say_text("h_getxattrs", text, glfs_h_getxattrs(fs, file, "user.h", text, sizeof(text)));
    say("h_removexattrs", glfs_h_removexattrs(fs, file, "user.h"));
    say("h_statfs", glfs_h_statfs(fs, file, &vfs));
    say("close of a handle", glfs_close(glfs_h_open(fs, file, O_RDWR)));
    int length = glfs_h_extract_handle(file, handle, sizeof(handle));
    say("h_extract_handle", length);
    glfs_h_close(file);
    file = say_made("h_create_from_handle",
                    glfs_h_create_from_handle(fs, handle, length, &st));
    say_stat("h_create_from_handle, its stat", 0, &st);
    glfs_h_close(fifo);
    glfs_h_close(link);
    glfs_h_close(file);
    say("h_unlink of a file", glfs_h_unlink(fs, root, "handled"));
    say("h_unlink of a symlink", glfs_h_unlink(fs, root, "leads"));
    say("h_unlink of a fifo", glfs_h_unlink(fs, root, "pipe"));
    glfs_h_close(root);
}

static void
directories(glfs_t *fs)
{
    char name[64];
    struct stat st;
    int count = 0, files = 0;
    glfs_fd_t *fd;

    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "/dir/with-a-rather-long-name-%03d", i);
        fd = glfs_creat(fs, name, O_RDWR, 0600);
        if (fd)
            glfs_close(fd);
    }
    fd = say_made("opendir", glfs_opendir(fs, "/dir"));
    while (glfs_readdir(fd))
        count++;
    say("readdir", count);
    glfs_seekdir(fd, 0);
    count = 0;
    while (glfs_readdirplus(fd, &st)) {
        count++;
        files += S_ISREG(st.st_mode);
    }
    say("readdirplus", count);
    say("readdirplus, files", files);
    say("closedir", glfs_closedir(fd));
    say("rmdir of a directory that is not empty", glfs_rmdir(fs, "/dir"));
    say("rmdir", glfs_rmdir(fs, "/made"));
    say("unlink", glfs_unlink(fs, "/dir/fifo"));
    say("unlink again", glfs_unlink(fs, "/dir/fifo"));
}

static void
other_user(glfs_t *fs)
{
    const gid_t groups[] = {7001, 7002, 7003};

    say("chmod of the root", glfs_chmod(fs, "/", 0755));
    glfs_setfsuid(4001);
    glfs_setfsgid(4002);
    glfs_setfsgroups(3, groups);
    say("another user makes a directory", glfs_mkdir(fs, "/other", 0755));
    say("another user opens a file", glfs_open(fs, "/file", O_RDWR) ? 0 : -1);
    glfs_setfsuid(0);
    glfs_setfsgid(0);
    glfs_setfsgroups(0, groups);
}

/* Last: a lease id, once set, travels with every later request. */
static void
rare_calls(glfs_t *fs)
{
    void *answer = NULL;
    glfs_lease_t lease = {.cmd = GLFS_SET_LEASE, .lease_type = GLFS_RD_LEASE};
    glfs_fd_t *fd = glfs_open(fs, "/file", O_RDWR);

    say("ipc", glfs_ipc(fs, 4321, NULL, &answer));
    memcpy(lease.lease_id, "sixteen letters!", sizeof(lease.lease_id));
    glfs_setfsleaseid(lease.lease_id);
    say("lease", glfs_lease(fd, &lease, NULL, NULL));
    say("close", glfs_close(fd));
}

int
main(int argc, char **argv)
{
    glfs_t *fs;

    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: gfapi VOLFILE LOGFILE [quick]\n");
        return 2;
    }
    fs = glfs_new("gfapi");
    if (!fs || glfs_set_volfile(fs, argv[1]) || glfs_set_logging(fs, argv[2], 7) ||
        glfs_init(fs)) {
        perror("glfs_init");
        return 1;
    }
    data(fs);
    names(fs);
    handles(fs);
    directories(fs);
    other_user(fs);
    rare_calls(fs);
    return argc == 3 && glfs_fini(fs) ? 1 : 0;
}
