"""The structures of the headers as ctypes, `.contents`, pointers, and the original's `dl`."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import abi
import pytest
from course.harness import DEFINES, HEADERS

from glusterfs import Host, Mount, Option

ROOT = Path(__file__).parent.parent


def mount(host: Host, source: str) -> Mount:
    """A mount with a translator."""
    modules = host.write(under_test=source)
    options: dict[str, Option] = {"module-name": "under_test", "module-path": modules}
    return host.mount(host.posix().add("glupy", host.glupy, options))


def printed(mount: Mount) -> list[str]:
    """What the translator has printed."""
    return [line.message for line in mount.log.find(r"under_test\.py")]


# -- layouts ---------------------------------------------------------------------------


@pytest.fixture
def structures(host: Host, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`glupy.structures`, as glupy.so carries it."""
    target = host.directory / "structures.py"
    source = f"""
        import sys
        import _gluster
        from gluster import Translator

        # Nobody has asked for a structure yet.
        assert "glupy.structures" not in sys.modules
        with open({str(target)!r}, "w") as file:
            file.write(_gluster.sources["glupy.structures"])

        class xlator(Translator):
            pass
    """
    with mount(host, source):
        pass
    monkeypatch.syspath_prepend(ROOT / "python")
    module = ModuleType("structures")
    exec(compile(target.read_text(), str(target), "exec"), module.__dict__)
    return module


def compiled(source: str, directory: Path) -> list[str]:
    """The output of a C program that sees the headers as the library does."""
    text, binary = directory / "abi.c", directory / "abi"
    text.write_text(source)
    subprocess.run(["gcc", *DEFINES, f"-I{HEADERS}", str(text), "-o", str(binary)], check=True)
    done = subprocess.run([binary], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_layouts_are_the_compilers(structures: ModuleType, tmp_path: Path) -> None:
    """Size, alignment, every offset and every bitfield of every structure."""
    every = abi.structures(structures)
    # What fops have to do with, and what these lead to.
    assert {"loc_t", "inode_t", "fd_t", "struct iatt", "dict_t", "data_t", "struct iobref",
            "struct iobuf", "struct iovec", "gf_dirent_t", "struct gf_flock", "struct gf_lease",
            "struct statvfs", "lock_migration_info_t", "call_frame_t", "call_stack_t", "xlator_t",
            "glusterfs_ctx_t", "client_t", "inode_table_t", "ia_prot_t"} <= set(every)  # fmt: skip
    output = compiled(abi.program(structures), tmp_path)
    facts = [line for name, structure in every.items() for line in abi.layout(name, structure)]
    assert [line for line in output if not is_bitfield(line, every)] == facts
    assert len(facts) > 700


def is_bitfield(line: str, every: dict[str, abi.Structure]) -> bool:
    what = line.partition(":")[0]
    return any(
        what == f"{name}.{member.path}"
        for name, structure in every.items()
        for member in abi.bitfields(structure)
    )


def test_bitfields_are_the_compilers(structures: ModuleType, tmp_path: Path) -> None:
    """What C writes into one bitfield, ctypes reads there and nowhere else."""
    memory = dict(line.split(": ") for line in compiled(abi.program(structures), tmp_path))
    seen = 0
    for name, structure in abi.structures(structures).items():
        every = abi.bitfields(structure)
        for member in every:
            view = structure.from_buffer_copy(bytes.fromhex(memory[f"{name}.{member.path}"]))
            assert member.bits is not None
            expected = {other.path: 0 for other in every}
            expected[member.path] = (1 << member.bits) - 1
            assert {other.path: value(view, other.path) for other in every} == expected
            seen += 1
    assert seen >= 12  # ia_prot_t alone


def value(view: Any, path: str) -> Any:
    for name in path.split("."):
        view = getattr(view, name)
    return view


# -- handles and their C memory ---------------------------------------------------------
# An assertion that fails in a translator is an error in the log, which fails the test.


def test_contents(host: Host) -> None:
    """Handles as structures: read, written, kept after the handler and after the answer."""
    source = """
        import ctypes
        import gc
        from ctypes import POINTER, addressof, byref, pointer, sizeof
        from gluster import FrameError, Translator, call_frame_t, iatt, inode_t, loc_t

        kept = []

        class xlator(Translator):
            def lookup_fop(self, frame, this, loc, xdata):
                if loc.name == "file":
                    c = loc.contents
                    assert type(c) is loc_t
                    assert (c.path, c.name) == (b"/file", b"file")
                    assert bytes(c.pargfid) == bytes(loc.pargfid)
                    assert addressof(c.inode.contents) == addressof(loc.inode.contents)
                    assert isinstance(loc.inode.contents, inode_t)
                    assert addressof(loc.contents) == addressof(c)
                    table = loc.parent.table
                    inside = loc.parent.contents.table
                    assert addressof(table.contents) == addressof(inside.contents)
                    assert addressof(table.contents.root.contents) == addressof(c.parent.contents)
                    assert ctypes.cast(table, ctypes.c_void_p).value == addressof(inside.contents)
                    assert repr(table) == "<InodeTable of glupy>", repr(table)
                    root = frame.contents.root.contents
                    assert (root.uid, root.unique) == (frame.uid, frame.unique)
                    assert isinstance(frame.contents, call_frame_t)
                    assert this.contents.name == b"glupy"
                    assert this.contents.children.contents.xlator.contents.name == b"locks"
                    kept.append((c, c.inode, frame, frame.contents))
                frame.wind()

            def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, *values):
                frame.unwind()

            def stat_cbk(self, frame, cookie, this, op_ret, op_errno, buf, xdata):
                if op_ret == 0 and buf.ia_size == 5:
                    view = buf.contents
                    assert type(view) is iatt
                    assert view.ia_prot.owner.read == 1 and view.ia_prot.owner.exec == 0
                    view.ia_size = 7000
                    assert buf.ia_size == 7000
                    # Both ways: the structure and the handle are the same memory.
                    buf.ia_uid = 1234
                    assert view.ia_uid == 1234
                    frame.unwind(buf=buf)
                    buf.ia_nlink = 9
                    assert view.ia_nlink == 9
                    return
                frame.unwind()

            def getxattr_fop(self, frame, this, loc, name, xdata):
                # Requests have come and gone: what was kept is still there.
                gc.collect()
                for c, inode, old, view in kept:
                    assert (c.path, c.name) == (b"/file", b"file")
                    assert inode.contents.ref > 0
                    for dead in (
                        lambda: old.contents,
                        lambda: view.root,
                        lambda: setattr(view, "op", 1),
                        lambda: old._as_parameter_,
                    ):
                        try:
                            dead()
                        except FrameError as error:
                            assert "has been answered" in str(error), error
                        else:
                            raise AssertionError("a frame is readable after its answer")
                assert kept
                print("kept")
                kept.clear()
                frame.wind()

            def getxattr_cbk(self, frame, cookie, this, op_ret, op_errno, dict, xdata):
                if dict is not None:
                    data = {}
                    at = dict.contents.members_list
                    while at:
                        pair = at.contents
                        value = pair.value.contents
                        # A pointer to a string, or since 11 the string, of any length.
                        key = pair.key or ctypes.string_at(addressof(pair) + type(pair).key.offset)
                        data[key] = bytes(value.data[:value.len])
                        at = at.contents.next
                    assert data == {k.encode(): bytes(dict[k]) for k in dict}
                    print("dict", len(data))
                frame.unwind()
    """
    with mount(host, source) as mounted:
        path = mounted.path / "file"
        path.write_text("hello")
        os.setxattr(path, "user.colour", b"red\0green")
        found = path.stat()
        assert (found.st_size, found.st_uid) == (7000, 1234)
        assert os.getxattr(path, "user.colour") == b"red\0green"
        assert printed(mounted) == ["kept", "dict 1"]


def test_pointers_where_handles_are_expected(host: Host) -> None:
    """A ctypes pointer or structure of the right type is taken, no other; C takes handles."""
    source = """
        import ctypes
        import errno
        from ctypes import POINTER, byref, c_char_p, c_int, c_void_p, cast, pointer
        from gluster import *

        library = ctypes.CDLL("libglusterfs.so.0")
        library.loc_is_root.restype = ctypes.c_bool

        def refused(function, *args, **kwargs):
            try:
                function(*args, **kwargs)
            except TypeError as error:
                print("refused:", error)
            else:
                raise AssertionError("taken")

        class xlator(Translator):
            def lookup_fop(self, frame, this, loc, xdata):
                if loc.name is None or not loc.name.startswith("as-"):
                    return frame.wind()
                # C functions take a handle, with and without argtypes.
                assert library.loc_is_root(loc) is False
                gfid = (ctypes.c_ubyte * 16)()
                library.loc_pargfid.argtypes = [POINTER(loc_t), c_void_p]
                library.loc_pargfid.restype = None
                library.loc_pargfid(loc, gfid)
                assert bytes(gfid)[-1] == 1  # the root
                assert cast(loc, c_void_p).value == ctypes.addressof(loc.contents)
                if loc.name == "as-refused":
                    for wrong in (
                        pointer(c_int(1)), c_void_p(16), 16, c_char_p(b"x"),
                        xdata and xdata.contents, this, frame.contents,
                    ):
                        if wrong is not None:
                            refused(frame.wind, loc=wrong)
                    refused(lookup_wind, frame, loc, pointer(loc.contents))
                    try:
                        frame.wind(loc=POINTER(loc_t)())
                    except ValueError as error:
                        print("refused:", error)
                    return frame.unwind(-1, errno.ENOENT)
                taken = {
                    "as-structure": lambda: loc.contents,
                    "as-pointer": lambda: pointer(loc.contents),
                    "as-byref": lambda: byref(loc.contents),
                    "as-cast": lambda: cast(loc, POINTER(loc_t)),
                    "as-own": self.own,
                }[loc.name](*[loc] * (loc.name == "as-own"))
                none = POINTER(dict_t)()
                child = this.contents.children.contents.xlator
                frame.local = (loc.name, taken)
                lookup_wind(frame, taken, none, child=child)

            def own(self, loc):
                own = loc_t.from_buffer_copy(loc.contents)
                own._keep = loc.contents, own.inode
                return own

            def lookup_cbk(
                self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, postparent
            ):
                if frame.local is None:
                    return frame.unwind()
                print(frame.local[0], op_ret, op_errno)
                if op_ret == 0:
                    mine = iatt.from_buffer_copy(buf.contents)
                    mine.ia_size = 77
                    after = pointer(postparent.contents)
                    lookup_unwind(frame, op_ret, op_errno, inode.contents, mine, None, after)
                else:
                    frame.unwind()
    """
    with mount(host, source) as mounted:
        for name in ("as-structure", "as-pointer", "as-byref", "as-cast", "as-own"):
            (mounted.path / name).touch()
            assert os.path.exists(mounted.path / name)
        assert not os.path.exists(mounted.path / "as-refused")
        lines = printed(mounted)
        for name in ("as-structure", "as-pointer", "as-byref", "as-cast", "as-own"):
            assert f"{name} -1 {errno.ENOENT}" in lines
            assert f"{name} 0 0" in lines
        refusals = {line for line in lines if line.startswith("refused:")}
        assert "refused: frame.wind: loc must be Loc or None, not int" in refusals
        assert "refused: frame.wind: loc must not be None" in refusals


# -- translators of the original ----------------------------------------------------------


def test_a_translator_of_the_original(host: Host) -> None:
    """In its style, as 2to3 leaves it: star import, dl, handlers that return 0."""
    source = """
        from gluster.glupy import *
        from gluster.cliutils import cliutils
        from uuid import UUID

        seen = {}

        dl.get_id.restype = c_long
        dl.get_id.argtypes = [POINTER(call_frame_t)]
        dl.get_rootunique.restype = c_uint64
        dl.get_rootunique.argtypes = [POINTER(call_frame_t)]

        assert sizeof(iatt_t) == sizeof(iatt) and list_head._fields_
        assert (IA_INVAL, IA_IFREG, IA_IFSOCK) == (0, 1, 7)
        assert lookup_fop_t.argtypes[2] is POINTER(loc_t)
        assert lookup_cbk_t.argtypes[5] is POINTER(inode_t)

        def text(gfid):
            return str(UUID("".join(map("{0:02x}".format, gfid))))

        class xlator (Translator):

            def __init__ (self, c_this):
                self.names = {}
                Translator.__init__(self, c_this)

            def lookup_fop (self, frame, this, loc, xdata):
                key = dl.get_id(frame)
                name = loc.contents.name
                if name == "hidden":
                    dl.unwind_lookup(frame, 0, this, -1, 2, None, None, None, None)
                    return 0
                self.names[key] = (text(loc.contents.pargfid), name[:])
                target = this if name == "to-this" else POINTER(xlator_t)()
                dl.wind_lookup(frame, target, loc, xdata)
                return 0

            def lookup_cbk (self, frame, cookie, this, op_ret, op_errno,
                            inode, buf, xdata, postparent):
                parent, name = self.names.pop(dl.get_id(frame))
                if op_ret == 0 and buf.contents.ia_type == IA_IFREG:
                    prot = buf.contents.ia_prot
                    print("%s/%s size=%d x=%d ino=%d" % (
                        parent, name, buf.contents.ia_size, prot.owner.execn,
                        buf.contents.ia_no & 1 | 1))
                dl.unwind_lookup(frame, cookie, this, op_ret, op_errno,
                                 inode, buf, xdata, postparent)
                return 0

            def open_fop (self, frame, this, loc, flags, fd, xdata):
                print("open %s %d" % (text(loc.contents.inode.contents.gfid) != "", flags & 3))
                dl.wind_open(frame, POINTER(xlator_t)(), loc, flags, fd, xdata)
                return 0
    """
    root = "00000000-0000-0000-0000-000000000001"
    with mount(host, source) as mounted:
        for name in ("seen", "to-this"):
            (mounted.path / name).write_text("hello")
        (mounted.path / "seen").chmod(0o755)
        assert (mounted.path / "seen").read_text() == "hello"
        assert (mounted.path / "to-this").exists()
        (mounted.path / "seen").rename(mounted.path / "hidden")
        assert not (mounted.path / "hidden").exists()
        lines = printed(mounted)
        assert f"{root}/seen size=5 x=1 ino=1" in lines
        assert f"{root}/to-this size=5 x=0 ino=1" in lines
        assert "open True 0" in lines
