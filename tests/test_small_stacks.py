"""Deep Python on threads with a small stack: it neither crashes nor is forbidden.

The threads of io-threads have 256 KiB.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glusterfs import Host, Mount

HERE = Path(__file__).parent

# Where Python runs in each kind of handler, and whether it runs there on a thread of
# io-threads that are above Glupy, or below it.
PLACES: dict[str, dict[str, str | None]] = {
    "Handlers": {"fop": "above", "cbk": "below"},
    "Coroutines": {
        "begun": "above", "resumed": "below", "gathered": "above", "slept": None, "thread": None,
    },
}  # fmt: skip
CASES = [
    pytest.param(kind, position, id=f"{kind}-{position}")
    for kind in PLACES
    for position in ("above", "below", "both")
]


@pytest.fixture
def mount(host: Host, kind: str, position: str) -> Iterator[Mount]:
    with host.mount(host.posix(), name="before") as before:
        for where in PLACES[kind]:
            (before.path / where).touch()
            (before.path / f"{where}.endless").touch()
    volfile = host.posix()
    if position != "above":
        volfile.add("below", "performance/io-threads")
    volfile.add("deep", host.glupy, {
        "module-name": "deep",
        "class-name": kind,
        "module-path": host.copy(HERE / "translators/deep.py"),
    })  # fmt: skip
    if position != "below":
        volfile.add("above", "performance/io-threads")
    with host.mount(volfile) as mount:
        yield mount


def small(mount: Mount, where: str) -> bool:
    """Whether it was a thread of io-threads that ran a handler there last."""
    return "iotwr" in mount.log.find(f"{where} on ")[-1].message


@pytest.mark.parametrize(("kind", "position"), CASES)
def test_deep(mount: Mount, kind: str, position: str) -> None:
    """Two hundred calls deep is as good as one."""
    for where, thread in PLACES[kind].items():
        os.stat(mount.path / where)
        assert small(mount, where) or thread not in (position, "both"), where
        assert not small(mount, where) or thread is not None, where


@pytest.mark.parametrize(("kind", "position"), CASES)
def test_endless(mount: Mount, kind: str, position: str) -> None:
    """A recursion without an end is an exception, as anywhere."""
    for where in PLACES[kind]:
        with pytest.raises(OSError) as failure:  # noqa: PT011  any errno; looked at below
            os.stat(mount.path / f"{where}.endless")
        assert failure.value.errno == errno.EIO, where
        os.stat(mount.path / where)
    mount.log.expect("E .*0-deep: .*RecursionError")
    mount.log.known += ["0-deep: ", "fuse-(bridge|resolve)"]


@pytest.mark.parametrize(("kind", "position"), [("Handlers", "both")])
def test_deep_in_a_forget(mount: Mount, kind: str, position: str) -> None:
    os.mknod(mount.path / "file")
    os.unlink(mount.path / "file")
    mount.wait_until("forget", lambda: mount.log.find("forget on "))
    assert not small(mount, "forget")
