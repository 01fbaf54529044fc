"""A request's handlers may wind more than once, whatever the answers' values are used for."""

from __future__ import annotations

import os

import pytest

from glusterfs import Host

# On a lookup of `from`, `to` gets its times: the attributes that the child has answered
# with, which are on its stack, go into another wind, untouched by Python.
COPIER = """\
from gluster import Loc, SetAttr, Translator, lookup_unwind, setattr_wind

class xlator(Translator):
    to = None

    def lookup_fop(self, frame, this, loc, xdata):
        frame.local = loc
        frame.wind()

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, *answer):
        loc, buf = frame.local, answer[1]
        if op_ret == 0 and loc.name == "to":
            self.to = Loc(loc.path, inode=answer[0], gfid=buf.ia_gfid)
        if op_ret < 0 or loc.name != "from" or self.to is None:
            return frame.unwind()
        frame.local = answer
        setattr_wind(frame, self.to, buf, SetAttr.ATIME | SetAttr.MTIME, None)

    def setattr_cbk(self, frame, cookie, this, op_ret, op_errno, *after):
        if frame.op == "setattr":
            return frame.unwind()
        lookup_unwind(frame, op_ret, op_errno, *frame.local)
"""


def test_an_answer_goes_into_another_wind(host: Host) -> None:
    """Its values must outlive the callback: the wind comes after that has returned."""
    modules = host.write(copier=COPIER)
    volfile = host.posix().add("copier", host.glupy, {
        "module-name": "copier",
        "module-path": modules,
    })  # fmt: skip
    with host.mount(volfile) as mount:
        for name in ("from", "to"):
            (mount.path / name).touch()
        os.utime(mount.path / "from", (1_000_000_001, 1_000_000_002))
        for _ in range(20):
            os.utime(mount.path / "to", (5, 6))
            assert os.stat(mount.path / "to").st_mtime == 6
            os.stat(mount.path / "from")
            after = os.stat(mount.path / "to")
            assert (after.st_atime, after.st_mtime) == (1_000_000_001, 1_000_000_002)


# Asks its child again and again for a lookup of `again`, with what has come with it.
UPPER = """\
from gluster import Translator

class xlator(Translator):
    def lookup_fop(self, frame, this, loc, xdata):
        frame.local = [loc.name, 0]
        frame.wind()

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, *answer):
        name, asked = frame.local
        if name == "again" and asked < 5000:
            frame.local[1] += 1
            return frame.wind()
        frame.unwind()
"""
UPPER_ASYNC = """\
from gluster import Translator

class xlator(Translator):
    async def lookup_fop(self, frame, this, loc, xdata):
        for _ in range(5000 if loc.name == "again" else 0):
            await frame.wind()
        return await frame.wind()
"""
# Answers inside of the wind, or later and from another thread.
LOWER = """\
import threading
from gluster import Translator

class xlator(Translator):
    def lookup_fop(self, frame, this, loc, xdata):
        if loc.name == "later":
            return threading.Timer(0.01, frame.unwind, (-1, 2)).start()
        if loc.name in ("now", "again"):
            return frame.unwind(-1, 2)
        frame.wind()
"""


@pytest.mark.parametrize("upper", [UPPER, UPPER_ASYNC], ids=["callbacks", "coroutine"])
def test_a_child_answers_now_and_then_later(host: Host, upper: str) -> None:
    """What is done early because the last answer came late is right for one that does not;
    and a request that goes down and up thousands of times nests nothing, either way."""
    modules = host.write(upper=upper, lower=LOWER)
    volfile = host.posix()
    for name in ("lower", "upper"):
        volfile.add(name, host.glupy, {"module-name": name, "module-path": modules})
    with host.mount(volfile) as mount:
        for name in ["now", "again", "later", "again", *["later", "now"] * 20, "again"]:
            assert not (mount.path / name).exists()
        for _ in range(40):
            assert not (mount.path / "now").exists()
        assert not (mount.path / "again").exists()
