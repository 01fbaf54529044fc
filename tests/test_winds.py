"""A request's handlers may wind more than once, whatever the answers' values are used for."""

from __future__ import annotations

import os

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
