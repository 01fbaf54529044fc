"""A loc that came with a request, or an inode, can be given to a child."""

from __future__ import annotations

import os

import pytest

from glusterfs import Host, Option, Volfile

TRANSLATOR = """
import gluster
from gluster import Dict, Loc, Translator

async def ask(self, frame, loc, what):
    if loc is None or loc.inode is None or not loc.inode.gfid:
        return
    child = self.children[0]
    for each in (loc, loc.inode, Loc(inode=loc.inode), loc.copy()):
        found = await child.stat(each)
        assert found.buf.ia_gfid == loc.inode.gfid == loc.gfid, (what, each)
        assert (await child.setxattr(each, Dict({"trusted.asked": what}), 0, None)).op_ret == 0
        got = await child.getxattr(each, "trusted.asked")
        assert bytes(got.dict["trusted.asked"]) == what.encode(), (what, each)
    if loc.parent is not None:
        assert loc.pargfid == loc.parent.gfid, what
        found = await child.stat(loc.parent)
        assert found.buf.ia_gfid == loc.pargfid, what
    if loc.path and loc.path != "/" and loc.path.startswith("/"):
        assert loc.name == loc.path.rsplit("/")[-1], what

def handler(fop):
    places = [i for i, arg in enumerate(fop.args) if "loc_t" in arg.c_type]

    async def method(self, frame, this, *args):
        for i in places:
            await ask(self, frame, args[i], fop.name)
        print("seen", fop.name)
        return await frame.wind()

    return method

methods = {
    f"{name}_fop": handler(fop)
    for name, fop in gluster.FOPS.items()
    if any("loc_t" in arg.c_type for arg in fop.args)
}
xlator = type("xlator", (Translator,), methods)
"""

MOVES = """
from gluster import Loc, Translator

class xlator(Translator):
    async def rename_fop(self, frame, this, oldloc, newloc, xdata):
        target = Loc.child(newloc.parent, newloc.name)
        assert target.inode is not None
        reply = await self.children[0].rename(oldloc, target)
        assert target.inode is not None
        return reply

    def link_fop(self, frame, this, oldloc, newloc, xdata):
        frame.wind(newloc=Loc.child(newloc.parent, newloc.name, oldloc.inode))
"""


def test_a_name_that_is_free_can_be_moved_to(host: Host) -> None:
    """An inode that features/access-control does not know is one that nobody may replace."""
    volfile = host.posix().add("access", "features/access-control")
    options: dict[str, Option] = {"module-name": "moves", "module-path": host.write(moves=MOVES)}
    mount = host.mount(volfile.add("moves", host.glupy, options))
    folder = mount.path / "theirs"
    folder.mkdir()
    os.chown(folder, 4001, 4001)
    there = os.open(folder, os.O_PATH)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(4001)
            os.setuid(4001)
            os.close(os.open("a", os.O_CREAT | os.O_WRONLY, dir_fd=there))
            os.close(os.open("c", os.O_CREAT | os.O_WRONLY, dir_fd=there))
            os.rename("a", "b", src_dir_fd=there, dst_dir_fd=there)
            os.link("b", "a", src_dir_fd=there, dst_dir_fd=there)
            os.rename("c", "b", src_dir_fd=there, dst_dir_fd=there)
            status = 0
        finally:
            os._exit(status)
    os.close(there)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(os.listdir(folder)) == ["a", "b"]


SEEN = {
    "lookup", "stat", "access", "readlink", "mknod", "mkdir", "unlink", "rmdir", "symlink",
    "rename", "link", "truncate", "open", "setxattr", "getxattr", "removexattr", "opendir",
    "statfs", "create", "setattr",
}  # fmt: skip


@pytest.mark.parametrize("on", ["mount", "brick", "client"])
def test_a_loc_that_came_can_be_asked_for(host: Host, on: str) -> None:
    options: dict[str, Option] = {"module-name": "asks", "module-path": host.write(asks=TRANSLATOR)}
    graph = host.posix()
    if on == "mount":
        log = None
        graph.add("asks", host.glupy, options)
    else:
        if on == "brick":
            graph.add("asks", host.glupy, options)
        server = host.serve(graph)
        log = server.log
        graph = server.client(Volfile(), "client")
        if on == "client":
            log = None
            graph.add("asks", host.glupy, options)
    mount = host.mount(graph)
    use(str(mount.path))
    seen = {line.message.split()[-1] for line in (log or mount.log).find("seen ")}
    # The kernel asks a mount for `access` only if it is told to.
    assert seen >= SEEN - ({"access"} if "access" not in seen else set())


def use(mnt: str) -> None:
    """All that can be done with a path, through FUSE."""
    os.mkdir(f"{mnt}/dir")
    with open(f"{mnt}/dir/file", "w") as file:
        file.write("text")
    os.mknod(f"{mnt}/dir/node")
    os.symlink("file", f"{mnt}/dir/link")
    os.readlink(f"{mnt}/dir/link")
    os.link(f"{mnt}/dir/file", f"{mnt}/dir/second")
    os.rename(f"{mnt}/dir/second", f"{mnt}/dir/third")
    os.rename(f"{mnt}/dir/third", f"{mnt}/dir/node")
    os.truncate(f"{mnt}/dir/file", 2)
    os.chmod(f"{mnt}/dir/file", 0o600)
    os.setxattr(f"{mnt}/dir/file", "user.x", b"x")
    os.getxattr(f"{mnt}/dir/file", "user.x")
    os.listxattr(f"{mnt}/dir/file")
    os.removexattr(f"{mnt}/dir/file", "user.x")
    os.access(f"{mnt}/dir/file", os.R_OK)
    with open(f"{mnt}/dir/file") as file:
        file.read()
    os.listdir(f"{mnt}/dir")
    os.statvfs(mnt)
    os.unlink(f"{mnt}/dir/file")
    os.unlink(f"{mnt}/dir/link")
    os.unlink(f"{mnt}/dir/node")
    os.rmdir(f"{mnt}/dir")
