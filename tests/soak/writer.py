"""Writes files, and notes down what it was told is written.

    writer.py FOLDER JOURNAL NAME

writes one file after another into FOLDER: block by block under a name that ends in .part,
then fsync, then a rename. What has been acknowledged stands in JOURNAL, which is
elsewhere, a line each: "NAME-7 3" when three blocks are written, "NAME-7 renamed".
`lost` tells what of that is not there. Ends with the first error, and prints it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from itertools import count
from pathlib import Path

BLOCK = 4096
BLOCKS = 32


def block(name: str, number: int) -> bytes:
    """What a block of a file holds: no two are equal."""
    return hashlib.shake_128(f"{name} {number}".encode()).digest(BLOCK)


def write(folder: Path, journal: Path, me: str) -> None:
    # By its descriptor: when the mount is gone, its path is another folder's.
    where = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with journal.open("a", buffering=1) as notes:
        for number in count():
            name = f"{me}-{number}"
            part = f"{name}.part"
            fd = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=where)
            for i in range(BLOCKS):
                written = os.write(fd, block(name, i))
                assert written == BLOCK, written
                notes.write(f"{name} {i + 1}\n")
            os.fsync(fd)
            os.close(fd)
            os.rename(part, name, src_dir_fd=where, dst_dir_fd=where)
            notes.write(f"{name} renamed\n")


def acknowledged(journal: Path) -> dict[str, str]:
    """What each file has come to; the last word of a writer that was killed may be cut off."""
    text = journal.read_text() if journal.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    return dict(line.split(" ") for line in whole.splitlines())


def lost(folder: Path, journal: Path) -> list[str]:
    """What was acknowledged and is not in the folder."""
    missing = []
    for name, state in acknowledged(journal).items():
        renamed = state == "renamed"
        blocks = BLOCKS if renamed else int(state)
        path = folder / name
        if not renamed and not path.exists():  # a rename may be done and not acknowledged
            path = folder / f"{name}.part"
        data = path.read_bytes() if path.exists() else b""
        if data[: blocks * BLOCK] != b"".join(block(name, i) for i in range(blocks)):
            missing.append(f"{name} {state}: {path.name} has {len(data)} bytes")
    return missing


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except OSError as error:
        sys.exit(f"{error!r}")
