"""Several Glupy volumes in one process, one after the other, and what modules may import."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import textwrap

import pytest

from glusterfs import Host, Mount, Option, Volfile, xlator_dir

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


# Two volumes of libgfapi, each with a graph of its own; the first is asked again at last.
PROGRAM = """
import ctypes, sys

glfs = ctypes.CDLL("libgfapi.so.0")
glfs.glfs_new.restype = ctypes.c_void_p
graphs = []
log, *volfiles = sys.argv[1:]
for volfile in volfiles:
    fs = ctypes.c_void_p(glfs.glfs_new(b"data"))
    assert glfs.glfs_set_volfile(fs, volfile.encode()) == 0
    assert glfs.glfs_set_logging(fs, log.encode(), 7) == 0
    assert glfs.glfs_init(fs) == 0
    graphs.append(fs)
for number, fs in enumerate([*graphs, graphs[0]]):
    assert glfs.glfs_mkdir(fs, b"/%d" % number, 0o755) == 0
"""

LATE = """
import pickle
from gluster import Translator

class Note:
    pass

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        from . import state
        print(WHO, state.WHO, type(pickle.loads(pickle.dumps(Note()))) is Note)
        frame.wind()

WHO = """


def test_two_volumes_of_one_name(host: Host) -> None:
    """Each instance has modules of its own, also what it imports later."""
    volfiles = []
    with host.serve(host.posix()) as brick:
        for who in ("a", "b"):
            package = host.directory / who / "late"
            package.mkdir(parents=True)
            (package / "__init__.py").write_text(f"{LATE}{who!r}\n")
            (package / "state.py").write_text(f"WHO = {who!r}\n")
            graph = brick.client(Volfile(), "client").add(
                "data-glupy", host.glupy, {"module-name": "late", "module-path": package.parent}
            )
            volfiles.append(host.directory / f"{who}.vol")
            volfiles[-1].write_text(str(graph))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, host.directory / "program.log", *volfiles],
            env=host.reports.environment(), check=True, timeout=60, capture_output=True, text=True,
        )  # fmt: skip
    assert done.stdout.splitlines() == ["a a True", "b b True", "a a True"]


LOGS = """
import logging
from gluster import Translator

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        handler = logging.FileHandler(self.options["file"])
        handler.setFormatter(logging.Formatter("%(message)s"))
        logging.getLogger().addHandler(handler)

    def mkdir_fop(self, frame, this, loc, *rest):
        logging.getLogger("some.library").info("%s: %s", self.name, loc.name)
        frame.wind()
"""


def test_handlers_of_the_root_logger(host: Host) -> None:
    """Two volumes add one each, and each file has the lines of one."""
    volfile = host.posix()
    modules = host.write(logs=LOGS)
    for name in ("a", "b"):
        file = host.directory / f"{name}.txt"
        options: dict[str, Option] = {
            "module-name": "logs", "module-path": modules, "file": file
        }  # fmt: skip
        volfile.add(name, host.glupy, options)
    with host.mount(volfile) as mount:
        for i in range(3):
            (mount.path / str(i)).mkdir()
        for name in ("a", "b"):
            lines = (host.directory / f"{name}.txt").read_text().splitlines()
            assert lines == [f"{name}: {i}" for i in range(3)]
            assert len(mount.log.find(f" {name}: 0$")) == 1


PARTS = {
    "one/parts/__init__.py": """
        from gluster import Translator

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, *rest):
                from . import lib
                print(lib.WHO, lib)
                frame.wind()
    """,
    "one/parts/lib.py": "WHO = 'part of one'",
    "two/parts.py": "from gluster import Translator\nclass xlator(Translator): pass",
    "json/__init__.py": "WHO = 'not of the standard library'",
    "json/decoder.py": "WHO = 'beside it'",
    "json/mod.py": """
        from gluster import Translator
        from . import WHO, decoder

        class Refused(Exception):
            pass

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, *rest):
                print(WHO, decoder.WHO)
                frame.wind()

            def mkdir_cbk(self, frame, cookie, this, *rest):
                raise Refused(f"by {type(self)}")
    """,
    "space/other.py": "WHO = 'without a file'",
    "space/deep/mod.py": """
        from gluster import Translator
        from ..other import WHO

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, *rest):
                print(WHO)
                frame.wind()

            def mkdir_cbk(self, frame, cookie, this, *rest):
                from . import absent
    """,
}


def test_names_with_dots(host: Host) -> None:
    """A volume's name is no package's; a module's name has the packages that it is in.

    The log names modules as authors do.
    """
    for name, source in PARTS.items():
        path = host.module_path() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    volfile = host.posix()
    for volume, module, folder in (
        ("v.lib", "parts", "two"),
        ("v", "parts", "one"),
        ("json", "json.mod", ""),
        ("space", "space.deep.mod", ""),
    ):
        volfile.add(
            volume,
            host.glupy,
            {"module-name": module, "module-path": host.module_path() / folder},
        )
    with host.mount(volfile) as mount:
        for volume in ("json", "space"):
            mount.log.expect(f"0-{volume}: ")
        mount.log.known.append("fuse_entry_cbk")
        with pytest.raises(OSError, match="Input/output"):
            (mount.path / "one").mkdir()
    folder = f"{host.module_path()}/one/parts/lib.py"
    assert said(mount, "v") == [f"part of one <module 'parts.lib' from '{folder}'>"]
    lines = said(mount, "json")
    assert lines[0] == "not of the standard library beside it"
    assert any(line.endswith("Refused: by <class 'json.mod.xlator'>") for line in lines)
    assert any("json.mod.Refused: by" in line for line in lines)
    lines = said(mount, "space")
    assert lines[0] == "without a file"
    assert any("cannot import name 'absent' from 'space.deep'" in line for line in lines), lines
    assert not re.search(r"(parts|json|space)@", mount.log.text())
