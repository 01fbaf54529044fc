"""Requests that Glupy makes itself change the times of files as a client's requests do.

With features/utime in the clients, storage/posix keeps a file's times in an attribute of its
own, and changes them when a request says so.
"""

from __future__ import annotations

import os
import time

import pytest

from cluster import Cluster
from glusterfs import Host, Log, eventually

GROWN = 0.1  # seconds, of the 0.2 that go by: clocks of file systems are not as fine as others

OWN = """
from gluster import Fd, Iatt, SetAttr, Translator, sleep

class xlator(Translator):
    async def setxattr_fop(self, frame, this, loc, dict, flags, xdata):
        if "user.request" in dict:
            await self.change(loc)
        elif "user.background" in dict:
            self.spawn(self.change(loc))
        return await frame.wind()

    async def change(self, loc):
        await sleep(0.01)
        reply = await self.children[0].truncate(loc, 2)
        print("changed", reply.op_ret)
"""


def change(path: os.PathLike[str], how: str, log: Log) -> float:
    """Have a file cut off; by how much its time of change grew."""
    with open(path, "w") as file:
        file.write("content")
    before = os.stat(path)
    time.sleep(0.2)
    if how == "client":
        os.truncate(path, 2)
    else:
        said = len(log.find("changed 0"))
        os.setxattr(path, f"user.{how}", b"")
        eventually("changed", lambda: len(log.find("changed 0")) > said)
    after = os.stat(path)
    assert after.st_size == 2
    return after.st_mtime - before.st_mtime


@pytest.mark.parametrize("utime", ["above", "below", "nowhere"])
@pytest.mark.parametrize("how", ["client", "request", "background"])
def test_in_a_client(host: Host, how: str, utime: str) -> None:
    """Whoever else has a file changed, its times grow; and so they do afterwards."""
    volfile = host.posix()
    if utime == "below":
        volfile.add("utime", "features/utime")
    volfile.add("own", host.glupy, {"module-name": "own", "module-path": host.write(own=OWN)})
    if utime == "above":
        volfile.add("utime", "features/utime")
    with host.mount(volfile) as mount:
        path = mount.path / "file"
        assert change(path, how, mount.log) >= GROWN
        before = path.stat()
        time.sleep(0.2)
        os.truncate(path, 1)
        assert path.stat().st_mtime - before.st_mtime >= GROWN


def test_in_a_brick(host: Host) -> None:
    """In a volume of glusterd's, whose clients have utime."""
    modules = host.write(own=OWN)
    with Cluster(host, ("own",)) as cluster:
        cluster.create(
            "times",
            performance__stat_prefetch="off",  # which would not know of what the brick does
            performance__write_behind="off",
            user__xlator__own="posix",
            user__xlator__own__module_path=modules,
        )
        cluster.gluster("volume", "start", "times")
        mount = cluster.mount("times")
        (log,) = cluster.logs()
        for how in ("client", "request", "background"):
            assert change(mount / how, how, log) >= GROWN, how
