"""Says hello, in the GlusterFS log, to every name that is looked up."""

from __future__ import annotations

from gluster import Dict, Frame, Loc, Translator, Xlator


class xlator(Translator):
    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        print(f"hello, {loc.path}")
        frame.wind()
