"""Asks a brick for what programs and replicate do not, when a file gets the attribute `user.ask`.

Not for what Glupy winds to no brick (`broken_in` in fops.yaml).
"""

from __future__ import annotations

import os

from gluster import Dict, Frame, Inode, Lease, Loc, Translator, Xlator, setxattr_reply_t


class xlator(Translator):
    async def setxattr_fop(
        self, frame: Frame, this: Xlator, loc: Loc, attributes: Dict, flags: int, xdata: Dict | None
    ) -> object:
        if "user.ask" not in attributes:
            return frame.wind()
        brick, file = self.children[0], loc.inode
        assert file is not None
        # As for a file of which nothing but the GFID is known.
        await brick.lookup(Loc(gfid=file.gfid, inode=Inode.new(file.table)))
        await brick.access(file, os.R_OK)
        await brick.lease(file, Lease())
        await brick.getactivelk(file)
        return setxattr_reply_t()
