"""No GlusterFS call that may take a lock runs with the GIL held.

`course/locking.c` holds a lock of its own around its unrefs and around a wind to Python,
and takes it in its forget. A thread that holds the GIL and gives back the last reference on
an inode would wait there for that lock, whose holder waits for the GIL.
"""

from __future__ import annotations

import contextlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from course.harness import build

from glusterfs import Host, Mount, eventually

THREADS, ROUNDS = 4, 250

# Keeps the inodes that are made, and lets go of them in every way that there is.
DROPS = """
import gc
import random
import threading
from gluster import Translator

class Context:
    def __init__(self, inode):
        self.other = inode      # is let go of by the forget

class Cycle:
    def __init__(self, kept):
        self.me, self.kept = self, kept

class xlator(Translator):
    previous = None
    forgotten = asked = 0

    def __init__(self, this):
        super().__init__(this)
        self.kept = []

    def mknod_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        if op_ret == 0:
            inode.ctx = Context(self.previous)
            self.previous = None if self.previous else inode
            if random.random() < 0.5:    # else the one with the lock drops it last
                self.kept.append(inode)
        frame.unwind()

    def drop(self):
        "Gives away the oldest, of which nobody else has anything any more."
        dropped, self.kept = self.kept[:-40], self.kept[-40:]
        return dropped

    def DROPS

    def statfs_fop(self, frame, this, loc, xdata):    # comes with the lock held
        self.asked += 1
        frame.wind()

    def forget(self, gfid, ctx):
        assert ctx.other is None or ctx.other.gfid
        ctx.other = None
        self.forgotten += 1

    def setxattr_fop(self, frame, this, *args):
        self.previous = None
        self.kept.clear()
        print("told:", self.forgotten)
        print("asked:", self.asked)
        frame.unwind(-1, 1)
"""

WAYS = {
    "fop": """
    def unlink_fop(self, frame, this, *args):
        self.drop()
        frame.wind()
    """,
    "cbk": """
    def unlink_cbk(self, frame, cookie, this, op_ret, op_errno, *answer):
        self.drop()
        frame.unwind()
    """,
    "coroutine": """
    async def unlink_fop(self, frame, this, *args):
        self.drop()
        reply = await frame.wind()
        self.drop()
        return reply
    """,
    "thread": """
    def unlink_fop(self, frame, this, *args):
        threading.Thread(target=self.drop).start()
        frame.wind()
    """,
    "collector": """
    def unlink_fop(self, frame, this, *args):
        Cycle(self.drop())
        gc.collect(0)
        frame.wind()
    """,
}


@pytest.fixture(params=WAYS)
def mount(host: Host, request: pytest.FixtureRequest) -> Mount:
    source = DROPS.replace("    def DROPS\n", WAYS[request.param].removeprefix("\n"))
    options: dict[str, str | Path] = {
        "module-name": "drops",
        "module-path": host.write(drops=source),
    }
    volfile = host.posix().add("glupy", host.glupy, options)
    volfile.add("locking", build().type("locking"))
    return host.mount(volfile.add("threads", "performance/io-threads"))


def test_unrefs_under_a_lock_that_a_forget_takes(mount: Mount) -> None:
    """Inodes whose last reference Python drops, or the one with the lock: nobody waits."""

    def work(thread: int) -> None:
        for i in range(ROUNDS):
            path = mount.path / f"{thread}-{i}"
            os.mknod(path)
            os.unlink(path)
            os.statvfs(mount.path)

    count = THREADS * ROUNDS
    with mount, ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))

        def done() -> bool:
            with contextlib.suppress(OSError):
                os.setxattr(mount.path, "user.end", b"")
            return all(said(mount, word) == count for word in ("forgotten", "told"))

        mount.log.known.append("fuse_setxattr_cbk|SETXATTR|setxattr")
        eventually("all are forgotten, and told to Python", done)
    assert said(mount, "asked") >= count  # Python ran with the lock held
    assert 0 < said(mount, "own") < count  # some in the unref with the lock held
    assert said(mount, "gil") == 0


def said(mount: Mount, word: str) -> int:
    """The number that the translators have said last."""
    found = re.findall(rf"\b{word}: (\d+)", mount.log.text())
    return int(found[-1]) if found else 0
