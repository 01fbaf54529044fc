"""examples/mirror.py: everything is in two places, and one may die."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Option, Volfile, eventually
from shipped import messages, shipped

LEFT_OUT = "is left out from now on"


def tree(folder: Path) -> dict[str, object]:
    """All that is below a folder; on a brick the gfids, too."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0].startswith(".glusterfs"):
            continue
        state = path.lstat()
        xattrs = {x: os.getxattr(path, x, follow_symlinks=False)
                  for x in os.listxattr(path, follow_symlinks=False)
                  if x == "trusted.gfid" or x.startswith("user.")}  # fmt: skip
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        found[str(name)] = (state.st_mode, state.st_uid, state.st_nlink, xattrs, content)
    return found


def work(folder: Path) -> None:
    """A little of everything that changes a file system."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "file").write_bytes(b"content" * 10_000)
    os.link(folder / "a" / "file", folder / "a" / "b" / "link")
    os.symlink("file", folder / "a" / "symlink")
    os.mkfifo(folder / "a" / "fifo")
    (folder / "gone").write_text("gone")
    (folder / "gone").unlink()
    (folder / "gone").mkdir()
    (folder / "gone").rmdir()
    (folder / "old").write_text("old")
    (folder / "old").rename(folder / "a" / "new")
    with (folder / "a" / "file").open("r+b") as f:
        f.seek(5)
        f.write(b"changed")
        f.truncate(60_000)
        os.posix_fallocate(f.fileno(), 0, 70_000)
        os.fsync(f.fileno())
    os.setxattr(folder / "a", "user.name", b"value")
    os.setxattr(folder / "a" / "file", "user.name", b"value")
    os.removexattr(folder / "a" / "file", "user.name")
    os.chmod(folder / "a" / "file", 0o640)
    os.chown(folder / "a" / "file", 7, 7)
    os.utime(folder / "a" / "file", (1, 2))
    os.truncate(folder / "a" / "new", 2)


def bricks(host: Host) -> list[dict[str, object]]:
    return [tree(host.brick("one")), tree(host.brick("two"))]


def test_both_have_everything(host: Host) -> None:
    """The same files with the same gfids; each fop is answered as by one brick."""
    with host.mount(shipped(host, "mirror")) as mount:
        work(mount.path)
        seen = tree(mount.path)
        assert not mount.log.find(LEFT_OUT)
    one, two = bricks(host)
    assert one == two
    assert set(one) == set(seen) == {
        "a", "a/b", "a/b/link", "a/file", "a/symlink", "a/fifo", "a/new",
    }  # fmt: skip


def test_both_are_read(host: Host) -> None:
    with host.mount(shipped(host, "mirror")) as mount:
        (mount.path / "file").write_bytes(b"1" * 1_000_000)
    (host.brick("two") / "file").write_bytes(b"2" * 1_000_000)
    with host.mount(shipped(host, "mirror"), "again") as mount:  # which has nothing cached
        assert set((mount.path / "file").read_bytes()) == set(b"12")


class Writer(threading.Thread):
    """Writes small files and appends to a large one, and remembers what was acknowledged."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.small: dict[str, bytes] = {}
        self.large = bytearray()
        self.errors: list[OSError] = []
        self.enough = threading.Event()

    def run(self) -> None:
        dice = random.Random(1)
        try:
            with (self.folder / "large").open("wb", buffering=0) as large:
                while not self.enough.is_set():
                    piece = dice.randbytes(dice.randrange(1, 20_000))
                    name = f"small{len(self.small)}"
                    (self.folder / name).write_bytes(piece)
                    self.small[name] = piece
                    assert large.write(piece) == len(piece)
                    self.large += piece
        except OSError as error:
            self.errors.append(error)

    def check(self, folder: Path) -> None:
        """All that was acknowledged is there."""
        assert self.errors == []
        assert (folder / "large").read_bytes() == self.large
        for name, content in self.small.items():
            assert (folder / name).read_bytes() == content
        assert set(os.listdir(folder)) - {".glusterfs"} >= {*self.small, "large"}


@contextmanager
def writing(mount: Mount) -> Iterator[Writer]:
    """Lets a writer write, before and after what is done meanwhile."""
    writer = Writer(mount.path)
    writer.start()
    eventually("it writes", lambda: len(writer.small) > 20)
    yield writer
    eventually("one is left out", lambda: bool(mount.log.find(LEFT_OUT)))
    so_far = len(writer.small)
    eventually("it still writes", lambda: bool(writer.errors) or len(writer.small) > so_far + 20)
    writer.enough.set()
    writer.join()


@contextmanager
def own_disk(host: Host, brick: str) -> Iterator[Path]:
    """A brick that is a small file system of its own."""
    image, folder = host.directory / f"{brick}.img", host.brick(brick)
    with image.open("wb") as f:
        f.truncate(128 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, folder], check=False).returncode != 0:
        pytest.skip("this machine has no loop devices")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("brick", ["one", "two"])
def test_read_only_in_mid_write(host: Host, brick: str) -> None:
    """The disk of one brick becomes read-only, as the kernel does it after an I/O error."""
    with own_disk(host, brick) as disk, host.mount(shipped(host, "mirror")) as mount:
        mount.log.known.append(f" 0-{brick}: ")  # storage/posix has a lot to say then
        mount.log.expect(f"{brick}-locks is left out from now on: Read-only file system")
        with writing(mount) as writer:
            subprocess.run(["mount", "-o", "remount,abort", disk], check=True)
        writer.check(mount.path)
        assert len(mount.log.find(LEFT_OUT)) == 1
        mount.stop()
        other = {"one": "two", "two": "one"}[brick]
        writer.check(host.brick(other))


# Fails a fop, from the nth time on, instead of the brick.
FAULTS = """
import errno, itertools
from gluster import FOPS, Translator

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.fop = self.options["fop"]
        self.error = getattr(errno, self.options["error"])
        self.times = itertools.count(1)
        self.first = int(self.options["first"])

def handler(fop):
    def handler(self, frame, this, *arguments):
        if fop == self.fop and next(self.times) >= self.first:
            frame.unwind(-1, self.error)
        else:
            frame.wind()
    return handler

for fop in FOPS:
    setattr(xlator, f"{fop}_fop", handler(fop))
"""


def failing(host: Host, brick: str, fop: str, error: str, first: int = 1) -> str:
    """The volfile with a brick that fails so."""
    options: dict[str, Option] = {
        "module-name": "faults",
        "module-path": host.write(faults=FAULTS),
        "fop": fop,
        "error": error,
        "first": first,
    }
    above = Volfile().add(f"{brick}-faults", host.glupy, options, on=[f"{brick}-locks"])
    children = "subvolumes one-locks two-locks"
    return shipped(host, "mirror", {
        "volume mirror": f"{above}\nvolume mirror",
        children: children.replace(f"{brick}-locks", f"{brick}-faults"),
    })  # fmt: skip


@pytest.mark.parametrize("brick", ["one", "two"])
@pytest.mark.parametrize("error", ["EIO", "ENOTCONN", "EROFS", "ENOSPC"])
def test_errors_in_mid_write(host: Host, brick: str, error: str) -> None:
    """Whatever the reason for which a write fails on one brick: the other has it."""
    with host.mount(failing(host, brick, "writev", error, first=100)) as mount:
        mount.log.expect(f"{brick}-faults {LEFT_OUT}: {os.strerror(getattr(errno, error))}")
        with writing(mount) as writer:
            pass
        writer.check(mount.path)
        assert len(mount.log.find(LEFT_OUT)) == 1
        mount.stop()
        writer.check(host.brick({"one": "two", "two": "one"}[brick]))


# EBADFD is what protocol/client says of a file that was open when its server went.
@pytest.mark.parametrize(
    ("fop", "error"),
    [
        *((fop, "EIO") for fop in ("readv", "stat", "lookup", "readdirp", "getxattr", "statfs")),
        ("open", "EIO"),
        ("fstat", "EBADFD"),
        ("readv", "EBADFD"),
    ],
)
def test_errors_when_asked(host: Host, fop: str, error: str) -> None:
    """What one can not say, the other does."""
    with host.mount(failing(host, "one", fop, error, first=3)) as mount:
        mount.log.expect(f"one-faults {LEFT_OUT}: {os.strerror(getattr(errno, error))}")
        path = mount.path / "file"
        path.write_bytes(b"content")
        os.setxattr(path, "user.name", b"value")
        (mount.path / "folder").mkdir()
        for _ in range(20):
            with path.open("rb") as f:
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                assert f.read() == b"content"
            assert path.stat().st_size == 7
            assert sorted(os.listdir(mount.path)) == ["file", "folder"]
            assert os.getxattr(path, "user.name") == b"value"
            assert os.statvfs(mount.path).f_blocks
        assert len(mount.log.find(LEFT_OUT)) == 1


@pytest.mark.parametrize("brick", ["one", "two"])
def test_death_of_a_server(host: Host, brick: str) -> None:
    """The bricks are served over the network, and one server is killed."""
    volfile = Volfile()
    servers = {name: host.serve(host.posix(name), f"server-{name}") for name in ("one", "two")}
    for name, server in servers.items():
        server.client(volfile, name)
    modules = host.copy(Path(__file__).resolve().parent.parent / "examples" / "mirror.py")
    options: dict[str, Option] = {"module-name": "mirror", "module-path": modules}
    volfile.add("mirror", host.glupy, options, on=["one", "two"])
    with host.mount(volfile) as mount:
        # What protocol/client says, also of a brick that the mount has been faster than.
        mount.log.known.append(" 0-(one|two): |saved_frames_unwind")
        # What finds it out is on its way then, or comes later for a file that was open there.
        why = "Transport endpoint is not connected|File descriptor in bad state"
        mount.log.expect(f"{brick} {LEFT_OUT}: ({why})")
        with writing(mount) as writer:
            servers[brick].popen.kill()
            servers[brick].popen.wait()
            servers[brick].popen.returncode = 0
        writer.check(mount.path)
        assert len(mount.log.find(LEFT_OUT)) == 1


def test_a_listing_goes_on(host: Host) -> None:
    """A listing that has begun stays with its brick, a new one is the other's."""
    names = {f"file{i}" for i in range(2000)}
    with host.mount(failing(host, "one", "mkdir", "EROFS")) as mount:
        mount.log.expect(f"one-faults {LEFT_OUT}: Read-only file system")
        for name in names:
            (mount.path / name).touch()
        with os.scandir(mount.path) as listing:
            first = next(listing).name
            (mount.path / "folder").mkdir()
            assert {first, *(entry.name for entry in listing)} - {"folder"} == names
        assert set(os.listdir(mount.path)) == {*names, "folder"}


def test_both_fail(host: Host) -> None:
    """What is wrong with the request is answered, and leaves nobody out."""
    failures: list[Callable[[Path], object]] = [
        lambda path: (path / "missing").read_bytes(),
        lambda path: (path / "file").mkdir(),
        lambda path: (path / "folder").rmdir(),
        lambda path: os.getxattr(path / "file", "user.missing"),
    ]
    with host.mount(shipped(host, "mirror")) as mount:
        mount.log.known.append("0-glusterfs-fuse: ")
        (mount.path / "file").touch()
        (mount.path / "folder" / "in").mkdir(parents=True)
        for failure in failures:
            with pytest.raises(OSError, match=r"No such file|exists|not empty|No data"):
                failure(mount.path)
        assert not messages(mount, "mirror")
    one, two = bricks(host)
    assert one == two
