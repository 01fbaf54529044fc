"""examples/rot13.py: what goes through it comes back, and lies rotated on the brick."""

from __future__ import annotations

import codecs
import mmap
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from course.harness import build

from glusterfs import Host, Volfile
from shipped import shipped

# They share a mount.
SIZE = 64 << 20
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TABLE = bytes.maketrans(
    (LETTERS + LETTERS.upper()).encode(),
    codecs.encode(LETTERS + LETTERS.upper(), "rot13").encode(),
)


def by_dd(source: Path, target: Path) -> None:
    subprocess.run(
        ["dd", f"if={source}", f"of={target}", "bs=300000", "status=none"],
        check=True,
    )


def by_cp(source: Path, target: Path) -> None:
    subprocess.run(["cp", source, target], check=True)


def by_mmap(source: Path, target: Path) -> None:
    with source.open("rb") as file, target.open("wb") as to:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            to.write(mapped)


def by_sendfile(source: Path, target: Path) -> None:
    with source.open("rb") as file, target.open("wb") as to:
        left = os.fstat(file.fileno()).st_size
        while left:
            left -= os.sendfile(to.fileno(), file.fileno(), None, left)


WAYS: list[Callable[[Path, Path], None]] = [by_dd, by_cp, by_mmap, by_sendfile]


def same(one: Path, other: Path) -> bool:
    return subprocess.run(["cmp", one, other], check=False).returncode == 0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """64 MiB of random data, and the same rotated."""
    folder = tmp_path_factory.mktemp("data")
    plain, rotated = folder / "plain", folder / "rotated"
    content = random.Random(13).randbytes(SIZE)
    plain.write_bytes(content)
    rotated.write_bytes(content.translate(TABLE))
    return plain, rotated


@pytest.mark.parametrize("copy", WAYS)
def test_there_and_back(host: Host, data: tuple[Path, Path], copy: Callable[..., None]) -> None:
    """Written and read in each way; on the brick all bytes are rotated."""
    plain, rotated = data
    with host.mount(shipped(host, "rot13")) as mount:
        copy(plain, mount.path / "file")
        assert same(host.brick() / "file", rotated)
    # by another mount, whose kernel has nothing of what was written
    with host.mount(shipped(host, "rot13"), "again") as mount:
        copy(mount.path / "file", host.directory / "back")
        assert int(mount.statedump().glupy("rot13")["readv_cbk.calls"]) >= SIZE >> 20
    assert same(host.directory / "back", plain)


def test_any_piece(host: Host) -> None:
    """Writes and reads of any offset and size, holes, appending, truncating."""
    dice = random.Random(1)
    file = bytearray()
    with host.mount(shipped(host, "rot13")) as mount:
        path = mount.path / "file"
        with path.open("w+b", buffering=0) as f:
            for _ in range(200):
                offset, size = dice.randrange(300_000), dice.randrange(20_000)
                piece = dice.randbytes(size)
                file.extend(bytes(max(0, offset + size - len(file))))
                file[offset : offset + size] = piece
                assert (
                    os.pwritev(f.fileno(), [piece[: size // 2], piece[size // 2 :]], offset) == size
                )
                offset, size = dice.randrange(300_000), dice.randrange(20_000)
                assert os.pread(f.fileno(), size, offset) == file[offset : offset + size]
        with path.open("ab") as f:
            f.write(b"Hello, World")
        os.truncate(path, len(file) + 5)
        assert path.read_bytes() == bytes(file) + b"Hello"
        assert (host.brick() / "file").read_bytes() == file.translate(TABLE) + b"Uryyb"


def test_below_quick_read(host: Host) -> None:
    """Small files come with the lookup then: rotated back all the same."""
    above = Volfile().add("quick", "performance/quick-read", on=["rot13"])
    volfile = f"{shipped(host, 'rot13')}\n{above}"
    with host.mount(shipped(host, "rot13"), "before") as before:
        (before.path / "file").write_bytes(b"Hello")
    with host.mount(volfile) as mount:
        for _ in range(3):
            assert (mount.path / "file").read_bytes() == b"Hello"
    assert (host.brick() / "file").read_bytes() == b"Uryyb"


def test_put(host: Host) -> None:
    """A file that is made with its content in one request; no mount sends that."""
    above = Volfile().add("caller", build().type("caller"), on=["rot13"])
    with host.mount(f"{shipped(host, 'rot13')}\n{above}") as mount:
        os.setxattr(mount.path, "user.put.file", b"Hello")
        assert (mount.path / "file").read_bytes() == b"Hello"
    assert (host.brick() / "file").read_bytes() == b"Uryyb"
