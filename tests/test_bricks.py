"""Two bricks in one process, as with brick multiplexing: one interpreter, two translators."""

from __future__ import annotations

from glusterfs import Brick, Host, Option, Volfile

KEEPER = """
from gluster import Option, Translator

module_wide = []

class xlator(Translator):
    colour = Option.enum("colour", values=["red", "green"], default="red")

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, parent):
        if op_ret == 0 and inode.ctx is None:
            inode.ctx = self.name
        frame.unwind()

    def mkdir_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        module_wide.append(self.name)
        inode.ctx = self.colour
        frame.unwind()

    def rmdir_fop(self, frame, this, loc, xflags, xdata):
        print(WORD, "rmdir", loc.inode.ctx, loc.parent.ctx, module_wide)
        frame.wind()

    def fini(self):
        print(WORD, "fini")
"""


def bricks(host: Host) -> Volfile:
    """Two stacks of their own, with modules of one name in different folders."""
    volfile = Volfile()
    for name, colour in (("left", "red"), ("right", "green")):
        modules = host.directory / f"{name}-modules"
        modules.mkdir()
        (modules / "keeper.py").write_text(f"WORD = {name!r}\n" + KEEPER)
        volfile.add(f"{name}-posix", "storage/posix", {"directory": host.brick(name)}, on=())
        volfile.add(f"{name}-locks", "features/locks")
        options: dict[str, Option] = {"module-name": "keeper", "module-path": modules}
        volfile.add(name, host.glupy, {**options, "colour": colour})
    return volfile


def use(host: Host, brick: Brick, name: str) -> None:
    with host.mount(brick.client(Volfile(), "client", name), f"mnt-{name}") as mount:
        (mount.path / "folder").mkdir()
        (mount.path / "folder").rmdir()


def test_two_bricks(host: Host) -> None:
    with host.serve(bricks(host), served=["left", "right"]) as brick:
        use(host, brick, "left")
        use(host, brick, "right")
    for name, colour in (("left", "red"), ("right", "green")):
        said = [line.message for line in brick.log.find(f"keeper.py:.* 0-{name}:")]
        assert said == [f"{name} rmdir {colour} {name} ['{name}']", f"{name} fini"]
