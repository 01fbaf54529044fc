"""Wrong values: each raises what names it, before anything is wound."""

# mypy: disable-error-code="arg-type, assignment, call-arg, index, list-item"
from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable, Iterator
from typing import Any

import gluster
from gluster import (
    FOPS,
    Dict,
    DictType,
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
from properties.asking import Stage, check, equal, refuses


def wrong(arg: gluster.Arg, needed: bool) -> Iterator[tuple[type[Exception], Any]]:
    """Values that an argument can not have, and what is raised."""
    kind = arg.python.split(" ")[0]
    for value in (
        (object(), 1.5, [1]) if kind != "Iovec" else (object(), 1.5, [1], "text", [b"x", "y"])
    ):
        yield TypeError, value
    if kind == "int":
        yield TypeError, "5"
        yield TypeError, None
        bits = 8 * ctypes.sizeof(arg.ctype)
        signed = arg.ctype(-1).value < 0
        yield OverflowError, 1 << bits - signed
        yield OverflowError, -1 - (signed << bits - 1)
        yield OverflowError, 10**5000
    elif kind == "str":
        yield TypeError, 5
        yield ValueError, "a\0b"
        yield ValueError, b"\0"
    elif kind == "bytes":
        yield TypeError, "x" * 32
        yield ValueError, bytes(31)
    elif kind not in ("Iovec", "Dirents", "LockList"):
        yield TypeError, "text"
        yield TypeError, Iatt if kind != "Iatt" else Loc
        yield TypeError, Iatt() if kind != "Iatt" else Loc()
    else:
        yield TypeError, 5
    if needed and kind != "int":
        yield ValueError, None


@check
def now_wrong_requests(stage: Stage) -> dict[str, Any]:
    """In a handler: each raises, the request can then still be answered."""
    tried, passed = 0, stage.witness.witness_passed()
    for name, fop in FOPS.items():
        wind = getattr(gluster, f"{name}_wind")
        vector = any(a.python.startswith("Iovec") for a in fop.args)
        for i, arg in enumerate(fop.args):
            if vector and arg.name == "count":
                continue
            for error, value in wrong(arg, needed="None" not in arg.python):
                arguments = stage.arguments(fop, {})
                arguments[i] = value
                refuses(error, f"{name}_wind: {arg.name}", lambda: wind(stage.frame, *arguments))  # noqa: B023
                tried += 1
    data = Iovec([b"a", b"b"])
    for count in (0, 1, 3, -1):
        refuses(
            ValueError,
            f"writev_wind: count is {count}",
            lambda: gluster.writev_wind(stage.frame, stage.fd, data, count, 0, 0, None, None),  # noqa: B023
        )
    frame = stage.frame
    for error, text, action in (
        (TypeError, "frame.wind: no argument colour", lambda: frame.wind(colour=1)),
        (TypeError, "frame.wind: loc must be Loc", lambda: frame.wind(loc="x")),
        (TypeError, "frame.wind: xdata must be Dict", lambda: frame.wind(xdata={})),
        (ValueError, "frame.wind: loc", lambda: frame.wind(loc=None)),
        (ValueError, "frame.wind: loc has no inode", lambda: frame.wind(loc=Loc("/x"))),
        (TypeError, "child", lambda: frame.wind(child=1)),
        (TypeError, "frame.unwind: op_ret", lambda: frame.unwind("x")),
        (OverflowError, "frame.unwind: op_errno", lambda: frame.unwind(-1, 1 << 31)),
        (ValueError, "errno 0", lambda: frame.unwind(-1, 0)),
        (ValueError, "errno 512", lambda: frame.unwind(-1, 512)),
        (ValueError, "inode", lambda: frame.unwind(0, 0)),
        (TypeError, "buf must be Iatt", lambda: frame.unwind(0, 0, inode=stage.root, buf=1)),
    ):
        refuses(error, text, action)
    equal(stage.witness.witness_passed(), passed)
    assert "pending" in repr(frame)
    return {"tried": tried}


@check
def wrong_answers(stage: Stage) -> dict[str, Any]:
    tried = 0
    for name, fop in FOPS.items():
        vector = any(a.python.startswith("Iovec") for a in fop.cbk_args)
        for arg in fop.cbk_args:
            if vector and arg.name in ("count", "iobref"):
                continue
            for error, value in wrong(arg, needed=False):
                seen = stage.ask(name, reply={arg.name: value}, look=False)
                equal((seen.op_ret, seen.op_errno), (-1, errno.EDOM))
                assert type(stage.refused) is error, (name, arg.name, value, stage.refused)
                assert f"frame.unwind: {arg.name}" in str(stage.refused), (name, stage.refused)
                tried += 1
    return {"tried": tried}


@check
def answers_that_are_another_requests(stage: Stage) -> dict[str, Any]:
    """Every fd and inode of an answer is the request's own, whatever the fop."""
    others = {"Fd": Fd.create(stage.root, 0), "Inode": Inode.new(stage.root.table)}
    file = Iatt(ia_gfid=bytes(range(16)))
    tried = 0
    for name, fop in FOPS.items():
        buf = {
            a.name: file for a in fop.cbk_args if a.name == "buf" and a.python.startswith("Iatt")
        }
        for arg in fop.cbk_args:
            other = others.get(arg.python.split(" ")[0])
            if other is None:
                continue
            assert (stage.ask(name).op_ret, stage.refused) == (0, None)
            seen = stage.ask(name, reply={arg.name: other, **buf}, look=False)
            equal((seen.op_ret, seen.op_errno), (-1, errno.EDOM))
            assert type(stage.refused) is ValueError, (name, arg.name, stage.refused)
            says = f"{name}: {arg.name} of the answer is not the request's own"
            assert says in str(stage.refused), (name, stage.refused)
            tried += 1
    return {"tried": tried}


@check
def wrong_constructors(stage: Stage) -> dict[str, Any]:
    d, iatt, loc, entry = Dict(), Iatt(), Loc("/a"), Dirent("a")
    table = stage.root.table
    big = 10**5000
    rows: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (TypeError, "Gfid", lambda: Gfid(5)),
        (TypeError, "Gfid", lambda: Gfid(None)),
        (ValueError, "Gfid", lambda: Gfid("x")),
        (ValueError, "Gfid", lambda: Gfid(b"x")),
        (ValueError, "Gfid", lambda: Gfid("\udcff" * 32)),
        (ValueError, "Gfid", lambda: Gfid("+f" * 16)),
        (ValueError, "Gfid", lambda: Gfid("0-" * 16 + "0" * 16)),
        (ValueError, "Gfid", lambda: Gfid("é" * 16)),
        (TypeError, "Iatt: source must be Iatt or os.stat_result, not int", lambda: Iatt(5)),
        (TypeError, "Flock: source must be Flock, not Iatt", lambda: Flock(iatt)),
        (TypeError, "ia_siz", lambda: Iatt(ia_siz=5)),
        (TypeError, "Iatt.ia_size", lambda: Iatt(ia_size="5")),
        (TypeError, "Iatt.ia_size", lambda: Iatt(ia_size=5.0)),
        (OverflowError, "Iatt.ia_size", lambda: Iatt(ia_size=-1)),
        (OverflowError, "Iatt.ia_size", lambda: Iatt(ia_size=big)),
        (OverflowError, "Iatt.ia_size", lambda: setattr(iatt, "ia_size", 1 << 64)),
        (OverflowError, "Iatt.ia_uid", lambda: setattr(iatt, "ia_uid", 1 << 32)),
        (OverflowError, "Iatt.ia_atime", lambda: setattr(iatt, "ia_atime", 1 << 63)),
        (OverflowError, "Iatt.ia_prot", lambda: setattr(iatt, "ia_prot", 0o10000)),
        (OverflowError, "Iatt.st_mode", lambda: setattr(iatt, "st_mode", 1 << 16)),
        (TypeError, "Iatt.st_mode", lambda: setattr(iatt, "st_mode", None)),
        (ValueError, "Iatt.ia_gfid", lambda: setattr(iatt, "ia_gfid", b"short")),
        (TypeError, "Iatt.ia_gfid", lambda: setattr(iatt, "ia_gfid", 5)),
        (TypeError, "Flock.l_type", lambda: Flock(l_type=None)),
        (OverflowError, "Flock.l_type", lambda: Flock(l_type=1 << 15)),
        (OverflowError, "Flock.l_pid", lambda: Flock(l_pid=1 << 31)),
        (ValueError, "Flock.l_owner", lambda: Flock(l_owner=bytes(1025))),
        (TypeError, "Flock.l_owner", lambda: Flock(l_owner="x")),
        (ValueError, "Lease.lease_id", lambda: Lease(lease_id=b"x")),
        (OverflowError, "Lease.cmd", lambda: Lease(cmd=-1)),
        (OverflowError, "Statvfs.f_bsize", lambda: Statvfs(f_bsize=-1)),
        (TypeError, "Statvfs", lambda: Statvfs(iatt)),
        (TypeError, "Loc.path", lambda: Loc(5)),
        (ValueError, "Loc.path", lambda: Loc("a\0b")),
        (ValueError, "Loc.name", lambda: setattr(loc, "name", "a/b")),
        (ValueError, "Loc.name", lambda: setattr(loc, "name", "")),
        (ValueError, "Loc.name", lambda: setattr(loc, "name", "a\0")),
        (TypeError, "Loc.name", lambda: setattr(loc, "name", 5)),
        (ValueError, "last part", lambda: Loc("/a/b", name="c")),
        (TypeError, "Loc.inode", lambda: Loc("/a", inode=5)),
        (TypeError, "Loc.parent", lambda: setattr(loc, "parent", stage.fd)),
        (ValueError, "Loc.gfid", lambda: setattr(loc, "gfid", b"x")),
        (TypeError, "Loc.pargfid", lambda: setattr(loc, "pargfid", None)),
        (TypeError, "Loc.child: parent", lambda: Loc.child(5, "x")),
        (TypeError, "Loc.child: parent", lambda: Loc.child(loc, "x")),
        (TypeError, "Loc.child: name", lambda: Loc.child(stage.root, 5)),
        (ValueError, "Loc.child: name", lambda: Loc.child(stage.root, "")),
        (ValueError, "Loc.child: name", lambda: Loc.child(stage.root, "a/b")),
        (ValueError, "Loc.child: name", lambda: Loc.child(stage.root, "a\0")),
        (TypeError, "Loc.inode", lambda: Loc.child(stage.root, "x", 5)),
        (TypeError, "Dict['k']", lambda: d.__setitem__("k", None)),
        (TypeError, "Dict['k']", lambda: d.__setitem__("k", [1])),
        (TypeError, "Dict['k']", lambda: d.__setitem__("k", {})),
        (OverflowError, "Dict['k']", lambda: d.__setitem__("k", 1 << 64)),
        (OverflowError, "Dict['k']", lambda: d.__setitem__("k", -1 << 64)),
        (OverflowError, "Dict['k']", lambda: d.__setitem__("k", big)),
        (ValueError, "NUL", lambda: d.__setitem__("k", "a\0b")),
        (ValueError, "key", lambda: d.__setitem__("a\0b", 1)),
        (ValueError, "key", lambda: d.__setitem__("", 1)),
        (ValueError, "key", lambda: d.__getitem__("a\0")),
        (TypeError, "key", lambda: d.__getitem__(5)),
        (TypeError, "Dict: source", lambda: Dict(5)),
        (TypeError, "Dict: source", lambda: Dict([1])),
        (OverflowError, "Dict['k']", lambda: d.set("k", -1, DictType.UINT)),
        (TypeError, "Dict['k']", lambda: d.set("k", "x", DictType.INT)),
        (TypeError, "Dict['k']", lambda: d.set("k", "x", DictType.DOUBLE)),
        (OverflowError, "Dict['k']", lambda: d.set("k", 1 << 2000, DictType.DOUBLE)),
        (TypeError, "Dict['k']", lambda: d.set("k", b"x", DictType.STR)),
        (ValueError, "Dict['k']", lambda: d.set("k", b"x", DictType.GFUUID)),
        (TypeError, "Dict['k']", lambda: d.set("k", b"x", DictType.IATT)),
        (ValueError, "Dict['k']", lambda: d.set("k", b"x", DictType.MDATA)),
        (ValueError, "type", lambda: d.set("k", b"x", 10)),
        (TypeError, "type", lambda: d.set("k", b"x", "INT")),
        (TypeError, "pop", lambda: d.pop("k", 1, 2)),
        (KeyError, "empty", d.popitem),
        (KeyError, "k", lambda: d.pop("k")),
        (KeyError, "k", lambda: d.__delitem__("k")),
        (TypeError, "Iovec: data", lambda: Iovec(5)),
        (TypeError, "Iovec: data", lambda: Iovec("text")),
        (
            TypeError,
            "Iovec: data[1] must be bytes or another object with a buffer, not int",
            lambda: Iovec([b"x", 5]),
        ),
        (ZeroDivisionError, "", lambda: Iovec(bytes([1 // n]) for n in (1, 0))),
        (IndexError, "1", lambda: Iovec(b"x")[1]),
        (TypeError, "Dirent.d_name", lambda: Dirent(5)),
        (TypeError, "Dirent.d_name", lambda: Dirent(None)),
        (ValueError, "Dirent.d_name", lambda: Dirent("a\0")),
        (ValueError, "Dirent.d_name", lambda: Dirent("a/b")),
        (OverflowError, "Dirent.d_ino", lambda: Dirent("a", d_ino=-1)),
        (OverflowError, "Dirent.d_off", lambda: Dirent("a", d_off=1 << 64)),
        (TypeError, "Dirent.d_type", lambda: Dirent("a", d_type="x")),
        (TypeError, "Dirent.d_stat", lambda: Dirent("a", d_stat=loc)),
        (TypeError, "Dirent.dict", lambda: Dirent("a", dict={})),
        (TypeError, "Dirent.inode", lambda: setattr(entry, "inode", loc)),
        (TypeError, "Dirents: entries", lambda: Dirents(5)),
        (TypeError, "Dirents: entries[0] must be Dirent, not str", lambda: Dirents(["a"])),
        (TypeError, "entries[1] must be Dirent, not int", lambda: Dirents([entry, 5])),
        (TypeError, "locks[0] must be (Flock, str, int), not int", lambda: LockList([1])),
        (TypeError, "LockList: locks[0]: lock must be Flock", lambda: LockList([(iatt, "x", 0)])),
        (TypeError, "LockList: locks[0]: client", lambda: LockList([(Flock(), 5, 0)])),
        (OverflowError, "LockList: locks[0]: flags", lambda: LockList([(Flock(), "x", -1)])),
        (TypeError, "flags", lambda: Fd.create(stage.root, "x")),
        (OverflowError, "flags", lambda: Fd.create(stage.root, 1 << 31)),
        (OverflowError, "pid", lambda: Fd.create(stage.root, 0, -1)),
        (TypeError, "Fd.create: inode", lambda: Fd.create(5, 0)),
        (TypeError, "Fd.anonymous: inode", lambda: Fd.anonymous(None)),
        (TypeError, "Inode.new: table", lambda: Inode.new(stage.root)),
        (TypeError, "Inode.link: name", lambda: stage.root.link(stage.root, 5, iatt)),
        (TypeError, "Inode.link: parent", lambda: stage.root.link(table, "x", iatt)),
        (TypeError, "Inode.link: iatt", lambda: stage.root.link(None, None, None)),
        (TypeError, "gfid", lambda: table.find(5)),
        (ValueError, "gfid", lambda: table.find("x")),
        (TypeError, "name", lambda: stage.root.path(5)),
        (ValueError, "name", lambda: stage.root.path("a/b")),
    ]
    for n, (error, text, action) in enumerate(rows):
        try:
            refuses(error, text, action)
        except AssertionError as problem:
            raise AssertionError(f"row {n}, line {action.__code__.co_firstlineno}") from problem
    assert iatt == Iatt()
    assert loc == Loc("/a")
    assert len(d) == 0
    return {"tried": len(rows)}
