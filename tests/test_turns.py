"""Several threads of GlusterFS's want the GIL at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from glusterfs import Host, Mount

SOURCE = """
import os
import time
from gluster import Translator

class xlator(Translator):
    def getxattr_fop(self, frame, this, loc, name, *rest):
        if name == "user.busy":
            sum(range(100_000))  # about a millisecond, with the GIL
        if name == "user.blocked":
            print("blocked")
            until = time.monotonic() + 20
            while not os.path.exists(GO) and time.monotonic() < until:
                time.sleep(0.02)  # without it
        frame.unwind(-1, 61)
"""
CLIENTS = 4


def mounted(host: Host) -> Mount:
    go = host.directory / "go"
    source = SOURCE.replace("GO", repr(str(go)))
    volfile = host.posix()
    volfile.add("busy", host.glupy, {
        "module-name": "busy", "module-path": host.write(busy=source),
    })  # fmt: skip
    return host.mount(volfile.add("above", "performance/io-threads"))


def ask(mount: Mount, name: str) -> bool:
    """Whether it was answered, as the handler answers."""
    try:
        os.getxattr(mount.path, name)
    except OSError as error:
        return error.errno == 61
    return False


def figures(mount: Mount) -> dict[str, int]:
    lines = mount.statedump().glupy("busy")
    return {key: int(lines[f"gil.{key}"]) for key in ("waits", "naps", "mean-ns")}


def test_waits_are_counted(host: Host) -> None:
    """Who waits for the GIL is counted, and for how long; all are answered."""
    with mounted(host) as mount, ThreadPoolExecutor(CLIENTS) as pool:
        before = figures(mount)
        assert all(pool.map(lambda _: ask(mount, "user.busy"), range(50 * CLIENTS)))
        after = figures(mount)
        assert after["waits"] > before["waits"] + 20
        # One of them waits for some others at most, but the machine may be busy.
        assert 10_000 < after["mean-ns"] < 1_000_000_000


def test_who_blocks_without_the_gil_holds_nobody_up(host: Host) -> None:
    """A handler that waits for something, with the GIL given up, looks as if it was in Python
    still. Others go on."""
    with mounted(host) as mount, ThreadPoolExecutor(CLIENTS) as pool:
        blocked = pool.submit(ask, mount, "user.blocked")
        mount.wait_until("in the handler", lambda: bool(mount.log.find("blocked")))
        assert all(pool.map(lambda _: ask(mount, "user.quick"), range(500)))
        assert not blocked.done()
        (host.directory / "go").touch()
        assert blocked.result()
