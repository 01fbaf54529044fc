"""What a request has lent, when somebody else than its handler ends the request.

The name in the request says how: see the methods.
"""

from __future__ import annotations

import errno
import gc
import queue
import sys
import threading
import time
from contextlib import suppress

from gluster import Dict, Frame, Iatt, Inode, Loc, Semaphore, Translator, Xlator, sleep

WORKERS = 8
ERRORS = {"other": errno.EDOM}
# So that threads change places everywhere.
sys.setswitchinterval(1e-6)


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.first: Frame | None = None
        self.second: tuple[Frame, Loc] | None = None
        self.last: Loc | None = None
        self.dropped: list[Frame] = []
        self.work: queue.SimpleQueue[tuple[Frame, Loc]] = queue.SimpleQueue()
        for _ in range(WORKERS):
            threading.Thread(target=self.run, daemon=True).start()

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        name = (loc.name or "").partition("-")[0]
        if method := getattr(self, name, None):
            method(frame, loc)
        else:
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
        if frame is self.first and self.second:
            other, self.last = self.second
            self.first = self.second = None
            # Its trampoline is still on the stack: this happens inside of its wind.
            other.unwind(-1, errno.EDOM)
        frame.unwind()

    # -- a thread ends the request while its handler runs ------------------------------

    def handed(self, frame: Frame, loc: Loc) -> None:
        self.work.put((frame, loc))
        # Back as soon as the thread has begun to end it.
        while "pending" in repr(frame):
            pass

    def run(self) -> None:
        while True:
            frame, loc = self.work.get()
            with suppress(TypeError):
                frame.wind(size=1)
            # So that the frame is the last who has what it was before.
            loc.path = "/another"
            frame.unwind(-1, errno.EBUSY)
            del frame, loc

    def stays(self, frame: Frame, loc: Loc) -> None:
        """On the stack of one that was ended: what was written there late means this one."""
        threading.Timer(0.01, self.check, (frame, loc, loc.path)).start()
        time.sleep(0.002)  # for those who are late

    def check(self, frame: Frame, loc: Loc, path: str) -> None:
        if loc.path != path:
            print("somebody else's path:", loc.path, "for", path)
        frame.unwind(-1, errno.ENODATA)

    # -- the callback of another request ends it ---------------------------------------

    def waits(self, frame: Frame, loc: Loc) -> None:
        self.first = frame
        print("there is", loc.name)

    def ends(self, frame: Frame, loc: Loc) -> None:
        if self.first is None:  # who is refused asks once more
            frame.unwind(-1, errno.EDOM)
        else:
            self.second = frame, loc
            self.first.wind()

    def tells(self, frame: Frame, loc: Loc) -> None:
        if self.last is not None:
            print(f"the last one was {self.last.path} {self.last.parent}")
        self.last = None
        frame.unwind(-1, errno.ENOENT)

    # -- nobody ends it: it is dropped in the middle of an exception ---------------------

    def drops(self, frame: Frame, loc: Loc) -> None:
        self.dropped.append(frame)
        threading.Timer(0.05, self.drop).start()

    def drop(self) -> None:
        try:
            self.dropped.pop().unwind(-1, ERRORS["no such"])
        except KeyError as error:
            print("the author's exception:", repr(error))


class coroutines(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.child = this.children[0]

    async def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> object:
        match (loc.name or "").partition("-")[0]:
            case "answers":
                await self.child.access(loc, 0)
                frame.unwind(-1, errno.ENOENT)
                await sleep(0.2)
                print("answered was", loc.path, loc.parent)
                raise ValueError("of an answered request")
            case "forgotten":
                # It waits for what only it knows of, and is garbage from then on.
                semaphore = Semaphore(1)
                await semaphore.acquire()
                frame.unwind(-1, errno.ENOENT)
                await semaphore.acquire()
            case "collect":
                gc.collect()
            case "asks":
                await sleep(0.3)  # so that many are there at a time
                await self.child.access(loc, 0)
        return frame.wind()


class below(Translator):
    def access_fop(
        self, frame: Frame, this: Xlator, loc: Loc, mask: int, xdata: Dict | None
    ) -> None:
        print("access of", loc.path, "by", frame.uid)
        frame.unwind(0, 0)
