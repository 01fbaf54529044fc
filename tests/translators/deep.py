"""Handlers that call deep, by the name that is looked up: through C, on whatever stack.

`where` goes 200 calls deep, `where.endless` as deep as Python lets it.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from gluster import Dict, Frame, Inode, Loc, Translator, gather, sleep, to_thread

DEPTH = 200


class Attribute:
    """Its attributes lead to each other, through C's lookup of them."""

    def __getattr__(self, name: str) -> Any:
        depth = int(name[1:])
        return getattr(self, f"_{depth - 1}") if depth else self


class Instance:
    """Made while another one is made, through C's calling of classes."""

    def __init__(self, depth: int) -> None:
        self.inner = depth and Instance(depth - 1)


def by_key(depth: int) -> int:
    """Sorts while it sorts."""
    return depth and sorted([depth - 1], key=by_key)[0]


def descend(where: str, depth: int) -> None:
    name = Path(f"/proc/self/task/{threading.get_native_id()}/comm").read_text().strip()
    print(f"{where} on {name}")
    getattr(Attribute(), f"_{depth}")
    Instance(depth)
    by_key(depth)


def wanted(loc: Loc, where: str) -> int | None:
    """How deep to go here, if at all."""
    name, _, endless = (loc.name or "").partition(".")
    return (10**6 if endless else DEPTH) if name == where else None


class Handlers(Translator):
    def lookup_fop(self, frame: Frame, this: Any, loc: Loc, xdata: Dict | None) -> None:
        frame.local = loc
        if depth := wanted(loc, "fop"):
            descend("fop", depth)
        frame.wind()

    def lookup_cbk(
        self, frame: Frame, cookie: Any, this: Any, op_ret: int, op_errno: int, *answer: Any
    ) -> None:
        if depth := wanted(frame.local, "cbk"):
            descend("cbk", depth)
        frame.unwind()

    def mknod_cbk(
        self, frame: Frame, cookie: Any, this: Any, op_ret: int, op_errno: int, *answer: Any
    ) -> None:
        inode: Inode = answer[0]
        inode.ctx = "made"
        frame.unwind()

    def forget(self, gfid: Any, ctx: object) -> None:
        descend("forget", DEPTH)


class Coroutines(Translator):
    async def lookup_fop(self, frame: Frame, this: Any, loc: Loc, xdata: Dict | None) -> Any:
        for where in ("begun", "resumed", "slept", "gathered", "thread"):
            if depth := wanted(loc, where):
                return await getattr(self, where)(frame, depth)
        return frame.wind()

    async def begun(self, frame: Frame, depth: int) -> Any:
        descend("begun", depth)
        return await frame.wind()

    async def resumed(self, frame: Frame, depth: int) -> Any:
        reply = await frame.wind()
        descend("resumed", depth)
        return reply

    async def slept(self, frame: Frame, depth: int) -> Any:
        await sleep(0.01)
        descend("slept", depth)
        return await frame.wind()

    async def gathered(self, frame: Frame, depth: int) -> Any:
        async def part() -> None:
            descend("gathered", depth)

        _, reply = await gather(part(), frame.wind())
        return reply

    async def thread(self, frame: Frame, depth: int) -> Any:
        await to_thread(descend, "thread", depth)
        return await frame.wind()
