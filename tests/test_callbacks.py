"""Callbacks that are no fops: GlusterFS calls them in real stacks, one each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from functools import partial

import pytest
from course.harness import build

from glusterfs import Host, Option, Process, StackError, Volfile


def volfile(host: Host, source: str, on: Volfile | None = None) -> Volfile:
    modules = host.write(hears=source)
    options: Mapping[str, Option] = {"module-name": "hears", "module-path": modules}
    return (on or host.posix()).add("hears", host.glupy, options)


def said(process: Process) -> list[str]:
    return [line.message for line in process.log.lines() if line.domain == "0-hears"]


# -- clients of a brick ----------------------------------------------------------------

CLIENTS = """
from gluster import Client, Translator

class xlator(Translator):
    def client_disconnect(self, client):
        assert isinstance(client, Client)
        self.kept = client
        print("disconnected", client.client_uid)

    def client_destroy(self, client_uid):
        print("destroyed", client_uid)
"""


def test_client(host: Host) -> None:
    """A brick's translator hears of clients that go."""
    source = CLIENTS.replace("self.kept = client", "")
    with host.serve(volfile(host, source)) as brick:
        with host.mount(brick.client(Volfile(), "client")) as mount:
            (mount.path / "folder").mkdir()
        brick.wait_until("destroyed", lambda: bool(brick.log.find("0-hears: destroyed")))
        first, second = (line for line in said(brick) if line.startswith(("dis", "des")))
        assert first.removeprefix("disconnected ") == second.removeprefix("destroyed ")
        assert "PC_NAME:client" in first


def test_client_kept(host: Host) -> None:
    """A client that Python keeps stays until Python lets go of it."""
    source = CLIENTS.replace(
        'print("dis', 'assert client.client_uid == self.kept.client_uid\n        print("dis'
    )
    with host.serve(volfile(host, source)) as brick:
        for i in range(2):
            with host.mount(brick.client(Volfile(), "client"), f"mnt{i}") as mount:
                (mount.path / f"folder{i}").mkdir()
            gone = f"0-hears: disconnected.*PID:{mount.pid}-"
            brick.wait_until("disconnected", partial(brick.log.find, gone))
        brick.wait_until("destroyed", lambda: bool(brick.log.find("0-hears: destroyed")))
        assert len(brick.log.find("0-hears: destroyed")) == 1


# -- inodes and fds --------------------------------------------------------------------

TELLS = """
from gluster import Fd, Inode, Translator

class xlator(Translator):
    def create_cbk(self, frame, cookie, this, op_ret, op_errno, fd, inode, *rest):
        if op_ret == 0:
            inode.ctx = "of the create"
        frame.unwind()

    def invalidate(self, inode):
        assert type(inode) is Inode
        print("invalidate", inode.gfid, inode.ctx)

    def fdclose(self, fd):
        assert type(fd) is Fd
        print("fdclose", oct(fd.flags & 3), fd.inode.ctx)

    def fdclosedir(self, fd):
        assert type(fd) is Fd
        print("fdclosedir", fd.inode.gfid)

    def ictxmerge(self, fd, inode, linked_inode):
        assert (type(fd), type(inode), type(linked_inode)) == (Fd, Inode, Inode)
        assert fd.inode == inode != linked_inode
        print("ictxmerge", inode.ctx, linked_inode.ctx, linked_inode.gfid)
        linked_inode.ctx, inode.ctx = inode.ctx, None
"""


def gfid(host: Host, name: str) -> str:
    """The gfid of a file on the brick, as Python prints it."""
    raw = os.getxattr(host.brick() / name, "trusted.gfid").hex()
    return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))


def test_fdclose(host: Host) -> None:
    """mount/fuse tells of a file that is closed for the last time."""
    with host.mount(volfile(host, TELLS)) as mount:
        with (mount.path / "file").open("w") as file:
            again = os.dup(file.fileno())
        assert said(mount) == []
        os.close(again)
        mount.wait_until("closed", lambda: said(mount) == ["fdclose 0o1 of the create"])


def test_fdclosedir(host: Host) -> None:
    """Nothing in GlusterFS 10.3 calls fd_close for a directory: a C translator does."""
    graph = volfile(host, TELLS).add("caller", build().type("caller"))
    with host.mount(graph) as mount:
        directory = os.open(mount.path, os.O_DIRECTORY)
        os.fsync(directory)
        os.close(directory)
        assert said(mount) == ["fdclosedir 00000000-0000-0000-0000-000000000001"]


def test_invalidate(host: Host) -> None:
    """md-cache tells that a file is another than it remembers."""
    graph = volfile(host, TELLS).add("cache", "performance/md-cache", {"md-cache-timeout": 0})
    with host.mount(graph) as mount:
        (mount.path / "file").touch()
        os.stat(mount.path / "file")
        before = len(said(mount))
        os.utime(host.brick() / "file", (1, 1))  # behind GlusterFS's back
        os.stat(mount.path / "file")
        told = [line for line in said(mount)[before:] if line.startswith("invalidate")]
        assert told[0] == f"invalidate {gfid(host, 'file')} of the create"


def test_ictxmerge(host: Host) -> None:
    """A brick finds that what a client has created is a file that it knows already.

    The client creates a name that was not there a moment ago, and now is another name of
    a file.
    """
    with host.serve(volfile(host, TELLS)) as brick:
        client = brick.client(Volfile(), "client")
        with host.mount(client, options=["--negative-timeout=60"]) as mount:
            (mount.path / "known").touch()
            assert not (mount.path / "again").exists()  # the kernel remembers
            os.link(host.brick() / "known", host.brick() / "again")
            (mount.path / "again").touch()
        (told,) = (line for line in said(brick) if line.startswith("ictxmerge"))
        assert told == f"ictxmerge of the create of the create {gfid(host, 'known')}"


def test_priv_to_dict(host: Host) -> None:
    """GlusterFS 10.3 asks protocol/server and mount daemons for it, nobody else: a C
    translator asks Glupy.
    """
    source = """
    from gluster import Translator

    class xlator(Translator):
        def lookup_fop(self, frame, this, loc, xdata):
            frame.wind()

        def dump(self):
            return {"word": "of Python"}
    """
    graph = volfile(host, source).add("caller", build().type("caller"))
    with host.mount(graph) as mount:
        text = os.getxattr(mount.path, "user.priv_to_dict").decode().rstrip("\0")
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert lines["brick.word"] == "of Python"
    assert int(lines["brick.lookup_fop.calls"]) >= 1
    assert lines["brick.contexts"] == "0"


# -- methods that can not be called ------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("ictxsize(self, inode)", "GlusterFS calls this with a lock held"),
        ("forget(self, inode)", "expected forget(self, gfid, ctx)"),
        ("notify(self)", "expected notify(self, event, data)"),
        ("dump(self, file)", "expected dump(self)"),
    ],
)
def test_refused(host: Host, method: str, why: str) -> None:
    """A method that can not be called is refused when the volume starts."""
    source = f"from gluster import Translator\nclass xlator(Translator):\n    def {method}: pass\n"
    with contextlib.suppress(StackError):
        host.mount(volfile(host, source)).popen.wait(timeout=20)
    log = host.processes[-1].log
    log.checked = False
    assert [line for line in log.lines() if why in line.message and "hears.py:3" in line.message]
