"""Things of a coroutine's that go on with each other, tens of thousands of them.

The xattr that is asked for says which: see the methods. Each is a chain that a recursion would
go along as deep as it is long.
"""

from __future__ import annotations

import errno
import gc
import threading
from collections.abc import Callable
from typing import Any

from gluster import (
    CancelledError,
    Dict,
    Frame,
    Future,
    Loc,
    Semaphore,
    Task,
    Translator,
    Xlator,
    gather,
    lookup_reply_t,
    sleep,
    timeout,
)

MANY = 40_000
NESTED = 200_000
SMALL = 256 << 10  # the stack of a thread of io-threads


def on_a_small_stack(function: Callable[[], object]) -> None:
    before = threading.stack_size(SMALL)
    thread = threading.Thread(target=function)
    thread.start()
    threading.stack_size(before)
    thread.join()


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.last: Frame | None = None
        self.door = Semaphore(1)
        self.is_deep = False

    async def getxattr_fop(
        self, frame: Frame, this: Xlator, loc: Loc, name: str | None, xdata: Dict | None
    ) -> Any:
        case = (name or "").removeprefix("user.")
        if case == "frame":
            frame.local = self.last
            self.last = frame
        else:
            await getattr(self, f"case_{case}")()
        frame.unwind(-1, errno.EDOM)

    async def wait_for(self, other: Future[Any] | Task[Any]) -> Any:
        return await other

    def chain(self, end: Future[Any] | Task[Any]) -> Task[Any]:
        last = self.spawn(self.wait_for(end))
        for _ in range(MANY):
            last = self.spawn(self.wait_for(last))
        return last

    async def case_tasks(self) -> None:
        """Each goes on when the one before has ended."""
        assert await self.chain(sleep(0.1)) is None

    async def case_cancelled(self) -> None:
        """The first is cancelled, and so all of them."""
        first = self.spawn(self.wait_for(sleep(3600)))
        last = self.chain(first)
        await sleep(0.1)
        first.cancel()
        try:
            await last
        except CancelledError:
            return
        raise AssertionError

    async def case_raises(self) -> None:
        """An exception goes along all of them."""

        async def fails() -> None:
            await sleep(0.1)
            raise KeyError("at the beginning")

        try:
            await self.chain(self.spawn(fails()))
        except KeyError:
            return
        raise AssertionError

    async def case_results(self) -> None:
        """The result of each is the one before."""

        async def result(value: object) -> object:
            return value

        last: Any = None
        for _ in range(MANY):
            last = self.spawn(result(last))
        while not last.done():
            await sleep(0.01)
        box = [last]
        del last
        on_a_small_stack(box.clear)

    def nest(self, part: Any) -> Future[list[Any]]:
        whole = gather(part)
        for _ in range(NESTED - 1):
            whole = gather(whole)
        return whole

    async def case_gathers(self) -> None:
        """A `gather` in a `gather` ..."""
        found: Any = await self.nest(sleep(0.1))
        for _ in range(NESTED):
            (found,) = found
        assert found is None

    async def case_gathers_raise(self) -> None:
        async def fails() -> None:
            await sleep(0.1)
            raise KeyError("in the middle")

        try:
            await self.nest(fails())
        except KeyError:
            return
        raise AssertionError

    async def case_gathers_cancelled(self) -> None:
        try:
            async with timeout(0.1):
                await self.nest(sleep(3600))
        except TimeoutError:
            return
        raise AssertionError

    async def case_gathers_dropped(self) -> None:
        box = [self.nest(sleep(3600))]
        on_a_small_stack(box.clear)
        gc.collect()

    async def part(self, depth: int) -> Any:
        await sleep(0)
        if depth:
            return await gather(self.part(depth - 1))
        self.is_deep = True
        # Which nobody else can release.
        door = self.door = Semaphore(1)
        await door.acquire()
        return await door.acquire()

    async def deepen(self) -> Future[list[Any]]:
        self.is_deep = False
        suspended = gather(self.part(MANY // 4))
        while not self.is_deep:
            await sleep(0.01)
        return suspended

    async def case_parts(self) -> None:
        """A coroutine that gathers one that gathers one ..."""
        suspended = await self.deepen()
        self.door.release()
        await suspended

    async def case_parts_cancelled(self) -> None:
        suspended = await self.deepen()
        try:
            async with timeout(0.1):
                await suspended
        except TimeoutError:
            return
        raise AssertionError

    async def case_parts_dropped(self) -> None:
        """Nobody can go on with them any more: they are found, and freed."""
        box = [await self.deepen()]
        del self.door
        box.clear()
        on_a_small_stack(gc.collect)

    async def case_replies(self) -> None:
        """A reply that was made from one that was made from one ..."""
        reply = lookup_reply_t(op_ret=-1, op_errno=1)
        for i in range(MANY):
            reply = reply.replace(op_errno=1 + i % 100, xdata=None)
        box = [reply]
        del reply
        on_a_small_stack(box.clear)

    async def case_frames(self) -> None:
        """A request that keeps the one before."""
        box = [self.last]
        self.last = None
        on_a_small_stack(box.clear)

    async def case_causes(self) -> None:
        """Logged with what has caused it."""
        error = KeyError("first")
        for i in range(MANY):
            wrapped = KeyError(i)
            wrapped.__cause__ = error
            error = wrapped
        self.spawn(self.fail(error))
        await sleep(0.01)
        box = [error]
        del error, wrapped
        on_a_small_stack(box.clear)

    async def fail(self, error: BaseException) -> None:
        raise error
