"""Several Glupy volumes in one process, one after the other, and what modules may import."""

from __future__ import annotations

import hashlib
import os

from glusterfs import Host, Mount, Volfile, xlator_dir

# Counts mkdirs, under a name of its own.
COUNTER = """
from gluster import Translator

WORD = "count"
count = 0

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
        global count
        count += 1
        print(f"{WORD} {self.name} {self.options['colour']} {count}")
        frame.wind()
"""
OTHER = COUNTER.replace('"count"', '"other"')


def said(mount: Mount, volume: str) -> list[str]:
    """What a volume has printed."""
    return [line.message for line in mount.log.lines() if line.domain == f"0-{volume}"]


def counter(host: Host, volfile: Volfile, name: str, module: str) -> Volfile:
    modules = host.write(counter=COUNTER, other=OTHER)
    return volfile.add(name, host.glupy, {
        "module-name": module,
        "module-path": modules,
        "colour": f"{name}-colour",
    })  # fmt: skip


def test_two_modules_in_one_graph(host: Host) -> None:
    volfile = counter(host, counter(host, host.posix(), "below", "counter"), "above", "other")
    with host.mount(volfile) as mount:
        (mount.path / "one").mkdir()
        (mount.path / "two").mkdir()
    assert said(mount, "below") == ["count below below-colour 1", "count below below-colour 2"]
    assert said(mount, "above") == [
        "other above above-colour 1",
        "other above above-colour 2",
    ]


def test_one_module_twice_in_one_graph(host: Host) -> None:
    """Each volume has a module of its own: they do not count each other's requests."""
    volfile = counter(host, counter(host, host.posix(), "below", "counter"), "above", "counter")
    with host.mount(volfile) as mount:
        (mount.path / "one").mkdir()
        (mount.path / "two").mkdir()
    for name in ("below", "above"):
        assert said(mount, name) == [f"count {name} {name}-colour {i}" for i in (1, 2)]


def test_same_name_on_two_paths(host: Host) -> None:
    """Two modules of one name in different folders do not mix."""
    volfile = host.posix()
    for name in ("below", "above"):
        folder = host.directory / name
        folder.mkdir()
        (folder / "counter.py").write_text(COUNTER.replace('"count"', repr(name)))
        volfile.add(name, host.glupy, {
            "module-name": "counter",
            "module-path": folder,
            "colour": "red",
        })  # fmt: skip
    with host.mount(volfile) as mount:
        (mount.path / "one").mkdir()
    assert said(mount, "below") == ["below below red 1"]
    assert said(mount, "above") == ["above above red 1"]


def test_its_place(host: Host) -> None:
    """What a translator knows of itself; in a managed volume see test_detach.py."""
    modules = host.write(
        place="""
        from gluster import Translator

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
                below = [(child.name, child.type) for child in self.children]
                kind = self.type.rpartition("/")[2]
                print(self.name, self.volume, kind, below, this == self.this)
                frame.wind()
    """
    )
    volfile = host.posix()
    for name in ("any-name", "data-glupy"):
        volfile.add(name, host.glupy, {"module-name": "place", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "folder").mkdir()
    (line,) = said(mount, "any-name")
    assert line == "any-name any-name glupy [('locks', 'features/locks')] True"
    (line,) = said(mount, "data-glupy")
    assert line.startswith("data-glupy data glupy [('any-name', ")


def test_branches(host: Host) -> None:
    """A child can be chosen; each volume of a forked graph is an instance."""
    modules = host.write(
        choose="""
        from gluster import Translator

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
                right = loc.name.startswith("right")
                frame.wind(child=self.children[right])
    """
    )
    volfile = Volfile()
    for side in ("left", "right"):
        volfile.add(f"{side}-posix", "storage/posix", {"directory": host.brick(side)}, on=())
        counter(host, volfile.add(f"{side}-locks", "features/locks"), side, "counter")
    volfile.add(
        "choose",
        host.glupy,
        {"module-name": "choose", "module-path": modules},
        on=["left", "right"],
    )
    with host.mount(volfile) as mount:
        (mount.path / "left-folder").mkdir()
        (mount.path / "right-folder").mkdir()
        mount.log.known.append("fuse_entry_cbk|fuse_resolve")
    assert (host.brick("left") / "left-folder").is_dir()
    assert (host.brick("right") / "right-folder").is_dir()
    assert said(mount, "left") == ["count left left-colour 1"]
    assert said(mount, "right") == ["count right right-colour 1"]


def test_mount_again(host: Host) -> None:
    """Mounted, unmounted, mounted again: what was written is there."""
    for i in range(3):
        with host.mount(counter(host, host.posix(), "glupy", "counter")) as mount:
            assert sorted(path.name for path in mount.path.iterdir()) == [
                f"folder{j}" for j in range(i)
            ]
            (mount.path / f"folder{i}").mkdir()
        assert said(mount, "glupy")[-1] == "count glupy glupy-colour 1"
        mount.log.path.unlink()


def test_module_changes_between_mounts(host: Host) -> None:
    """A module is read anew by each mount."""
    for word in ("first", "second"):
        volfile = counter(host, host.posix(), "glupy", "counter")
        host.write(counter=COUNTER.replace('"count"', repr(word)))
        with host.mount(volfile, word) as mount:
            (mount.path / word).mkdir()
        assert said(mount, "glupy") == [f"{word} glupy glupy-colour 1"]


def test_native_modules(host: Host) -> None:
    """numpy, ctypes and others that are not pure Python work in the embedded interpreter."""
    modules = host.write(
        native="""
        import ctypes, decimal, hashlib, json, sqlite3, ssl, subprocess
        import numpy
        from gluster import Translator

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
                squares = numpy.arange(5) ** 2
                length = ctypes.CDLL(None).strlen(b"four")
                word = subprocess.run(["echo", "echoed"], capture_output=True, text=True).stdout
                print(json.dumps([int(squares.sum()), length, word.strip()]))
                frame.wind()
    """
    )
    volfile = host.posix()
    volfile.add("native", host.glupy, {"module-name": "native", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "folder").mkdir()
    assert said(mount, "native") == ['[30, 4, "echoed"]']


def test_data(host: Host) -> None:
    """What Python sees of a write is what was written, and what it says of a read is read."""
    modules = host.write(
        data="""
        import hashlib
        from gluster import Translator

        class xlator(Translator):
            def writev_fop(self, frame, this, fd, vector, count, offset, flags, iobref, xdata):
                print("write", offset, hashlib.sha256(bytes(vector)).hexdigest())
                frame.wind()

            def readv_cbk(self, frame, cookie, this, op_ret, op_errno, vector, *rest):
                print("read", op_ret, hashlib.sha256(bytes(vector)).hexdigest())
                frame.unwind()
    """
    )
    volfile = host.posix()
    volfile.add("data", host.glupy, {"module-name": "data", "module-path": modules})
    content = bytes(range(256)) * 100
    # Without the kernel's cache, each call is one request.
    with host.mount(volfile, options=["--direct-io-mode=enable"]) as mount:
        (mount.path / "file").write_bytes(content)
        with (mount.path / "file").open("rb", buffering=0) as file:
            assert file.read(len(content)) == content
    digest = hashlib.sha256(content).hexdigest()
    assert said(mount, "data")[:2] == [f"write 0 {digest}", f"read {len(content)} {digest}"]


def test_link_names_the_module(host: Host) -> None:
    """Without module-name, the last part of the type does: a link to glupy.so is enough."""
    assert host.library is not None
    (host.directory / "counter.so").symlink_to(host.library)
    volfile = counter(host, host.posix(), "glupy", "counter")
    glupy = volfile.volumes["glupy"]
    glupy.type = os.path.relpath(host.directory / "counter", xlator_dir())
    del glupy.options["module-name"]
    with host.mount(volfile) as mount:
        (mount.path / "one").mkdir()
    assert said(mount, "glupy") == ["count glupy glupy-colour 1"]


def test_pass_through(host: Host) -> None:
    """A volume can be taken out of the way without taking it out of the volfile."""
    volfile = counter(host, host.posix(), "glupy", "counter")
    volfile.volumes["glupy"].options["pass-through"] = "on"
    with host.mount(volfile) as mount:
        (mount.path / "one").mkdir()
    assert said(mount, "glupy") == []
