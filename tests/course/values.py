"""The values of the course as Python should see them: the twin of values.c.

`expected` describes a value in JSON's terms, as course.py describes the one
that it got; bytes are hexadecimal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from course.generate import Fop, Param

MASK = (1 << 64) - 1


def word(seed: int, k: int) -> int:
    """The k-th number of a value."""
    return (seed * 32 + k) * 0x9E3779B97F4A7C15 & MASK


def octets(seed: int, k: int, length: int) -> bytes:
    """The k-th run of bytes of a value."""
    n = word(seed, k)
    return bytes(((n >> 8 * (i % 8)) + i) & 255 for i in range(length))


def text(what: str, seed: int) -> str:
    """A name that is neither ASCII nor UTF-8."""
    return os.fsdecode(f"{what}-{seed}-é-".encode() + b"\xff")


def integer(raw: bytes, signed: bool) -> int:
    return int.from_bytes(raw, "little", signed=signed)


def number(seed: int, k: int, bits: int, signed: bool) -> int:
    return integer((word(seed, k) & (1 << bits) - 1).to_bytes(bits // 8, "little"), signed)


# The fields of structures in the order of the tables in values.c:
# name, size in bytes, and whether the number is signed.
IATT = [
    *[(f"ia_{n}", 8, False) for n in ("flags", "ino", "dev", "rdev", "size")],
    *[(f"ia_{n}", 4, False) for n in ("nlink", "uid", "gid", "blksize")],
    ("ia_blocks", 8, False),
    *[(f"ia_{n}", 8, True) for n in ("atime", "mtime", "ctime", "btime")],
    *[(f"ia_{n}_nsec", 4, False) for n in ("atime", "mtime", "ctime", "btime")],
    *[(f"ia_{n}", 8, False) for n in ("attributes", "attributes_mask")],
]
STATVFS = [
    (f"f_{name}", 8, False)
    for name in (
        "bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail", "fsid",
        "flag", "namemax",
    )
]  # fmt: skip
FLOCK = [
    ("l_type", 2, True),
    ("l_whence", 2, True),
    ("l_start", 8, True),
    ("l_len", 8, True),
    ("l_pid", 4, True),
]

VECTORS = ENTRIES = LOCKS = 3
OWNER_LENGTH = 24
IOBUF_SIZE = 2048
S_IFMT = {1: 0o100000, 2: 0o040000, 3: 0o120000, 4: 0o060000, 5: 0o020000, 6: 0o010000, 7: 0o140000}


def fields(table: list[tuple[str, int, bool]], seed: int) -> dict[str, Any]:
    return {
        name: integer(octets(seed, k, size), signed)
        for k, (name, size, signed) in enumerate(table, start=1)
    }


def iatt(seed: int) -> dict[str, Any]:
    gfid, prot = len(IATT) + 1, len(IATT) + 3
    # suid, sgid, sticky; then read, write, exec of owner, group, other: from bit 0 up
    raw = [byte & 7 for byte in octets(seed, prot, 4)]
    bits = [byte >> i & 1 for byte in raw for i in range(3)]
    permissions = sum(bit << 11 - i for i, bit in enumerate(bits))
    kind = 1 + seed % 7
    return fields(IATT, seed) | {
        "ia_gfid": octets(seed, gfid, 16).hex(),
        "ia_type": kind,
        "ia_prot": permissions,
        "st_mode": S_IFMT[kind] | permissions,
    }


def inode(seed: int) -> dict[str, Any]:
    return {"gfid": octets(seed, 1, 16).hex(), "ia_type": 1 + seed % 7}


def fd(seed: int) -> dict[str, Any]:
    return {
        "pid": word(seed, 1),
        "flags": number(seed, 2, 32, True),
        "is_anonymous": False,
        "inode": inode(seed + 1),
    }


def loc(seed: int) -> dict[str, Any]:
    name = text("name", seed)
    return {
        "path": f"/dir-{seed}/{name}",
        "name": name,
        "gfid": octets(seed, 1, 16).hex(),
        "pargfid": octets(seed, 2, 16).hex(),
        "inode": inode(seed + 1),
        "parent": inode(seed + 2),
    }


def dictionary(seed: int) -> dict[str, Any]:
    return {
        f"course.{seed}.string": (os.fsencode(text("data", seed)) + b"\0").hex(),
        f"course.{seed}.number": (str(word(seed, 2)).encode() + b"\0").hex(),
        f"course.{seed}.bytes": octets(seed, 1, 20).hex(),
    }


def parts(seed: int) -> list[bytes]:
    """The pieces of an iovec."""
    return [octets(seed, i + 1, 100 * (i + 1) + seed % 100) for i in range(VECTORS)]


def iovec(seed: int) -> dict[str, Any]:
    pieces = parts(seed)
    return {
        "parts": [piece.hex() for piece in pieces],
        "joined": b"".join(pieces).hex(),
        "nbytes": sum(map(len, pieces)),
    }


def dirent(seed: int) -> dict[str, Any]:
    name = text("entry", seed)
    return {
        "d_name": name,
        "d_ino": word(seed, 1),
        "d_off": word(seed, 2),
        "d_len": len(os.fsencode(name)),
        "d_type": number(seed, 3, 32, False),
        "d_stat": iatt(seed),
        "dict": dictionary(seed),
        "inode": inode(seed),
    }


def flock(seed: int) -> dict[str, Any]:
    owner = octets(seed, len(FLOCK) + 2, OWNER_LENGTH)
    return fields(FLOCK, seed) | {"l_owner": owner.hex()}


def lease(seed: int) -> dict[str, Any]:
    return {
        "cmd": integer(octets(seed, 1, 4), False),
        "lease_type": integer(octets(seed, 2, 4), False),
        "lease_id": octets(seed, 3, 16).hex(),
        "lease_flags": integer(octets(seed, 4, 4), False),
    }


DESCRIPTIONS: dict[str, Callable[[int], Any]] = {
    "i32": lambda seed: number(seed, 1, 32, True),
    "u32": lambda seed: number(seed, 1, 32, False),
    "i64": lambda seed: number(seed, 1, 64, True),
    "u64": lambda seed: number(seed, 1, 64, False),
    "count": lambda _: VECTORS,
    "loc": loc,
    "inode": inode,
    "fd": fd,
    "iatt": iatt,
    "dict": dictionary,
    "iobref": lambda _: {"size": IOBUF_SIZE},
    "iovec": iovec,
    "dirents": lambda seed: [dirent(seed + i) for i in range(ENTRIES)],
    "flock": flock,
    "lease": lease,
    "statvfs": lambda seed: fields(STATVFS, seed),
    "locklist": lambda seed: [
        [flock(seed + i), text("client", seed + i), number(seed + i, 10, 32, False)]
        for i in range(LOCKS)
    ],
    "checksum": lambda seed: octets(seed, 1, 32).hex(),
}


def expected(param: Param) -> Any:
    """What Python should see of an argument in a full round."""
    if param.kind == "str":
        return text(param.name, param.seed)
    return DESCRIPTIONS[param.kind](param.seed)


def expected_frame(fop: Fop) -> dict[str, Any]:
    return {
        "op": fop.name,
        "uid": number(fop.seed, 2, 32, False),
        "gid": number(fop.seed, 3, 32, False),
        "pid": number(fop.seed, 4, 32, False) & 0x7FFFFFFF,
        "unique": word(fop.seed, 5),
        "lk_owner": octets(fop.seed, 6, OWNER_LENGTH).hex(),
        "groups": [number(fop.seed, 7 + i, 32, False) for i in range(3)],
    }


def expected_op_ret(fop: Fop) -> int:
    """As op_ret() in values.c counts."""
    if fop.op_ret != "status":
        for p in fop.cbk_args:
            if p.kind == "iovec":
                return sum(map(len, parts(p.seed)))
            if p.kind == "str":
                return len(os.fsencode(text(p.name, p.seed)))
            if p.kind in ("dirents", "locklist"):
                return ENTRIES
    return word(fop.seed, 1) & 0x7FFFFFFF


def expected_op_errno(fop: Fop) -> int:
    return 1 + fop.row
