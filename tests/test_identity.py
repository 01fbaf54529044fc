"""Who a file is, as answers say it (`of` of fops.yaml): callers go on with the inode that has the
GFID of the attributes, and mount/fuse crashes when a file that it has created is another one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from glusterfs import Host, Option

# The name of a new file says what is wrong in the answer.
WRONG = """
from gluster import Iatt, IaType, Translator

DIRECTORY = [None]  # the last one that a lookup has found
WRONG = {
    "none": lambda buf: Iatt(),
    "null": lambda buf: Iatt(buf, ia_gfid=bytes(16)),
    "root": lambda buf: Iatt(buf, ia_gfid=bytes(15) + bytes([1])),
    "above": lambda buf: Iatt(buf, ia_gfid=DIRECTORY[0]),
    "size": lambda buf: Iatt(buf, ia_size=5),
}

class xlator(Translator):
    def wrong(self, loc, buf):
        name, _, says = (loc.name or "").partition(".")
        return WRONG[says](buf) if says and buf else buf

    async def create_fop(self, frame, this, loc, *args):
        reply = await frame.wind()
        return reply.replace(buf=self.wrong(loc, reply.buf)) if reply.op_ret == 0 else reply
    mkdir_fop = mknod_fop = create_fop

    def lookup_fop(self, frame, this, loc, xdata):
        frame.local = loc.copy()
        frame.wind()

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, postparent):
        if op_ret == 0 and buf.ia_type == IaType.IFDIR and frame.local.name:
            DIRECTORY[0] = buf.ia_gfid
        if frame.local.name and frame.local.name.startswith("look"):
            buf = self.wrong(frame.local, buf)
        frame.unwind(op_ret, op_errno, buf=buf) if op_ret < 0 else frame.unwind(buf=buf)

    def symlink_fop(self, frame, this, linkname, loc, umask, xdata):
        frame.local = loc.copy()
        frame.wind()

    def symlink_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, *rest):
        frame.unwind(buf=self.wrong(frame.local, buf))
"""

NEW = ("none", "null", "root")
MAKES: dict[str, Callable[[Path], object]] = {
    "create": lambda path: path.write_bytes(b""),
    "mkdir": os.mkdir,
    "mknod": os.mknod,
    "symlink": lambda path: os.symlink("target", path),
    "look": os.stat,
}


def test_new_files_are_who_they_are(host: Host) -> None:
    graph = host.posix()
    brick = host.directory / "brick"
    (brick / "folder").mkdir()
    for says in (*NEW, "size"):
        (brick / f"folder/look.{says}").write_bytes(b"")
    options: dict[str, Option] = {"module-name": "wrong", "module-path": host.write(wrong=WRONG)}
    graph.add("wrong", host.glupy, options)
    with host.mount(graph) as mount:
        place = mount.path / "folder"
        mount.log.expect("0-wrong: ValueError: (create|mkdir|mknod|symlink|lookup): buf of")
        # Of a file that has just been put on the brick, storage/posix says that, too.
        mount.log.known += ["0-wrong: ", "fuse-bridge", "buf->ia_gfid is null", "failed to resolve"]
        for fop, make in MAKES.items():
            for says in (*NEW, *(["above"] if fop != "look" else [])):
                with pytest.raises(OSError, match=r"Errno 5\b"):
                    make(place / f"{fop}.{says}")
                assert mount.running()
            make(place / f"{fop}.size")
