"""What a coroutine can do, by the name that is looked up."""

from __future__ import annotations

import errno
import time
from collections.abc import Generator
from typing import Any

from gluster import (
    Dict,
    Frame,
    Loc,
    Lock,
    Semaphore,
    Translator,
    Xlator,
    gather,
    lookup_reply_t,
    lookup_wind,
    sleep,
    timeout,
    to_thread,
)

ROUNDS = 5000
CROWD = 1000


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.lock = Lock()
        self.inside = 0
        self.door = Lock()
        self.closed = self.spawn(self.close())
        self.crowd = 0
        self.background = self.spawn(self.work())

    async def work(self) -> None:
        try:
            await sleep(0.01)
            print("spawned: began")
            await sleep(3600)
        finally:
            print("spawned: ended")

    async def close(self) -> None:
        async with self.door:
            await sleep(3600)

    async def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> Any:
        case = getattr(self, f"case_{loc.name}", None)
        if case is not None:
            return await case(frame, loc, xdata)
        reply = await frame.wind()
        if reply.op_ret == 0:
            assert reply.buf.ia_gfid is not None
        return reply

    async def case_passed_on(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        return frame.wind()

    async def case_long(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        return await lookup_wind(frame, loc, xdata)

    async def case_denied(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        raise PermissionError(errno.EPERM, "never")

    async def case_busy(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        await sleep(0.01)
        frame.unwind(-1, errno.EBUSY)

    async def case_afterwards(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        frame.unwind(-1, errno.EBUSY)
        reply = await self.children[0].lookup(loc)
        print("afterwards:", reply)

    async def case_replaced(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        reply = await frame.wind()
        return reply.replace(op_ret=-1, op_errno=errno.EDOM)

    async def stat_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Dict | None) -> Any:
        if loc.path == "/crowd":
            self.crowd += 1
            if self.crowd == CROWD:
                print("the crowd is complete")
            async with self.door:
                pass
        reply = await frame.wind()
        if loc.path != "/changed":
            return reply
        reply.buf.ia_size = 4711
        return reply.replace(buf=reply.buf)

    async def case_made(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        reply = await frame.wind()
        kept = reply.inode, reply.buf, reply.postparent
        del reply
        await sleep(0.01)
        return lookup_reply_t(inode=kept[0], buf=kept[1], postparent=kept[2])

    async def case_asleep(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        await sleep(0.2)
        return await frame.wind()

    async def case_door(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        if self.crowd:
            self.crowd = 0
            self.closed.cancel()
        return await frame.wind()

    async def case_kept(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        reply = await frame.wind()
        await sleep(0.01)
        return reply

    async def case_gathered(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        async def late() -> str:
            await sleep(0.05)
            return "late"

        first, second, text, _ = await gather(
            frame.wind(), self.children[0].lookup(loc), late(), self.empty()
        )
        assert first.buf.ia_gfid == second.buf.ia_gfid
        assert text == "late"
        return second

    async def empty(self) -> None:
        pass

    async def case_failing(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        async def fails() -> None:
            await sleep(0.01)
            raise OSError(errno.EDQUOT, "part")

        async def goes_on() -> None:
            try:
                await sleep(3600)
            finally:
                print("part: cancelled")

        await gather(goes_on(), fails(), frame.wind())

    async def case_timed_out(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        async with timeout(0.1):
            await sleep(3600)

    async def case_in_time(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        async with timeout(5), timeout(6):
            return await frame.wind()

    async def case_thread(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        begun = time.monotonic()
        assert await to_thread(self.block, 0.1, result=7) == 7
        assert time.monotonic() - begun > 0.1
        return await frame.wind()

    def block(self, seconds: float, result: int) -> int:
        time.sleep(seconds)
        return result

    async def case_thread_raises(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        await to_thread(self.raises)

    def raises(self) -> None:
        raise OSError(errno.ENOTTY, "in the thread")

    async def case_often(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        for _ in range(ROUNDS):
            reply = await self.children[0].lookup(loc, as_root=True)
        for _ in range(ROUNDS):
            reply = await frame.wind()
        return reply

    async def case_locked(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        async with self.lock:
            self.inside += 1
            assert self.inside == 1
            await sleep(0.001)
            reply = await frame.wind()
            self.inside -= 1
        return reply

    async def case_bug(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        await frame.wind()
        raise KeyError("a bug")

    async def case_nothing(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        await frame.wind()

    async def case_foreign(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        class Foreign:
            def __await__(self) -> Generator[int, None, None]:
                yield 42

        await Foreign()

    async def case_forgotten(self, frame: Frame, loc: Loc, xdata: Dict | None) -> Any:
        semaphore = Semaphore(1)
        await semaphore.acquire()
        await semaphore.acquire()
