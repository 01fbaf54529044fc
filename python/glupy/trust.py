"""Opens files that nobody can change but root and the user that the process runs as.

A path is walked from the root folder on, by descriptors: each step starts from the folder
that was looked at, links are followed by hand, and what is read is the descriptor that was
looked at. Renaming something meanwhile leads to another answer, never past the check.
"""

from __future__ import annotations

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
        self._folders: list[_Folder] = []
        self._links = 0

    def __enter__(self) -> _Walk:
        self._folders.append(_Folder("/", os.open("/", _SEARCH)))
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
                self._check_file(folder, name, os.fstat(file))
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
        entry = _Folder(path, os.open(name, _SEARCH, dir_fd=above.descriptor))
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
        self._check_mount(above, path, entry.status)
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

    def _check_file(self, folder: _Folder, name: str, status: os.stat_result) -> None:
        path = os.path.join(folder.path, name)
        if not stat.S_ISREG(status.st_mode):
            raise UntrustedError(f"{path} is not a file")
        self._check_mount(folder, path, status)
        self._check(path, status, sticky=False)

    def _check(self, path: str, status: os.stat_result, *, sticky: bool) -> None:
        """That nobody else can change it.

        In a ``sticky`` folder others can only add something; that is theirs then.
        """
        if status.st_uid not in (0, os.geteuid()):
            raise UntrustedError(f"{self._name(path, status)} belongs to user {status.st_uid}")
        if stat.S_ISLNK(status.st_mode) or (sticky and status.st_mode & stat.S_ISVTX):
            return
        # With an ACL, what it grants to groups and to single users shows as the group's bits.
        if status.st_mode & _OTHERS:
            mode = stat.S_IMODE(status.st_mode)
            raise UntrustedError(
                f"{self._name(path, status)} is writable by others (mode {mode:o})"
            )

    def _check_mount(self, above: _Folder, path: str, status: os.stat_result) -> None:
        """A user's FUSE file system says of owners what the user likes."""
        if status.st_dev == above.status.st_dev:
            return
        user = _mounted_by(status.st_dev)
        if user not in (None, 0, os.geteuid()):
            raise UntrustedError(f"{self._name(path, status)} is mounted by user {user}")

    def _name(self, path: str, status: os.stat_result) -> str:
        kind = "the link " if stat.S_ISLNK(status.st_mode) else ""
        on_the_way = self._asked == path or self._asked.startswith(path.rstrip("/") + "/")
        return f"{kind}{path}" if on_the_way else f"{kind}{path}, to where {self._asked} leads,"


class _Folder:
    """An open folder, under the name that it has without links."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.status = os.fstat(descriptor)


def _mounted_by(device: int) -> int | None:
    """The user on whose behalf a FUSE file system is mounted; None for other file systems."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields = line.split()
            user = re.search(r"\buser_id=(\d+)", fields[-1])
            if fields[2] == number and user:
                return int(user[1])
    return None
