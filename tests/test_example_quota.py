"""examples/quota.py: a limit for the bytes in each folder."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Mount, eventually
from shipped import shipped

LIMIT = 100_000


def limited(host: Host) -> str:
    return shipped(host, "quota", {"option limit 1073741824": f"option limit {LIMIT}"})


@pytest.fixture
def mount(host: Host) -> Iterator[Mount]:
    with host.mount(limited(host)) as mount:
        mount.log.known.append("Disk quota exceeded")
        yield mount


def full(function: Callable[..., object], *arguments: object) -> None:
    """It is refused because the folder would have too much."""
    with pytest.raises(OSError, match=os.strerror(errno.EDQUOT)) as caught:
        function(*arguments)
    assert caught.value.errno == errno.EDQUOT


def room(folder: Path) -> int:
    """How many bytes still fit into a folder, found out by trying."""
    probe = folder / "probe"
    try:
        probe.touch()
    except OSError as error:
        if error.errno != errno.EDQUOT:
            raise
        return 0
    low, high = 0, LIMIT + 1
    while high - low > 1:
        middle = (low + high) // 2
        try:
            os.truncate(probe, middle)
            low = middle
        except OSError:
            high = middle
    probe.unlink()
    return low


def test_writing(mount: Mount) -> None:
    """What would pass the limit is refused, and changes nothing; what fits goes through."""
    # FUSE splits a write that does not begin with a page.
    path = mount.path / "file"
    with path.open("wb", buffering=0) as f:
        assert f.write(bytes(61_440)) == 61_440
        full(os.pwrite, f.fileno(), bytes(50_000), 61_440)
        assert os.fstat(f.fileno()).st_size == 61_440
        assert os.pwrite(f.fileno(), bytes(61_440), 0) == 61_440  # over what is there
        full(os.ftruncate, f.fileno(), LIMIT + 1)
        full(os.posix_fallocate, f.fileno(), 0, LIMIT + 1)
        os.posix_fallocate(f.fileno(), 0, 70_000)
        assert room(mount.path) == 30_000
        os.ftruncate(f.fileno(), LIMIT)
        full(os.mknod, mount.path / "new")
        full(os.open, mount.path / "new", os.O_CREAT | os.O_WRONLY)
        full(os.pwrite, f.fileno(), b"1", LIMIT)
        os.ftruncate(f.fileno(), 10)
    full(os.truncate, path, LIMIT + 1)
    assert room(mount.path) == LIMIT - 10


def test_giving_back(mount: Mount) -> None:
    """What is removed, cut or overwritten by a rename makes room."""
    for i in range(5):
        (mount.path / f"file{i}").write_bytes(bytes(20_000))
    assert room(mount.path) == 0
    (mount.path / "file0").unlink()
    assert room(mount.path) == 20_000
    os.truncate(mount.path / "file1", 5_000)
    assert room(mount.path) == 35_000
    (mount.path / "file2").rename(mount.path / "file3")
    assert room(mount.path) == 55_000
    (mount.path / "file4").write_bytes(b"")
    assert room(mount.path) == 75_000


def test_folders(mount: Mount) -> None:
    """Each folder has its own bytes, and a file takes them along."""
    one, two = mount.path / "one", mount.path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "file").write_bytes(bytes(60_000))
    full(os.rename, one / "file", two / "other")
    assert (one / "file").stat().st_size == 60_000
    assert (room(one), room(two), room(mount.path)) == (40_000, 40_000, LIMIT)
    os.truncate(two / "file", 30_000)
    (one / "file").rename(two / "other")
    assert (room(one), room(two)) == (LIMIT, 10_000)
    (two / "other").rename(two / "file")
    assert room(two) == 40_000
    two.rename(one / "two")
    assert (room(one), room(one / "two")) == (LIMIT, 40_000)
    (one / "two" / "file").unlink()
    (one / "two").rmdir()
    (one / "two").mkdir()
    assert room(one / "two") == LIMIT


def test_links(mount: Mount) -> None:
    """A file counts once, where it was first, until its last name is gone."""
    (mount.path / "folder").mkdir()
    (mount.path / "file").write_bytes(bytes(60_000))
    os.link(mount.path / "file", mount.path / "link")
    os.link(mount.path / "file", mount.path / "folder" / "link")
    assert (room(mount.path), room(mount.path / "folder")) == (40_000, LIMIT)
    (mount.path / "file").unlink()
    (mount.path / "link").unlink()
    assert (room(mount.path), room(mount.path / "folder")) == (40_000, LIMIT)
    (mount.path / "folder" / "link").unlink()
    assert room(mount.path) == LIMIT


def test_what_is_there_already(host: Host) -> None:
    """A folder that another mount has filled is counted before anything is changed in it."""
    with host.mount(limited(host), "before") as before:
        (before.path / "folder").mkdir()
        for i in range(300):
            (before.path / "folder" / f"file{i}").write_bytes(bytes(300))
    with host.mount(limited(host)) as mount:
        mount.log.known.append("Disk quota exceeded")
        folder = mount.path / "folder"
        with (folder / "file7").open("r+b", buffering=0) as f:
            full(os.pwrite, f.fileno(), bytes(20_000), 0)
            os.pwrite(f.fileno(), bytes(10_300), 0)
        assert room(folder) == 0
        (folder / "file7").unlink()
        assert room(folder) == 10_300


def test_many_at_once(host: Host) -> None:
    """The first requests all wait until the folder is counted; then just so many pass."""

    def write(path: Path) -> bool:
        try:
            path.write_bytes(bytes(1_000))
        except OSError as error:
            if error.errno != errno.EDQUOT:
                raise
            return False
        return True

    with host.mount(limited(host), "before") as before:
        (before.path / "folder").mkdir()
        for i in range(50):
            (before.path / "folder" / f"old{i}").write_bytes(bytes(1_000))
    with host.mount(limited(host)) as mount:
        mount.log.known.append("Disk quota exceeded")
        with ThreadPoolExecutor(16) as pool:
            files = [mount.path / "folder" / f"file{i}" for i in range(80)]
            assert sum(pool.map(write, files)) == 50
        sizes = [path.stat().st_size for path in (mount.path / "folder").iterdir()]
        assert sum(sizes) == LIMIT


FORGETS = """
    def forget(self, gfid: Gfid, ctx: Folder) -> None:
        print("forgotten", ctx.used)
"""


def test_forgotten_folder(host: Host) -> None:
    """What a folder has is in its inode's context; when that is forgotten, it is counted anew."""
    volfile = limited(host)
    with (host.module_path() / "quota.py").open("a") as module:
        module.write(FORGETS)
    with host.mount(volfile) as mount:
        mount.log.known.append("Disk quota exceeded")
        folder = mount.path / "folder"
        folder.mkdir()
        for name in ("one", "two"):
            (folder / name).write_bytes(bytes(30_000))

        def forgotten() -> bool:
            Path("/proc/sys/vm/drop_caches").write_text("2")
            time.sleep(0.1)
            return bool(mount.log.find("forgotten 60000"))

        eventually("forgotten", forgotten)
        os.truncate(folder / "one", 40_000)
        full(os.truncate, folder / "two", 60_001)
        (folder / "one").unlink()
        assert room(folder) == LIMIT - 30_000
