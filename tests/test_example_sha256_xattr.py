"""examples/sha256_xattr.py: an extended attribute that is made of a file's content."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Option, Volfile
from shipped import shipped

NAME = "user.sha256"


@pytest.fixture
def mount(host: Host) -> Iterator[Mount]:
    with host.mount(shipped(host, "sha256_xattr")) as mount:
        yield mount


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


@pytest.mark.parametrize("size", [0, 1, 131072, (1 << 20) - 1, 1 << 20, 5_000_000])
def test_digest(mount: Mount, size: int) -> None:
    """By path, by a descriptor, and by one that may only write."""
    content = random.Random(size).randbytes(size)
    path = mount.path / "file"
    path.write_bytes(content)
    assert os.getxattr(path, NAME) == digest(content)
    with path.open("ab") as f:
        assert os.getxattr(f.fileno(), NAME) == digest(content)
        f.write(b"more")
        f.flush()
        assert os.getxattr(f.fileno(), NAME) == digest(content + b"more")
    os.truncate(path, 0)
    assert os.getxattr(path, NAME) == digest(b"")


def test_list(mount: Mount) -> None:
    """It is listed, beside what a file has of its own, for regular files only."""
    file, folder = mount.path / "file", mount.path / "folder"
    file.touch()
    folder.mkdir()
    assert os.listxattr(file) == [NAME]
    os.setxattr(file, "user.own", b"value")
    assert sorted(os.listxattr(file)) == ["user.own", NAME]
    with file.open() as f:
        assert sorted(os.listxattr(f.fileno())) == ["user.own", NAME]
    assert os.getxattr(file, "user.own") == b"value"
    assert os.listxattr(folder) == []
    gives(errno.ENODATA, os.getxattr, folder, NAME)
    gives(errno.ENODATA, os.getxattr, file, "user.other")


def gives(number: int, function: Callable[..., object], *arguments: object) -> None:
    """It fails with this errno."""
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        function(*arguments)
    assert caught.value.errno == number


def test_not_to_be_set(host: Host, mount: Mount) -> None:
    mount.log.expect("fuse_(err|removexattr)_cbk.*Operation not permitted")
    path = mount.path / "file"
    path.write_bytes(b"content")
    gives(errno.EPERM, os.setxattr, path, NAME, b"mine")
    gives(errno.EPERM, os.removexattr, path, NAME)
    with path.open() as f:
        gives(errno.EPERM, os.setxattr, f.fileno(), NAME, b"mine")
        gives(errno.EPERM, os.removexattr, f.fileno(), NAME)
    assert os.getxattr(path, NAME) == digest(b"content")
    assert NAME not in os.listxattr(host.brick() / "file")


def test_long_file(host: Host) -> None:
    """The number of reads for one answer is not limited by any stack."""
    size = 64 << 20
    volfile = shipped(host, "sha256_xattr", {"# option read-size 1048576": "option read-size 1024"})
    with host.mount(volfile) as mount:
        path = mount.path / "file"
        path.touch()
        os.truncate(path, size)
        assert os.getxattr(path, NAME) == digest(bytes(size))


def test_many_at_once(host: Host, mount: Mount) -> None:
    """Digests are made side by side, also below threads and behind a brick."""
    contents = {f"file{i}": random.Random(i).randbytes(300_000 * i) for i in range(8)}
    for name, content in contents.items():
        (mount.path / name).write_bytes(content)
    mount.stop()
    brick = host.serve(threads(host))
    with host.mount(brick.client(Volfile(), "client"), "remote") as remote:

        def matches(name: str) -> bool:
            return os.getxattr(remote.path / name, NAME) == digest(contents[name])

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(matches, list(contents) * 3))


def threads(host: Host) -> Volfile:
    """The translator on a brick, between the threads of two performance/io-threads."""
    options: dict[str, Option] = {
        "module-name": "sha256_xattr",
        "module-path": host.module_path(),
        "read-size": 65536,
    }
    return (
        host.posix()
        .add("below", "performance/io-threads")
        .add("sha256", host.glupy, options)
        .add("above", "performance/io-threads")
    )


def test_as_the_caller_may(mount: Mount) -> None:
    """Who may not read a file does not get its digest."""
    path: Path = mount.path / "file"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            os.getxattr(path, NAME)
        except PermissionError:
            os._exit(13)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 13
