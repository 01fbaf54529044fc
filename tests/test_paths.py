"""`await inode.paths()`: a rule by paths holds on a brick, whatever clients have looked up."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from pathlib import Path

import pytest

from glusterfs import Host, Option, Volfile

# What docs/fops.md shows; and the attribute trusted.paths tells the paths of a file.
RULE = """
import errno
import json
from gluster import Dict, Translator, getxattr_reply_t

class xlator(Translator):
    async def open_fop(self, frame, this, loc, flags, fd, xdata):
        paths = await loc.inode.paths()
        print("open", loc.path, paths)
        if any(path.startswith("/closed/") for path in paths):
            return frame.unwind(-1, errno.EACCES)
        return frame.wind()

    async def create_fop(self, frame, this, loc, flags, mode, umask, fd, xdata):
        [directory] = await loc.parent.paths()
        if f"{directory}/".startswith("/closed/"):
            return frame.unwind(-1, errno.EACCES)
        return frame.wind()

    async def fsync_fop(self, frame, this, fd, datasync, xdata):
        await fd.inode.paths()
        return frame.wind()

    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if name != "trusted.paths":
            return frame.wind()
        value = json.dumps(sorted(await loc.inode.paths())).encode()
        return getxattr_reply_t(op_ret=len(value), dict=Dict({name: value}))
"""


def rule(host: Host, graph: Volfile) -> Volfile:
    options: dict[str, Option] = {"module-name": "rule", "module-path": host.write(rule=RULE)}
    return graph.add("rule", host.glupy, options)


def paths(file: Path | int | str) -> list[str]:
    follow = isinstance(file, int)
    found: list[str] = json.loads(os.getxattr(file, "trusted.paths", follow_symlinks=follow))
    return found


def test_a_rule_holds_on_a_restarted_brick(host: Host) -> None:
    brick = host.serve(rule(host, host.posix()))
    # Names that were looked up are known to the kernel, as they are for a second by default.
    mount = host.mount(brick.client(Volfile(), "client"), options=["--entry-timeout=600"])
    mount.log.expect("fuse_fd_cbk.*Permission denied", "fuse_create_cbk.*Permission denied")
    brick.log.expect("server4_open_cbk.*Permission denied")
    # What was there before the rule.
    (mount.path / "open").mkdir()
    (mount.path / "open/file").write_text("file")
    (mount.path / "secret/deep").mkdir(parents=True)
    (mount.path / "secret/deep/file").write_text("secret")
    os.link(mount.path / "secret/deep/file", mount.path / "open/link")
    (mount.path / "secret").rename(mount.path / "closed")
    folders = {name: os.open(mount.path / name, os.O_RDONLY) for name in ("closed/deep", "open")}
    for name in ("closed/deep/file", "open/file", "open/link"):
        (mount.path / name).lstat()

    def follows_the_rule() -> None:
        for folder, name in (("closed/deep", "file"), ("open", "link")):
            with pytest.raises(PermissionError):
                os.open(name, os.O_RDONLY, dir_fd=folders[folder])
        with pytest.raises(PermissionError):
            os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=folders["closed/deep"])
        os.close(os.open("file", os.O_RDONLY, dir_fd=folders["open"]))

    follows_the_rule()
    mount.log.known += ["0-client: ", "fuse-bridge.*not connected"]
    brick.restart(folders["open"])
    before = len(brick.log.find("open "))
    follows_the_rule()
    # A rule by loc.path would have let them through.
    opened = [line.message for line in brick.log.find("open ")[before:]]
    assert len(opened) == 3
    assert all("open <gfid:" in line for line in opened), opened
    both = "['/closed/deep/file', '/open/link']"
    assert [both in line or "'/open/link', '/closed" in line for line in opened] == [1, 1, 0]
    for folder in folders.values():
        os.close(folder)


def test_all_names_of_a_file(host: Host) -> None:
    with host.mount(rule(host, host.posix())) as mount:
        root = mount.path
        assert paths(root) == ["/"]
        # What looks like two paths where they stand in a line, and what is no UTF-8.
        odd = os.fsdecode(b"odd \xff\n name: ")
        folder = root / "a:" / odd
        folder.mkdir(parents=True)
        assert paths(folder) == [f"/a:/{odd}"]
        (folder / "file").write_text("file")
        os.symlink("file", folder / "link")
        os.mkfifo(folder / "fifo")
        for name in ("file", "link", "fifo"):
            assert paths(folder / name) == [f"/a:/{odd}/{name}"]
        os.link(folder / "file", root / "second")
        os.link(folder / "file", root / "a:" / "third")
        assert paths(root / "second") == [f"/a:/{odd}/file", "/a:/third", "/second"]
        (root / "second").rename(root / "moved")
        (root / "a:").rename(root / "b")
        assert paths(root / "moved") == [f"/b/{odd}/file", "/b/third", "/moved"]
        (root / "moved").unlink()
        with (root / "b/third").open() as file:
            os.fsync(file)
            (root / "b" / odd / "file").unlink()
            assert paths(root / "b/third") == ["/b/third"]
            (root / "b/third").unlink()
            mount.log.expect("fuse_err_cbk.*No such file")
            with pytest.raises(FileNotFoundError):
                os.fsync(file)


def test_where_paths_are_not_known(host: Host) -> None:
    """Nobody can take that for an answer."""
    graph = host.posix()
    graph.volumes["posix"].options["gfid2path"] = "off"
    with host.mount(rule(host, graph), "without") as mount:
        (mount.path / "folder").mkdir()
        assert paths(mount.path / "folder") == ["/folder"]
        (mount.path / "folder/file").write_text("file")
        with pytest.raises(OSError, match=os.strerror(errno.ENODATA)):
            paths(mount.path / "folder/file")
    with host.serve(host.posix("other")) as brick:
        with host.mount(rule(host, brick.client(Volfile(), "client")), "client") as mount:
            mount.log.expect("fuse_xattr_cbk.*not supported")
            with pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)):
                paths(mount.path)


def test_while_directories_move(host: Host) -> None:
    """Of which the brick's folder has no trace for a moment."""
    with host.mount(rule(host, host.posix())) as mount:
        one, two = mount.path / "one", mount.path / "two"
        (one / "folder").mkdir(parents=True)
        file = os.open(one / "folder/file", os.O_CREAT | os.O_RDWR)
        over = threading.Event()

        def move() -> None:
            while not over.is_set():
                one.rename(two)
                two.rename(one)

        mover = threading.Thread(target=move)
        mover.start()
        end = time.monotonic() + 1
        answers: set[str] = set()
        while time.monotonic() < end or len(answers) < 2:
            # All over again and again in the middle: not known is the right answer, too.
            with contextlib.suppress(FileNotFoundError):
                answers.add(*paths(file))
        over.set()
        mover.join()
        os.close(file)
    assert answers == {"/one/folder/file", "/two/folder/file"}
