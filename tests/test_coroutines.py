"""Handlers that are coroutines, on a real mount."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Mount, eventually

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
        for name in [*FOUND, *REFUSED, *WRONG, "changed"]:
            (before.path / name).write_text(name)
    volfile = host.posix()
    if request.param == "below":
        volfile.add("threads-below", "performance/io-threads")
    volfile.add("coroutines", host.glupy, {
        "module-name": "coroutines",
        "module-path": host.copy(HERE / "translators/coroutines.py"),
    })  # fmt: skip
    if request.param == "above":
        volfile.add("threads-above", "performance/io-threads")
    with host.mount(volfile) as mount:
        yield mount


def refuses(number: int, path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        assert error.errno == number, error  # noqa: PT017  any OSError but of one errno
    else:
        raise AssertionError(f"{path.name} is there")


def threads(mount: Mount) -> int:
    return len(os.listdir(f"/proc/{mount.pid}/task"))


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
        assert time.monotonic() - begun < 2, name
    mount.log.expect("the request is answered EIO", "coroutines.py", "fuse-(bridge|resolve)")


def test_a_thousand_suspended_requests_need_no_threads(mount: Mount) -> None:
    """FUSE asks for as many at a time as it has threads: hence from many processes."""
    with ThreadPoolExecutor(64) as pool:
        paths = [mount.path / "asleep"] * 256
        before = threads(mount)
        begun = time.monotonic()
        results = pool.map(os.stat, paths)
        time.sleep(0.1)
        between = threads(mount)
        assert all(result.st_size == 6 for result in results)
        assert time.monotonic() - begun < 5
    assert between <= before + 20


def test_locks(mount: Mount) -> None:
    with ThreadPoolExecutor(16) as pool:
        results = pool.map(os.stat, [mount.path / "locked"] * 200)
        assert all(result.st_size == len("locked") for result in results)


def test_spawned(mount: Mount) -> None:
    eventually("it begins", lambda: bool(mount.log.find("spawned: began")))
    mount.stop()
    assert mount.log.find("spawned: ended")
