"""Handlers that are coroutines, on a real mount."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Volfile, eventually
from sanitizer import SLOWER

HERE = Path(__file__).parent

FOUND = [
    "plain", "passed_on", "long", "made", "asleep", "kept", "gathered", "in_time", "thread",
    "often", "locked",
]  # fmt: skip
REFUSED = {
    "denied": errno.EPERM,
    "busy": errno.EBUSY,
    "afterwards": errno.EBUSY,
    "failing": errno.EDQUOT,
    "timed_out": errno.ETIMEDOUT,
    "thread_raises": errno.ENOTTY,
    "replaced": errno.EDOM,
}
WRONG = {
    "bug": "KeyError: 'a bug'",
    "nothing": "lookup_fop returned None: return a reply",
    "foreign": "42 can not be awaited in a translator",
    "forgotten": "dropped the request without an answer",
}


@pytest.fixture(params=["above", "below", "without"])
def mount(host: Host, request: pytest.FixtureRequest) -> Iterator[Mount]:
    """With io-threads above Glupy, below it, and without."""
    with host.mount(host.posix(), name="before") as before:
        for name in [*FOUND, *REFUSED, *WRONG, "changed", "crowd", "door"]:
            (before.path / name).write_text(name)
    with host.mount(stack(host, host.posix(), "coroutines", request.param)) as mount:
        yield mount


def refuses(number: int, path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        assert error.errno == number, error  # noqa: PT017  any OSError but of one errno
    else:
        raise AssertionError(f"{path.name} is there")


def test_answers(mount: Mount) -> None:
    for name in FOUND:
        assert (mount.path / name).stat().st_size == len(name), name
    assert (mount.path / "changed").stat().st_size == 4711
    for name, number in REFUSED.items():
        refuses(number, mount.path / name)
    mount.log.expect("fuse-(bridge|resolve)")
    eventually("a coroutine goes on", lambda: bool(mount.log.find("afterwards: <lookup_reply_t")))
    assert mount.log.find("part: cancelled")


def test_mistakes(mount: Mount) -> None:
    for name, text in WRONG.items():
        mount.log.expect(text)
        begun = time.monotonic()
        refuses(errno.EIO, mount.path / name)
        assert time.monotonic() - begun < 2 * SLOWER, name
    mount.log.expect("the request is answered EIO", "coroutines.py", "fuse-(bridge|resolve)")


def test_a_thousand_suspended_requests_need_no_threads(mount: Mount) -> None:
    path = mount.path / "crowd"
    # What starts with the volume may need threads.
    eventually("it begins", lambda: bool(mount.log.find("spawned: began")))
    before = mount.threads()
    with ThreadPoolExecutor(1000) as pool:
        results = pool.map(os.stat, [path] * 1000)
        eventually("all wait", lambda: bool(mount.log.find("the crowd is complete")))
        assert mount.statedump().requests() == 1000
        more = mount.threads() - before
        # GlusterFS has as many as it likes. Glupy's pool has some for what is due meanwhile
        # (what was spawned at the start, the look for garbage), whoever else is suspended.
        assert more.pop("glupy-resume", 0) <= 3
        assert all(name.startswith("glfs_") for name in more), more
        (mount.path / "door").stat()
        assert all(result.st_size == len("crowd") for result in results)
    assert mount.statedump().requests() == 0


@pytest.mark.parametrize("threads", ["above", "below", "without"])
def test_a_late_answer(host: Host, threads: str) -> None:
    """ETIMEDOUT after two seconds from a child that takes ten, whose answer harms nothing.

    Without io-threads below Glupy, the child blocks the thread that has asked it.
    """
    with host.mount(impatient(host, threads)) as mount:
        path = mount.path / "file"
        path.write_text("")
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            os.getxattr(path, "user.name")
        assert 2 <= time.monotonic() - begun < 2.5
        eventually("the late answer", lambda: mount.statedump().requests() == 0)
        assert time.monotonic() - begun >= 10
        path.write_text("and then")
        mount.log.expect("GETXATTR.*Connection timed out")


def impatient(host: Host, threads: str) -> Volfile:
    volfile = host.posix().add("slow", "debug/delay-gen", {
        "delay-duration": 10_000_000,  # microseconds
        "delay-percentage": 100,
        "enable": "getxattr",
    })  # fmt: skip
    return stack(host, volfile, "impatient", threads)


def stack(host: Host, volfile: Volfile, module: str, threads: str) -> Volfile:
    """A translator with io-threads above it, below it, or without."""
    if threads == "below":
        volfile.add("threads-below", "performance/io-threads")
    volfile.add(module, host.glupy, {
        "module-name": module,
        "module-path": host.copy(HERE / f"translators/{module}.py"),
    })  # fmt: skip
    if threads == "above":
        volfile.add("threads-above", "performance/io-threads")
    return volfile


def test_locks(mount: Mount) -> None:
    with ThreadPoolExecutor(16) as pool:
        results = pool.map(os.stat, [mount.path / "locked"] * 200)
        assert all(result.st_size == len("locked") for result in results)


def test_spawned(mount: Mount) -> None:
    eventually("it begins", lambda: bool(mount.log.find("spawned: began")))
    mount.stop()
    assert mount.log.find("spawned: ended")
