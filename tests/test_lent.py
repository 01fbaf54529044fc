"""What a request lends goes with it, whoever ends it: nobody sees it afterwards."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Option, eventually
from sanitizer import RUNTIME

LENT = Path(__file__).with_name("translators") / "lent.py"
CLIENTS = 8
THREADS = 3  # fewer than clients: the next request comes at once, to the same place
ROUNDS = 50 if RUNTIME else 400
USER = 12345


def stack(host: Host, name: str, threads: bool = False) -> Mount:
    options: dict[str, Option] = {"module-name": "lent", "module-path": host.copy(LENT)}
    volfile = host.posix()
    for volume in ("below", name):
        volfile.add(volume, host.glupy, {**options, "class-name": volume})
    if threads:
        volfile.add("threads", "performance/io-threads", {"thread-count": THREADS})
    return host.mount(volfile)


@pytest.fixture
def mount(host: Host) -> Iterator[Mount]:
    with stack(host, "xlator") as mount:
        yield mount


@pytest.fixture
def mount_with_threads(host: Host) -> Iterator[Mount]:
    with stack(host, "xlator", threads=True) as mount:
        yield mount


@pytest.fixture
def coroutines(host: Host) -> Iterator[Mount]:
    with stack(host, "coroutines") as mount:
        yield mount


def refused(number: int, path: Path) -> None:
    with pytest.raises(OSError, match=f"Errno {number}"):
        path.stat()


def test_a_thread_ends_it_while_the_handler_runs(mount_with_threads: Mount) -> None:
    """The trampoline returns at once: what the thread knows of it must not be its stack."""

    mount = mount_with_threads
    mount.log.known.append("fuse-(bridge|resolve)")

    def look(client: int) -> None:
        # The kernel looks for one name at a time in a folder.
        folder = mount.path / f"folder-{client}"
        folder.mkdir()
        for i in range(ROUNDS):
            refused(errno.EBUSY, folder / f"handed-{i}")
            refused(errno.ENODATA, folder / f"stays-{i}")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(look, range(CLIENTS)))
    assert not mount.log.find("somebody else's path")


def test_a_callback_of_another_request_ends_it(mount: Mount) -> None:
    """On the same thread, inside of its wind; what Python keeps is its own by then."""
    mount.log.known.append("fuse-(bridge|resolve)")
    folder = mount.path / "folder"
    folder.mkdir()
    for i in range(20):
        # Elsewhere: the kernel looks for one name at a time in a folder that it changes.
        waiting = threading.Thread(target=(folder / f"waits-{i}").exists)
        waiting.start()
        said = f"there is waits-{i}"
        eventually(said, lambda said=said: bool(mount.log.find(said)))  # type: ignore[misc]
        refused(errno.EDOM, mount.path / f"ends-{i}")
        waiting.join()
        for _ in range(3):
            assert not (mount.path / "something_else_that_takes_the_memory").exists()
        assert not (mount.path / "tells").exists()
        (*_, told) = mount.log.find("the last one was")
        assert f"was /ends-{i} <Inode" in told.message


def test_it_is_dropped_during_an_exception(mount: Mount) -> None:
    """The drop answers EIO and logs it, which runs Python: the exception stays."""
    mount.log.expect("drops-0: dropped the request without an answer|dropped the request")
    mount.log.known.append("fuse-(bridge|resolve)")
    for i in range(5):
        refused(errno.EIO, mount.path / f"drops-{i}")
    eventually(
        "the exception comes",
        lambda: len(mount.log.find("the author's exception: KeyError\\('no such'\\)")) >= 5,
    )


def test_a_coroutine_goes_on_after_its_answer(coroutines: Mount) -> None:
    """With what it has of the request."""
    coroutines.log.expect("ValueError: of an answered request")
    coroutines.log.known.append("fuse-(bridge|resolve)|lent.py")
    names = [f"answers-{i}" for i in range(30)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda name: refused(errno.ENOENT, coroutines.path / name), names))
    for name in names:
        said = f"answered was /{name} <Inode"
        eventually(name, lambda said=said: bool(coroutines.log.find(said)))  # type: ignore[misc]


def test_credentials_end_with_the_request(coroutines: Mount) -> None:
    """Those of an answered request whose coroutine is collected do not come up again."""
    coroutines.log.known.append("fuse-(bridge|resolve)|acl|semaphore")
    for i in range(CLIENTS):
        (coroutines.path / f"folder-{i}").mkdir()
    root = os.open(coroutines.path, os.O_PATH)

    def exists(name: str) -> bool:
        try:
            os.stat(name, dir_fd=root)
        except OSError as error:
            assert error.errno in (errno.ENOENT, errno.EACCES)  # noqa: PT017  either
            return False
        return True

    def as_user(name: str) -> None:
        ctypes.CDLL(None).setfsuid(USER)  # of this thread
        exists(name)

    for i in range(10):
        assert not exists(f"forgotten-{i}")
    assert not exists("collect")
    with ThreadPoolExecutor(CLIENTS) as pool:
        # The kernel looks for one name at a time in a folder.
        list(pool.map(as_user, [f"folder-{i}/asks-{i}" for i in range(CLIENTS)]))
    os.close(root)
    asked = [line.message for line in coroutines.log.find("access of .*/asks-")]
    assert len(asked) >= CLIENTS
    assert all(message.endswith(f"by {USER}") for message in asked), asked
