"""Compares a stack that has Glupy in it with the same stack without."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

from glusterfs import Log


def run(*command: str | Path) -> list[str]:
    """The lines that a script prints: one for each operation."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def coverage(folder: Path) -> list[str]:
    """What the fop coverage script prints."""
    return run(sys.executable, Path(__file__).with_name("fopscript.py"), folder)


def same(plain: list[str], glupy: list[str]) -> None:
    """Compare operation by operation."""
    differences = [
        f"without Glupy: {a}\n   with Glupy: {b}" for a, b in zip_longest(plain, glupy) if a != b
    ]
    assert not differences, "\n".join(["operations that differ:", *differences])
    assert len(plain) > 80


def tree(brick: Path) -> dict[str, object]:
    """Everything below a brick: names, attributes, contents, xattrs of the user."""
    found: dict[str, object] = {}
    for path in sorted(brick.rglob("*")):
        name = str(path.relative_to(brick))
        if name.startswith(".glusterfs"):
            continue
        status = path.lstat()
        contents: object = None
        if path.is_symlink():
            contents = path.readlink()
        elif stat.S_ISREG(status.st_mode):
            contents = hashlib.sha256(path.read_bytes()).hexdigest()
        xattrs = os.listxattr(path, follow_symlinks=False)
        found[name] = (
            oct(status.st_mode), status.st_uid, status.st_gid, status.st_rdev, contents,
            {x: os.getxattr(path, x) for x in sorted(xattrs) if x.startswith("user.")},
        )  # fmt: skip
    return found


def same_noise(plain: list[Log], glupy: list[Log]) -> None:
    """What the stack without Glupy complains of as well is no fault of Glupy's."""
    for before, after in zip(plain, glupy, strict=True):
        after.known += [re.escape(f"[{line.place}]") for line in before.warnings()]
        before.checked = False
