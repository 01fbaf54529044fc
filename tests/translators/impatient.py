"""Waits two seconds for the value of an extended attribute, and not longer."""

from __future__ import annotations

from gluster import Dict, Frame, Loc, Reply, Translator, Xlator, timeout


class xlator(Translator):
    async def getxattr_fop(
        self, frame: Frame, this: Xlator, loc: Loc, name: str | None, xdata: Dict | None
    ) -> Reply:
        async with timeout(2):
            reply: Reply = await frame.wind()
        return reply
