"""What authors do wrong in coroutines, by the name that is looked up; see `callbacks.py`."""

# mypy: ignore-errors
# Wrong on purpose.

from __future__ import annotations

import asyncio
import errno
import sys
import threading
import time

from gluster import (
    CancelledError,
    Dict,
    Fd,
    Iatt,
    Loc,
    Lock,
    Semaphore,
    Translator,
    gather,
    lookup_reply_t,
    sleep,
    stat_reply_t,
    timeout,
    to_thread,
)


class Foreign:
    def __await__(self):
        yield 42  # here: co_awaits_what_is_foreign


class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.lock = Lock()
        self.semaphore = Semaphore(1)
        self.kept = []
        self.reply = None
        self.shared = None

    async def lookup_fop(self, frame, this, loc, xdata):  # here: others
        name = loc.name or ""
        if name.startswith("co_"):
            return await getattr(self, name)(frame, loc)  # here: co_stops
        return frame.wind()

    async def readv_fop(  # here: reads_more_than_asked
        self, frame, this, fd, size, offset, flags, xdata
    ):
        name = (fd.inode.path() or "").strip("/")
        if name.startswith("reads_"):
            return await getattr(self, name)(frame, size)
        return frame.wind()

    async def reads_more_than_asked(self, frame, size):
        """EIO: ValueError: readv: the answer has .* bytes, but its caller has room for .*"""
        return await frame.wind(size=size + 4096)

    async def reads_more_and_cuts_it(self, frame, size):
        """ok"""
        reply = await frame.wind(size=size + 4096)
        return reply.replace(vector=bytes(reply.vector[0])[:size])

    # -- no answer, or more than one ------------------------------------------------------

    async def co_forgets(self, frame, loc):
        """EIO: lookup of /co_forgets: TypeError: lookup_fop returned None: return a reply"""
        await frame.wind()

    async def co_returns_nonsense(self, frame, loc):
        """EIO: TypeError: lookup_fop returned 'nonsense': return a reply"""
        return "nonsense"

    async def co_returns_anothers_reply(self, frame, loc):
        """EIO: TypeError: a reply to stat does not answer lookup"""
        return stat_reply_t(op_ret=-1, op_errno=errno.EPERM)

    async def co_returns_anothers_inode(self, frame, loc):
        """EIO: ValueError: lookup: inode of the answer is not the request's own"""
        return await self.children[0].lookup(Loc.child(loc.parent, "healthy"))

    async def co_passes_on_anothers_inode(self, frame, loc):
        """EIO: ValueError: lookup: inode of the answer is not the request's own"""
        return await frame.wind(loc=Loc.child(loc.parent, "healthy"))

    async def co_asks_for_what_nobody_has(self, frame, loc):
        """ok"""
        child = self.children[0]
        for call in (child.getspec("x", 0), child.namelink(loc), child.icreate(loc, 0)):
            reply = await call
            assert (reply.op_ret, reply.op_errno) == (-1, errno.EOPNOTSUPP)
        return await frame.wind()

    async def co_reads_a_link_of_gigabytes(self, frame, loc):
        """EIO: ValueError: children.*readlink: size is 4294967296, and can be at most 4096"""
        return await self.children[0].readlink(loc, 1 << 32)  # here

    async def co_counts_where_no_gfid_is(self, frame, loc):
        """EIO: ValueError: children.*xattrop: loc has no gfid"""
        return await self.children[0].xattrop(loc, 0, Dict({"user.a": bytes(12)}))  # here

    async def co_makes_something_nowhere(self, frame, loc):
        """EIO: ValueError: children.*mkdir: loc has no parent or no name"""
        nowhere = Loc("/new", inode=loc.inode.table.new())
        return await self.children[0].mkdir(nowhere, 0o755, 0)  # here

    async def co_moves_to_nowhere(self, frame, loc):
        """EIO: ValueError: children.*rename: newloc has no parent or no name"""
        return await self.children[0].rename(loc, Loc("/new"))  # here

    async def co_writes_no_parts(self, frame, loc):
        """EIO: ValueError: children.*writev: vector has no parts"""
        fd = Fd.anonymous(loc.parent)
        return await self.children[0].writev(fd, [], 0, 0, 0)  # here

    async def co_has_a_path_of_megabytes(self, frame, loc):
        """EIO: ValueError: children.*stat: path of loc has more than 32768 bytes"""
        long = Loc("/" + "x" * 10_000_000, inode=loc.parent, gfid=loc.parent.gfid)
        return await self.children[0].stat(long)  # here

    async def co_content_too_short(self, frame, loc):
        """EIO: ValueError: lookup: xdata of the answer has 7 bytes of "glusterfs.content", but"""
        reply = await frame.wind()
        return reply.replace(xdata=Dict({"glusterfs.content": b"content"}))

    async def co_changes_the_content(self, frame, loc):
        """EIO: ValueError: lookup: xdata of the answer has 0 bytes of "glusterfs.content", but"""
        reply = await frame.wind()
        reply.xdata["glusterfs.content"] = b""
        return reply

    async def co_size_too_large(self, frame, loc):
        """ok"""  # nobody has asked for the content here
        reply = await frame.wind()
        return reply.replace(buf=Iatt(reply.buf, ia_size=1 << 40))

    async def co_returns_a_hollow_reply(self, frame, loc):
        """EIO: ValueError: lookup_reply_t: .* must carry inode"""
        return lookup_reply_t()

    async def co_returns_a_bad_errno(self, frame, loc):
        """EIO: ValueError: lookup_reply_t: errno 100000"""
        return lookup_reply_t(op_ret=-1, op_errno=100_000)  # here

    async def co_answers_twice(self, frame, loc):
        """EDQUOT: FrameError: .*can not answer: .*answered by .*py:"""
        frame.unwind(-1, errno.EDQUOT)
        frame.unwind(-1, errno.EPERM)  # here

    async def co_answers_and_returns(self, frame, loc):
        """EDQUOT: FrameError: .*can not answer: .*answered by .*py:"""
        reply = await frame.wind()
        frame.unwind(-1, errno.EDQUOT)
        return reply

    async def co_winds_after_answering(self, frame, loc):
        """EDQUOT: FrameError: .*can not wind: .*answered by .*py:"""
        frame.unwind(-1, errno.EDQUOT)
        await frame.wind()  # here

    async def co_answers_after_winding(self, frame, loc):
        """EDQUOT"""
        frame.wind()
        frame.unwind(-1, errno.EDQUOT)

    async def co_winds_and_raises(self, frame, loc):
        """EIO: ValueError: after the wind"""
        frame.wind()
        raise ValueError("after the wind")  # here

    async def co_never_awaits(self, frame, loc):
        """EIO: TypeError: lookup_fop returned None"""
        frame.wind()

    async def co_keeps_a_reply(self, frame, loc):
        """ok"""
        reply = await frame.wind()
        self.kept.append(reply)
        return self.kept[-1]

    async def co_returns_an_old_reply(self, frame, loc):
        """ok|ESTALE|EIO"""
        self.reply = await self.children[0].lookup(loc)
        await sleep(0.01)
        return self.reply

    # -- what is raised ----------------------------------------------------------------

    async def co_raises(self, frame, loc):
        """EIO: lookup of /co_raises: KeyError: 'after the reply'"""
        await frame.wind()
        raise KeyError("after the reply")  # here

    async def co_refuses(self, frame, loc):
        """EBUSY"""
        await sleep(0.01)
        raise OSError(errno.EBUSY, "busy")

    async def co_exits(self, frame, loc):
        """EIO: SystemExit: 3"""
        await sleep(0.01)
        sys.exit(3)  # here

    async def co_interrupts(self, frame, loc):
        """EIO: KeyboardInterrupt"""
        await sleep(0.01)
        raise KeyboardInterrupt  # here

    async def co_stops(self, frame, loc):
        """EIO: RuntimeError: coroutine raised StopIteration"""
        raise StopIteration

    async def co_generator_exit(self, frame, loc):
        """EIO: GeneratorExit"""
        raise GeneratorExit  # here

    async def co_cancelled(self, frame, loc):
        """EIO: CancelledError"""
        raise CancelledError  # here

    async def co_no_memory(self, frame, loc):
        """EIO: MemoryError"""
        await sleep(0.01)
        b"x" * (1 << 62)  # here

    async def co_deep(self, frame, loc):
        """EIO: RecursionError"""
        await self.co_deep(frame, loc)  # here

    async def co_deep_in_tasks(self, frame, loc):
        """EIO: RecursionError"""
        await gather(self.co_deep_in_tasks(frame, loc))  # here

    # -- what is awaited ---------------------------------------------------------------

    async def co_awaits_nothing(self, frame, loc):
        """EIO: TypeError: object NoneType can't be used in 'await' expression"""
        await None  # here

    async def co_awaits_what_is_foreign(self, frame, loc):
        """EIO: TypeError: 42 can not be awaited in a translator"""
        await Foreign()

    async def co_awaits_asyncio(self, frame, loc):
        """EIO: RuntimeError: no running event loop"""
        await asyncio.sleep(1)  # here

    async def co_yields_to_asyncio(self, frame, loc):
        """EIO: TypeError: None can not be awaited in a translator"""
        await asyncio.sleep(0)  # here

    async def co_forgets_to_await(self, frame, loc):
        """ok: coroutine 'xlator.helper' was never awaited"""
        self.helper()  # here
        return frame.wind()

    async def helper(self):
        pass

    async def co_awaits_twice(self, frame, loc):
        """EIO: RuntimeError: cannot reuse already awaited coroutine"""
        helper = self.helper()
        await helper
        await helper  # here

    async def co_awaits_a_wind_twice(self, frame, loc):
        """ok"""
        wind = frame.wind()
        await wind
        return await wind

    async def co_gathers_nonsense(self, frame, loc):
        """EIO: TypeError: gather: 42 can not be awaited here"""
        await gather(42)  # here

    async def co_gathers_the_same(self, frame, loc):
        """EIO: RuntimeError: cannot reuse already awaited coroutine"""
        helper = self.helper()
        await gather(helper, helper)  # here

    async def co_part_raises(self, frame, loc):
        """EIO: KeyError: 'in a part'"""

        async def part():
            await sleep(0.01)
            raise KeyError("in a part")  # here

        await gather(part(), sleep(3600), frame.wind())

    async def co_sleeps_wrong(self, frame, loc):
        """EIO: ValueError: sleep: -1 is not a number of seconds"""
        await sleep(-1)  # here

    async def co_wrong_arguments(self, frame, loc):
        """EIO: TypeError: children\\[i\\].stat"""
        await self.children[0].stat(1, 2, 3)  # here

    async def co_null(self, frame, loc):
        """EIO: ValueError: children\\[i\\].stat: loc must not be None"""
        await self.children[0].stat(None)  # here

    async def co_wrong_child(self, frame, loc):
        """EIO: ValueError: children\\[i\\].stat: .* is not a child"""
        await self.this.stat(loc)  # here

    async def co_gives_a_cookie(self, frame, loc):
        """EIO: FrameError: lookup_wind: a cookie is for a cbk handler"""
        await frame.wind(cookie=1)  # here

    # -- time, and what is never released --------------------------------------------------

    async def co_waits_for_ever(self, frame, loc):
        """EIO: lookup of /co_waits_for_ever: dropped the request without an answer"""
        semaphore = Semaphore(1)
        await semaphore.acquire()
        await semaphore.acquire()

    async def co_in_a_cycle(self, frame, loc):
        """EIO: lookup of /co_in_a_cycle: dropped the request without an answer"""
        semaphore = Semaphore(1)
        await semaphore.acquire()
        cycle = [frame, semaphore]
        cycle.append(cycle)
        await semaphore.acquire()

    async def co_forgets_to_await_a_lock(self, frame, loc):
        """ok: \\(awaiting.py:\\d+\\): acquire\\(\\) was never awaited: the lock has not been"""
        self.lock.acquire()  # here
        return frame.wind()

    async def co_has_that_lock_all_the_same(self, frame, loc):
        """ok"""
        async with self.lock:
            return await frame.wind()

    async def co_keeps_an_acquire(self, frame, loc):
        """ok: acquire\\(\\) was never awaited: the semaphore has not been acquired"""
        kept = [self.semaphore.acquire()]  # here
        await sleep(0.01)
        kept.clear()
        return await frame.wind()

    async def co_wants_a_lock_twice(self, frame, loc):
        """EIO: RuntimeError: acquire: this coroutine has the lock already"""
        async with self.lock:
            async with self.lock:  # here
                return await frame.wind()

    async def co_gathers_a_lock_twice(self, frame, loc):
        """EIO: RuntimeError: acquire: this coroutine has the lock already"""
        async with self.lock:
            await gather(frame.wind(), self.lock.acquire())  # here

    async def co_gives_up_a_lock(self, frame, loc):
        """ETIMEDOUT"""
        held = []
        holder = self.spawn(self.holds_it(held))
        try:
            while not held:
                await sleep(0.001)
            async with timeout(0.05), self.lock:
                pass
        finally:
            assert self.lock.locked()
            holder.cancel()

    async def co_has_it_after_that(self, frame, loc):
        """ok"""
        await gather(self.lock.acquire(), self.semaphore.acquire())
        self.lock.release()
        self.semaphore.release()
        return await frame.wind()

    async def holds_it(self, held):
        async with self.lock:
            held.append(self.lock)
            await sleep(3600)

    async def co_keeps_a_lock(self, frame, loc):
        """EIO: lookup_fop .*ended with a lock that it has acquired"""
        await self.lock.acquire()
        raise OSError(errno.EIO, "without a release")

    async def co_wants_that_lock(self, frame, loc):
        """ok"""
        async with self.lock:
            return await frame.wind()

    async def co_keeps_a_semaphore(self, frame, loc):
        """EIO: lookup_fop .*ended with a semaphore that it has acquired"""
        await self.semaphore.acquire()
        raise OSError(errno.EIO, "without a release")

    async def co_wants_that_semaphore(self, frame, loc):
        """ok"""
        async with self.semaphore:
            return await frame.wind()

    async def co_releases_what_is_free(self, frame, loc):
        """EIO: RuntimeError: release: nobody has acquired it"""
        Lock().release()  # here

    async def co_times_out(self, frame, loc):
        """ETIMEDOUT"""
        async with timeout(0.1):
            await sleep(3600)

    async def co_cleans_up_in_time(self, frame, loc):
        """ETIMEDOUT"""
        async with timeout(0.1):
            try:
                await sleep(3600)
            finally:
                await sleep(0.05)
                await self.children[0].lookup(loc)

    async def co_fails_to_clean_up(self, frame, loc):
        """EIO: KeyError: 'in finally'"""
        async with timeout(0.1):
            try:
                await sleep(3600)
            finally:
                await sleep(0.05)
                raise KeyError("in finally")  # here

    async def co_ignores_its_end(self, frame, loc):
        """ok"""
        async with timeout(0.1):
            try:
                await sleep(3600)
            except CancelledError:
                return await frame.wind()

    async def co_times_out_of_order(self, frame, loc):
        """EIO: ValueError: timeout: use each once"""
        limit = timeout(1)
        async with limit, limit:  # here
            pass

    # -- other threads, and other coroutines -----------------------------------------------

    async def co_thread_raises(self, frame, loc):
        """EIO: SystemExit"""
        await to_thread(sys.exit, 1)  # here

    async def co_thread_never_ends(self, frame, loc):
        """ETIMEDOUT"""
        async with timeout(0.1):
            await to_thread(time.sleep, 3600)

    async def co_answered_by_a_thread(self, frame, loc):
        """EDQUOT: TypeError: .*"""
        threading.Thread(target=frame.unwind, args=(-1, errno.EDQUOT)).start()
        await sleep(0.1)
        return "too late"

    async def co_steps_itself(self, frame, loc):
        """EIO: ValueError: coroutine already executing"""
        self.shared = self.stepping()
        await self.shared

    async def stepping(self):
        self.shared.send(None)  # here: co_steps_itself

    async def co_spawns_what_raises(self, frame, loc):
        """ok: background .*KeyError: 'spawned'"""
        self.spawn(self.background())
        return frame.wind()

    async def background(self):
        await sleep(0.01)
        raise KeyError("spawned")  # here: co_spawns_what_raises

    async def co_spawns_what_exits(self, frame, loc):
        """ok: leaving .*SystemExit"""
        self.spawn(self.leaving())
        return frame.wind()

    async def leaving(self):
        sys.exit()  # here: co_spawns_what_exits

    async def co_spawns_nonsense(self, frame, loc):
        """EIO: TypeError: spawn: 42 is not a coroutine"""
        self.spawn(42)  # here

    async def co_awaits_what_was_cancelled(self, frame, loc):
        """EIO: CancelledError"""
        task = self.spawn(sleep_long())
        await sleep(0.01)
        task.cancel()
        await task

    async def co_leaves_a_generator(self, frame, loc):
        """ok: RuntimeError: async generator ignored GeneratorExit"""
        async for _ in self.generator():
            break  # here
        return frame.wind()

    async def generator(self):
        try:
            yield 1
            yield 2
        finally:
            await sleep(0.01)


async def sleep_long():
    await sleep(3600)  # here: co_awaits_what_was_cancelled
