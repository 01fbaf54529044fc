"""examples/hidden.py: names that are not to be seen, in listings and by themselves."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Volfile
from shipped import shipped

ENTRIES = 10_000
BUFFERS = [280, 4096, 32768, 1 << 20]  # 280 bytes hold the longest name
libc = ctypes.CDLL(None, use_errno=True)


def getdents(folder: Path, size: int) -> Iterator[str]:
    """The names in a folder, listed with a buffer of that size."""
    buffer = ctypes.create_string_buffer(size)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        while (filled := libc.getdents64(fd, buffer, size)) > 0:
            at = 0
            while at < filled:
                (length,) = struct.unpack_from("=H", buffer, at + 16)
                yield os.fsdecode(buffer.raw[at + 19 : at + length].split(b"\0")[0])
                at += length
        assert filled == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(fd)


# Asks for pages of its own size, whatever the kernel asks for (4096 bytes and more).
PAGES = """
from gluster import Option, Translator

class xlator(Translator):
    size = Option.size("size")

    def readdirp_fop(self, frame, this, fd, size, offset, xdata):
        frame.wind(size=self.size)

    readdir_fop = readdirp_fop
"""
PAGE_SIZES = [512, 2000, 4096, 65536]  # in the first there is room for one entry


def test_listings_in_pages_of_any_size(host: Host) -> None:
    """Also when each page is a single entry, and 10,000 in a row are not to be seen."""
    seen = {"few": {f"{i}.txt" for i in range(0, ENTRIES, 2500)}, "nothing": set[str]()}
    modules = host.write(pages=PAGES)
    for size in PAGE_SIZES:
        above = Volfile().add("pages", host.glupy, {
            "module-name": "pages",
            "module-path": modules,
            "size": size,
        }, on=["hidden"])  # fmt: skip
        volfile = f"{shipped(host, 'hidden')}\n{above}"
        for readdirp in (True, False):
            with host.mount(volfile, f"pages-{size}-{readdirp}", readdirp) as mount:
                if not (mount.path / "few").exists():
                    fill(host, mount, seen)
                for folder, names in seen.items():
                    listed = list(getdents(mount.path / folder, 32768))
                    assert sorted(listed) == sorted({".", "..", *names}), (folder, size)
                pages = mount.statedump().glupy("hidden")
                handler = "readdirp_cbk" if readdirp else "readdir_cbk"
                entries = 2 * (ENTRIES + 2)
                assert entries * 100 // size <= int(pages[f"{handler}.calls"])


def test_listings(host: Host) -> None:
    """However a folder is listed: all that is not hidden, once; also where whole pages are."""
    seen = {
        "half": {f"{i}.txt" for i in range(0, ENTRIES, 2)},
        "few": {f"{i}.txt" for i in range(0, ENTRIES, 2500)},
        "nothing": set[str](),
    }
    volfile = shipped(host, "hidden")
    for readdirp in (True, False):
        with host.mount(volfile, f"readdirp-{readdirp}", readdirp) as mount:
            if readdirp:
                fill(host, mount, seen)
            for folder, names in seen.items():
                for size in BUFFERS:
                    listed = list(getdents(mount.path / folder, size))
                    assert sorted(listed) == sorted({".", "..", *names}), (folder, size)
            for command in ("ls -1", "find -mindepth 1 -printf %P\\n"):
                output = subprocess.check_output(command.split(), cwd=mount.path / "few")
                assert set(output.decode().split()) == seen["few"]


def fill(host: Host, mount: Mount, seen: Mapping[str, set[str]]) -> None:
    """Make folders of which only some names are seen, on the brick where that is allowed."""
    (mount.path / "file").touch()
    for folder, names in seen.items():
        (mount.path / folder).mkdir()
        for i in range(ENTRIES):
            name = f"{i}.txt" if f"{i}.txt" in names else f"{i}.bak"
            os.link(host.brick() / "file", host.brick() / folder / name)


@pytest.fixture
def mount(host: Host) -> Iterator[Mount]:
    """With a file and a folder that are hidden, and others."""
    with host.mount(shipped(host, "hidden")) as mount:
        (mount.path / "file").write_text("seen")
        (mount.path / "folder").mkdir()
        (host.brick() / "file.bak").write_text("not seen")
        (host.brick() / ".git").mkdir()
        yield mount


def gives(number: int, function: Callable[..., object], *arguments: object) -> None:
    """It fails with this errno."""
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        function(*arguments)
    assert caught.value.errno == number


def test_finding(mount: Mount) -> None:
    """What is hidden is not found."""
    file, folder = mount.path / "file.bak", mount.path / ".git"
    assert sorted(os.listdir(mount.path)) == ["file", "folder"]
    for function in (os.stat, os.lstat, os.listdir, os.readlink, os.chdir, os.listxattr):
        gives(errno.ENOENT, function, file)
        gives(errno.ENOENT, function, folder)
    gives(errno.ENOENT, os.open, file, os.O_RDONLY)
    gives(errno.ENOENT, os.open, file, os.O_RDWR | os.O_TRUNC)
    gives(errno.ENOENT, os.stat, folder / "config")
    gives(errno.ENOENT, os.unlink, file)
    gives(errno.ENOENT, os.rmdir, folder)
    gives(errno.ENOENT, os.rename, file, mount.path / "found")
    gives(errno.ENOENT, os.link, file, mount.path / "found")
    gives(errno.ENOENT, os.truncate, file, 0)
    assert not file.exists()
    assert (mount.path / "file").read_text() == "seen"


@pytest.mark.parametrize("name", ["file.bak", ".git", "new.bak"])
def test_making(host: Host, mount: Mount, name: str) -> None:
    """A hidden name can not be made, nor overwritten; whether it is there is not told."""
    path, file, folder = mount.path / name, mount.path / "file", mount.path / "folder"
    mount.log.expect("fuse_(create|entry|rename)_cbk.*Operation not permitted")
    gives(errno.EPERM, os.open, path, os.O_CREAT | os.O_WRONLY)
    gives(errno.EPERM, os.open, path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    gives(errno.EPERM, os.mkdir, path)
    gives(errno.EPERM, os.mknod, path)
    gives(errno.EPERM, os.symlink, "file", path)
    gives(errno.EPERM, os.link, file, path)
    gives(errno.EPERM, os.rename, file, path)
    gives(errno.EPERM, os.rename, folder, path)
    gives(errno.EPERM, os.mkdir, folder / name)
    assert sorted(os.listdir(mount.path)) == ["file", "folder"]
    assert not (host.brick() / "new.bak").exists()
    assert (host.brick() / "file.bak").read_text() == "not seen"


def test_folder_that_looks_empty(host: Host, mount: Mount) -> None:
    (host.brick() / "folder" / "file.bak").touch()
    assert os.listdir(mount.path / "folder") == []
    gives(errno.ENOTEMPTY, os.rmdir, mount.path / "folder")
    os.rename(mount.path / "folder", mount.path / "moved")  # with what is in it
    assert (host.brick() / "moved" / "file.bak").exists()


def test_nothing_to_hide(host: Host) -> None:
    """Without patterns the volume does not start."""
    volfile = shipped(host, "hidden", {"  option hide .git:*.bak\n": ""})
    status, log = host.mount_command(volfile)
    assert status != 0
    assert log.find("option hide: which names are hidden")
    log.checked = False
