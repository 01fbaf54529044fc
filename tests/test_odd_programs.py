"""What programs that are odd, or meant badly, do to the process: nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time

import pytest

from glusterfs import Host, Option, Volfile

ODD = """
import errno
import gc
import os
import time
from gluster import Dict, Translator, getxattr_reply_t, sleep, timeout

class Lies(int):
    __le__ = __lt__ = __ge__ = __gt__ = __eq__ = lambda self, other: True
    __hash__ = int.__hash__

def raises(file):
    exec(compile("raise KeyError('of a file that is none')", file, "exec"))

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        kind = (name or "").partition(".")[2]
        method = getattr(self, kind.partition(".")[0], None)
        return await method(frame, kind) if method else await frame.wind()

    async def errno(self, frame, kind):
        error = OSError("odd")
        error.errno = Lies(600)
        raise error

    async def long(self, frame, kind):
        float("a" * 200_000 + "@")

    async def chain(self, frame, kind):
        error = None
        for i in range(5000):
            before, error = error, ValueError(f"number {i}")
            error.__context__ = before
        raise error

    async def fifo(self, frame, kind):
        raises(self.options["fifo"])

    async def own(self, frame, kind):
        raises(self.options["own"])

    async def nested(self, frame, kind):
        # Both pass while nobody waits; each is raised.
        said = []
        try:
            async with timeout(0.2):
                try:
                    async with timeout(0.1):
                        time.sleep(0.5)
                        await sleep(5)
                except TimeoutError:
                    said.append("inner")
                await sleep(5)
        except TimeoutError:
            said.append("outer")
        return getxattr_reply_t(dict=Dict({"user.nested": " ".join(said).encode()}))

    async def unused(self, frame, kind):
        # Replies that nobody has, as the collector shows them, have no values.
        for _ in range(20):
            await self.children[0].statfs(frame_loc, None)
        seen = 0
        for each in gc.get_objects():
            if type(each).__name__.endswith("_reply_t"):
                for value in dir(each):
                    repr(getattr(each, value))
                seen += 1
        return getxattr_reply_t(dict=Dict({"user.unused": str(seen).encode()}))

    def lookup_fop(self, frame, this, loc, xdata):
        global frame_loc
        if frame_loc is None and loc.inode is not None and loc.inode.gfid:
            frame_loc = loc
        frame.wind()

frame_loc = None
"""


def test_a_mount_survives_them(host: Host) -> None:
    fifo = host.directory / "fifo"
    os.mkfifo(fifo)
    options: dict[str, Option] = {
        "module-name": "odd", "module-path": host.write(odd=ODD), "fifo": fifo,
        "own": host.directory / "mnt/file.py",
    }  # fmt: skip
    mount = host.mount(host.posix().add("odd", host.glupy, options))
    (mount.path / "file.py").write_text("raise KeyError\n")
    mount.log.known += ["0-odd: ", "fuse-bridge"]
    for name in ("errno", "long", "chain", "fifo", "own"):
        begun = time.monotonic()
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            os.getxattr(mount.path, f"user.{name}")
        assert time.monotonic() - begun < 10, name
    assert os.getxattr(mount.path, "user.nested") == b"inner outer"
    assert int(os.getxattr(mount.path, "user.unused")) >= 0
    assert not mount.log.find("can not be told")
    mount.log.expect("ValueError: number 4999", "ValueError: number 0$")
    mount.log.expect("KeyError: 'of a file that is none'", "could not convert string to float")


LIMITS = """
from gluster import Translator, gather, timeout

def handler(name):
    async def method(self, frame, this, *args):
        async with timeout(20):
            return await frame.wind()
    return method

xlator = type("xlator", (Translator,), {f"{n}_fop": handler(n) for n in ("lk", "flush")})
"""


def test_a_lock_under_a_timeout_is_the_clients(host: Host) -> None:
    """A stack of Glupy's own has the client, by whom features/locks tells locks apart."""
    options: dict[str, Option] = {
        "module-name": "limits", "module-path": host.write(limits=LIMITS)
    }  # fmt: skip
    brick = host.serve(host.posix().add("limits", host.glupy, options))
    one, two = (host.mount(brick.client(Volfile(), "client"), name) for name in ("one", "two"))
    (one.path / "file").touch()
    for log in (one.log, two.log, brick.log):
        log.known.append("Resource temporarily unavailable")
    with open(one.path / "file", "r+") as mine, open(two.path / "file", "r+") as theirs:
        fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError):
            fcntl.lockf(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Closing has released it.
    with open(two.path / "file", "r+") as theirs:
        got = threading.Thread(target=fcntl.lockf, args=(theirs, fcntl.LOCK_EX), daemon=True)
        got.start()
        got.join(20)
        assert not got.is_alive()
