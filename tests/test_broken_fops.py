"""Fops on which GlusterFS itself breaks (`broken_in` of fops.yaml), with the real translators: no
request for them is wound, whoever asks.
"""

from __future__ import annotations

import os

import pytest
from course.harness import build

from glusterfs import Host, Option, Volfile

# Answers getxattr of user.ask with what each child answered.
ASKS = """
from gluster import Dict, Event, Loc, Translator, getxattr_reply_t

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if not name.startswith("user.ask."):
            return frame.wind()
        fop = name.removeprefix("user.ask.")
        new = Loc("/new", parent=loc.inode, inode=loc.inode.table.new(), gfid=bytes(range(16)))
        args = {"icreate": (new, 0o644), "namelink": (new,), "setactivelk": (loc, [])}
        self.loc = loc
        said = []
        for child in self.children:
            reply = await getattr(child, fop)(*args.get(fop, (loc,)))
            said.append(f"{reply.op_ret} {reply.op_errno}" if reply.op_ret < 0 else "ok")
        return getxattr_reply_t(dict=Dict({name: ", ".join(said).encode()}))
"""
# Asks again when the brick is away.
LEFT_ALONE = """
    def notify(self, event, data):
        if event == Event.CHILD_DOWN:
            self.spawn(self.ask_again())

    async def ask_again(self):
        for _ in range(100):
            reply = await self.children[0].icreate(self.loc, 0o644)
        print("it said", reply.op_ret, reply.op_errno)
"""


def asked(host: Host, graph: Volfile, source: str, on: list[str] | None = None) -> Volfile:
    options: dict[str, Option] = {"module-name": "asks", "module-path": host.write(asks=source)}
    return graph.add("asks", host.glupy, options, on=on)


NO = "-1 95"  # EOPNOTSUPP


def test_no_call_stub_is_made(host: Host) -> None:
    """performance/io-threads and debug/delay-gen crash of setactivelk's, whatever is between; one
    that is passed through makes none.
    """
    graph = host.posix()
    graph.add("through", "performance/io-threads", {"pass-through": "on"}, on=["locks"])
    graph.add("threads", "performance/io-threads", on=["locks"])
    graph.add("stats", "debug/io-stats", on=["threads"])
    graph.add("delay", "debug/delay-gen", {"delay-percentage": 0}, on=["locks"])
    graph = asked(host, graph, ASKS, on=["through", "stats", "delay"])
    with host.mount(graph) as mount:
        mount.log.expect("0-asks: setactivelk is answered EOPNOTSUPP: .*performance/io-threads")
        mount.log.expect("0-locks: empty lock list")  # whose answer says no errno
        for _ in range(2):
            answer = os.getxattr(mount.path, "user.ask.setactivelk")
            assert answer.decode() == f"-1 0, {NO}, {NO}"
        assert len(mount.log.find("is answered EOPNOTSUPP")) == 1  # and says so once


# Ways to pass on a request.
PASSES = {
    "as it came": """
    def setactivelk_fop(self, frame, *args):
        frame.wind()
""",
    "changed": """
    def setactivelk_fop(self, frame, this, loc, locklist, xdata):
        setactivelk_wind(frame, loc, [], xdata)
""",
    "and wait": """
    async def setactivelk_fop(self, frame, *args):
        return await frame.wind()
""",
    "seeing the answer only": """
    def setactivelk_cbk(self, frame, *answer):
        frame.unwind()
""",
}


@pytest.mark.parametrize("way", PASSES)
def test_nothing_that_came_is_passed_on_to_it(host: Host, way: str) -> None:
    source = "from gluster import *\n\nclass xlator(Translator):\n" + PASSES[way]
    graph = asked(host, host.posix().add("threads", "performance/io-threads"), source)
    graph.add("caller", build().type("caller"))
    with host.mount(graph) as mount:
        mount.log.expect("0-asks: setactivelk is answered EOPNOTSUPP")
        mount.log.known.append("fuse-bridge.*[nN]ot supported")
        with pytest.raises(OSError, match="not supported"):
            os.setxattr(mount.path, "user.setactivelk", b"1")
        os.stat(mount.path)


def test_bricks_are_not_crashed(host: Host) -> None:
    """A brick crashes of fops that none of its translators has, and of a call stub."""
    served = host.posix().add("threads", "performance/io-threads")
    with host.serve(served) as brick:
        graph = asked(host, brick.client(Volfile(), "client"), ASKS)
        with host.mount(graph) as mount:
            for fop in ("namelink", "setactivelk", "icreate"):
                mount.log.expect(f"0-asks: {fop} is answered EOPNOTSUPP: .*client")
                assert os.getxattr(mount.path, f"user.ask.{fop}").decode() == NO
                assert brick.running()
            # The brick has its like.
            assert os.getxattr(mount.path, "user.ask.getactivelk") == b"ok"


def test_a_client_does_not_answer_twice(host: Host) -> None:
    """protocol/client does, of icreate, when it has no connection."""
    source = ASKS + LEFT_ALONE
    with host.serve(host.posix()) as brick:
        with host.mount(asked(host, brick.client(Volfile(), "client"), source)) as mount:
            mount.log.expect("0-asks: icreate is answered EOPNOTSUPP")
            mount.log.known += ["0-client: ", "fuse-bridge.*not connected"]
            assert os.getxattr(mount.path, "user.ask.getactivelk") == b"ok"
            brick.stop()
            mount.wait_until("an answer", lambda: mount.log.find("0-asks: it said"))
            assert mount.log.find(f"0-asks: it said {NO}")
            assert mount.running()


# Answers getxattr of user.ask with what cluster/replicate answered to lock and unlock by fd.
UNLOCKS = """
from gluster import Dict, EntrylkCmd, Fd, Flock, LkType, Translator, getxattr_reply_t

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if name != "user.ask":
            return frame.wind()
        child, fd, said = self.children[0], Fd.anonymous(loc.inode), []
        for cmd in (EntrylkCmd.LOCK, EntrylkCmd.UNLOCK):
            kind = LkType.WRLCK if cmd == EntrylkCmd.LOCK else LkType.UNLCK
            said.append(await child.entrylk("glupy", loc, "x", cmd, 1))
            said.append(await child.fentrylk("glupy", fd, "x", cmd, 1))
            said.append(await child.inodelk("glupy", loc, 6, Flock(l_type=kind)))
            said.append(await child.finodelk("glupy", fd, 6, Flock(l_type=kind)))
        said = [f"{reply.op_ret} {reply.op_errno}" if reply.op_ret < 0 else "ok" for reply in said]
        return getxattr_reply_t(dict=Dict({name: ", ".join(said).encode()}))
"""


def test_no_lock_is_given_up_by_fd(host: Host) -> None:
    """cluster/replicate unlocks without the fd."""
    graph, bricks = Volfile(), ["locks0", "locks1"]
    for i in range(2):
        graph.add(f"posix{i}", "storage/posix", {"directory": host.brick(f"brick{i}")}, on=[])
        graph.add(f"locks{i}", "features/locks")
    graph.add("two", "cluster/replicate", {"afr-pending-xattr": "two-0,two-1"}, on=bricks)
    with host.mount(asked(host, graph, UNLOCKS)) as mount:
        for fop in ("finodelk", "fentrylk"):
            mount.log.expect(f"0-asks: {fop} is answered EOPNOTSUPP: .*cluster/replicate")
        answers = os.getxattr(mount.path, "user.ask").decode().split(", ")
        assert answers[1::2] == [NO] * 4
        assert NO not in answers[::2]
        assert mount.running()
