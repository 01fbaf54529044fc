"""What type checkers make of a translator of the original Glupy. Checked, never run."""

# ruff: noqa: F403, F405  (what the star import gives is what is checked)

from __future__ import annotations

from typing import assert_type

from gluster.glupy import *


class xlator(Translator):
    """Written as for the original, after 2to3."""

    @lookup_fop_t
    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> int:
        assert_type(dl.get_id(frame), int)
        assert_type(dl.get_rootunique(frame), int)
        dl.wind_lookup(frame, POINTER(xlator_t)(), loc, xdata)
        print(loc.contents, sizeof(c_void_p), os.getpid(), sys.argv)
        return 0


def open_fop(frame: Frame, this: Xlator, loc: Loc, flags: int, fd: Fd, xdata: Dict | None) -> int:
    dl.wind_open(frame, this, loc, flags, fd, xdata)
    return 0


class bare:
    """A class that sets functions."""

    def __init__(self, this: Xlator) -> None:
        dl.set_open_fop(this, open_fop)
