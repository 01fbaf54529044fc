"""Rounds of making, passing on and dropping values: everything is given back."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gluster import (
    Dict,
    Dirent,
    Dirents,
    Fd,
    Flock,
    Gfid,
    Iatt,
    Inode,
    Iovec,
    Lease,
    Loc,
    LockList,
    Statvfs,
)
from properties.asking import CHECKS, Stage, equal

# Fewer under AddressSanitizer, whose malloc is not what mallinfo tells of: there they show
# that nothing is used after its end.
ROUNDS = 2_000 if os.environ.get("GLUPY_ASAN") else 100_000


class Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip


def in_use() -> dict[str, int]:
    """Memory and objects."""
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Mallinfo
    info = libc.mallinfo2()
    return {
        "malloc": info.uordblks + info.hblkhd,
        "resident": 4096 * int(Path("/proc/self/statm").read_text().split()[1]),
        "blocks": sys.getallocatedblocks(),
        "objects": len(gc.get_objects()),
    }


# What may be more: pools that GlusterFS and Python keep. An arena of iobufs takes 236 KB,
# the least that is forgotten in each round 1.6 MB.
MOST = {"malloc": 512 << 10, "resident": 4 << 20, "blocks": 500, "objects": 200}
if "ASAN_OPTIONS" in os.environ:
    del MOST["resident"]  # AddressSanitizer keeps what is freed


def given_back(once: Callable[[Stage], Callable[[], object]]) -> None:
    """Registers rounds of making, passing on and dropping values of one kind."""

    def report(stage: Stage) -> dict[str, Any]:
        def references() -> list[int]:
            seen = stage.ask("fstat", {"fd": stage.fd, "xdata": shared})
            fd, xdata = seen.down["fd"], seen.down["xdata"]
            return [fd["refs"], fd["inode"]["refs"], xdata["refs"]]

        shared = Dict(shared=1)
        stage.shared = shared
        action = once(stage)
        for _ in range(2000):
            action()
        counted, before = references(), in_use()
        for _ in range(ROUNDS):
            action()
        equal(references(), counted)
        after = in_use()
        more = {name: after[name] - before[name] for name in before}
        assert all(more[name] <= most for name, most in MOST.items()), more
        return {"rounds": ROUNDS, "more": more}

    CHECKS[once.__name__] = report


@given_back
def given_back_iatt(stage: Stage) -> Callable[[], object]:
    result = os.stat(".")

    def action() -> None:
        iatt = Iatt(result, ia_size=5)
        copy = iatt.copy()
        copy.ia_gfid = stage.root.gfid
        copy.st_mode = 0o100644
        assert copy != iatt
        stage.ask("setattr", {"stbuf": copy}, {"preop_stbuf": iatt}, look=False)

    return action


@given_back
def given_back_gfid(stage: Stage) -> Callable[[], object]:
    twin = uuid.uuid4()
    forms: list[uuid.UUID | str | bytes] = [twin, str(twin), twin.bytes]

    def action() -> None:
        assert len({Gfid(form) for form in forms}) == 1
        assert stage.root.table.find(twin) is None
        with contextlib.suppress(ValueError):
            Gfid("wrong")

    return action


@given_back
def given_back_loc(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        loc = Loc("/a/b", inode=stage.root, parent=stage.root, gfid=stage.root.gfid)
        copy = loc.copy()
        copy.name = "c"
        copy.path = None
        copy.name = "d"
        loc.parent = None
        child = Loc.child(stage.root, "name", stage.root)
        assert child != copy
        stage.ask("access", {"loc": loc}, look=False)

    return action


@given_back
def given_back_dict(stage: Stage) -> Callable[[], object]:
    values: dict[str, Any] = {
        "a": 1,
        "b": "text",
        "c": b"bytes",
        "d": 2.5,
        "e": Gfid(bytes(16)),
        "f": Iatt(),
    }

    def action() -> None:
        made = Dict(values)
        copy = made.copy()
        copy["a"] = "other"
        del copy["b"]
        assert copy.pop("c") == b"bytes"
        copy.update(made)
        made.clear()
        stage.ask("stat", {"xdata": copy}, {"xdata": stage.shared}, look=False)

    return action


@given_back
def given_back_iovec(stage: Stage) -> Callable[[], object]:
    data = bytes(5000)

    def action() -> None:
        made = Iovec([data, data])
        view = made[1]
        assert len(made[:]) == len(list(reversed(made)))
        assert memoryview(Iovec(data)).nbytes == len(view)
        seen = stage.ask("writev", {"vector": made}, look=False)
        assert len(view) == len(seen.request["vector"][0])
        seen = stage.ask("readv", {"size": len(data)}, reply={"vector": [data]}, look=False)
        assert seen.answer["vector"][0][0] == 0

    return action


@given_back
def given_back_dirents(stage: Stage) -> Callable[[], object]:
    iatt = Iatt()

    def action() -> None:
        entry = Dirent("name", d_stat=iatt, dict=stage.shared, inode=stage.root)
        entry.d_name = "other"
        entry.dict = None
        entry.dict = stage.shared
        entry.inode = stage.root
        with contextlib.suppress(TypeError):
            Dirents([entry, 5])  # type: ignore[list-item]
        seen = stage.ask("readdirp", reply={"entries": [entry, entry]}, look=False)
        assert seen.answer["entries"][1].d_name == "other"
        assert len(seen.answer["entries"][:1]) == 1

    return action


@given_back
def given_back_parts(stage: Stage) -> Callable[[], object]:
    kept: list[Any] = []

    def above(values: dict[str, Any]) -> None:
        entries = values["entries"]
        kept[:] = [entries[1], entries[0].d_stat, *(entry.inode for entry in entries)]
        kept.append(entries[-1].dict)

    def below(values: dict[str, Any]) -> None:
        kept[:] = [values["loc"].inode, values["loc"].parent]

    def action() -> None:
        entry = Dirent("name", d_stat=Iatt(), dict=stage.shared, inode=stage.root)
        stage.ask("readdirp", reply={"entries": [entry] * 3}, look=False, above=above)
        equal(kept[-2], stage.root)
        loc = Loc("/a", inode=stage.root, parent=stage.root)
        stage.ask("access", {"loc": loc}, look=False, below=below)
        kept.clear()

    return action


@given_back
def given_back_flock(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        flock = Flock(l_owner=b"owner")
        copy = flock.copy()
        copy.l_len = 5
        stage.ask("lk", {"flock": flock}, {"flock": copy}, look=False)

    return action


@given_back
def given_back_lease(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        lease = Lease(lease_id=bytes(range(16)))
        copy = lease.copy()
        copy.lease_type = 1
        seen = stage.ask("lease", {"lease": lease}, {"lease": copy}, look=False)
        assert seen.answer["lease"].lease_type == 1

    return action


@given_back
def given_back_statvfs(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        made = Statvfs(f_bsize=512)
        copy = Statvfs(made, f_bavail=1 << 40)
        seen = stage.ask("statfs", reply={"buf": copy}, look=False)
        assert seen.answer["buf"] == copy != made

    return action


@given_back
def given_back_strings(stage: Stage) -> Callable[[], object]:
    """And checksums, which are bytes."""
    strong = bytes(range(32))

    def action() -> None:
        seen = stage.ask("getxattr", {"name": "user.\udcff"}, look=False)
        assert seen.request["name"] == "user.\udcff"
        seen = stage.ask("readlink", reply={"path": "target" * 50}, look=False)
        assert seen.op_ret == len(seen.answer["path"])
        reply = {"strong_checksum": strong, "weak_checksum": 5}
        seen = stage.ask("rchecksum", reply=reply, look=False)
        assert seen.answer["strong_checksum"] == strong

    return action


@given_back
def given_back_locklist(stage: Stage) -> Callable[[], object]:
    flock = Flock()

    def action() -> None:
        locks = LockList([(flock, "client", 1), (flock, None, 2)])
        with contextlib.suppress(TypeError):
            LockList([(flock, "client", 1), 5])  # type: ignore[list-item]
        seen = stage.ask("getactivelk", reply={"locklist": locks}, look=False)
        assert seen.answer["locklist"][0][1] == "client"
        assert len(seen.answer["locklist"][1:]) == 1

    return action


@given_back
def given_back_objects(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        inode = Inode.new(stage.root.table)
        assert inode.path() is None
        assert stage.root.path() == "/"
        assert stage.root.parent() is None
        fd = Fd.create(stage.root, 0)
        seen = stage.ask("fstat", {"fd": fd, "xdata": stage.shared}, look=False)
        assert seen.request["fd"] == fd
        assert Fd.anonymous(stage.root).inode == stage.root

    return action
