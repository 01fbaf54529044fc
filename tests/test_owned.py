"""What Python keeps of a request is there when the request is not any more."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Option, eventually

ROOT = Path(__file__).parent.parent

ABOVE = """
import ctypes
import errno
from gluster import Translator, timeout

library = ctypes.CDLL("libglusterfs.so.0")
kept = []

class xlator(Translator):
    async def mkdir_fop(self, frame, this, *args):
        async with timeout(0.1):
            return await frame.wind()

    def lookup_fop(self, frame, this, loc, xdata):
        if xdata is None:  # FUSE asks for the name alone, first
            frame.wind()
        elif loc.name == "kept":
            kept.append((xdata, dict(xdata)))
            frame.unwind(-1, errno.ENOENT)
        elif loc.name == "told":
            # C changes what the request has, not a copy of it.
            assert library.dict_set_int32(xdata, b"glupy.told", 7) == 0
            frame.wind()
        elif loc.name == "shown":
            for xdata, was in kept:
                assert dict(xdata) == was, (dict(xdata), was)
            print("kept", len(kept), "gfids", len({was["gfid-req"] for _, was in kept}))
            kept.clear()
            frame.unwind(-1, errno.ENOENT)
        else:
            frame.wind()
"""

BELOW = """
import threading
from gluster import Translator

class xlator(Translator):
    def mkdir_fop(self, frame, this, *args):
        threading.Timer(0.5, frame.wind).start()

    def lookup_fop(self, frame, this, loc, xdata):
        if loc.name == "told" and xdata is not None:
            print("told", xdata["glupy.told"])
        frame.wind()
"""


@pytest.fixture
def mount(host: Host) -> Iterator[Mount]:
    path = host.write(above=ABOVE, below=BELOW)
    volfile = host.posix()
    for name in ("below", "above"):
        options: dict[str, Option] = {"module-name": name, "module-path": path}
        volfile.add(name, host.glupy, options)
    with host.mount(volfile, readdirp=False) as mount:
        yield mount


def test_values_in_the_memory_of_others(host: Host, mount: Mount) -> None:
    """FUSE puts the gfid of a new file into the dict as an address in its request."""
    names = [f"folder{i}" for i in range(6)]
    started = threading.Barrier(len(names))

    def make(name: str) -> int:
        started.wait()
        try:
            (mount.path / name).mkdir()
        except OSError as error:
            return error.errno or -1
        return 0

    with ThreadPoolExecutor(len(names)) as threads:
        assert set(threads.map(make, names)) == {errno.ETIMEDOUT}
    mount.log.known.append("fuse_entry_cbk|MKDIR")

    def made() -> bool:
        return all((host.brick() / name).exists() for name in names)

    eventually("the children have made them", made)
    gfids = {os.getxattr(host.brick() / name, "trusted.gfid") for name in names}
    assert len(gfids) == len(names)

    for _ in range(40):
        assert not (mount.path / "kept").exists()
    assert not (mount.path / "told").exists()
    assert not (mount.path / "shown").exists()
    assert mount.log.find("kept 40 gfids 40$")
    assert mount.log.find("told 7$")


# An assertion that fails in a translator is an error in the log, which fails the test.

DICTS = """
import ctypes
import time
from gluster import (Dict, Dirent, Dirents, DictType, Flock, Iovec, Loc, LockList, Translator,
                     loc_t)

library = ctypes.CDLL("libglusterfs.so.0")

def borrowing(memory):
    # A dict with a value in the memory of somebody else.
    names = Dict(mine=b"own")
    size = ctypes.c_size_t(4)
    assert library.dict_set_static_bin(names, b"theirs", memory, size) == 0
    return names

def all_are_the_dicts_own():
    memory = ctypes.create_string_buffer(b"true")
    names = borrowing(memory)
    entry = Dirent("name", dict=names)
    entry_of_list = Dirents([entry])[0]
    copies = [names.copy(), Dict(names), entry.dict, entry.copy().dict, entry_of_list.dict]
    renamed = Dirent("name", dict=names)
    renamed.d_name = "other"
    copies.append(renamed.dict)
    memory.value = b"gone"
    assert names["theirs"] == b"gone"
    for copy in copies:
        assert dict(copy) == {"mine": b"own", "theirs": b"true"}, copy
        assert copy.type("theirs") == names.type("theirs")
        assert list(copy) == list(names)

def an_address_of_nobody_knows_what():
    # It has no length, and nobody can keep what it leads to.
    names = Dict(mine=1)
    memory = ctypes.create_string_buffer(b"true")
    assert library.dict_set_static_ptr(names, b"address", memory) == 0
    assert dict(names.copy()) == {"mine": 1}

def what_is_handed_on_stays():
    names = Dict(mine=1)
    entry = Dirent("name", dict=names)
    names["more"] = 2
    entry.dict["other"] = 3
    assert (names, entry.dict) == ({"mine": 1, "more": 2}, {"mine": 1})
    entry.dict = names
    names.clear()
    assert (names, entry.dict) == ({}, {"mine": 1, "more": 2})

def what_ctypes_shows_is_changed():
    names = Dict(mine=1)
    view = names.contents
    names["more"] = 2
    assert library.dict_set_int32(names, b"other", 3) == 0
    assert (view.count, names) == (3, {"mine": 1, "more": 2, "other": 3})

def many_names():
    # Five times as many take five times as long, not twenty-five.
    few, many = handled(4_000), handled(20_000)
    assert many < 12 * few, (few, many)

def handled(count):
    many = {f"name-{i}": i for i in range(count)}
    began = time.thread_time()
    names = Dict(many)
    others = Dict(names)
    others.update({"name-1": 1, "other": 3}, another=2.5)
    assert names == many
    assert names.copy() == many
    assert len(others) == len(many) + 2
    assert (others["other"], others["another"]) == (3, 2.5)
    for _ in range(100):
        others.popitem()
    assert len(others) == len(many) - 98
    others.clear()
    assert not others
    return time.thread_time() - began

def types_stay():
    names = Dict()
    names.set("count", 1, DictType.UINT)
    names.update([("count", 2), ("count", 3), ("half", 1.5), ("half", 2)])
    assert (names.type("count"), names["count"]) == (DictType.UINT, 3)
    assert (names.type("half"), names["half"]) == (DictType.DOUBLE, 2.0)
    assert sorted(names) == ["count", "half"]

def pointers_are_pythons_own_only():
    loc, iovec = Loc("/folder/name"), Iovec(b"data")
    entries = Dirents([Dirent("name")])
    locks = LockList([(Flock(), "client", 0)])
    for view, names in [
        (loc.contents, "path name inode parent"),
        (iovec.contents, "iov_base"),
        (entries.contents, "next dict inode"),
        (entries.contents.next.contents, "next prev dict inode"),
        (entries[0].contents, "dict inode"),
        (locks.contents.list.next.contents, "next prev"),
        (Dict(a=1).contents, "members_list extra_stdfree"),
    ]:
        for name in names.split():
            for value in (b"/other", None, getattr(view, name)):
                try:
                    setattr(view, name, value)
                except TypeError as error:
                    assert f"{name} is a pointer in the memory of GlusterFS" in str(error), error
                else:
                    raise AssertionError((view, name, value))
    loc.contents.gfid[0] = 7
    assert (loc.path, loc.name, bytes(loc.gfid)[0]) == ("/folder/name", "name", 7)
    assert (bytes(iovec), len(entries), len(locks)) == (b"data", 1, 1)
    own = loc_t()
    own.path = b"/mine"
    ctypes.pointer(own).contents.name = b"mine"
    assert (own.path, own.name) == (b"/mine", b"mine")

for check in (all_are_the_dicts_own, an_address_of_nobody_knows_what, types_stay,
              what_is_handed_on_stays, what_ctypes_shows_is_changed, pointers_are_pythons_own_only,
              many_names):
    check()
    print("done:", check.__name__)

class xlator(Translator):
    pass
"""


def mounted(host: Host, source: str) -> Mount:
    options: dict[str, Option] = {
        "module-name": "under_test",
        "module-path": host.write(under_test=source),
    }
    return host.mount(host.posix().add("glupy", host.glupy, options))


def test_dicts(host: Host) -> None:
    """Values in the memory of others, wherever a dict is kept; and dicts with many names."""
    with mounted(host, DICTS) as mount:
        assert len(mount.log.find("done: ")) == 7


CLASSES = """
import copyreg
import ctypes
import gc
import gluster
from gluster import *

def classes(of):
    for cls in type.__subclasses__(of):
        if cls.__module__ == "gluster":
            yield cls
        yield from classes(cls)

native = {c for c in classes(object) if c.__name__ in NATIVE or issubclass(c, gluster.Reply)}
Handle = Iatt.__base__
kept = []

def refused(*errors):
    def attempt(function, *args):
        try:
            function(*args)
        except errors:
            return
        raise AssertionError((function, args))
    return attempt

class xlator(Translator):
    def lookup_fop(self, frame, this, loc, xdata):
        if loc.name == "classes":
            kept.append((frame, loc, loc.inode, loc.inode.table, this, Iatt(), Dict(), Dirents(),
                         LockList(), Gfid(bytes(16)), Iovec(b""), lookup_reply_t(), Lock(),
                         this.children[0].lookup))
            check(kept[0])
        frame.wind()

def check(objects):
    cannot = refused(TypeError, AttributeError)
    set_class = vars(object)["__class__"].__set__
    others = [*objects, stat_reply_t()]
    for object_ in objects:
        cls = type(object_)
        for other in map(type, others):
            if other is not cls:
                cannot(setattr, object_, "__class__", other)
                cannot(object.__setattr__, object_, "__class__", other)
                cannot(set_class, object_, other)
        if cls not in (Loc, Iatt, Dict, Dirents, LockList, lookup_reply_t, Lock):
            cannot(object.__new__, cls)
            cannot(copyreg.__newobj__, cls)
            cannot(cls.__new__, cls)
        assert type(object_) is cls
    for cls in native:
        cannot(setattr, cls, "__repr__", None)
        cannot(type.__setattr__, cls, "extra", 1)
        cannot(delattr, cls, "__doc__")
        cannot(setattr, cls, "__bases__", (Handle,))
    class Mine(Handle):
        __slots__ = ()
    cannot(Mine)
    cannot(Handle.__new__, Mine)
    cannot(object.__new__, Mine)
    cannot(Iatt.__new__, Mine)
    cannot(setattr, Iatt(), "__class__", Mine)
    cannot(vars(stat_reply_t)["buf"].__get__, lookup_reply_t())
    print("native", *sorted(c.__name__ for c in native if c.__name__ in NATIVE))
"""


def test_classes_stay(host: Host) -> None:
    """What an object is does not change, and native classes do not, whatever is tried."""
    source = "\n".join(path.read_text() for path in (ROOT / "glupy/src").rglob("*.rs"))
    declared = r"#\[pyclass\(([^\]]*)\)\]\s*(?:#\[.*\]\s*)*(?:pub )?struct (\w+)"
    renamed = r'name = "(\w+)"'
    names = set(re.findall(r"handle_class!\(\s*(?:///.*\s*)*(\w+)", source))
    for options, name in re.findall(declared, source):
        given = re.search(renamed, options)
        names.add(given[1] if given else name)
    assert len(names) >= 28
    with mounted(host, CLASSES.replace("NATIVE", repr(names))) as mount:
        assert not (mount.path / "classes").exists()
        line = mount.log.find("native Acquire")[0]
    assert set(line.message.split()) == {"native", *names}
