"""Objects do what Python expects of them: values are copied, pickled, formatted and joined, handles
have weak references, and what is forgotten is named.
"""

from __future__ import annotations

import os

import pytest

from glusterfs import Host, Option, Volfile

TRANSLATOR = """
import copy
import os
import pickle
from gluster import Dict, DictType, Flock, Gfid, Iatt, Lease, Loc, Statvfs, Translator

GFID = Gfid("12345678-1234-1234-1234-123456789abc")

def of_values(loc):
    made = [
        GFID,
        Iatt(ia_size=5, ia_gfid=GFID, ia_mtime=-1, ia_mtime_nsec=5),
        Iatt(os.stat("/etc/passwd")),
        Flock(l_start=3, l_owner=b"owner"),
        Lease(lease_id=b"x" * 16),
        Statvfs(f_blocks=7),
        Dict({"a": 1, "b": "text", "c": b"bytes", "d": 0.5, "e": GFID, "f": Iatt(ia_size=9)}),
        Dict(),
    ]
    for value in made:
        for same in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value)),
                     pickle.loads(pickle.dumps(value, 2)), copy.deepcopy([value])[0]):
            assert type(same) is type(value) and same == value, value
    first = made[-2]
    other = copy.copy(first)
    other["a"] = 2
    assert first["a"] == 1 and other["a"] == 2
    for twin in (copy.copy(loc), copy.deepcopy(loc)):
        assert twin == loc and twin is not loc
    again = pickle.loads(pickle.dumps(first))
    assert [again.type(key) for key in again] == [first.type(key) for key in first]

def of_stat():
    stat = os.stat("/etc/passwd")
    iatt = Iatt(stat)
    for name in ("size", "mode", "ino", "dev", "nlink", "uid", "gid", "blksize", "blocks"):
        assert getattr(iatt, f"st_{name}") == getattr(stat, f"st_{name}") or name == "blocks", name
    for name in ("atime", "mtime", "ctime"):
        assert getattr(iatt, f"st_{name}_ns") == getattr(stat, f"st_{name}_ns")
        assert abs(getattr(iatt, f"st_{name}") - getattr(stat, f"st_{name}")) < 1e-6
    assert Iatt(ia_mtime=-1, ia_mtime_nsec=5).st_mtime_ns == -999999995
    for name in ("st_nothing", "st_size_ns", "size", "st_", "ia_nothing"):
        assert not hasattr(iatt, name), name

def of_formats():
    assert f"{GFID:>40}" == " " * 4 + str(GFID) and f"{GFID}" == str(GFID)
    assert "{:.8}".format(GFID) == "12345678"

def of_dicts():
    one, two = Dict(a=1, b="x"), Dict(b="y", c=3)
    joined = one | two
    assert type(joined) is Dict and joined == {"a": 1, "b": "y", "c": 3}
    assert one == {"a": 1, "b": "x"}
    assert one | {"d": 4} == {"a": 1, "b": "x", "d": 4}
    assert {"d": 4, "a": 0} | one == {"d": 4, "a": 1, "b": "x"}
    same = one
    one |= two
    assert same is one and one == joined

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        of_values(loc)
        of_stat()
        of_formats()
        of_dicts()
        frame.wind()
"""


def test_values_are_values(host: Host) -> None:
    options: dict[str, Option] = {
        "module-name": "values", "module-path": host.write(values=TRANSLATOR)
    }  # fmt: skip
    mount = host.mount(host.posix().add("values", host.glupy, options))
    os.mkdir(mount.path / "dir")


REFERENCES = """
import gc
import weakref
from gluster import Dirent, Inode, Loc, Translator

def tell(each):
    # What another request's would say otherwise.
    for kind, name in ((Loc, "path"), (Dirent, "d_name"), (Inode, "gfid")):
        if isinstance(each, kind):
            return getattr(each, name)
    return type(each)

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.seen = []
        self.kept = []
        self.by_name = weakref.WeakValueDictionary()

    def look(self, *objects):
        for each, said in self.seen:
            there = each()
            assert there is None or tell(there) == said, (there, said)
        for each in objects:
            if each is not None:
                self.seen.append((weakref.ref(each), tell(each)))
                assert self.seen[-1][0]() is each

    def lookup_fop(self, frame, this, loc, xdata):
        self.look(frame, loc, loc.inode, loc.parent, xdata)
        if loc.name == "kept":
            self.kept.append(loc)
            self.by_name[loc.name] = loc
        frame.wind()

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, postparent):
        self.look(frame, inode, buf, xdata, postparent)
        frame.unwind()

    async def opendir_fop(self, frame, this, loc, fd, xdata):
        reply = await frame.wind()
        self.look(frame, loc, fd, reply, reply.fd)
        return reply

    def readdirp_cbk(self, frame, cookie, this, op_ret, op_errno, entries, xdata):
        for i in range(len(entries)):
            self.look(entries[i], entries[i].inode)
        frame.unwind()

    def mkdir_fop(self, frame, this, loc, *rest):
        assert self.by_name["kept"].name == "kept"
        self.kept.clear()
        gc.collect()
        alive = [each() for each, _ in self.seen if each() is not None]
        assert not alive, alive
        assert len(self.seen) > 500, len(self.seen)
        assert not self.by_name
        frame.wind()
"""


def test_weak_references(host: Host) -> None:
    options: dict[str, Option] = {
        "module-name": "refers", "module-path": host.write(refers=REFERENCES)
    }  # fmt: skip
    mount = host.mount(host.posix().add("refers", host.glupy, options))
    for name in ("kept", *map(str, range(50))):
        (mount.path / name).touch()
    for _ in range(3):
        os.listdir(mount.path)
        for i in range(50):
            os.stat(mount.path / str(i))
    os.mkdir(mount.path / "dir")


FORGETS = """
import asyncio
from gluster import Dict, FrameError, Translator, getxattr_reply_t, sleep

def raises(kind, text, function):
    try:
        function()
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind}")

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if name == "user.asyncio":
            await asyncio.sleep(1)
        if name == "user.await":
            reply = self.children[0].stat(loc)
            return reply.op_ret
        if name != "user.ask":
            return await frame.wind()
        for future in (frame.wind(), self.children[0].stat(loc), sleep(0)):
            raises(AttributeError, "await it first", lambda: future.buf)
            assert not hasattr(future, "buf")
            raises(AttributeError, "no attribute '__nothing__'", lambda: future.__nothing__)
            await future
        reply = getxattr_reply_t(0, 0, Dict({name: b"value"}))
        assert (reply.op_ret, reply.op_errno, reply.xdata) == (0, 0, None)
        assert getxattr_reply_t(-1, 7).op_errno == 7
        assert getxattr_reply_t(0, dict=Dict()).dict == {}
        raises(TypeError, "4 values at most", lambda: getxattr_reply_t(0, 0, None, None, None))
        raises(TypeError, "op_errno is given twice", lambda: getxattr_reply_t(-1, 5, op_errno=5))
        raises(TypeError, "dict", lambda: getxattr_reply_t(0, 0, 5))
        return reply
"""


def test_what_was_forgotten_is_named(host: Host) -> None:
    options: dict[str, Option] = {
        "module-name": "forgets", "module-path": host.write(forgets=FORGETS)
    }  # fmt: skip
    mount = host.mount(host.posix().add("forgets", host.glupy, options))
    assert os.getxattr(mount.path, "user.ask") == b"value"
    for name, said in {
        "asyncio": "RuntimeError: no running event loop; there is no asyncio loop: await gluster's",
        "await": "AttributeError: .*'op_ret': await it first",
    }.items():
        with pytest.raises(OSError, match="Input/output error"):
            os.getxattr(mount.path, f"user.{name}")
        mount.log.expect(said)
    mount.log.known += ["0-forgets: ", "GETXATTR"]


SQUASHES = """
import os
from gluster import FrameError, Translator

class xlator(Translator):
    async def create_fop(self, frame, this, loc, *rest):
        if loc.name.startswith("mine"):
            return await frame.wind()
        before = frame.uid, frame.gid, frame.groups
        frame.uid, frame.gid, frame.groups = 4001, 4002, [4003, *range(5000, 5200)]
        assert (frame.uid, frame.gid, frame.groups[:2]) == (4001, 4002, (4003, 5000)), frame.groups
        print("client", getattr(frame.client, "client_uid", None))
        for wrong in (lambda: setattr(frame, "uid", -1), lambda: setattr(frame, "gid", 1 << 32),
                      lambda: setattr(frame, "groups", [-1])):
            try:
                wrong()
            except OverflowError as error:
                assert "does not fit" in str(error), error
            else:
                raise AssertionError("taken")
        try:
            frame.groups = range(65536)
        except ValueError as error:
            assert "at most 65535" in str(error)
        reply = await frame.wind()
        assert reply.op_ret == 0 and frame.uid == 4001
        assert (reply.buf.ia_uid, reply.buf.ia_gid) == (4001, 4002), reply.buf
        found = await self.children[0].fstat(reply.fd)
        assert found.buf.ia_uid == 4001
        return reply

    def setattr_fop(self, frame, this, loc, *rest):
        try:
            frame.uid = 5
        except FrameError as error:
            assert "async def setattr_fop" in str(error), error
        else:
            raise AssertionError("taken")
        assert frame.uid == 0
        frame.wind()
"""


@pytest.mark.parametrize("on", ["mount", "brick"])
def test_asking_in_anothers_name(host: Host, on: str) -> None:
    options: dict[str, Option] = {
        "module-name": "squashes", "module-path": host.write(squashes=SQUASHES)
    }  # fmt: skip
    volfile = host.posix().add("squashes", host.glupy, options)
    if on == "brick":
        brick = host.serve(volfile)
        mount = host.mount(brick.client(Volfile(), "client"))
        log = brick.log
    else:
        mount = host.mount(volfile)
        log = mount.log
    for name, owner in {"theirs": (4001, 4002), "mine": (0, 0), "theirs2": (4001, 4002)}.items():
        with open(mount.path / name, "w") as file:
            file.write("text")
        stat = os.stat(host.directory / "brick" / name)
        assert (stat.st_uid, stat.st_gid) == owner
        os.chmod(mount.path / name, 0o640)
    (said, _) = [line for line in log.find("client ") if line.place.startswith("squashes")]
    assert ("CTX_ID" in said.message) == (on == "brick"), said
