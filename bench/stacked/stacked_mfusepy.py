"""A pass-through file system in mfusepy (libfuse's high level, by ctypes), for comparison.

stacked_mfusepy.py SOURCE MOUNTPOINT
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import mfusepy

FIELDS = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_rdev", "st_size")
TIMES = ("st_atime", "st_mtime", "st_ctime")


class PassThrough(mfusepy.Operations):
    """An OSError answers with its errno; fd numbers are the handles."""

    use_ns = True  # times are whole numbers

    def __init__(self, source: str) -> None:
        self.source = source

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        status = os.lstat(self.source + path)
        fields = {field: getattr(status, field) for field in FIELDS}
        return fields | {field: getattr(status, f"{field}_ns") for field in TIMES}

    def readdir(self, path: str, fh: int) -> Iterable[str]:
        return [".", "..", *os.listdir(self.source + path)]

    def open(self, path: str, flags: int) -> int:
        return os.open(self.source + path, flags)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(self.source + path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self.source + path)
        return 0

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        return os.getxattr(self.source + path, name, follow_symlinks=False)


def main() -> None:
    source, mountpoint = sys.argv[1:]
    # hard_remove: else libfuse renames a file that is not closed yet instead of removing it.
    mfusepy.FUSE(
        PassThrough(source), mountpoint, foreground=True, fsname="stacked-mfusepy",
        attr_timeout=0, entry_timeout=0, negative_timeout=0, hard_remove=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
