"""What coroutines give up, again and again: nothing of it may stay.

The xattr that is asked for says what; the translator measures.
"""

from __future__ import annotations

import errno
import gc
import sys
import threading
from typing import Any

from gluster import (
    CancelledError,
    Dict,
    Frame,
    Loc,
    Lock,
    Semaphore,
    Translator,
    Xlator,
    gather,
    sleep,
    timeout,
    to_thread,
)

ROUNDS = 1_000
DAY = 86_400
MOST = 700  # blocks; one in each round would be 1,000


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.door = Semaphore(1)
        self.end = threading.Event()

    async def getxattr_fop(
        self, frame: Frame, this: Xlator, loc: Loc, name: str | None, xdata: Dict | None
    ) -> Any:
        case = (name or "").removeprefix("user.")
        once = getattr(self, f"once_{case}")
        async with self.door:
            for _ in range(100):
                await once()
            before = self.blocks()
            for _ in range(ROUNDS):
                await once()
            for _ in range(100):  # what was posted comes to its end
                if self.blocks() - before < MOST:
                    break
                await sleep(0.05)
            more = self.blocks() - before
            print(f"{case}: {more} more blocks")
        frame.unwind(-1, errno.EDOM if more < MOST else errno.ENOMEM)

    def blocks(self) -> int:
        gc.collect()
        return sys.getallocatedblocks()

    async def once_sleep_in_timeout(self) -> None:
        try:
            async with timeout(0):
                await sleep(DAY)
        except TimeoutError:
            return
        raise AssertionError

    async def fails(self) -> None:
        raise KeyError

    async def once_gather_that_fails(self) -> None:
        try:
            await gather(sleep(DAY), self.fails())
        except KeyError:
            return
        raise AssertionError

    async def fails_later(self) -> None:
        await sleep(0)
        raise KeyError

    async def once_gather_that_fails_later(self) -> None:
        try:
            await gather(gather(sleep(DAY), sleep(DAY)), self.fails_later())
        except KeyError:
            return
        raise AssertionError

    async def once_sleep_that_nobody_awaits(self) -> None:
        sleep(DAY)

    async def once_gather_that_nobody_awaits(self) -> None:
        gather(sleep(DAY), gather(sleep(DAY)))

    async def asleep(self) -> None:
        await sleep(DAY)

    async def once_task_that_is_cancelled(self) -> None:
        """Its exception has the frame that awaits it, which has the task."""
        task = self.spawn(self.asleep())
        await sleep(0)
        task.cancel()
        try:
            await task
        except CancelledError:
            return
        raise AssertionError

    async def once_gather_that_waits(self) -> None:
        """Whose parts are due before it is awaited."""
        both = gather(sleep(0.003), gather(sleep(0.002)))
        await sleep(0.004)
        assert await both == [None, [None]]

    async def once_turn_in_timeout(self) -> None:
        try:
            async with timeout(0), self.door:
                raise AssertionError
        except TimeoutError:
            pass

    async def once_lock_of_its_own(self) -> None:
        async with Lock():
            pass

    async def once_sleep_twice(self) -> None:
        """Whoever awaits it again does not wait in vain."""
        asleep = sleep(0.003)
        try:
            async with timeout(0):
                await asleep
        except TimeoutError:
            pass
        await asleep

    async def once_thread(self) -> None:
        """One that has not begun, since all threads are taken."""
        if not self.end.is_set():
            self.end.set()
            self.held = threading.Semaphore(0)
            for _ in range(64):
                to_thread(self.held.acquire)
        try:
            async with timeout(0):
                await to_thread(print, "in vain")
        except TimeoutError:
            return
        raise AssertionError
