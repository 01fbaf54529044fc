"""Dicts that are changed when they have been handed on; see test_handed_on.py.

`below` tells what a request comes with, and what that is a little later; `above` what an
answer comes with, and what its own dict is by then. Between them is the one that changes
them, by the name of the file that is looked for.
"""

from __future__ import annotations

import errno
import sys
import threading
import time
from typing import Any

from gluster import Dict, Loc, Translator, Xlator, lookup_wind, sleep

own = Dict({"x.n": 0})


def shown(xdata: Any) -> dict[str, Any]:
    return {key: xdata[key] for key in sorted(xdata or ()) if key.startswith("x.")}


def is_asked(loc: Any, xdata: Any) -> bool:
    return loc.name is not None and "-" in loc.name and xdata is not None


class below(Translator):
    def lookup_fop(self, frame: Any, this: Any, loc: Any, xdata: Any) -> None:
        if not is_asked(loc, xdata):
            frame.wind()
            return
        first, path = shown(xdata), loc.path

        def later() -> None:
            print(loc.name, "below:", path, first, "later:", shown(xdata))
            frame.unwind(-1, errno.ENOENT, xdata=Dict({"x.below": 1}))

        threading.Timer(0.02, later).start()


class above(Translator):
    def lookup_fop(self, frame: Any, this: Any, loc: Any, xdata: Any) -> None:
        if is_asked(loc, xdata):
            xdata["x.above"] = 1
            frame.local = (loc.name, xdata)
        frame.wind()

    def lookup_cbk(
        self,
        frame: Any,
        cookie: Any,
        this: Any,
        op_ret: Any,
        op_errno: Any,
        inode: Any,
        buf: Any,
        xdata: Any,
        postparent: Any,
    ) -> None:
        if frame.local is not None:
            name, asked = frame.local
            print(name, "above:", shown(xdata), "asked:", shown(asked))
        frame.unwind()


class callbacks(Translator):
    def lookup_fop(self, frame: Any, this: Any, loc: Any, xdata: Any) -> None:
        if is_asked(loc, xdata):
            getattr(self, "fop_" + loc.name.partition("-")[0])(frame, loc, xdata)
        else:
            frame.wind()

    def lookup_cbk(
        self,
        frame: Any,
        cookie: Any,
        this: Any,
        op_ret: Any,
        op_errno: Any,
        inode: Any,
        buf: Any,
        xdata: Any,
        postparent: Any,
    ) -> None:
        if frame.local is None:
            frame.unwind()
        else:
            name, *kept = frame.local
            getattr(self, "cbk_" + name)(frame, xdata, *kept)

    def fop_own(self, frame: Any, loc: Any, xdata: Any) -> None:
        xdata["x.a"] = 1
        frame.wind()
        xdata["x.a"] = 2

    def fop_long(self, frame: Any, loc: Any, xdata: Any) -> None:
        xdata["x.a"] = 1
        lookup_wind(frame, loc, xdata)
        xdata.clear()

    def fop_given(self, frame: Any, loc: Any, xdata: Any) -> None:
        own["x.n"] += 1
        frame.wind(xdata=own)
        own["x.n"] += 10

    def fop_answer(self, frame: Any, loc: Any, xdata: Any) -> None:
        own["x.n"] = 100
        frame.unwind(-1, errno.ENOENT, xdata=own)
        own.update({"x.n": 200})

    def fop_twice(self, frame: Any, loc: Any, xdata: Any) -> None:
        xdata["x.a"] = 1
        frame.local = ("twice", xdata)
        frame.wind()
        xdata["x.a"] = 2

    def cbk_twice(self, frame: Any, _reply: Any, xdata: Any) -> None:
        xdata["x.b"] = 3
        frame.local = None
        frame.wind()
        xdata.pop("x.b")

    def fop_thread(self, frame: Any, loc: Any, xdata: Any) -> None:
        def run() -> None:
            xdata["x.a"] = 1
            frame.wind()
            xdata.setdefault("x.c", 2)

        frame.local = ("thread", xdata)
        threading.Timer(0.01, run).start()

    def cbk_thread(self, frame: Any, reply: Any, xdata: Any) -> None:
        def run() -> None:
            reply["x.up"] = len(shown(xdata))
            frame.unwind()
            del reply["x.up"]

        threading.Timer(0.01, run).start()

    def fop_reply(self, frame: Any, loc: Any, xdata: Any) -> None:
        frame.local = ("reply",)
        frame.wind()

    def cbk_reply(self, frame: Any, reply: Any) -> None:
        reply["x.up"] = 1
        frame.unwind()
        reply["x.up"] = 2

    def fop_shown(self, frame: Any, loc: Any, xdata: Any) -> None:
        other = Loc(loc.path, inode=loc.inode, parent=loc.parent)
        view = other.contents
        frame.wind(loc=other)
        other.path = "/elsewhere"
        assert view.path in (loc.path.encode(), b"/elsewhere")


class coroutines(Translator):
    async def lookup_fop(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        if not is_asked(loc, xdata):
            return await frame.wind()
        return await getattr(self, loc.name.partition("-")[0])(frame, this, loc, xdata)

    async def own(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        xdata["x.a"] = 1
        return await frame.wind()

    async def slept(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        await sleep(0.001)
        xdata["x.a"] = 1
        wind = frame.wind()
        xdata["x.a"] = 2
        return await wind

    async def twice(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        xdata["x.a"] = 1
        await frame.wind()
        xdata["x.b"] = 3
        return await frame.wind()

    async def given(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        own["x.n"] += 1
        wind = this.children[0].lookup(loc, xdata=own)
        own["x.n"] += 10
        return await wind

    async def reply(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        reply = await frame.wind()
        reply.xdata["x.up"] = 1
        return reply

    async def kept(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        reply = await frame.wind()
        kept = reply.xdata
        await sleep(0.001)
        kept["x.up"] = 1
        assert reply.xdata is kept
        return reply

    async def dropped(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        reply = await frame.wind()
        reply.xdata["x.up"] = 1
        await sleep(0.001)
        return reply

    async def replaced(self, frame: Any, this: Any, loc: Any, xdata: Any) -> Any:
        reply = await frame.wind()
        reply.xdata["x.up"] = 1
        other = reply.replace(op_errno=errno.ESTALE)
        reply.xdata["x.up"] = 2
        return other


class churned(Translator):
    """A Dict for all requests, which threads change without a pause."""

    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        sys.setswitchinterval(1e-5)
        for _ in range(2):
            threading.Thread(target=self.churn, daemon=True).start()

    def churn(self) -> None:
        rounds = 0
        while True:
            rounds += 1
            own.clear()
            for i in range(50):
                own[f"x.k{i}"] = b"w" * (rounds % 40 + 1)
            time.sleep(0.0001)


class churned_winds(churned):
    def lookup_fop(self, frame: Any, this: Any, loc: Any, xdata: Any) -> None:
        if loc.path == "/":
            frame.wind()
        else:
            frame.wind(xdata=own)


class churned_values(churned):
    def setxattr_fop(
        self, frame: Any, this: Any, loc: Any, _values: Any, flags: Any, xdata: Any
    ) -> None:
        frame.wind(dict=own)


class churned_calls(churned):
    async def setxattr_fop(
        self, frame: Any, this: Any, loc: Any, _values: Any, flags: Any, xdata: Any
    ) -> Any:
        return await this.children[0].setxattr(loc, own, flags, own)


class careless(Translator):
    """The same without threads: the next request changes it."""

    requests = 0

    def lookup_fop(self, frame: Any, this: Any, loc: Any, xdata: Any) -> None:
        if loc.path == "/":
            frame.wind()
            return
        self.requests += 1
        own.clear()
        own.update({f"x.k{i}": b"x" * (self.requests % 50 + 1) for i in range(20)})
        frame.wind(xdata=own)
