"""Translators as people write them, for timing: see bench.py (option class-name)."""

from __future__ import annotations

from gluster import Dict, Frame, Iatt, Inode, Loc, Translator, Xlator, lookup_unwind, lookup_wind


class Nothing(Translator):
    """Intercepts nothing."""


class Fop(Translator):
    """A fop handler: the answer does not come by here."""

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        frame.wind()


class Both(Fop):
    """And a callback."""

    def lookup_cbk(
        self, frame: Frame, cookie: object, this: Xlator, op_ret: int, op_errno: int,
        inode: Inode | None, buf: Iatt | None, xdata: Dict | None, postparent: Iatt | None,
    ) -> None:  # fmt: skip
        frame.unwind()


class FopLong(Translator):
    """The same with the long forms, which take every argument."""

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        lookup_wind(frame, loc, xdata)


class BothLong(FopLong):
    """And a callback."""

    def lookup_cbk(
        self, frame: Frame, cookie: object, this: Xlator, op_ret: int, op_errno: int,
        inode: Inode | None, buf: Iatt | None, xdata: Dict | None, postparent: Iatt | None,
    ) -> None:  # fmt: skip
        lookup_unwind(frame, op_ret, op_errno, inode, buf, xdata, postparent)


class FopRead(Translator):
    """Reads a field of every handle."""

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        loc.name  # noqa: B018
        if xdata is not None:
            len(xdata)
        frame.wind()


class BothRead(FopRead):
    """And a callback, which does so too."""

    def lookup_cbk(
        self, frame: Frame, cookie: object, this: Xlator, op_ret: int, op_errno: int,
        inode: Inode | None, buf: Iatt | None, xdata: Dict | None, postparent: Iatt | None,
    ) -> None:  # fmt: skip
        if inode is not None and buf is not None and postparent is not None:
            inode.ia_type  # noqa: B018
            buf.ia_size  # noqa: B018
            postparent.ia_mtime  # noqa: B018
        if xdata is not None:
            len(xdata)
        frame.unwind()
