"""Hides files and folders by their names.

A hidden name is in no listing, and looking it up finds nothing. Nor can it be made, or
overwritten: that is refused with EPERM, whether the name is there or not. What else names
it (unlink, rename from it) finds nothing, as the lookup did.

What is hidden is still there: a folder that holds nothing else looks empty, and can not be
removed (ENOTEMPTY); a file that has another name, too, is found under that.

Options:
    hide    patterns as the shell has them, with : between them, such as .git:*.bak
"""

from __future__ import annotations

import errno
import re
from fnmatch import translate

from gluster import Dict, Dirents, Frame, Loc, Translator, Xlator


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        patterns = [pattern for pattern in self.options.get("hide", "").split(":") if pattern]
        if not patterns:
            raise ValueError("option hide: which names are hidden?")
        self.hidden = re.compile("|".join(map(translate, patterns))).match

    # Listings lose the entries.

    def readdirp_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        entries: Dirents | None,
        xdata: Dict | None,
    ) -> None:
        if op_ret <= 0 or entries is None:
            frame.unwind()
            return
        page = list(entries)
        seen = [entry for entry in page if not self.hidden(entry.d_name)]
        if len(seen) == len(page):
            frame.unwind()
        elif seen:
            frame.unwind(entries=seen)
        else:
            # An answer without entries would end the listing: ask for the next page.
            frame.wind(offset=page[-1].d_off)

    # A handler for the request, too, so that the frame has it to be wound again.
    def readdirp_fop(self, frame: Frame, this: Xlator, *arguments: object) -> None:
        frame.wind()

    readdir_fop, readdir_cbk = readdirp_fop, readdirp_cbk

    # Requests that name something.

    def _find(self, frame: Frame, this: Xlator, loc: Loc, *arguments: object) -> None:
        """A name that has to be there."""
        if loc.name and self.hidden(loc.name):
            frame.unwind(-1, errno.ENOENT)
        else:
            frame.wind()

    def _make(self, frame: Frame, this: Xlator, loc: Loc, *arguments: object) -> None:
        """A name that is made."""
        if loc.name and self.hidden(loc.name):
            frame.unwind(-1, errno.EPERM)
        else:
            frame.wind()

    def _move(self, frame: Frame, this: Xlator, oldloc: Loc, newloc: Loc, xdata: object) -> None:
        """A name that is there, and one that is made."""
        if oldloc.name and self.hidden(oldloc.name):
            frame.unwind(-1, errno.ENOENT)
        else:
            self._make(frame, this, newloc)

    def symlink_fop(
        self, frame: Frame, this: Xlator, linkname: str, loc: Loc, *arguments: object
    ) -> None:
        self._make(frame, this, loc)

    lookup_fop = unlink_fop = rmdir_fop = _find
    create_fop = mkdir_fop = mknod_fop = put_fop = namelink_fop = _make
    link_fop = rename_fop = _move
