"""Values do what Python expects of values: they are copied, pickled, formatted and joined."""

from __future__ import annotations

import os

from glusterfs import Host, Option

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
