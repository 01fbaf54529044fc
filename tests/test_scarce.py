"""When there is no thread or no memory for a stack for a while: nobody waits in vain."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Volfile, eventually
from sanitizer import unsuited

SCARCE = Path(__file__).parent / "course/scarce.c"
MODULE = """
import errno
from gluster import Translator, sleep, timeout, to_thread

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        await getattr(self, name.removeprefix("user."))()
        frame.unwind(-1, errno.EDOM)

    async def asleep(self):
        await sleep(0.01)

    async def timed_out(self):
        try:
            async with timeout(0.01):
                await sleep(3600)
        except TimeoutError:
            pass

    async def thread(self):
        assert await to_thread(len, "four") == 4

    async def spawned(self):
        await self.spawn(self.asleep())

    def deep(self):
        return self.deep()

    async def too_deep(self):
        try:
            sorted([1, 2], key=lambda _: sorted([1, 2], key=Deep().__getattr__))
        except RecursionError:
            pass

class Deep:
    def __getattr__(self, name):
        return sorted([1, 2], key=Deep().__getattr__)
"""
WAYS = ["asleep", "timed_out", "thread", "spawned"]

pytestmark = unsuited("its runtime stands between the library and what fails")


@pytest.fixture
def scarce(host: Host, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that makes threads and stacks scarce."""
    library = host.directory / "scarce.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SCARCE), "-ldl"]
    subprocess.run(command, check=True)
    file = host.directory / "scarce"
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("SCARCE_FILE", str(file))
    return file


def stack(host: Host) -> Volfile:
    volfile = host.posix()
    path = host.write(scarce=MODULE)
    volfile.add("scarce", host.glupy, {"module-name": "scarce", "module-path": path})
    return volfile.add("threads", "performance/io-threads")


def ask(mount: Mount, name: str, answers: list[str]) -> threading.Thread:
    def run() -> None:
        try:
            os.getxattr(mount.path, f"user.{name}")
        except OSError as error:
            answers.append(f"{name} {error.errno}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_no_thread(host: Host, scarce: Path) -> None:
    """Once, when each kind of thread is wanted: they are made when they can be."""
    with host.mount(stack(host)) as mount:
        mount.log.expect("no thread glupy-(thread|resume)")
        mount.log.known.append("fuse_xattr_cbk|no memory for a stack")
        scarce.touch()
        answers: list[str] = []
        threads = [ask(mount, way, answers) for way in WAYS]
        eventually("one is missed", lambda: bool(mount.log.find("no thread glupy-")))
        assert not answers
        scarce.unlink()
        for thread in threads:
            thread.join(10)
        if any(thread.is_alive() for thread in threads):
            mount.popen.kill()  # or they hang
        assert sorted(answers) == sorted(f"{way} {errno.EDOM}" for way in WAYS)


def test_no_stack(host: Host, scarce: Path) -> None:
    """Deep Python on threads with a small stack, when there is no memory for a larger one."""
    with host.mount(stack(host)) as mount:
        mount.log.expect("no memory for a stack for Python")
        mount.log.known.append("fuse_xattr_cbk")
        scarce.touch()
        answers: list[str] = []
        for thread in [ask(mount, "too_deep", answers) for _ in range(8)]:
            thread.join(20)
        scarce.unlink()
        assert answers == [f"too_deep {errno.EDOM}"] * 8
