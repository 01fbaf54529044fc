"""Opens files that nobody can change but root and the user that the process is for good.

A path is walked from the root folder on, by descriptors: each step starts from the folder
that was looked at, links are followed by hand, and what is read is the descriptor that was
looked at. Renaming something meanwhile leads to another answer, never past the check.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat

_SEARCH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe must not make the open wait; it is refused afterwards.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: As many links as the kernel follows in one path.
_MAX_LINKS = 40

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class UntrustedError(Exception):
    """Somebody else can change what is at a path, or it can not be read; says who or why."""


def open_file(path: str) -> int:
    """A descriptor of a regular file, to read from; whoever gets it closes it."""
    with _Walk(path) as walk:
        return walk.file()


def read(path: str) -> bytes:
    """What is in a file."""
    with os.fdopen(open_file(path), "rb") as file:
        return file.read()


def check_folder(path: str) -> None:
    """Raises UntrustedError for a folder in which others can put something."""
    with _Walk(path) as walk:
        walk.folder()


class _Walk:
    """The way to a file or folder, with all the folders on it open."""

    def __init__(self, path: str) -> None:
        # Not abspath: behind a link, ".." is not what stands before the link.
        self._asked = path if path.startswith("/") else f"{os.getcwd()}/{path}"
        self._names = self._asked.split("/")[::-1]  # what is left to go, the next one last
        self._folders: list[_Opened] = []
        self._links = 0
        self._trusted = {0, _own_user()}

    def __enter__(self) -> _Walk:
        self._folders.append(_Opened("/", os.open("/", _SEARCH)))
        return self

    def __exit__(self, *_: object) -> None:
        self._back_to(0)

    def file(self) -> int:
        try:
            name = self._last()
            if name is None:
                raise UntrustedError(f"{self._asked} is a folder, not a file")
            folder = self._folders[-1]
            self._check(folder.path, folder.status, sticky=False)
            file = os.open(name, _READ, dir_fd=folder.descriptor)
            try:
                self._check_file(folder, _Opened(os.path.join(folder.path, name), file))
            except BaseException:
                os.close(file)
                raise
        except OSError as error:
            raise UntrustedError(f"{self._asked} can not be read: {error.strerror}") from error
        return file

    def folder(self) -> None:
        try:
            if self._last() is not None:
                raise UntrustedError(f"{self._asked} is not a folder")
        except OSError as error:
            raise UntrustedError(f"{self._asked} can not be read: {error.strerror}") from error
        folder = self._folders[-1]
        self._check(folder.path, folder.status, sticky=False)

    def _last(self) -> str | None:
        """Goes on to the folder that is asked for, or to that of the file; the file's name."""
        root = self._folders[0]
        self._check(root.path, root.status, sticky=True)
        while self._names:
            name = self._names.pop()
            if name == "..":
                self._back_to(max(1, len(self._folders) - 1))
            elif name not in ("", ".") and not self._enter(name):
                if self._names:
                    raise UntrustedError(f"{self._folders[-1].path}/{name} is not a folder")
                return name
        return None

    def _enter(self, name: str) -> bool:
        """Goes into a folder, or to where a link leads; False for anything else."""
        above = self._folders[-1]
        path = os.path.join(above.path, name)
        entry = _Opened(path, os.open(name, _SEARCH, dir_fd=above.descriptor))
        if stat.S_ISLNK(entry.status.st_mode):
            try:
                self._check(path, entry.status, sticky=True)
                self._follow(os.readlink("", dir_fd=entry.descriptor))
            finally:
                os.close(entry.descriptor)
            return True
        if not stat.S_ISDIR(entry.status.st_mode):
            os.close(entry.descriptor)
            return False
        self._folders.append(entry)
        self._check_mount(above, entry)
        self._check(path, entry.status, sticky=True)
        return True

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise UntrustedError(f"{self._asked} leads through too many links")
        if target.startswith("/"):
            self._back_to(1)
        self._names += target.split("/")[::-1]

    def _back_to(self, count: int) -> None:
        while len(self._folders) > count:
            os.close(self._folders.pop().descriptor)

    def _check_file(self, folder: _Opened, file: _Opened) -> None:
        if not stat.S_ISREG(file.status.st_mode):
            raise UntrustedError(f"{file.path} is not a file")
        self._check_mount(folder, file)
        self._check(file.path, file.status, sticky=False)

    def _check(self, path: str, status: os.stat_result, *, sticky: bool) -> None:
        """That nobody else can change it.

        In a ``sticky`` folder others can only add something; that is theirs then.
        """
        if status.st_uid not in self._trusted:
            raise UntrustedError(f"{self._name(path, status)} belongs to user {status.st_uid}")
        if stat.S_ISLNK(status.st_mode) or (sticky and status.st_mode & stat.S_ISVTX):
            return
        # With an ACL, what it grants to groups and to single users shows as the group's bits.
        if status.st_mode & _OTHERS:
            mode = stat.S_IMODE(status.st_mode)
            raise UntrustedError(
                f"{self._name(path, status)} is writable by others (mode {mode:o})"
            )

    def _check_mount(self, above: _Opened, entry: _Opened) -> None:
        """A user's FUSE file system says of owners what the user likes."""
        if entry.status.st_dev == above.status.st_dev:
            return
        name = self._name(entry.path, entry.status)
        try:
            mount = _mount_of(entry.descriptor)
            # One mount may have many devices: with btrfs and overlayfs it does.
            if mount == _mount_of(above.descriptor):
                return
            user = _mounted_by(mount)
        except LookupError:
            # What the kernel does not tell, a user may have arranged so.
            raise UntrustedError(
                f"{name} is mounted by nobody knows whom: it may have been unmounted meanwhile"
            ) from None
        if user not in self._trusted:
            raise UntrustedError(f"{name} is mounted by user {user}")

    def _name(self, path: str, status: os.stat_result) -> str:
        kind = "the link " if stat.S_ISLNK(status.st_mode) else ""
        on_the_way = self._asked == path or self._asked.startswith(path.rstrip("/") + "/")
        return f"{kind}{path}" if on_the_way else f"{kind}{path}, to where {self._asked} leads,"


class _Opened:
    """An open folder or file, under the name that it has without links."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.status = os.fstat(descriptor)


def _own_user() -> int:
    """The user that each thread of the process is and stays; root if one can be another.

    A program may ask something on a user's behalf, with the user's effective id. What it loads
    meanwhile stays when it is root again.
    """
    user = os.geteuid()
    if user == 0:
        return 0
    # Real, effective, saved, of the file system; and the capabilities that it may take.
    for_good = re.compile(rb"\nUid:(\t%d){4}\n(.*\n)*CapPrm:\t0+\n" % user)
    try:
        for thread in os.listdir("/proc/self/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                if not for_good.search(_read_now(f"/proc/self/task/{thread}/status")):
                    return 0
    except OSError:
        return 0
    return user


def _mount_of(descriptor: int) -> bytes:
    """The number of the mount that something open is in; no other has it until that is closed."""
    number = re.search(rb"^mnt_id:\t(\d+)$", _of_thread(f"fdinfo/{descriptor}"), re.MULTILINE)
    if number is None:
        raise LookupError(descriptor)
    return number[1]


def _mounted_by(mount: bytes) -> int:
    """The user on whose behalf a mount is there; root for all but FUSE. LookupError if unknown."""
    # Users name what they mount: only blanks and ends of lines are escaped there, other white
    # space is not.
    for line in _of_thread("mountinfo").split(b"\n"):
        if line.split(b" ", 1)[0] != mount:
            continue
        kind, _, options = line.partition(b" - ")[2].split(b" ", 2)
        if kind.split(b".")[0] not in (b"fuse", b"fuseblk"):
            return 0
        user = re.search(rb"(?:^|,)user_id=(\d+)(?:,|$)", options)
        if user:
            return int(user[1])
    raise LookupError(mount)


def _of_thread(name: str) -> bytes:
    path = f"/proc/thread-self/{name}"
    try:
        return _read_now(path)
    except OSError as error:
        raise UntrustedError(f"{path} can not be read: {error.strerror}") from None


def _read_now(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
