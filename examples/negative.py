"""A cache of names that are not there: a program that asks again is told at once.

Programs ask for many files that do not exist (along $PATH and PYTHONPATH, for lock files,
for .htaccess). Each such lookup goes all the way to the brick. This translator remembers
the answer until the name is made.

It sees what is made through its own graph. Load it where everything comes by that makes
names: on the brick, or in the client of a volume that only one client writes to.

Options:
    cache-size   how many names are remembered; 10000 unless told
"""

from __future__ import annotations

import errno
import logging
import threading

from gluster import Dict, Frame, Gfid, Iatt, Inode, Loc, Translator, Xlator

Name = tuple[Gfid, str]  # the gfid of a directory, and a name in it
log = logging.getLogger(__name__)


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.size = int(self.options.get("cache-size", "10000"))
        self.missing: dict[Name, None] = {}  # the oldest comes first
        # The latest lookup under way for a name. Its answer is worth nothing once the name
        # was made, or found, in the meantime: then it is not here any more.
        self.asking: dict[Name, object] = {}
        self.lock = threading.Lock()  # handlers run on many threads

    def remember(self, name: Name, lookup: object) -> None:
        """The name is not there, as this lookup has found."""
        with self.lock:
            if self.asking.get(name) is not lookup:
                return
            del self.asking[name]
            self.missing[name] = None
            if len(self.missing) > self.size:
                del self.missing[next(iter(self.missing))]
        log.debug("%s is not there: remembered", name[1])

    def forget(self, name: Name) -> None:
        """The name is there, or may be."""
        with self.lock:
            known = name in self.missing
            self.missing.pop(name, None)
            self.asking.pop(name, None)
        if known:
            log.debug("%s was made: forgotten", name[1])

    # A lookup asks, or is answered from memory.

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        name = name_of(loc)
        if name is None:
            frame.wind()
        elif name in self.missing:
            log.debug("%s is not there: answered from memory", name[1])
            frame.unwind(-1, errno.ENOENT)
        else:
            lookup = object()
            frame.local = name, lookup
            self.asking[name] = lookup
            frame.wind()

    def lookup_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        inode: Inode | None,
        buf: Iatt | None,
        xdata: Dict | None,
        postparent: Iatt | None,
    ) -> None:
        if frame.local is not None:
            name, lookup = frame.local
            if op_ret == 0:
                self.forget(name)
            elif op_errno == errno.ENOENT:
                self.remember(name, lookup)
        frame.unwind()

    # What makes a name makes the memory of it wrong. It is forgotten on the way up, before
    # anybody can know that the name is there, and when the request fails, too: it may have
    # failed because the name is there, or after it was made.

    def _make_first(self, frame: Frame, this: Xlator, loc: Loc, *arguments: object) -> None:
        frame.local = name_of(loc)
        frame.wind()

    def _make_second(
        self, frame: Frame, this: Xlator, source: object, loc: Loc, *arguments: object
    ) -> None:
        frame.local = name_of(loc)
        frame.wind()

    def _made(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        *answer: object,
    ) -> None:
        if frame.local is not None:
            self.forget(frame.local)
        frame.unwind()

    create_fop = mkdir_fop = mknod_fop = put_fop = icreate_fop = namelink_fop = _make_first
    symlink_fop = link_fop = rename_fop = _make_second
    create_cbk = mkdir_cbk = mknod_cbk = put_cbk = icreate_cbk = namelink_cbk = _made
    symlink_cbk = link_cbk = rename_cbk = _made


def name_of(loc: Loc) -> Name | None:
    """Directory and name; None for a request that knows its file by gfid alone."""
    if not loc.name:
        return None
    if loc.pargfid:
        return loc.pargfid, loc.name
    return (loc.parent.gfid, loc.name) if loc.parent else None
