"""Every fop is a coroutine, and goes on in every way that a coroutine can, in turn.

Whichever way it goes, the request is passed on as it came, and its answer too. A statedump
says what Python has: `blocks` of memory, `objects` that its collector follows, and `inside`,
the coroutines that have begun and not ended.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from itertools import cycle
from typing import Any

from gluster import (
    FOPS,
    Fd,
    Frame,
    Lock,
    Reply,
    Semaphore,
    Translator,
    Xlator,
    gather,
    sleep,
    timeout,
    to_thread,
)

Way = Callable[[str, Frame, "tuple[Any, ...]"], Coroutine[Any, Any, Any]]


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.inside = 0
        self.lock = Lock()
        self.semaphore = Semaphore(4)
        # What is kept of requests becomes its own; but who keeps an fd keeps its locks.
        self.kept: deque[Any] = deque(maxlen=200)
        ways: list[Way] = [getattr(self, name) for name in dir(self) if name.startswith("by_")]
        self.ways = cycle(ways)

    async def passed(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        self.inside += 1
        try:
            return await next(self.ways)(name, frame, arguments)
        finally:
            self.inside -= 1

    async def by_passing_on(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        return frame.wind()

    async def by_waiting(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        return await frame.wind()

    async def by_keeping(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        reply = await frame.wind()
        self.kept.append([each for each in arguments if not isinstance(each, Fd)])
        if not hasattr(reply, "fd"):
            self.kept.append(reply)
        return reply

    async def by_sleeping(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        await sleep(0.001)
        reply = await frame.wind()
        await sleep(0)
        return reply

    async def by_a_deadline(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        async with timeout(60):
            return await frame.wind()

    async def by_gathering(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        _, reply = await gather(sleep(0.001), frame.wind())
        return reply

    async def by_a_thread(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        reply = await frame.wind()
        await to_thread(time.sleep, 0)
        return reply

    async def by_a_lock(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        async with self.lock:
            await sleep(0)
        async with self.semaphore:
            await sleep(0)
        return await frame.wind()

    async def by_its_own(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        request: Callable[..., Awaitable[Reply]] = getattr(self.children[0], name)
        return await request(*arguments)

    async def by_spawning(self, name: str, frame: Frame, arguments: tuple[Any, ...]) -> Any:
        self.spawn(self.aside())
        return await frame.wind()

    async def aside(self) -> None:
        await sleep(0.001)

    def dump(self) -> dict[str, int]:
        self.kept.clear()
        gc.collect()
        return {
            "blocks": sys.getallocatedblocks(),
            "objects": len(gc.get_objects()),
            "inside": self.inside,
        }


def handler(name: str) -> Callable[..., Any]:
    async def handler(self: xlator, frame: Frame, this: Xlator, *arguments: Any) -> Any:
        return await self.passed(name, frame, arguments)

    return handler


for name in FOPS:
    setattr(xlator, f"{name}_fop", handler(name))
