"""Several threads want the same request at once.

The name in the request says how: see the methods. A lookup of "report" logs how often a
thread has got its way, and how often it was refused.
"""

from __future__ import annotations

import errno
import os
import queue
import sys
import threading
import time
from collections.abc import Callable

from gluster import Dict, Frame, FrameError, Loc, Translator, Xlator, access_wind, mkdir_wind

WORKERS = 4
# So that threads change places everywhere.
sys.setswitchinterval(1e-6)


class Meanwhile:
    """A number; when it is asked which, something happens."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action

    def __index__(self) -> int:
        self.action()
        return 0o700


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.requests = self.won = self.refused = 0
        self.counting = threading.Lock()
        self.together = threading.Barrier(WORKERS)
        self.waiting: Frame | None = None
        self.work: list[queue.SimpleQueue[Callable[[], object]]] = []
        for _ in range(WORKERS):
            self.work.append(queue.SimpleQueue())
            threading.Thread(target=self.run, args=self.work[-1:], daemon=True).start()

    def run(self, work: queue.SimpleQueue[Callable[[], object]]) -> None:
        while True:
            action = work.get()
            self.together.wait()
            self.attempt(action)
            del action

    def attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except FrameError:
            with self.counting:
                self.refused += 1
        else:
            with self.counting:
                self.won += 1

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> None:
        name = loc.name or ""
        if name == "waits":
            self.waiting = frame
        elif name == "report":
            print(f"{self.requests} requests, won {self.won}, refused {self.refused}")
            frame.unwind(-1, errno.ENOENT)
        elif name.startswith(("answers-", "winds-", "mixed-", "handler-")):
            self.race(frame, name)
        else:
            frame.wind()

    def race(self, frame: Frame, name: str) -> None:
        self.requests += 1

        def answer() -> None:
            frame.unwind(-1, errno.ENOENT)

        for i, work in enumerate(self.work):
            winds = name.startswith("winds-") or (name.startswith("mixed-") and i % 2)
            work.put(frame.wind if winds else answer)
        if name.startswith("handler-"):
            self.attempt(answer)

    # -- a request that is answered while its handler winds it --------------------------

    def answered(self, frame: Frame) -> Meanwhile:
        """Another thread answers the frame, and the caller has forgotten it."""

        def action() -> None:
            thread = threading.Thread(target=frame.unwind, args=(-1, errno.EDOM))
            thread.start()
            thread.join()
            time.sleep(0.02)

        return Meanwhile(action)

    def mkdir_fop(
        self, frame: Frame, this: Xlator, loc: Loc, mode: int, umask: int, xdata: Dict | None
    ) -> None:
        try:
            match loc.name:
                case "short":
                    frame.wind(loc=loc, mode=self.answered(frame))
                case "long":
                    number = self.answered(frame)
                    mkdir_wind(frame, loc, number, umask, xdata)  # type: ignore[arg-type]
                case "other":
                    assert self.waiting is not None
                    access_wind(self.waiting, loc, self.answered(frame), None)  # type: ignore[arg-type]
                    self.waiting = None
                case _:
                    frame.wind()
        except FrameError as error:
            print(loc.name, error)

    def access_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        xdata: Dict | None,
    ) -> None:
        print("access", op_ret, os.strerror(op_errno))
        frame.unwind(-1, errno.ENOENT)
