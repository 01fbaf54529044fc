"""A brick that is taken out of a process with others (brick multiplexing)."""

from __future__ import annotations

import os

from cluster import Cluster
from glusterfs import DEATH, Host, eventually

# Keeps what it is given, and reads it for ever on a thread of its own.
KEEPER = """
import threading
import time
from gluster import Dict, Loc, Translator, sleep

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.kept = []
        self.shown = None
        self.folder = None
        self.spawn(self.ask())
        threading.Thread(target=self.read, daemon=True).start()

    def keep(self, *things):
        self.kept.extend(thing for thing in things if thing is not None)

    def read(self):
        print(self.name, "of", self.volume, "reads")
        rounds = 0
        while True:
            time.sleep(0.001)
            for thing in self.kept[-1000:]:
                try:
                    self.look(thing)
                except Exception as error:
                    print(f"{self.name} has {type(error).__name__}: {error}")
                    print(f"{self.name} still shows {[str(thing) for thing in self.kept]}")
                    self.show()
                    return
            rounds += 1
            if rounds % 10 == 0 and len(self.kept) > 100:
                print(self.name, "has read", len(self.kept))

    def show(self):
        of_loc, of_inode, of_dict, data = self.shown
        print(self.name, "loc", of_loc.path, bool(of_loc.inode), bool(of_loc.parent))
        print(self.name, "data", bytes(data))
        for gone in (of_inode, of_dict):
            try:
                gone.ref
            except ReferenceError as error:
                print(f"{self.name} structure: {error}")

    def look(self, thing):
        repr(thing)
        for name in dir(type(thing)):
            if not name.startswith("_") and name not in ("new", "anonymous", "create"):
                value = getattr(thing, name)
                if name in ("parent", "path", "keys", "items", "values") and callable(value):
                    value()

    async def ask(self):
        asked = 0
        try:
            while True:
                if self.folder is not None:
                    reply = await self.children[0].stat(self.folder)
                    assert reply.op_ret == 0
                    self.keep(reply)
                    asked += 1
                await sleep(0.002)
        finally:
            print(self.name, "asked" if asked > 10 else "has not asked")

    async def open_fop(self, frame, this, loc, flags, fd, xdata):
        reply = await frame.wind()
        self.keep(reply, reply.fd)
        return reply

    def lookup_fop(self, frame, this, loc, xdata):
        if self.folder is None and loc.path == "/":
            self.folder = loc
        self.keep(loc, loc.inode, loc.parent, loc.inode.table, this, xdata)
        frame.wind()

    def create_fop(self, frame, this, loc, flags, mode, umask, fd, xdata):
        self.keep(loc, fd, fd.inode, xdata)
        frame.wind()

    def writev_fop(self, frame, this, fd, vector, *rest):
        self.keep(fd, vector)
        if self.shown is None:
            loc = Loc("/made/by/python", inode=fd.inode, parent=fd.inode)
            self.shown = loc.contents, fd.inode.contents, Dict(a=1).contents, vector[0]
            assert self.shown[0].inode and self.shown[1].ref > 0
        frame.wind()

    def readdirp_cbk(self, frame, cookie, this, op_ret, op_errno, entries, xdata):
        self.keep(entries, *(entries or ()))
        frame.unwind()

    def fini(self):
        print(self.name, "fini")
"""


def test_detach(host: Host) -> None:
    """What Python keeps of a volume is released when its brick is detached; reading it
    raises. The process goes on, with the other volume.
    """
    modules = host.write(keeper=KEEPER)
    with Cluster(host, ("keeper",)) as cluster:
        cluster.gluster("volume", "set", "all", "cluster.brick-multiplex", "on")
        for volume in ("stays", "goes"):
            cluster.create(
                volume, user__xlator__keeper="posix", user__xlator__keeper__module_path=modules
            )
            cluster.gluster("volume", "start", volume)
        assert len(cluster.bricks()) == 1, "one process for both"
        stays, goes = cluster.mount("stays"), cluster.mount("goes")
        for mount in (stays, goes):
            for i in range(20):
                (mount / f"file{i}").write_text("content")
                assert (mount / f"file{i}").read_text() == "content"
            assert len(os.listdir(mount)) == 20
        (log,) = cluster.logs()
        for volume in ("stays", "goes"):
            assert log.find(f"{volume}-keeper of {volume} reads")
        eventually("reading", lambda: bool(log.find("goes-keeper has read")))
        before = cluster.bricks()
        cluster.gluster("volume", "stop", "goes", "force")
        eventually("detached", lambda: bool(log.find("goes-keeper fini")))
        eventually("refused", lambda: bool(log.find("goes-keeper has ")))
        assert log.find("goes-keeper asked")
        assert not log.find("stays-keeper asked")
        (stays / "more").write_text("still here")
        assert (stays / "more").read_text() == "still here"
        assert cluster.bricks() == before, log.text()[-3000:]
        assert log.find("goes-keeper has ReferenceError: .*: the volume goes-keeper is gone")
        assert log.find("I .*goes-keeper: .* taken down: .* released")
        assert not log.find("stays-keeper has .*Error")
        # A structure that was a copy is still there, but leads nowhere; a view of data
        # keeps that; others say that what they showed has gone.
        assert log.find("goes-keeper loc b'/made/by/python' False False")
        assert log.find("goes-keeper data b'content'")
        structures = log.find("goes-keeper structure: (Inode|Dict): the volume .* is gone")
        assert len(structures) == 2
        # GlusterFS complains of inodes that are still in use when it destroys their table.
        assert not log.find("Active inode")
        assert not [line for line in log.text().splitlines() if DEATH.search(line)]
