"""No GlusterFS call that may take a lock runs with the GIL held.

`course/locking.c` holds a lock of its own around its unrefs and around a wind to Python,
and takes it in its forget. A thread that holds the GIL and gives back the last reference on
an inode would wait there for that lock, whose holder waits for the GIL.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from course.harness import build

from glusterfs import Host, Mount, eventually

THREADS, ROUNDS = 4, 250

# Keeps the inodes that are made, and lets go of them in every way that there is.
DROPS = """
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
    kept = []
    forgotten = 0

    def mknod_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        if op_ret == 0:
            inode.ctx = Context(self.previous)
            self.previous = inode
            self.kept.append(inode)
        frame.unwind()

    def DROPS

    def forget(self, gfid, ctx):
        assert ctx.other is None or ctx.other.gfid
        del ctx.other
        self.forgotten += 1

    def setxattr_fop(self, frame, this, *args):
        self.previous = None
        self.kept.clear()
        print("told:", self.forgotten)
        frame.unwind(-1, 1)
"""

WAYS = {
    "fop": """
    def stat_fop(self, frame, this, loc, xdata):
        self.kept.clear()
        frame.wind()
    """,
    "cbk": """
    def stat_cbk(self, frame, cookie, this, op_ret, op_errno, *answer):
        self.kept.clear()
        frame.unwind()
    """,
    "coroutine": """
    async def stat_fop(self, frame, this, loc, xdata):
        self.kept.clear()
        reply = await frame.wind()
        self.kept.clear()
        return reply
    """,
    "thread": """
    def stat_fop(self, frame, this, loc, xdata):
        kept, self.kept = self.kept, []
        threading.Thread(target=kept.clear).start()
        del kept
        frame.wind()
    """,
    "collector": """
    def stat_fop(self, frame, this, loc, xdata):
        Cycle(self.kept)
        self.kept = []
        import gc
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
            os.stat(mount.path)

    with mount, ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))

        def done() -> bool:
            try:
                os.setxattr(mount.path, "user.end", b"")
            except OSError:
                said = [mount.log.find(f"{word}: {THREADS * ROUNDS}$") for word in COUNTS]
                return all(said)
            raise AssertionError("the setxattr was not answered by Python")

        mount.log.known.append("fuse_setxattr_cbk|SETXATTR|setxattr")
        eventually("all are forgotten, and told to Python", done)


COUNTS = ["forgotten", "told"]
