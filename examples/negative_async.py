"""negative.py as coroutines: a cache of names that are not there.

What it does, and where to load it, stands there.
"""

from __future__ import annotations

import errno
import logging
import threading

from gluster import Dict, Frame, Gfid, Loc, Option, Translator, Xlator, lookup_reply_t

Name = tuple[Gfid | None, str | None]  # the gfid of a directory, and a name in it
log = logging.getLogger(__name__)


class xlator(Translator):
    size = Option.int("cache-size", default=10000, min=1, help="How many names are remembered.")

    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.missing: dict[Name, None] = {}  # the oldest comes first
        self.asking: dict[Name, object] = {}  # the latest lookup under way for a name
        self.lock = threading.Lock()  # coroutines run on many threads

    def discard(self, name: Name) -> None:
        with self.lock:
            self.asking.pop(name, None)
            if name in self.missing:
                del self.missing[name]
                log.debug("%s was made: forgotten", name[1])

    async def lookup_fop(
        self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None
    ) -> lookup_reply_t:
        name = name_of(loc)
        if name in self.missing:
            log.debug("%s is not there: answered from memory", name[1])
            raise FileNotFoundError(errno.ENOENT, name[1])
        self.asking[name] = lookup = object()
        reply: lookup_reply_t = await frame.wind()
        if reply.op_ret == 0:
            self.discard(name)
        with self.lock:
            if self.asking.get(name) is lookup:  # not made, nor found, in the meantime
                del self.asking[name]
                if reply.op_errno == errno.ENOENT and name[1]:
                    self.missing[name] = None
                    log.debug("%s is not there: remembered", name[1])
                    if len(self.missing) > self.size:
                        del self.missing[next(iter(self.missing))]
        return reply

    async def _make(self, frame: Frame, this: Xlator, *arguments: object) -> object:
        *_, loc = (argument for argument in arguments if isinstance(argument, Loc))
        reply = await frame.wind()
        self.discard(name_of(loc))
        return reply

    create_fop = mkdir_fop = mknod_fop = put_fop = icreate_fop = namelink_fop = _make
    symlink_fop = link_fop = rename_fop = _make


def name_of(loc: Loc) -> Name:
    return loc.pargfid or (loc.parent and loc.parent.gfid), loc.name
