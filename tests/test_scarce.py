"""When there is no thread or no memory for a stack for a while: nobody waits in vain."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import threading
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Volfile, eventually
from sanitizer import unsuited

SCARCE = Path(__file__).parent / "course/scarce.c"
MODULE = """
import errno
import time
from gluster import Translator, gather, sleep, timeout, to_thread

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

    async def blocks(self):
        time.sleep(6)

    async def gathers(self):
        await gather(self.gathers())

    async def gathered(self):
        try:
            await self.gathers()
        except RecursionError:
            pass

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
    """A directory: a file in it makes what it is named after scarce."""
    library = host.directory / "scarce.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SCARCE), "-ldl"]
    subprocess.run(command, check=True)
    directory = host.directory / "scarce"
    directory.mkdir()
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("SCARCE", str(directory))
    return directory


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
        mount.log.known.append("fuse_xattr_cbk")
        (scarce / "threads").touch()
        answers: list[str] = []
        threads = [ask(mount, way, answers) for way in WAYS]
        eventually("one is missed", lambda: bool(mount.log.find("no thread glupy-")))
        assert not answers
        (scarce / "threads").unlink()
        for thread in threads:
            thread.join(10)
        if any(thread.is_alive() for thread in threads):
            mount.popen.kill()  # or they hang
        assert sorted(answers) == sorted(f"{way} {errno.EDOM}" for way in WAYS)


def test_no_thread_at_the_start(host: Host, scarce: Path) -> None:
    """The volume does not start, and the log says why; the next time it does."""
    (scarce / "threads").touch()
    status, log = host.mount_command(stack(host))
    assert status != 0
    log.expect("no thread for Glupy's own work: ")
    log.known.append("nitializ|init failed")
    (scarce / "threads").unlink()
    with host.mount(stack(host)) as mount:
        mount.log.known.append("fuse_xattr_cbk")
        answers: list[str] = []
        ask(mount, "asleep", answers).join(10)
        assert answers == [f"asleep {errno.EDOM}"]


def test_no_stack(host: Host, scarce: Path) -> None:
    """Deep Python on threads with a small stack, when there is no memory for a larger one."""
    with host.mount(stack(host)) as mount:
        mount.log.expect("no memory for a stack for Python")
        mount.log.known.append("fuse_xattr_cbk")
        (scarce / "stacks").touch()
        answers: list[str] = []
        for thread in [ask(mount, "too_deep", answers) for _ in range(8)]:
            thread.join(20)
        (scarce / "stacks").unlink()
        assert answers == [f"too_deep {errno.EDOM}"] * 8


def test_no_stack_for_long(host: Host, scarce: Path) -> None:
    """One has the reserve, and keeps it: the others are not kept waiting without end."""
    with host.mount(stack(host)) as mount:
        mount.log.expect("getxattr: no memory for a stack for Python for some seconds")
        mount.log.known.append("no memory for a stack for Python|fuse_xattr_cbk")
        (scarce / "stacks").touch()
        answers: list[str] = []
        for thread in [ask(mount, "blocks", answers) for _ in range(4)]:
            thread.join(20)
        (scarce / "stacks").unlink()
        assert len(answers) == 4
        assert set(answers) == {f"blocks {errno.EDOM}", f"blocks {errno.ENOMEM}"}


def test_threads_of_two_mebibytes(host: Host) -> None:
    """That is all that threads get where there is no limit for stacks."""
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (2 << 20, before[1]))
    try:
        volfile = host.posix()
        path = host.write(scarce=MODULE)
        volfile.add("scarce", host.glupy, {"module-name": "scarce", "module-path": path})
        mount = host.mount(volfile)
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, before)
    mount.log.known.append("fuse_xattr_cbk")
    answers: list[str] = []
    ask(mount, "gathered", answers).join(20)
    assert answers == [f"gathered {errno.EDOM}"]
