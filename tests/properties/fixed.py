"""What values can do beside being passed on."""

from __future__ import annotations

import array
import ctypes
import errno
import gc
import os
import stat
import struct
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from gluster import (
    Dict,
    DictType,
    Dirent,
    Dirents,
    Fd,
    Flock,
    Gfid,
    Iatt,
    IaType,
    Inode,
    Iovec,
    Loc,
    LockList,
)
from properties.asking import CURRENT, Stage, check, equal, numpy, refuses


@check
def gfid_forms(stage: Stage) -> None:
    a, b = Gfid("00000000-0000-0000-0000-000000000001"), Gfid(bytes(15) + b"\1")
    assert a == b
    assert len({a, b, Gfid(bytes(16))}) == 2
    assert not Gfid(bytes(16))
    assert a
    assert {a: 1}[b] == 1
    assert uuid.UUID(str(a)).bytes == bytes(a)
    assert stage.root.gfid == a


@check
def iatt_from_stat(stage: Stage) -> None:
    for path in (".", "/dev/null", "/proc/self/exe", sys.executable):
        for result in (os.stat(path), os.lstat(path)):
            iatt = Iatt(result)
            equal(iatt.st_mode, result.st_mode)
            equal(iatt.ia_prot, stat.S_IMODE(result.st_mode))
            for name in ("ino", "dev", "nlink", "uid", "gid", "size", "blksize"):
                equal(getattr(iatt, f"ia_{name}"), getattr(result, f"st_{name}"))
            equal(iatt.ia_rdev, os.major(result.st_rdev) << 32 | os.minor(result.st_rdev))
            for name in ("atime", "mtime", "ctime"):
                seconds = getattr(iatt, f"ia_{name}") * 10**9 + getattr(iatt, f"ia_{name}_nsec")
                equal(seconds, getattr(result, f"st_{name}_ns"))
            assert iatt.ia_blocks == min(result.st_blocks, -(-result.st_size // 512))
            assert Iatt(result, ia_size=7, st_mode=0o100644).ia_size == 7
    iatt = Iatt(st_mode=stat.S_IFLNK | 0o4751)
    equal((iatt.ia_type, iatt.ia_prot), (IaType.IFLNK, 0o4751))
    iatt.st_mode = stat.S_IFDIR | 0o1777
    equal((iatt.ia_type, iatt.ia_prot), (IaType.IFDIR, 0o1777))
    iatt.ia_prot = 0o640
    equal(iatt.st_mode, stat.S_IFDIR | 0o640)
    attributes = {name: getattr(result, name) for name in dir(result) if name.startswith("st_")}
    early: Any = types.SimpleNamespace(**attributes | {"st_mtime_ns": -1})
    equal((Iatt(early).ia_mtime, Iatt(early).ia_mtime_nsec), (-1, 999_999_999))


@check
def loc_of_a_name(stage: Stage) -> None:
    """In a directory that is there, found through GlusterFS."""
    directory = Loc.child(stage.root, "directory")
    equal(
        (directory.path, directory.name, directory.parent), ("/directory", "directory", stage.root)
    )
    assert not directory.gfid
    assert directory.inode is not None
    assert not directory.inode.gfid
    equal(directory.pargfid, stage.root.gfid)
    CURRENT.clear()  # `below` passes these on to the brick
    seen = stage.ask("lookup", {"loc": directory})
    equal((seen.op_ret, seen.answer["buf"].ia_type), (0, IaType.IFDIR))
    inode = directory.inode.link(stage.root, "directory", seen.answer["buf"])
    assert inode is not None
    equal((inode.gfid, inode.ia_type), (seen.answer["buf"].ia_gfid, IaType.IFDIR))
    assert inode.table.find(inode.gfid) == inode
    assert inode.table.find(str(inode.gfid)) == inode
    assert inode.table.find(uuid.uuid4()) is None
    assert inode.table.root == stage.root
    assert inode.table == stage.root.table
    equal(
        (inode.parent(), inode.path(), inode.path("a")), (stage.root, "/directory", "/directory/a")
    )
    for parent in (inode, Loc("/directory", inode=inode)):
        for name in ("file", "missing", "é\udcff"):
            child = Loc.child(parent, name)
            equal((child.path, child.name), (f"/directory/{name}", name))
            equal((child.parent, child.pargfid), (inode, inode.gfid))
            seen = stage.ask("lookup", {"loc": child})
            if name == "file":
                equal((seen.op_ret, seen.answer["buf"].ia_size), (0, 7))
            else:
                equal((seen.op_ret, seen.op_errno), (-1, errno.ENOENT))
    child.name = "file"
    equal((child.path, child.name), ("/directory/file", "file"))
    seen = stage.ask("lookup", {"loc": child})
    equal(seen.op_ret, 0)
    assert Loc.child(stage.root, "x", inode).inode == inode
    unknown = Inode.new(stage.root.table)
    equal((Loc.child(unknown, "name").path, unknown.path(), unknown.parent()), (None, None, None))
    equal(Loc.child(unknown, "name").name, "name")


@check
def dict_types(stage: Stage) -> None:
    """A value is of the type that was asked for, and stays so."""
    d = Dict(a=1, b="text")
    equal((d.type("a"), d.type("b")), (DictType.INT, DictType.STR))
    values: list[tuple[DictType, Any, Any]] = [
        (DictType.INT, -5, 7),
        (DictType.UINT, 5, 7),
        (DictType.UINT, (1 << 64) - 1, 0),
        (DictType.DOUBLE, 2.5, -0.0),
        (DictType.DOUBLE, 3, 4),
        (DictType.STR, "a", "bé\udcff"),
        (DictType.STR_OLD, b"old\0", b"new"),
        (DictType.PTR, b"\0\1", bytearray(b"other")),
        (DictType.UNKNOWN, b"", b"x"),
        (DictType.GFUUID, uuid.uuid4(), Gfid(bytes(16))),
        (DictType.IATT, Iatt(ia_size=1), Iatt(ia_size=2)),
        (DictType.MDATA, bytes(56), bytes(range(56))),
    ]
    for kind, first, second in values:
        try:
            d.set("key", first, kind)
        except ValueError:
            assert kind == DictType.MDATA, kind  # the size is the build's
            size = int(str(sys.exc_info()[1]).split()[-2])
            first = bytes(size)
            second = bytes(range(size))
            d.set("key", first, kind)
        equal(d.type("key"), kind)
        d["key"] = second
        equal(d.type("key"), kind)
        if isinstance(second, bytearray):
            second = bytes(second)
        equal(d["key"], second)
        assert type(d["key"]) is not bool
        d["key"] = d["key"]
        equal((d.type("key"), d["key"]), (kind, second))
    d["flag"] = True
    equal((d["flag"], d.type("flag")), (1, DictType.INT))
    copied, updated = d.copy(), Dict(d)
    updated.update([("pair", 1)], word="x")
    for other in (copied, updated):
        equal({key: other.type(key) for key in d}, {key: d.type(key) for key in d})
    equal((updated["pair"], updated["word"]), (1, "x"))
    copied["a"] = "changed"
    equal(d["a"], 1)
    equal(d.raw("a"), b"1\0")
    assert d.raw("missing") is None
    refuses(KeyError, "missing", lambda: d["missing"])
    refuses(KeyError, "missing", lambda: d.type("missing"))
    # with its old type a value would not fit
    d.set("key", 5, DictType.UINT)
    d["key"] = -5
    equal((d.type("key"), d["key"]), (DictType.INT, -5))
    d["key"] = "text"
    equal((d.type("key"), d["key"]), (DictType.STR, "text"))
    d["key"] = b"bytes"
    equal((d.type("key"), d["key"]), (DictType.PTR, b"bytes"))


class Number:
    """Says with __index__ which int it is, or raises."""

    def __init__(self, value: int | Exception) -> None:
        self.value = value

    def __index__(self) -> int:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@check
def numbers_of_others(stage: Stage) -> None:
    """What is no int but says which one it is, as numpy's integers do, is taken for it."""
    asked = {"size": numpy.uint16(4096), "offset": numpy.int64(1 << 40), "flags": Number(3)}
    seen = stage.ask("readv", asked, reply={"op_ret": numpy.int32(7)})
    equal([seen.request[name] for name in asked], [4096, 1 << 40, 3])
    iatt = Iatt(ia_size=numpy.uint64((1 << 64) - 1), ia_prot=numpy.int8(0o7))
    equal((iatt.ia_size, iatt.ia_prot), ((1 << 64) - 1, 0o7))
    number: Any = Number(5)  # the stubs say int: Python has no narrower word for both
    iatt.ia_uid = number
    equal(iatt.ia_uid, 5)
    equal(Iovec([b"a", b"b"])[numpy.int8(-1)], b"b")
    # Its bytes, which a numpy number has as a buffer, are not what is meant.
    d = Dict(a=numpy.int16(-3), b=numpy.uint64((1 << 64) - 1), c=numpy.float32(0.5))
    types = [DictType.INT, DictType.UINT, DictType.DOUBLE]
    equal([d.type(name) for name in "abc"], types)
    equal([d[name] for name in "abc"], [-3, (1 << 64) - 1, 0.5])
    d["c"] = numpy.int64(2)
    equal((d["c"], d.type("c")), (2.0, DictType.DOUBLE))
    array = numpy.arange(3, dtype=numpy.uint8)
    d["array"] = array
    equal((d["array"], d.type("array")), (b"\0\1\2", DictType.PTR))

    def size(value: Any) -> Callable[[], object]:
        return lambda: stage.ask("readv", {"size": value})

    refuses(TypeError, "must be bytes, str, int", lambda: d.update(flag=numpy.bool_(True)))
    refuses(TypeError, "must be bytes, str, int", lambda: d.update(complex=numpy.complex64(1)))
    refuses(OverflowError, " does not fit size_t", size(numpy.int8(-1)))
    refuses(TypeError, "size must be int, not float64", size(numpy.float64(1)))
    refuses(TypeError, "size must be int, not ndarray", size(array))
    refuses(RuntimeError, "none", size(Number(RuntimeError("none"))))


@check
def iovec_forms(stage: Stage) -> None:
    words = array.array("H", [1, 2, 3])
    forms: list[tuple[Any, list[bytes]]] = [
        (b"", [b""]),
        ([], []),
        ((), []),
        (b"one", [b"one"]),
        ([b"a", bytearray(b"b"), memoryview(b"c")], [b"a", b"b", b"c"]),
        (words, [words.tobytes()]),
        ((bytes([n]) for n in range(3)), [b"\0", b"\1", b"\2"]),
        (Iovec([b"x", b"yz"]), [b"x", b"yz"]),
        (bytes(3 << 20), [bytes(3 << 20)]),
    ]
    grid = numpy.arange(12, dtype=numpy.int32).reshape(3, 4)
    forms += [
        (grid, [grid.tobytes()]),
        (grid.T, [grid.T.tobytes()]),
        ([grid, grid.T], [grid.tobytes(), grid.T.tobytes()]),
    ]
    for form, expected in forms:
        made = Iovec(form)
        equal([bytes(part) for part in made], expected)
        equal(
            (len(made), made.nbytes, bytes(made)),
            (len(expected), len(b"".join(expected)), b"".join(expected)),
        )
        assert made.iobref is not None
        assert made.iobref.size >= made.nbytes
        repr(made)


def address(view: memoryview) -> int:
    """Where the memory of a view is."""
    where: int = numpy.frombuffer(view, numpy.uint8).ctypes.data
    return where


@check
def vector_as_a_buffer(stage: Stage) -> None:
    """Where a buffer is wanted the data itself will do, if it is in one part."""
    seen = stage.ask("writev", {"vector": Iovec(b"one part")}, look=False)
    for vector in (Iovec(b"one part"), seen.request["vector"]):
        view = memoryview(vector)
        equal((bytes(view), view.readonly), (b"one part", True))
        with open(os.devnull, "wb", buffering=0) as file:
            equal(file.write(vector), len(b"one part"))
        # it is the part's memory, not another copy
        equal(address(view), address(vector[0]))
    del seen, vector
    gc.collect()
    equal(bytes(view), b"one part")
    equal(bytes(memoryview(Iovec(b""))), b"")
    equal(bytes(memoryview(Iovec([]))), b"")
    refuses(BufferError, "2 parts", lambda: memoryview(Iovec([b"a", b"b"])))
    refuses(TypeError, "writable", lambda: (ctypes.c_char * 4).from_buffer(Iovec(b"data")))
    equal([bytes(part) for part in Iovec([Iovec(b"a"), b"b"])], [b"a", b"b"])


@check
def collections(stage: Stage) -> None:
    """A Dict is a mapping, the others are sequences, to Python's own functions, too."""
    made = Dict(a=1, b="x")
    assert isinstance(made, MutableMapping)
    match made:
        case {"a": 1, "b": str(text), **rest}:
            equal((text, rest), ("x", {}))
        case _:
            raise AssertionError("a Dict matches no pattern of a mapping")
    names = [Dirent(name) for name in "abcd"]
    locks = [(Flock(l_pid=pid), "client", pid) for pid in range(4)]
    sequences: list[tuple[Any, Callable[[Any], Any]]] = [
        (Iovec([b"a", b"b", b"c", b"d"]), bytes),
        (Dirents(names), lambda entry: entry.d_name.encode()),
        (LockList(locks), lambda lock: b"abcd"[lock[2] :][:1]),
    ]
    for sequence, key in sequences:
        assert isinstance(sequence, Sequence)
        equal([key(item) for item in sequence], [b"a", b"b", b"c", b"d"])
        equal([key(item) for item in reversed(sequence)], [b"d", b"c", b"b", b"a"])
        equal([key(item) for item in sequence[1:]], [b"b", b"c", b"d"])
        equal([key(item) for item in sequence[-1::-2]], [b"d", b"b"])
        equal(sequence[7:], [])
        equal([key(sequence[i]) for i in (0, -1, -4)], [b"a", b"d", b"a"])
        match sequence:
            case [first, *_, last]:
                equal((key(first), key(last)), (b"a", b"d"))
            case _:
                raise AssertionError(f"{sequence!r} matches no pattern of a sequence")
    equal((sequences[0][0].index(b"c"), sequences[0][0].count(b"x")), (2, 0))
    for sequence, _ in sequences:
        kind = type(sequence).__name__
        refuses(TypeError, f"{kind}: index must be int or slice, not str", lambda: sequence["0"])  # noqa: B023
        refuses(IndexError, "4 of 4", lambda: sequence[4])  # noqa: B023
        refuses(IndexError, "-5 of 4", lambda: sequence[-5])  # noqa: B023
    # a slice of a listing can be passed on, and put together with more
    seen = stage.ask("readdirp", reply={"entries": [*Dirents(names)[1:3], Dirent("e")]})
    equal([entry.d_name for entry in seen.answer["entries"]], ["b", "c", "e"])


@check
def views_stay_valid(stage: Stage) -> None:
    """Of a request's data and of an answer's, when both are long gone."""
    kept = []
    for i in range(200):
        data = struct.pack("<I", i) * 1000
        seen = stage.ask("writev", {"vector": Iovec([data, data])}, look=False)
        kept += [(seen.request["vector"][0], data), (seen.request["vector"][1][4:8], data[4:8])]
        seen = stage.ask("readv", reply={"vector": data}, look=False)
        kept.append((seen.answer["vector"][0], data))
    del seen
    gc.collect()
    for view, data in kept:
        assert view.readonly
        assert bytes(view) == data
    refuses(TypeError, "writable", lambda: (ctypes.c_char * 4).from_buffer(kept[0][0].obj))
    refuses(TypeError, "read-only", lambda: kept[0][0].__setitem__(0, 1))


@check
def parts_are_there_as_long_as_they_are_kept(stage: Stage) -> None:
    """What is in a listing or a loc, looked at, changed and kept by the handler."""
    kept: dict[str, Any] = {}
    # an answer has the dict of an entry with an inode only
    numbers = [i if i % 2 else None for i in range(20)]

    def entry(i: int) -> Dirent:
        inode = stage.root if i % 2 else None
        return Dirent(f"name{i}", d_stat=Iatt(ia_size=i), dict=Dict(n=i), inode=inode)

    def of_a_listing(values: dict[str, Any]) -> None:
        entries = values["entries"]
        equal([entry.d_name for entry in entries], [f"name{i}" for i in range(20)])
        equal([entry.d_stat.ia_size for entry in entries], list(range(20)))
        equal([entry.dict and entry.dict["n"] for entry in entries], numbers)
        equal([entry.inode for entry in entries], [None, stage.root] * 10)
        # what nobody has is used again
        equal(len({id(entries[i]) for i in range(20)}), 1)
        one = entries[1]
        equal(len({id(one.inode) for _ in range(20)}), 1)
        # what somebody has is its own
        first, again = entries[0], entries[0]
        first.d_name, first.d_stat, first.inode = "changed", Iatt(ia_size=99), stage.root
        equal((again.d_name, again.d_stat.ia_size, again.inode), ("name0", 0, None))
        stat = entries[3].d_stat
        stat.ia_size = 77
        equal((entries[3].d_stat.ia_size, stat.ia_size), (3, 77))
        kept.update(all=list(entries), some=entries[5:8], first=first, again=again, changed=stat)
        kept.update(stat=entries[4].d_stat, dict=entries[5].dict, inode=entries[7].inode)

        def there() -> None:
            kept["seen there"] = [(entry.d_name, entry.d_stat.ia_size) for entry in entries]
            kept["there"] = entries[9], entries[9].d_stat, entries[9].inode

        elsewhere(there)

    def of_a_loc(values: dict[str, Any]) -> None:
        loc = values["loc"]
        equal((loc.inode, loc.parent), (stage.root, stage.root))
        equal(len({id(part) for _ in range(20) for part in [loc.inode]}), 2)
        assert loc.inode is not loc.parent
        kept.update(of_loc=loc.inode, parent=loc.parent, loc=loc)

    def of_an_fd(values: dict[str, Any]) -> None:
        kept["of_fd"] = values["fd"].inode
        kept["fd"] = values["fd"]

    stage.ask("readdirp", reply={"entries": [entry(i) for i in range(20)]}, above=of_a_listing)
    stage.ask("access", {"loc": Loc("/kept", inode=stage.root, parent=stage.root)}, below=of_a_loc)
    stage.ask("fstat", {"fd": Fd.anonymous(stage.root)}, below=of_an_fd)
    gc.collect()
    for _ in range(50):  # the memory is others' now
        stage.ask("readdirp", reply={"entries": [Dirent("other" * 9)] * 20}, look=False)
        stage.ask("access", {"loc": Loc("/" + "other" * 20, inode=stage.root)}, look=False)
    equal([entry.d_name for entry in kept["all"]], [f"name{i}" for i in range(20)])
    equal([entry.d_stat.ia_size for entry in kept["all"]], list(range(20)))
    equal([entry.dict and entry.dict["n"] for entry in kept["all"]], numbers)
    equal([entry.inode for entry in kept["all"]], [None, stage.root] * 10)
    equal([entry.d_name for entry in kept["some"]], ["name5", "name6", "name7"])
    equal((kept["first"].d_name, kept["first"].d_stat.ia_size), ("changed", 99))
    equal((kept["again"].d_name, kept["again"].d_stat.ia_size), ("name0", 0))
    equal((kept["changed"].ia_size, kept["stat"].ia_size, kept["dict"]["n"]), (77, 4, 5))
    equal(kept["seen there"], [(f"name{i}", i) for i in range(20)])
    nine, stat, inode = kept["there"]
    equal((nine.d_name, stat.ia_size, inode), ("name9", 9, stage.root))
    for name in ("inode", "of_loc", "parent", "of_fd"):
        equal((kept[name], kept[name].gfid), (stage.root, stage.root.gfid))
    equal((kept["loc"].path, kept["loc"].inode, kept["fd"].inode), ("/kept", *[stage.root] * 2))


@check
def dirents_changed(stage: Stage) -> None:
    listing = Dirents(
        [Dirent("a", d_ino=1), Dirent("b", d_ino=2, inode=stage.root), Dirent("c", d_ino=0)]
    )
    equal([e.d_name for e in listing if e.d_ino], ["a", "b"])
    entries = list(listing)
    entries[0].d_name = "é" * 100
    entries[1].d_stat = Iatt(ia_size=5)
    entries[1].inode = None
    entries[2].inode, entries[2].dict = stage.root, Dict(x=1)
    entries.append(Dirent("d"))
    equal([e.d_name for e in listing], ["a", "b", "c"])
    assert listing[1].inode == stage.root
    seen = stage.ask("readdirp", reply={"entries": entries})
    got = seen.answer["entries"]
    equal([e.d_name for e in got], ["é" * 100, "b", "c", "d"])
    equal(
        (got[0].d_len, got[1].d_stat.ia_size, got[1].inode, got[2].dict), (200, 5, None, {"x": 1})
    )
    assert got[-1].d_name == "d"
    refuses(IndexError, "4", lambda: got[4])
    refuses(IndexError, "-5", lambda: got[-5])
    seen = stage.ask("readdirp", reply={"entries": []})
    equal((seen.op_ret, seen.up["entries"]), (0, []))


@check
def op_ret_is_counted(stage: Stage) -> None:
    """And must be right where it is given."""
    cases: list[tuple[str, dict[str, Any], int]] = [
        ("readv", {"vector": [b"abc", b"de"]}, 5),
        ("readv", {"vector": []}, 0),
        ("readlink", {"path": "é"}, 2),
        ("readdir", {"entries": [Dirent("a"), Dirent("b")]}, 2),
        ("readdirp", {"entries": Dirents([Dirent("a")])}, 1),
        ("getactivelk", {"locklist": [(Flock(), "x", 0)]}, 1),
    ]
    for name, reply, count in cases:
        for op_ret in (None, count):
            seen = stage.ask(name, reply=reply, op_ret=op_ret)
            equal((stage.refused, seen.op_ret, seen.up["op_ret"]), (None, count, count))
        for op_ret in (count + 1, count + 1000):
            seen = stage.ask(name, reply=reply, op_ret=op_ret)
            equal((seen.op_ret, seen.op_errno), (-1, errno.EDOM))
            assert type(stage.refused) is ValueError, stage.refused
            assert f"op_ret is {op_ret}" in str(stage.refused), stage.refused
    data = Iovec(b"abc")
    for reply in ({"vector": data, "count": 2}, {"vector": None, "count": 1},
                  {"vector": data, "iobref": Iovec(b"x").iobref}):  # fmt: skip
        stage.ask("readv", reply=reply)
        assert type(stage.refused) is ValueError, (reply, stage.refused)
    stage.ask("readv", reply={"vector": data, "count": 1, "iobref": data.iobref})
    assert stage.refused is None


@check
def inodes(stage: Stage) -> None:
    table = stage.root.table
    made = Inode.new(table)
    other = table.new()
    assert made != other
    assert made == made
    assert len({made, other}) == 2
    assert not made.gfid
    gfid = uuid.uuid4()
    file = Iatt(ia_gfid=gfid, st_mode=stat.S_IFREG | 0o644)
    linked = made.link(stage.root, "linked\udcff", file)
    assert linked == made
    equal((linked.gfid, linked.ia_type), (Gfid(gfid), IaType.IFREG))
    equal((linked.parent(), linked.path()), (stage.root, "/linked\udcff"))
    assert table.find(gfid) == linked
    # a second one of the same gfid: the table's own stands for the file
    assert other.link(None, None, file) == linked
    for error, text, action in (
        (ValueError, "not a directory", lambda: other.link(linked, "name", file)),
        (ValueError, "belong together", lambda: other.link(stage.root, None, file)),
        (ValueError, "belong together", lambda: other.link(None, "name", file)),
        (ValueError, "ia_gfid", lambda: table.new().link(stage.root, "name", Iatt())),
        (ValueError, "name", lambda: other.link(stage.root, "a/b", file)),
        (ValueError, "name", lambda: other.link(stage.root, "", file)),
        (ValueError, "NUL", lambda: other.link(stage.root, "a\0b", file)),
    ):
        refuses(error, text, action)
    repr(linked)


@check
def fds(stage: Stage) -> None:
    anonymous = Fd.anonymous(stage.root)
    assert anonymous.is_anonymous
    assert anonymous.inode == stage.root
    fd = Fd.create(stage.root, os.O_RDWR | os.O_APPEND, pid=77)
    equal((fd.flags, fd.pid, fd.is_anonymous), (os.O_RDWR | os.O_APPEND, 77, False))
    assert fd != anonymous
    equal(Fd.create(stage.root, 0).pid, 0)
    assert len({fd, anonymous, fd}) == 2
    seen = stage.ask("fstat", {"fd": fd})
    equal((seen.down["fd"]["flags"], seen.down["fd"]["pid"]), (os.O_RDWR | os.O_APPEND, 77))
    assert seen.request["fd"] == fd
    repr(fd)


@check
def kept_values_are_unchanged(stage: Stage) -> None:
    """What was given to a request does not change with what it was made of."""
    iatt, loc, flock = Iatt(ia_size=1), Loc("/a", inode=stage.root), Flock(l_len=1)
    seen = stage.ask("setattr", {"stbuf": iatt, "loc": loc}, {"preop_stbuf": iatt})
    lock = stage.ask("lk", {"flock": flock})
    iatt.ia_size, loc.path, flock.l_len = 2, "/b", 2
    equal(seen.request["stbuf"].ia_size, 1)
    equal((seen.request["loc"].path, seen.request["loc"].name), ("/a", "a"))
    equal((seen.answer["preop_stbuf"].ia_size, lock.request["flock"].l_len), (1, 1))
    seen.request["stbuf"].ia_size = 3
    equal((iatt.ia_size, seen.answer["preop_stbuf"].ia_size), (2, 1))
    names = Dict(a=1)
    seen = stage.ask("stat", {"xdata": names})
    names["a"] = 2
    seen.request["xdata"]["b"] = 3
    equal((dict(names), dict(seen.request["xdata"])), ({"a": 2}, {"a": 1, "b": 3}))


def elsewhere(action: Callable[[], object]) -> None:
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def asked_for(loc: Loc) -> tuple[Any, ...]:
    return loc.path, loc.name, loc.parent, loc.inode and loc.inode.gfid, loc.gfid


@check
def now_answered_elsewhere(stage: Stage) -> None:
    """By another thread, while the handler goes on and looks at what it was given."""
    before = asked_for(stage.loc)
    elsewhere(lambda: stage.frame.unwind(-1, errno.ENOENT))
    time.sleep(0.01)  # the caller gives the loc back
    for _ in range(3):
        equal(asked_for(stage.loc), before)
        equal(asked_for(stage.loc.copy()), before)


@check
def now_wound_elsewhere(stage: Stage) -> None:
    before = asked_for(stage.loc)
    CURRENT.clear()
    elsewhere(stage.frame.wind)
    time.sleep(0.01)
    for _ in range(3):
        equal(asked_for(stage.loc), before)
    assert "pending" not in repr(stage.frame)
