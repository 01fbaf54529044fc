"""A pass-through file system in pyfuse3 (libfuse3's low level), for comparison.

stacked_pyfuse3.py SOURCE MOUNTPOINT
"""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyfuse3
import trio

FIELDS = (
    "st_mode", "st_nlink", "st_uid", "st_gid", "st_rdev", "st_size", "st_atime_ns",
    "st_mtime_ns", "st_ctime_ns",
)  # fmt: skip


def refusal(error: OSError) -> Any:
    return pyfuse3.FUSEError(error.errno or errno.EIO)


def opened(fd: int) -> Any:
    """Keeps nothing from one open to the next, as the mounts that it is compared with."""
    return pyfuse3.FileInfo(fh=fd, keep_cache=False)


class PassThrough(pyfuse3.Operations):
    enable_writeback_cache = False  # as GlusterFS's client

    def __init__(self, source: str) -> None:
        super().__init__()
        self.paths = {pyfuse3.ROOT_INODE: source}
        self.lookups: Counter[int] = Counter()
        self.listings: dict[int, list[os.DirEntry[str]]] = {}

    def path(self, parent: int, name: bytes) -> str:
        return f"{self.paths[parent]}/{os.fsdecode(name)}"

    def entry(self, path: str, status: os.stat_result) -> Any:
        entry = pyfuse3.EntryAttributes()
        for field in FIELDS:
            setattr(entry, field, getattr(status, field))
        root = self.paths[pyfuse3.ROOT_INODE]
        entry.st_ino = pyfuse3.ROOT_INODE if path == root else status.st_ino
        entry.st_blksize = 4096
        entry.st_blocks = status.st_blocks
        entry.generation = entry.attr_timeout = entry.entry_timeout = 0
        return entry

    def known(self, path: str) -> Any:
        """An entry that the kernel keeps until it forgets it."""
        try:
            entry = self.entry(path, os.lstat(path))
        except OSError as error:
            raise refusal(error) from None
        self.paths[entry.st_ino] = path
        self.lookups[entry.st_ino] += 1
        return entry

    async def lookup(self, parent_inode: int, name: bytes, ctx: Any) -> Any:
        return self.known(self.path(parent_inode, name))

    async def forget(self, inode_list: Sequence[tuple[int, int]]) -> None:
        for inode, count in inode_list:
            self.lookups[inode] -= count
            if self.lookups[inode] <= 0 and inode != pyfuse3.ROOT_INODE:
                del self.lookups[inode]
                self.paths.pop(inode, None)

    async def getattr(self, inode: int, ctx: Any) -> Any:
        path = self.paths[inode]
        try:
            return self.entry(path, os.lstat(path))
        except OSError as error:
            raise refusal(error) from None

    async def opendir(self, inode: int, ctx: Any) -> int:
        with os.scandir(self.paths[inode]) as entries:
            self.listings[inode] = list(entries)
        return inode

    async def readdir(self, fh: int, start_id: int, token: Any) -> None:
        entries = self.listings[fh]
        for i in range(start_id, len(entries)):
            entry = self.known(entries[i].path)
            if not pyfuse3.readdir_reply(token, os.fsencode(entries[i].name), entry, i + 1):
                self.lookups[entry.st_ino] -= 1
                break

    async def releasedir(self, fh: int) -> None:
        self.listings.pop(fh, None)

    async def open(self, inode: int, flags: int, ctx: Any) -> Any:
        try:
            return opened(os.open(self.paths[inode], flags & ~os.O_CREAT))
        except OSError as error:
            raise refusal(error) from None

    async def create(
        self, parent_inode: int, name: bytes, mode: int, flags: int, ctx: Any
    ) -> tuple[Any, Any]:
        path = self.path(parent_inode, name)
        try:
            fd = os.open(path, flags | os.O_CREAT, mode)
        except OSError as error:
            raise refusal(error) from None
        return opened(fd), self.known(path)

    async def read(self, fh: int, off: int, size: int) -> bytes:
        return os.pread(fh, size, off)

    async def write(self, fh: int, off: int, buf: bytes) -> int:
        return os.pwrite(fh, buf, off)

    async def release(self, fh: int) -> None:
        os.close(fh)

    async def unlink(self, parent_inode: int, name: bytes, ctx: Any) -> None:
        try:
            os.unlink(self.path(parent_inode, name))
        except OSError as error:
            raise refusal(error) from None

    async def getxattr(self, inode: int, name: bytes, ctx: Any) -> bytes:
        try:
            return os.getxattr(self.paths[inode], name, follow_symlinks=False)
        except OSError as error:
            raise refusal(error) from None


def main() -> None:
    source, mountpoint = sys.argv[1:]
    options = set(pyfuse3.default_options) | {"fsname=stacked-pyfuse3"}
    pyfuse3.init(PassThrough(source), mountpoint, options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=False)  # whoever mounted it unmounts it


if __name__ == "__main__":
    main()
