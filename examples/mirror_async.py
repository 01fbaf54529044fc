"""mirror.py as coroutines: the same files in two places, or more.

What it does, and what it is good for, stands there.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from itertools import count
from typing import Any

from gluster import FOPS, Fop, Frame, Reply, Translator, Xlator, gather, sleep

log = logging.getLogger(__name__)

# What is asked of one subvolume; every other fop goes to all.
ASKED = "access fgetxattr fstat getactivelk getspec getxattr rchecksum readdir readdirp readlink"
ASKED += " readv seek stat statfs"
# The subvolume's matter, not the request's.
BROKEN = {errno.EIO, errno.ENOTCONN, errno.EROFS, errno.EBADFD}
PATIENCE = 10  # seconds in which all subvolumes come up


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.living = self.children  # without those that are left out
        self.lock = threading.Lock()
        self.turn = count()
        self.known: set[Xlator] = set()  # those that have been connected
        self.deadline = time.monotonic() + PATIENCE

    def leave_out(self, worse: dict[Xlator, Reply]) -> None:
        for child in worse.keys() & set(self.living):
            self.living = tuple(other for other in self.living if other != child)
            reply = worse[child]
            why = os.strerror(reply.op_errno) if reply.op_ret < 0 else f"did {reply.op_ret} only"
            log.error("%s is left out from now on: %s", child.name, why)

    async def wind(self, frame: Frame, children: Iterable[Xlator]) -> dict[Xlator, Reply]:
        replies: dict[Xlator, Reply] = {}
        again = list(children)
        while True:
            answers = await gather(*(frame.wind(child=child) for child in again))
            replies.update(zip(again, answers, strict=True))
            again = [c for c in again if replies[c].op_errno == errno.ENOTCONN]
            again = [c for c in again if c not in self.known]
            self.known.update(replies.keys() - set(again))
            if not again or time.monotonic() > self.deadline:
                return replies
            await sleep(0.1)

    async def ask(self, fop: Fop, frame: Frame, arguments: tuple[Any, ...]) -> Reply:
        child = self.living[next(self.turn) % len(self.living) if fop.name == "readv" else 0]
        listing: Any = arguments[0] if fop.name in ("readdir", "readdirp") else None
        goes_on = listing is not None and arguments[2] != 0
        if goes_on and listing.ctx is not None:
            child = listing.ctx  # another one's offsets mean something else
        broken: dict[Xlator, Reply] = {}
        while True:
            if listing is not None:
                listing.ctx = child
            reply = (await self.wind(frame, [child]))[child]
            if reply.op_ret >= 0 or reply.op_errno not in BROKEN:
                with self.lock:
                    self.leave_out(broken if child in self.living else {})
                return reply
            broken[child] = reply
            others = [other for other in self.living if other not in broken]
            if goes_on or not others:
                return reply
            child = others[0]

    async def tell(self, fop: Fop, frame: Frame) -> Reply:
        replies = await self.wind(frame, self.living)
        with self.lock:
            # What one says that is left out meanwhile counts no more.
            replies = {child: replies[child] for child in self.living}
            best = max(replies.values(), key=lambda r: (r.op_ret, r.op_errno not in BROKEN))
            worse = {child: r for child, r in replies.items() if r.op_ret < best.op_ret}
            if fop.name == "lookup":  # that a name is missing may be a matter of time
                worse = {child: r for child, r in worse.items() if r.op_errno in BROKEN}
            self.leave_out(worse)
        return best


def handler(fop: Fop) -> Callable[..., Coroutine[Any, Any, Reply]]:
    async def handler(self: xlator, frame: Frame, this: Xlator, *arguments: Any) -> Reply:
        if fop.name in ASKED.split():
            return await self.ask(fop, frame, arguments)
        return await self.tell(fop, frame)

    return handler


for fop in FOPS.values():
    setattr(xlator, f"{fop.name}_fop", handler(fop))
