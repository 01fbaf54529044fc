"""A translator that interprets hostile programs, one for each request, from the volume's seed.

A program may do whatever the documented interface lets it: keep things and look at them much
later, hand requests to threads, give wrong arguments, answer twice or never, raise anywhere,
leave cycles behind. It always ends, since what it waits for does: below.c answers all that
arrives. What nobody answers, Glupy has to.

Each volume has some of the ingredients only (`option only a,b,...` chooses them), so that a
mistake that is found at once does not hide all others.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import gc
import io
import os
import queue
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import gluster
from gluster import (
    Dict,
    Frame,
    FrameError,
    Lock,
    Semaphore,
    Translator,
    Xlator,
    gather,
    sleep,
    timeout,
    to_thread,
)

ERRNOS = [errno.EPERM, errno.EBUSY, errno.ENOENT, errno.EDOM]
WORKERS = 4
KEPT = 200
ASLEEP = 1 << 40  # requests from here on are not answered before the volume ends

#: What programs are made of, and how often.
PLAIN = {  # handlers with callbacks
    "pass": 4,
    "answer": 2,
    "raises": 1,
    "thread": 4,
    "threads": 2,
    "waits": 3,
    "others": 2,
    "drops": 1,
    "cycle": 1,
    "fan": 2,
    "twice": 1,
    "long": 2,
}
COROUTINE = {
    "wind": 4,
    "child": 3,
    "child-late": 2,
    "gather": 2,
    "timeout": 3,
    "sleep": 2,
    "to-thread": 1,
    "lock": 2,
    "semaphore": 1,
    "spawn": 2,
    "nest": 1,
    "answer-on": 3,
    "stuck": 2,
    "co-raises": 1,
}
SIDE = {  # beside everything
    "keep": 3,
    "read": 3,
    "contents": 2,
    "dying": 1,
    "changes": 2,
    "common": 1,
    "collect": 1,
    "gone": 1,
    "pending": 1,
    "lingers": 1,
    "classes": 1,
    "chain": 1,
}
#: Mistakes on purpose, which the attack has to find: with `option only` alone.
PLANTED = {"planted-user": 1, "planted-value": 1}
ALWAYS = {"pass", "wind", "keep", "read"}


#: A Dict of all requests, and the lock of who fills it and hands it on.
COMMON = Dict()
COMMON_TURN = threading.Lock()


class Wrong:
    """Told to the run, past everything that could lose it."""

    @staticmethod
    def say(text: str) -> None:
        os.write(2, f"ATTACK-FINDING {text}\n".encode())


class Dies:
    """Something that runs Python when it goes."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.action()


class Structure(ctypes.Structure):
    """One of ctypes' that runs Python when it goes."""

    _fields_ = (("number", ctypes.c_int),)

    def __del__(self) -> None:
        time.sleep(0)


class Node:
    """For cycles."""

    def __init__(self, *values: object) -> None:
        self.me = self
        self.values = values


def dying(pointer: Any) -> Any:
    """A pointer to a structure of ctypes' that runs Python when it goes."""

    class Dying(pointer._type_):  # type: ignore[misc]
        def __del__(self) -> None:
            time.sleep(0)

    return ctypes.cast(ctypes.pointer(Dying()), pointer)


def gfid_of(xdata: Any) -> bool:
    """Whether a request's own xdata is whole (it says of which request it is)."""
    number = int(xdata["attack.id"])
    expected = [x + i & 255 for i, x in enumerate(mix(number, 0).to_bytes(8, "little") * 2)]
    found = xdata["gfid-req"]
    return bytes(found) == bytes(expected)


def mix(tag: int, k: int) -> int:
    """attack_mix of model.c."""
    mask = (1 << 64) - 1
    x = (tag * 0x9E3779B97F4A7C15 + (k + 1) * 0xD1B54A32D192ED03) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    return x ^ (x >> 31)


class xlator(Translator):
    """Interprets programs."""

    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        options = self.options
        self.seed = int(options["seed"])
        self.ended = False
        self.last = time.monotonic()  # when it has seen a request
        r = self.numbers(0)
        only = options.get("only", "")
        every = {**PLAIN, **COROUTINE, **SIDE}
        chosen = set(only.split(",")) if only else {n for n in every if r.random() < 0.5}
        chosen |= ALWAYS
        self.plain = {n: w for n, w in {**PLAIN, **PLANTED}.items() if n in chosen}
        self.coroutine = {n: w for n, w in COROUTINE.items() if n in chosen}
        self.side = {n: w for n, w in SIDE.items() if n in chosen}
        self.kept: list[tuple[str, Any]] = []
        #: What each request that has not ended is at, and since when.
        self.at: dict[int, tuple[str, float]] = {}
        self.ups: Counter[int] = Counter()
        self.traced = {int(n) for n in options.get("trace", "").split(",") if n}
        self.waiting: list[Frame] = []
        self.shared = (Lock(), Semaphore(2))
        self.work: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        sys.setswitchinterval(1e-6 if r.random() < 0.7 else 5e-3)
        if not gc.get_freeze_count():
            gc.freeze()  # what is there from the start need not be looked at each time
        gc.set_threshold(r.choice([20, 100, 700]))
        for _ in range(WORKERS):
            threading.Thread(target=self.run, daemon=True).start()
        threading.Thread(target=self.sweep_on, daemon=True).start()

    def numbers(self, number: int) -> random.Random:
        return random.Random(self.seed * 1_000_003 + number)

    # -- threads ---------------------------------------------------------------------

    def run(self) -> None:
        while (action := self.work.get()) is not None:
            with contextlib.suppress(Exception):
                action()
            del action

    def sweep_on(self) -> None:
        try:
            self.sweep()
        except BaseException as error:
            Wrong.say(f"nobody sweeps any more: {error!r}")

    def sweep(self) -> None:
        """No request waits for long, whatever its program has forgotten."""
        r = self.numbers(-1)
        # requests still come when the volume has been told of its end
        while not self.ended or time.monotonic() - self.last < 10:
            time.sleep(0.02)
            waiting = self.waiting[:]
            time.sleep(0.02)
            for frame in waiting:
                with contextlib.suppress(Exception):
                    self.waiting.remove(frame)
                    self.finish(frame, r)
            waiting.clear()
            frame = None  # type: ignore[assignment]
            gc.collect()
            with contextlib.suppress(Exception):
                self.look(r)
            self.tell_late()
        self.kept.clear()
        for _ in range(WORKERS):
            self.work.put(None)

    def note(self, number: int, what: str) -> None:
        self.last = time.monotonic()
        self.at[number] = what, self.last
        if number in self.traced:
            os.write(2, f"ATTACK-TRACE {self.name} {number} {what}\n".encode())

    def tell_late(self) -> None:
        for number, (what, since) in self.at.copy().items():
            if time.monotonic() - since > 6:
                self.at.pop(number, None)
                os.write(2, f"ATTACK-LATE {self.name}: request {number} is at {what}\n".encode())

    def notify(self, event: Any, data: Any) -> None:
        if event == gluster.Event.PARENT_DOWN:
            self.ended = True
            r = self.numbers(-2)
            for _ in range(KEPT):
                self.work.put(lambda: self.let_go(r, 1))
                self.work.put(lambda: time.sleep(r.random() / 5000))
                if r.random() < 0.2:
                    self.work.put(lambda: self.look(r))

    # -- what is kept ----------------------------------------------------------------

    def keep(self, what: str, value: Any) -> None:
        self.kept.append((what, value))
        if len(self.kept) > KEPT:
            with contextlib.suppress(IndexError):
                self.kept.pop(0)

    def let_go(self, r: random.Random, count: int = 5) -> None:
        for _ in range(count):
            with contextlib.suppress(IndexError):
                self.kept.pop(r.randrange(KEPT))

    def look(self, r: random.Random) -> None:
        """At what was kept, also of others."""
        for what, value in r.sample(self.kept[:], min(4, len(self.kept))):
            try:
                self.show(what, value, r)
            except (ReferenceError, FrameError):
                pass  # of a volume that has gone
            except (ValueError, TypeError, AttributeError, KeyError, OSError):
                if r.random() < 0.01:
                    raise

    def show(self, what: str, value: Any, r: random.Random) -> None:
        out = io.StringIO()
        print(repr(value), file=out)
        if what == "xdata" and not gfid_of(value):
            Wrong.say(f"a kept xdata is not whole: {value!r}")
        for name in ("path", "name", "inode", "gfid", "flags", "uid", "unique", "ia_ino", "op_ret"):
            print(getattr(value, name, None), file=out)
        if hasattr(value, "keys"):
            print(dict(value), file=out)
        elif hasattr(value, "__len__"):
            print([bytes(x) if isinstance(x, memoryview) else x for x in value], file=out)
        if "contents" in self.side and not isinstance(value, Frame) and r.random() < 0.3:
            contents = value.contents
            structure = Structure(1)
            self.keep("structure", (contents, structure))
            for name, *_ in contents._fields_[:5]:
                print(getattr(contents, name), file=out)

    # -- parts of programs -------------------------------------------------------------

    def beside(self, r: random.Random, args: tuple[Any, ...], frame: Frame) -> None:
        """What a program does beside its request."""
        for name in r.choices(list(self.side), list(self.side.values()), k=2):
            if name == "keep":
                for value in args:
                    if isinstance(value, Dict) and "attack.id" in value:
                        self.keep("xdata", value)
                    elif hasattr(value, "_as_parameter_") and r.random() < 0.5:
                        self.keep("value", value)
            elif name == "read" and r.random() < 0.3:
                self.look(r)
            elif name == "contents":
                for value in args:
                    if hasattr(value, "contents") and r.random() < 0.3:
                        self.keep("contents", value.contents)
            elif name == "collect" and r.random() < 0.1:
                gc.collect()
            elif name == "gone":
                self.let_go(r)
            elif name == "lingers" and r.random() < 0.1:
                more = self.numbers(r.randrange(1 << 30))
                self.spawn(self.linger(more, args, r.random() < 0.5))
            elif name == "classes":
                for value in args:
                    with contextlib.suppress(TypeError, AttributeError):
                        value.__class__ = r.choice([Dict, gluster.Dirents, gluster.Iatt, Frame])
            elif name == "chain" and r.random() < 0.02:
                last = self.spawn(self.background(self.numbers(1)))
                for _ in range(r.choice([10, 1000])):
                    last = self.spawn(self.link(last))
            elif name == "changes":
                for value in args:
                    if isinstance(value, Dict):
                        value["attack.more"] = b"more" * r.randrange(20)
                        self.keep("value", value.copy())

    def wrong(self, frame: Frame, r: random.Random) -> None:
        """Something that is refused."""
        with contextlib.suppress(TypeError, ValueError, FrameError, KeyError, AttributeError):
            match r.randrange(7):
                case 0 | 5 | 6:
                    frame.wind(nonsense=1)
                case 1:
                    frame.wind(size="text", loc=3)
                case 2:
                    frame.unwind(-1, {}["no such"])  # type: ignore[index]
                case 3:
                    frame.unwind(-1, 100_000)
                case 4:
                    frame.wind(xdata=object())

    def finish(self, frame: Frame, r: random.Random) -> None:
        """Ends a request that may have ended, one way or another."""
        if r.random() < 0.4:
            self.wrong(frame, r)
        with contextlib.suppress(FrameError):
            if r.random() < 0.3:
                frame.wind()
            else:
                frame.unwind(-1, r.choice(ERRNOS))

    def other(self, r: random.Random) -> None:
        """Somebody else's request."""
        with contextlib.suppress(IndexError):
            if "pending" in self.side and r.random() < 0.3:
                # dropped while the exception is on its way
                self.waiting.pop().unwind(-1, ERRORS["no such"])
            frame = self.waiting.pop(r.randrange(len(self.waiting) or 1))
            self.finish(frame, r)

    # -- handlers with callbacks -------------------------------------------------------

    def down(self, fop: Any, frame: Frame, args: tuple[Any, ...]) -> None:
        r = self.numbers(frame.unique * 2)
        if frame.unique >= ASLEEP:
            threading.Timer(10.5 + r.random() * 2, self.finish, [frame, r]).start()
            return
        self.beside(r, args, frame)
        name = r.choices(list(self.plain), list(self.plain.values()))[0]
        self.note(frame.unique, name)
        match name:
            case "pass":
                frame.wind()
            case "answer":
                frame.unwind(-1, r.choice(ERRNOS))
                for value in args:
                    self.keep("value", value)
                self.look(r)
            case "raises":
                if r.random() < 0.5:
                    frame.wind()
                raise r.choice([KeyError("hostile"), OSError(errno.EROFS, "hostile")])
            case "thread" | "threads":
                for _ in range(1 if name == "thread" else 3):
                    more = self.numbers(r.randrange(1 << 30))
                    self.work.put(functools.partial(self.finish, frame, more))
                if r.random() < 0.5:
                    for _ in range(r.randrange(200)):
                        pass
                else:
                    print(frame, *args, file=io.StringIO())
                    self.look(r)
            case "waits":
                self.waiting.append(frame)
                if r.random() < 0.5:
                    more = self.numbers(r.randrange(1 << 30))
                    threading.Timer(r.random() / 100, self.other, [more]).start()
            case "others":
                self.other(r)
                frame.wind()
                self.other(r)
            case "drops":
                frame.local = Dies(gc.collect)
            case "cycle":
                Node(frame, args)
            case "fan":
                count = r.randint(1, 4)
                frame.local = [count]
                for i in range(count):
                    frame.wind(cookie=("fan", i))
            case "twice":
                frame.unwind(-1, errno.EBUSY)
                for _ in range(2):
                    self.wrong(frame, r)
                    with contextlib.suppress(FrameError):
                        frame.unwind(-1, errno.EPERM)
            case "long":
                getattr(gluster, f"{fop.name}_wind")(frame, *args)
            case "planted-user":
                frame.contents.root.contents.uid = 4711
                frame.wind()
            case "planted-value":
                numbers = [arg.name for arg in fop.args if arg.c_type == "off_t"]
                changes: dict[str, Any] = dict.fromkeys(numbers[:1], 4711)
                frame.wind(**changes)

    def up(self, fop: Any, frame: Frame, cookie: Any, status: tuple[int, int], args: Any) -> None:
        r = self.numbers(frame.unique * 2 + 1)
        if cookie and cookie[0] == "fan":
            frame.local[0] -= 1
            if frame.local[0]:
                if r.random() < 0.1:
                    raise ValueError("hostile")
                return
        self.beside(r, args, frame)
        self.note(frame.unique, "up")
        self.ups[frame.unique] += 1
        if self.ups[frame.unique] > 6:
            frame.unwind()  # who is wound again and again by others comes to an end
            return
        match r.randrange(8):
            case 0:
                self.waiting.append(frame)
                self.other(r)
            case 1:
                self.other(r)
                frame.unwind()
            case 2:
                if "raises" in self.plain:
                    raise ValueError("hostile")
                frame.unwind()
            case 3:
                more = self.numbers(r.randrange(1 << 30))
                self.work.put(lambda: self.finish_up(frame, more))
            case 4:
                getattr(gluster, f"{fop.name}_unwind")(frame, *status, *args)
            case _:
                frame.unwind()

    def finish_up(self, frame: Frame, r: random.Random) -> None:
        with contextlib.suppress(FrameError):
            if r.random() < 0.6:
                frame.unwind()
            else:
                frame.unwind(-1, r.choice(ERRNOS))

    # -- coroutines ---------------------------------------------------------------------

    async def course(self, fop: Any, frame: Frame, args: tuple[Any, ...]) -> Any:
        number = frame.unique
        try:
            return await self.steps(fop, frame, args, number)
        finally:
            self.note(number, "over")
            self.at.pop(number, None)

    async def steps(self, fop: Any, frame: Frame, args: tuple[Any, ...], number: int) -> Any:
        r = self.numbers(number * 2)
        if number >= ASLEEP:
            await sleep(10.5 + r.random() * 2)
            print(*args, file=io.StringIO())
            return frame.wind()
        self.beside(r, args, frame)
        answered = False
        last = None
        for _ in range(r.randint(1, 4)):
            name = r.choices(list(self.coroutine), list(self.coroutine.values()))[0]
            self.note(number, name)
            try:
                if name == "wind":
                    last = await frame.wind()
                elif name == "answer-on":
                    if not answered:
                        if r.random() < 0.3:
                            await sleep(0)
                        frame.unwind(-1, r.choice(ERRNOS))
                        answered = True
                elif name == "stuck" and r.random() < 0.5:
                    if not answered:
                        frame.unwind(-1, errno.EBUSY)
                    taken = Semaphore(1)
                    await taken.acquire()
                    await taken.acquire()  # never: it is garbage from now on
                elif name == "co-raises" and r.random() < 0.5:
                    raise r.choice([KeyError("hostile"), OSError(errno.EROFS, "hostile")])
                else:
                    await self.step(name, r, fop, frame, args, number)
            except FrameError:
                if not answered:
                    raise
            self.beside(r, args, frame)
            if r.random() < 0.3:
                print(frame, *args, file=io.StringIO())
        if answered:
            await sleep(r.random() / 100)
            print(frame, *args, file=io.StringIO())
            return None
        self.note(number, "end")
        match r.randrange(4):
            case 0:
                return frame.wind()
            case 1 if last is not None:
                return last
            case 2:
                frame.unwind(-1, r.choice(ERRNOS))
                await sleep(r.random() / 50)
                print(frame, *args, file=io.StringIO())
                return None
            case _:
                return await frame.wind()

    async def step(
        self, name: str, r: random.Random, fop: Any, frame: Frame, args: Any, number: int
    ) -> None:
        match name:
            case "child" | "child-late":
                if name == "child-late":
                    await sleep(r.random() / 100)
                await self.ask(r, fop, args, number)
            case "gather":
                await gather(*[self.ask(r, fop, args, number) for _ in range(r.randint(1, 4))])
            case "timeout":
                with contextlib.suppress(TimeoutError):
                    async with timeout(r.choice([0, 0.0005, 0.002])):
                        reply = await frame.wind()
                        self.keep("value", reply)
            case "sleep":
                await sleep(r.choice([0, 0.001, 0.01]))
            case "to-thread":
                await to_thread(self.look, r)
            case "lock":
                async with self.shared[0]:
                    await sleep(0.0005)
            case "semaphore":
                async with self.shared[1]:
                    await self.ask(r, fop, args, number)
            case "spawn":
                task = self.spawn(self.background(r))
                if r.random() < 0.5:
                    await task
            case "nest":
                with contextlib.suppress(TimeoutError):
                    async with timeout(0.005):
                        await gather(sleep(0.001), gather(self.ask(r, fop, args, number)))

    async def ask(self, r: random.Random, fop: Any, args: Any, number: int) -> None:
        """A child, in the name of the request with that number."""
        root = r.random() < 0.1
        by = {"attack.by": "root" if root else str(number), "attack.changed": "yes"}
        values = args
        if fop.args and fop.args[-1].name == "xdata":
            values = (*args[:-1], Dict(by))
        elif root:
            return
        call = getattr(self.children[0], fop.name)
        if values is not args and "common" in self.side and r.random() < 0.5:
            reply = await self.asked_with_common(call, args[:-1], by, root)
        else:
            reply = await call(*values, as_root=root)
        if r.random() < 0.3:
            self.keep("value", reply)
        if "dying" in self.side:
            self.keep_dying(fop, reply)

    def asked_with_common(
        self, call: Callable[..., Any], values: tuple[Any, ...], by: dict[str, str], root: bool
    ) -> Any:
        """With a Dict that is each request's, and changed as soon as it was handed on."""
        with COMMON_TURN:
            COMMON.update(by)
            wind = call(*values, COMMON, as_root=root)
            COMMON["attack.by"] = "nobody"
            COMMON.clear()
        return wind

    def keep_dying(self, fop: Any, reply: Any) -> None:
        """The same answer with a structure that runs Python when it goes."""
        for arg in fop.cbk_args:
            if arg.python.startswith("Iatt") and reply.op_ret >= 0:
                self.keep("value", reply.replace(**{arg.name: dying(arg.ctype)}))
                return

    async def background(self, r: random.Random) -> None:
        await sleep(r.random() / 50)
        self.look(r)
        if r.random() < 0.2:
            await to_thread(time.sleep, 0.005)

    async def link(self, before: Any) -> None:
        await before

    async def linger(self, r: random.Random, args: Any, in_thread: bool) -> None:
        """Over the volume's end, whatever it is told."""

        def look() -> None:
            time.sleep(r.random())
            for _ in range(20):
                with contextlib.suppress(ReferenceError, FrameError):
                    print(self.this, *args, file=io.StringIO())
                    self.look(r)

        for _ in range(3):
            with contextlib.suppress(gluster.CancelledError, ReferenceError, FrameError):
                if in_thread:
                    await to_thread(look)
                else:
                    await sleep(r.random())
                    print(self.this, *args, file=io.StringIO())
                    await self.children[0].statfs(args[0])


ERRORS: dict[str, int] = {}


def plain(fop: Any) -> tuple[Any, Any]:
    def down(self: xlator, frame: Frame, this: Xlator, *args: Any) -> None:
        self.down(fop, frame, args)

    def up(
        self: xlator, frame: Frame, cookie: Any, this: Xlator, ret: int, err: int, *args: Any
    ) -> None:
        self.up(fop, frame, cookie, (ret, err), args)

    return down, up


def coroutine(fop: Any) -> Any:
    async def down(self: xlator, frame: Frame, this: Xlator, *args: Any) -> Any:
        return await self.course(fop, frame, args)

    return down


# Which fop has which kind of handler is the volume's choice, and the class is made before it:
# so there is a class for each choice, `option class-name`.
def variant(bits: int) -> type:
    methods: dict[str, Any] = {}
    for i, fop in enumerate(gluster.FOPS.values()):
        if mix(bits, i) & 1:
            methods[f"{fop.name}_fop"] = coroutine(fop)
        else:
            methods[f"{fop.name}_fop"], methods[f"{fop.name}_cbk"] = plain(fop)
    return type(f"variant{bits}", (xlator,), methods)


globals().update({f"variant{bits}": variant(bits) for bits in range(4)})
