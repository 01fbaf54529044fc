"""The fop coverage script: what programs do to files, operation by operation.

    python3 fopscript.py FOLDER

makes every call that a program can make to a file system, in FOLDER, and prints one
line of JSON for each: its name, and its result or its errno. The lines of two folders
are equal when the file systems below them behave the same: a result says nothing that
differs by nature (inode numbers, times that nobody set).
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import json
import mmap
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import errorcode
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16  # <linux/falloc.h>
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2  # <linux/fs.h>
NOBODY = 65534
AT_FDCWD = -100


def libc(name: str, *arguments: object) -> int:
    """Call what Python's os has no function for."""
    result = int(getattr(LIBC, name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def fallocate(fd: int, mode: int, offset: int, length: int) -> int:
    return libc("fallocate", fd, mode, ctypes.c_int64(offset), ctypes.c_int64(length))


def renameat2(old: str, new: str, flags: int) -> int:
    return libc("renameat2", AT_FDCWD, old.encode(), AT_FDCWD, new.encode(), flags)


def attributes(status: os.stat_result) -> dict[str, object]:
    """What two file systems must agree on."""
    return {
        "mode": stat.filemode(status.st_mode),
        "nlink": status.st_nlink,
        "owner": [status.st_uid, status.st_gid],
        "size": None if stat.S_ISDIR(status.st_mode) else status.st_size,
        "rdev": status.st_rdev,
    }


def times(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_atime_ns, status.st_mtime_ns]


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def pattern(length: int, seed: int = 0) -> bytes:
    """Data in which no two blocks are equal."""
    block = b"".join(struct.pack("<I", seed + i) for i in range(length // 4 + 1))
    return block[:length]


@contextmanager
def opened(path: str, flags: int = os.O_RDWR) -> Iterator[int]:
    fd = os.open(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


class Script:
    def __init__(self, folder: str) -> None:
        os.chdir(folder)
        os.umask(0o022)

    def run(self, name: str, call: Callable[[], object]) -> None:
        """Make one call and print what came of it."""
        try:
            outcome = call()
        except OSError as error:
            outcome = errorcode.get(error.errno or 0, str(error.errno))
        if isinstance(outcome, os.stat_result):
            outcome = attributes(outcome)
        elif isinstance(outcome, bytes):
            outcome = outcome.hex() if len(outcome) < 64 else hashlib.sha256(outcome).hexdigest()
        print(json.dumps([name, outcome]), flush=True)

    def all(self) -> None:
        self.names()
        self.data()
        self.metadata()
        self.xattrs()
        self.directories()
        self.locks()
        self.other_users()
        self.removal()

    def names(self) -> None:
        """What makes and moves names."""
        run = self.run
        run("stat of a missing name", lambda: os.stat("missing"))
        run("open of a missing name", lambda: os.open("missing", os.O_RDONLY))
        run("mkdir", lambda: os.mkdir("dir", 0o750))
        run("mkdir again", lambda: os.mkdir("dir"))
        run("mkdir below a missing name", lambda: os.mkdir("missing/dir"))
        run("stat of a directory", lambda: os.stat("dir"))
        run("create", lambda: os.close(os.open("file", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640)))
        run("create again", lambda: os.open("file", os.O_CREAT | os.O_EXCL | os.O_RDWR))
        run("create with an umask", self.create_with_umask)
        run("create with a long name", lambda: Path("n" * 255).touch())
        run("create with too long a name", lambda: Path("n" * 256).touch())
        run("create with an odd name", lambda: Path("\u00fc\n \udcff").touch())
        run("stat of an odd name", lambda: os.stat("\u00fc\n \udcff"))
        run("open of a directory for writing", lambda: os.open("dir", os.O_RDWR))
        run("a name below a file", lambda: os.stat("file/name"))
        run("mknod: fifo", lambda: os.mknod("fifo", stat.S_IFIFO | 0o600))
        run("mknod: socket", lambda: os.mknod("socket", stat.S_IFSOCK | 0o600))
        run("mknod: file", lambda: os.mknod("node", stat.S_IFREG | 0o644))
        run("mknod: device", lambda: os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3)))
        for name in ("fifo", "socket", "node", "null"):
            run(f"stat of {name}", lambda name=name: os.lstat(name))  # type: ignore[misc]
        run("symlink", lambda: os.symlink("file", "symlink"))
        run("symlink to nowhere", lambda: os.symlink("x" * 1000, "dir/symlink"))
        run("symlink again", lambda: os.symlink("other", "symlink"))
        run("readlink", lambda: os.readlink("symlink"))
        run("readlink of a long target", lambda: os.readlink("dir/symlink"))
        run("readlink of a file", lambda: os.readlink("file"))
        run("lstat of a symlink", lambda: os.lstat("symlink"))
        run("stat through a symlink", lambda: os.stat("symlink"))
        run("link", lambda: os.link("file", "dir/link"))
        run("link again", lambda: os.link("file", "dir/link"))
        run("link of a directory", lambda: os.link("dir", "dir2"))
        run("stat of a linked file", lambda: os.stat("file"))
        run("rename", lambda: os.rename("dir/link", "dir/renamed"))
        run("stat of the old name", lambda: os.stat("dir/link"))
        run("stat of the new name", lambda: os.stat("dir/renamed"))
        run("rename over a file", lambda: os.rename("node", "dir/renamed"))
        run("rename of a directory", lambda: os.rename("dir", "moved"))
        run("stat below a renamed directory", lambda: os.stat("moved/renamed"))
        run("rename of a directory into itself", lambda: os.rename("moved", "moved/dir"))
        run("rename without replacing", lambda: renameat2("file", "fifo", RENAME_NOREPLACE))
        run("rename as an exchange", lambda: renameat2("file", "private", RENAME_EXCHANGE))

    @staticmethod
    def create_with_umask() -> os.stat_result:
        old = os.umask(0o077)
        os.close(os.open("private", os.O_CREAT | os.O_RDWR, 0o666))
        os.umask(old)
        return os.stat("private")

    def data(self) -> None:
        """What moves bytes."""
        run = self.run
        os.close(os.open("data", os.O_CREAT | os.O_RDWR))
        big = pattern(3 * 1024 * 1024 + 77)
        with opened("data") as fd:
            run("write", lambda: os.write(fd, b"0123456789" * 10))
            run("pread", lambda: os.pread(fd, 16, 5))
            run("pwrite beyond the end", lambda: os.pwrite(fd, b"end", 10000))
            run("pread of a gap", lambda: os.pread(fd, 64, 9990))
            run("pread beyond the end", lambda: os.pread(fd, 10, 20000))
            run("writev", lambda: os.pwritev(fd, [b"one", b"", b"two" * 1000, b"three"], 500))
            run("readv", lambda: self.readv(fd))
            run("a large pwrite", lambda: os.pwrite(fd, big, 4096))
            run("a large pread", lambda: os.pread(fd, len(big), 4096))
            run("fstat", lambda: os.fstat(fd))
            run("fsync", lambda: os.fsync(fd))
            run("fdatasync", lambda: os.fdatasync(fd))
            run("ftruncate, shorter", lambda: os.ftruncate(fd, 1000))
            run("ftruncate, longer", lambda: os.ftruncate(fd, 50000))
            run("ftruncate to a negative size", lambda: os.ftruncate(fd, -1))
            run("fallocate", lambda: fallocate(fd, 0, 0, 100000))
            run("fallocate that keeps the size", lambda: fallocate(fd, KEEP_SIZE, 0, 300000))
            run("fstat after fallocate", lambda: os.fstat(fd))
            run("refill", lambda: os.pwrite(fd, pattern(100000, 7), 0))
            run("punch a hole", lambda: fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 16384, 32768))
            run("read the hole", lambda: os.pread(fd, 100000, 0))
            run("zero a range", lambda: fallocate(fd, ZERO_RANGE, 65536, 4096))
            run("seek to data", lambda: os.lseek(fd, 16384, os.SEEK_DATA))
            run("seek to a hole", lambda: os.lseek(fd, 0, os.SEEK_HOLE))
            run("seek to data beyond the end", lambda: os.lseek(fd, 10**7, os.SEEK_DATA))
            with opened("copy", os.O_CREAT | os.O_RDWR) as copy:
                run("copy_file_range", lambda: os.copy_file_range(fd, copy, 50000, 100, 200))
                run("read the copy", lambda: os.pread(copy, 60000, 0))
        with opened("data", os.O_RDONLY) as fd:
            run("write to a file open for reading", lambda: os.write(fd, b"x"))
        with opened("data", os.O_WRONLY | os.O_APPEND) as fd:
            run("append", lambda: os.write(fd, b"appended"))
        with opened("data", os.O_RDWR | os.O_SYNC) as fd:
            run("write, O_SYNC", lambda: os.pwrite(fd, b"sync", 3))
        run("direct I/O", self.direct)
        run("truncate", lambda: os.truncate("data", 98765))
        run("truncate of a directory", lambda: os.truncate("moved", 0))
        run("open with O_TRUNC", lambda: os.close(os.open("private", os.O_WRONLY | os.O_TRUNC)))
        run("mmap", self.mapped)
        run("a nameless file", lambda: os.close(os.open(".", os.O_TMPFILE | os.O_RDWR)))
        run("a file that is open and removed", self.removed_but_open)
        run("contents", lambda: digest("data"))

    @staticmethod
    def readv(fd: int) -> bytes:
        buffers = [bytearray(10), bytearray(5000)]
        os.preadv(fd, buffers, 495)
        return b"".join(buffers)

    @staticmethod
    def direct() -> str:
        with opened("direct", os.O_CREAT | os.O_RDWR | os.O_DIRECT) as fd:
            buffer = memoryview(bytearray(4096 * 3))
            address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
            aligned = buffer[-address % 4096 :][:4096]
            aligned[:] = pattern(4096, 3)
            os.pwritev(fd, [aligned], 8192)
        return digest("direct")

    @staticmethod
    def mapped() -> str:
        with opened("data") as fd, mmap.mmap(fd, 65536) as memory:
            memory[40000:40006] = b"mapped"
            memory.flush()
            return memory[39998:40008].hex()

    @staticmethod
    def removed_but_open() -> list[object]:
        with opened("gone", os.O_CREAT | os.O_RDWR) as fd:
            os.unlink("gone")
            os.write(fd, b"still here")
            os.ftruncate(fd, 7)
            os.fchmod(fd, 0o600)
            return [os.pread(fd, 20, 0).decode(), attributes(os.fstat(fd)), os.path.exists("gone")]

    def metadata(self) -> None:
        """What changes and shows attributes."""
        run = self.run
        run("chmod", lambda: os.chmod("data", 0o4711))
        run("chown", lambda: os.chown("data", 12345, 54321))
        run("stat after chmod and chown", lambda: os.stat("data"))
        run("lchown of a symlink", lambda: os.lchown("symlink", 11, 12))
        run("lstat after lchown", lambda: os.lstat("symlink"))
        run("utime", lambda: os.utime("data", ns=(1_000_000_000_123_456_789, 987_654_321)))
        run("times", lambda: times("data"))
        run("chmod of a missing name", lambda: os.chmod("missing", 0o644))
        with opened("data") as fd:
            run("fchmod", lambda: os.fchmod(fd, 0o640))
            run("fchown", lambda: os.fchown(fd, 0, 0))
            run("futimens", lambda: os.utime(fd, ns=(5_000_000_000, 6_000_000_000)))
            run("fstat after fchmod and fchown", lambda: os.fstat(fd))
        run("times after futimens", lambda: times("data"))
        run("access", lambda: os.access("data", os.R_OK | os.W_OK))
        run("access of a missing name", lambda: os.access("missing", os.F_OK))
        run("statvfs", self.statvfs)

    @staticmethod
    def statvfs() -> list[int]:
        values = os.statvfs(".")
        return [values.f_bsize, values.f_frsize, values.f_blocks, values.f_files, values.f_namemax]

    def xattrs(self) -> None:
        run = self.run
        large = pattern(3000)
        run("setxattr", lambda: os.setxattr("data", "user.one", b"1"))
        run(
            "setxattr that must create",
            lambda: os.setxattr("data", "user.one", b"2", os.XATTR_CREATE),
        )
        run(
            "setxattr that must replace",
            lambda: os.setxattr("data", "user.no", b"", os.XATTR_REPLACE),
        )
        run("setxattr, empty", lambda: os.setxattr("data", "user.empty", b""))
        run("setxattr, large", lambda: os.setxattr("data", "user.large", large))
        run("setxattr, too large", lambda: os.setxattr("data", "user.larger", bytes(65537)))
        run("setxattr, trusted", lambda: os.setxattr("moved", "trusted.two", b"2"))
        run("getxattr", lambda: os.getxattr("data", "user.one"))
        run("getxattr, empty", lambda: os.getxattr("data", "user.empty"))
        run("getxattr, large", lambda: os.getxattr("data", "user.large"))
        run("getxattr, missing", lambda: os.getxattr("data", "user.missing"))
        run("listxattr", lambda: sorted(os.listxattr("data")))
        run("listxattr of a directory", lambda: sorted(os.listxattr("moved")))
        with opened("data") as fd:
            run("fsetxattr", lambda: os.setxattr(fd, "user.f", b"f"))
            run("fgetxattr", lambda: os.getxattr(fd, "user.f"))
            run("flistxattr", lambda: sorted(os.listxattr(fd)))
            run("fremovexattr", lambda: os.removexattr(fd, "user.f"))
        run("removexattr", lambda: os.removexattr("data", "user.one"))
        run("removexattr again", lambda: os.removexattr("data", "user.one"))
        run("listxattr in the end", lambda: sorted(os.listxattr("data")))

    def directories(self) -> None:
        run = self.run
        os.mkdir("many")
        for i in range(400):
            if i % 40 == 0:
                os.mkdir(f"many/dir{i:03}")
            else:
                Path(f"many/a-name-that-takes-some-room-in-a-directory-block-{i:03}").touch()
        run("listdir", lambda: sorted(os.listdir("many")))
        run("listdir of an empty directory", lambda: os.listdir("many/dir000"))
        run("listdir of a file", lambda: os.listdir("data"))
        run("listdir of a missing name", lambda: os.listdir("missing"))
        run("scandir", lambda: self.scandir("."))
        run("scandir with stat", lambda: self.scandir_stat("many"))
        run("walk", lambda: [[*map(sorted, names)] for _, *names in sorted(os.walk("."))])
        with opened(".", os.O_RDONLY | os.O_DIRECTORY) as fd:
            run("fsync of a directory", lambda: os.fsync(fd))
            run("fstat of a directory", lambda: stat.filemode(os.fstat(fd).st_mode))
            run("listdir of an open directory", lambda: sorted(os.listdir(fd)))
            run("openat", lambda: os.close(os.open("data", os.O_RDONLY, dir_fd=fd)))

    @staticmethod
    def scandir(path: str) -> list[list[object]]:
        with os.scandir(path) as entries:
            return sorted([e.name, e.is_dir(), e.is_file(follow_symlinks=False)] for e in entries)

    @staticmethod
    def scandir_stat(path: str) -> list[list[object]]:
        with os.scandir(path) as entries:
            return sorted(
                ([e.name, attributes(e.stat(follow_symlinks=False))] for e in entries),
                key=lambda pair: str(pair[0]),
            )

    def locks(self) -> None:
        run = self.run
        with opened("data") as one, opened("data") as two:
            run("lockf", lambda: fcntl.lockf(one, fcntl.LOCK_EX, 100, 50))
            run("a lock that another process wants", lambda: self.elsewhere(self.try_lock))
            run("F_GETLK", lambda: self.elsewhere(self.get_lock))
            run("lockf, unlock", lambda: fcntl.lockf(one, fcntl.LOCK_UN, 100, 50))
            run("a lock that is free again", lambda: self.elsewhere(self.try_lock))
            run("flock", lambda: fcntl.flock(one, fcntl.LOCK_EX))
            run("flock that is held", lambda: fcntl.flock(two, fcntl.LOCK_SH | fcntl.LOCK_NB))
            run("flock, unlock", lambda: fcntl.flock(one, fcntl.LOCK_UN))
            run("flock, shared", lambda: fcntl.flock(one, fcntl.LOCK_SH))
            run("flock, shared again", lambda: fcntl.flock(two, fcntl.LOCK_SH | fcntl.LOCK_NB))

    @staticmethod
    def elsewhere(call: Callable[[], int]) -> int | str:
        """What a call comes to in another process: a number, or an errno."""
        pid = os.fork()
        if pid == 0:
            try:
                os._exit(call())
            except OSError as error:
                os._exit(100 + (error.errno or 0))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code if code < 100 else errorcode[code - 100]

    @staticmethod
    def try_lock() -> int:
        with opened("data") as fd:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 200, 0)
        return 0

    @staticmethod
    def get_lock() -> int:
        with opened("data") as fd:
            request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(fd, fcntl.F_GETLK, request)
        return int(struct.unpack("hhqqi4x", answer)[0])

    def other_users(self) -> None:
        """Credentials travel with each request."""
        run = self.run
        os.mkdir("shared")
        os.chmod("shared", 0o1777)
        os.chmod(".", 0o755)
        with as_user(NOBODY):
            run("another user creates", lambda: Path("shared/nobody").touch())
            run("another user's file", lambda: os.stat("shared/nobody"))
            run("another user writes where he may not", lambda: Path("other").touch())
            run("another user reads what he may not", lambda: Path("private").read_bytes())
            run("another user removes what he may not", lambda: os.unlink("data"))
            run("another user gives a file away", lambda: os.chown("shared/nobody", 0, 0))
            run("another user changes a mode", lambda: os.chmod("shared/nobody", 0o600))
        run("root reads another user's file", lambda: Path("shared/nobody").read_bytes())

    def removal(self) -> None:
        run = self.run
        run("rmdir of a directory that is not empty", lambda: os.rmdir("many"))
        run("rmdir of a file", lambda: os.rmdir("data"))
        run("rmdir", lambda: os.rmdir("many/dir000"))
        run("rmdir again", lambda: os.rmdir("many/dir000"))
        run("unlink", lambda: os.unlink("moved/symlink"))
        run("unlink again", lambda: os.unlink("moved/symlink"))
        run("unlink of a directory", lambda: os.unlink("moved"))
        run("what is left", lambda: sorted(os.listdir(".")))


if __name__ == "__main__":
    Script(sys.argv[1]).all()
