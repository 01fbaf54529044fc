"""Translators written as for the original Glupy, after 2to3: files in its styles on mounts.

tests/original holds them as 2to3 leaves them. Whatever fails in one is an error in the log,
which fails the test.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from glusterfs import Host, Log, Mount, Option, Volfile

STYLES = Path(__file__).parent / "original"
ROOT = "00000000-0000-0000-0000-000000000001"


def add(host: Host, volfile: Volfile, module: str, **options: Option) -> Volfile:
    """A volume that runs a module of the module path."""
    named: dict[str, Option] = {"module-name": module, "module-path": host.module_path()}
    return volfile.add(module, host.glupy, named | options)


def mount(host: Host, style: str) -> Mount:
    """A mount with a translator of tests/original."""
    host.copy(STYLES / f"{style}.py")
    return host.mount(add(host, host.posix(), style))


def mount_source(host: Host, source: str, **options: Option) -> Mount:
    """The same with one that is written here."""
    host.write(under_test=source)
    return host.mount(add(host, host.posix(), "under_test", **options))


def said(mount: Mount, module: str = "under_test") -> list[str]:
    """What a translator has printed."""
    return [line.message for line in mount.log.find(rf" \[{module}\.py:")]


# -- styles ----------------------------------------------------------------------------


def test_hello(host: Host) -> None:
    """`from gluster import *`, and methods of a Translator."""
    with mount(host, "hello") as mounted:
        assert not (mounted.path / "nothing").exists()
        (mounted.path / "file").touch()
    assert {"going down", "coming up: 0", "coming up: -1"} == set(said(mounted, "hello"))


def test_functions(host: Host) -> None:
    """Functions of the module, and a bare class that sets them."""
    with mount(host, "functions") as mounted:
        (mounted.path / "file").touch()
        with pytest.raises(PermissionError):
            (mounted.path / "refused").touch()
        mounted.log.expect(r"fuse-bridge.*/refused => -1 \(Permission denied\)")
    lines = said(mounted, "functions")
    assert {"lookup FOP: /file", "lookup CBK: /file: -1 (2)", "lookup CBK: /: 0 (0)"} <= {
        re.sub(r"(: 0) \(\d+\)", r"\1 (0)", line) for line in lines
    }


def test_operations(host: Host) -> None:
    """Decorators of operations; a closure and a bound method in the place of functions."""
    with mount(host, "operations") as mounted:
        (mounted.path / "dir").mkdir()
        (mounted.path / "dir").rmdir()
    assert said(mounted, "operations") == ["made dir, cookie True", "going: /dir"]


def test_absent(host: Host) -> None:
    """Names are put into a list and found there; the root's has none."""
    with mount(host, "absent") as mounted:
        for _ in range(2):
            assert not (mounted.path / "later").exists()
        (mounted.path / "later").touch()
        assert (mounted.path / "later").exists()
    assert f"absent: {ROOT}/later" in said(mounted, "absent")


def test_journal(host: Host) -> None:
    """Names are joined with text, compared, and put into JSON; so are those that are NULL."""
    with mount(host, "journal") as mounted:
        (mounted.path / "file\udcff").touch()
        (mounted.path / ".hidden").touch()
        (mounted.path / "link").symlink_to("file")
        assert (mounted.path / "link").readlink() == Path("file")
        os.listxattr(mounted.path / ".hidden")  # NULL is the name for all of them
        with pytest.raises(OSError, match="No data"):
            os.getxattr(mounted.path / ".hidden", "user.note")
    told = [json.loads(line) for line in said(mounted, "journal")]
    who = "journal of journal"
    for expected in (
        {"operation": "lookup", "file": "volume:/", "name": ""},
        {"operation": "lookup", "file": "volume:/file\udcff", "name": "file\udcff"},
        {"operation": "getxattr", "file": "volume:/.hidden", "key": "user.note", "by": who},
        {"operation": "getxattr", "file": "volume:/.hidden", "key": "", "by": who},
        {"operation": "readlink", "file": "volume:file"},
    ):
        assert expected in told, expected
    assert "volume:/.hidden" not in {each["file"] for each in told if each["operation"] == "lookup"}


def test_trace(host: Host) -> None:
    """Handles and NULL are formatted; the module's name has a hyphen."""
    with mount(host, "trace-all") as mounted:
        file = mounted.path / "file"
        file.write_bytes(b"content")
        assert file.read_bytes() == b"content"
        os.setxattr(file, "user.note", b"1")
        assert os.getxattr(file, "user.note") == b"1"
        assert os.listxattr(file) == ["user.note"]
        with pytest.raises(OSError, match="No data"):
            os.getxattr(file, "user.none")
        os.symlink("file", mounted.path / "link")
        os.statvfs(mounted.path)
        assert set(os.listdir(mounted.path)) == {"file", "link"}
    lines = "\n".join(said(mounted, "trace-all"))
    for pattern in (
        r"LOOKUP \d+: gfid=[-0-9a-f]{36}; path=/; name=; .*frame=<Frame lookup.*this=<Xlator",
        r"LOOKUP \d+: gfid=0{8}-.*; path=/file; name=file;",
        r"LOOKUP CBK: gfid=.*; op_ret=-1; inode=<Inode.*; buf=.*; postparent=.*; cookie=\d\d+",
        r"CREATE path=/file; fd=<Fd .*; flags=0\d+; mode=0\d+",
        r"WRITEV gfid=[-0-9a-f]{36}; fd=<Fd .*; vector=<Iovec .*; iobref=<Iobref.*; offset=0",
        r"READV CBK op_ret=7; buf=\(file, .* size=7, mtime=20\d\d\)",
        r"SETXATTR loc=0x[0-9a-f]+; dictionary=<Dict .*; xdata=NULL",
        r"GETXATTR path=/file; name=user.note",
        r"GETXATTR path=/file; name=$",
        r"GETXATTR CBK op_ret=-1; dictionary=<Dict {}>",
        rf"STATFS gfid={ROOT}; path=",
        r"SYMLINK linkpath=file; path=/link",
        r"READDIRP CBK op_ret=\d; buf=<Dirents",
    ):
        assert re.search(pattern, lines, re.MULTILINE), (pattern, lines)


# -- who has the view --------------------------------------------------------------------

ADAPTED = """
    from gluster.glupy import *

    class xlator(Translator):
        def create_fop(self, frame, this, loc, flags, mode, umask, fd, xdata):
            print(type(loc.contents.name).__name__)
            dl.wind_create(frame, POINTER(xlator_t)(), loc, flags, mode, umask, fd, xdata)

        def getxattr_fop(self, frame, this, loc, name, xdata):
            print(f"<{name}>")
            dl.wind_getxattr(frame, POINTER(xlator_t)(), loc, name, xdata)
"""


def test_option_off(host: Host) -> None:
    """For one that has been changed for Glupy already."""
    with mount_source(host, ADAPTED, original="off") as mounted:
        (mounted.path / "file").touch()
        os.listxattr(mounted.path / "file")
    assert {"bytes", "<None>"} <= set(said(mounted))


def test_option_on(host: Host) -> None:
    """For one that does not look like one of the original's."""
    source = """
        from gluster import *

        class xlator(Translator):
            def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
                print("make " + loc.contents.name, sizeof(c_long))
                frame.wind()
    """
    with mount_source(host, source, original="on") as mounted:
        (mounted.path / "dir").mkdir()
    assert said(mounted) == ["make dir 8"]


def test_others_are_as_they_were(host: Host) -> None:
    """In the same process a module that is not written so has neither the view nor the names."""
    host.copy(STYLES / "hello.py")
    host.write(
        other="""
            from gluster import *

            assert not {"dl", "c_long", "CDLL", "sys", "os"} & set(globals())

            class xlator(Translator):
                def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
                    contents = loc.contents
                    print(contents.name, loc_t.path.offset, loc_t.name.size)
                    try:
                        this.contents.name = b"other"
                    except TypeError as error:
                        print(error)
                    own = loc_t(path=b"/dir")
                    own.name = b"dir"
                    print(own.path, own.name)
                    frame.wind()

                def getxattr_fop(self, frame, this, loc, name, xdata):
                    print(name)
                    frame.wind()
        """
    )
    with host.mount(add(host, add(host, host.posix(), "hello"), "other")) as mounted:
        (mounted.path / "dir").mkdir()
        os.listxattr(mounted.path / "dir")
    first, refused, own, *names = said(mounted, "other")
    assert (first, own) == ("b'dir' 0 8", "b'/dir' b'dir'")
    assert refused.startswith("xlator_t.name is a pointer in the memory of GlusterFS")
    assert "None" in names
    assert "going down" in said(mounted, "hello")


def test_memory_of_c(host: Host) -> None:
    """Text is written where bytes may be; NULL goes back as NULL, from wherever it came."""
    source = """
        from gluster.glupy import *

        class xlator(Translator):
            def __init__(self, c_this):
                Translator.__init__(self, c_this)
                assert c_this.contents.type.endswith("/glupy")
                null = POINTER(loc_t)()
                assert not null and c_this.contents.children.contents.xlator.contents.name

            def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
                try:
                    this.contents.name = "other"
                except TypeError as error:
                    print(error)
                own = loc_t(path="/dir")
                own.name = own.path[1:]
                print(own.path, own.name, own.name in ["dir"])
                own.name = loc_t().name
                assert own.name == "" and not own.name
                assert "in " + loc.contents.parent.contents.table.contents.name
                dl.wind_mkdir(frame, this, loc, c_uint(mode), umask, xdata)

            def getxattr_fop(self, frame, this, loc, name, xdata):
                if not name:
                    print("all of them", name == "", name[:] == "", "%s." % name)
                dl.wind_getxattr(frame, None, loc, name, xdata)

            def setxattr_fop(self, frame, this, loc, dictionary, flags, xdata):
                assert not xdata and isinstance(xdata, POINTER(dict_t)), xdata
                try:
                    xdata.contents
                except ValueError as error:
                    print(error)
                frame.wind(xdata=xdata)
    """
    with mount_source(host, source) as mounted:
        (mounted.path / "dir").mkdir()
        os.setxattr(mounted.path / "dir", "user.note", b"1")
        assert os.listxattr(mounted.path / "dir") == ["user.note"]
    lines = "\n".join(said(mounted))
    assert "xlator_t.name is a pointer in the memory of GlusterFS" in lines
    for line in ("/dir dir True", "all of them True True .", "NULL pointer access"):
        assert line in lines.splitlines()


# -- mistakes ----------------------------------------------------------------------------

BARE = "from gluster.glupy import *\nclass xlator:\n    def __init__(self, xl): {}\n"


def start(host: Host, source: str, **options: Option) -> Log:
    """The log of a mount that does not come up."""
    host.write(under_test=source)
    status, log = host.mount_command(add(host, host.posix(), "under_test", **options))
    assert status != 0
    log.checked = False
    return log


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        (
            BARE.format("pass"),
            {},
            "xlator is no gluster.Translator, and sets no handlers by dl.set",
        ),
        (
            BARE.format("dl.set_open_fop(xl, open_cbk_t(lambda *_: 0))"),
            {},
            "TypeError: dl.set_open_fop: expected a <gluster.open_fop_t>, not a <gluster.open_cbk",
        ),
        (
            BARE.format("dl.set_open_fop(xl, lookup_fop_t(self.f))\n    def f(self): pass"),
            {},
            "TypeError: dl.set_open_fop: expected a <gluster.open_fop_t>, not a <gluster.lookup_f",
        ),
        (
            BARE.format("dl.set_open_fop(xl, xl)"),
            {},
            "dl.set_open_fop: expected a function, not <Xlator",
        ),
        (BARE.format("dl.set_open_fop(1, print)"), {}, "expected, in the translator's __init__"),
        (BARE.format("dl.set_open_fop(xl, lambda frame: 0)"), {}, "open_fop.*expected open_fop"),
        (BARE.format("pass"), {"original": "off"}, "not a class derived from gluster.Translator"),
        (BARE.format("pass"), {"original": "maybe"}, "option original: 'maybe' is not on or off"),
        ("from gluster import *\nx = c_long\n", {}, "NameError: name 'c_long' is not defined"),
    ],
)
def test_mistakes(host: Host, source: str, options: dict[str, Option], expected: str) -> None:
    assert [x.level for x in start(host, source, **options).find(expected)][:1] == ["E"]


# -- names of modules ----------------------------------------------------------------------


def test_hyphens(host: Host) -> None:
    """In a module's name, in a package's, and in the names that the log has of them."""
    package = host.module_path() / "a-package"
    package.mkdir()
    (package / "__init__.py").write_text("from . import other\n")
    (package / "other.py").write_text("NAME = 'other'\n")
    (package / "the-module.py").write_text(
        "from gluster import Translator\n"
        "from .other import NAME\n"
        "class xlator(Translator):\n"
        "    def mkdir_fop(self, frame, this, *rest):\n"
        "        print(__name__, NAME)\n"
        "        frame.wind()\n"
    )
    volfile = host.posix()
    options: dict[str, Option] = {"module-name": "a-package.the-module"}
    volfile.add("glupy", host.glupy, options | {"module-path": host.module_path()})
    with host.mount(volfile) as mounted:
        (mounted.path / "dir").mkdir()
    assert said(mounted, "the-module") == ["a-package.the-module other"]


def test_hyphens_are_as_safe(host: Host) -> None:
    """What others can change is not run under such a name either; others are no names."""
    source = "from gluster import Translator\nclass xlator(Translator): pass\n"
    (host.module_path() / "de-bug.py").write_text(source)
    os.chmod(host.module_path() / "de-bug.py", 0o666)
    for number, (name, expected) in enumerate(
        {"de-bug": "is writable by others", "-bug": "is not the name of a module"}.items()
    ):
        volfile = host.posix(f"brick-{number}")
        options: dict[str, Option] = {"module-name": name, "module-path": host.module_path()}
        volfile.add("glupy", host.glupy, options)
        status, log = host.mount_command(volfile, f"daemon-{number}")
        assert status != 0
        log.checked = False
        assert log.find(expected)


# -- what is found out -----------------------------------------------------------------


@pytest.fixture
def compiled() -> Callable[[str], bool]:
    """Whether a source is one for the original."""
    module = ModuleType("sources")
    source = STYLES.parent.parent / "python/glupy/sources.py"
    exec(compile(source.read_text(), str(source), "exec"), module.__dict__)

    def is_original(text: str) -> bool:
        code, found = module.compiled(text.encode(), "x.py", None)
        assert ("gluster.glupy" in code.co_names) is found or "import glupy" in text
        return bool(found)

    return is_original


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from gluster.glupy import *", True),
        ("import gluster.glupy", True),
        ("from gluster import glupy", True),
        ("from gluster import dl, Translator", True),
        ("from gluster import *\ndl.get_id.restype = c_long", True),
        ("from gluster import *\ndef f(): return dl.get_id", True),
        ("from gluster_glupy import *", True),
        ("from gluster import *", False),
        ("from gluster import *  # no dl", False),
        ("from gluster import *\nimport other as dl\ndl.get_id", False),
        ("from gluster import *\ndl = 5\nprint(dl)", False),
        ("from gluster import *\ndef f(dl): return dl", False),
        ("from gluster import *\ndef dl(): return dl", False),
        ("from gluster import Translator\ndl", False),
        ("from .gluster import dl", False),
        ("from . import glupy", False),
    ],
)
def test_found_out(compiled: Callable[[str], bool], source: str, expected: bool) -> None:
    assert compiled(source) is expected


# -- formats -------------------------------------------------------------------------------


def test_handles_have_formats(host: Host) -> None:
    """In any module: as their text, or as an address."""
    source = """
        from gluster import Translator

        class xlator(Translator):
            def create_fop(self, frame, this, loc, flags, mode, umask, fd, xdata):
                table = loc.parent.table
                for handle in (frame, this, loc, fd, loc.inode, table, xdata):
                    text = str(handle)
                    assert f"{handle}" == text and "{:s}".format(handle) == text
                    assert f"{handle:>200}" == text.rjust(200)
                    assert f"{handle:p}".startswith("0x"), f"{handle:p}"
                    assert f"{handle:>30p}" == f"{handle:p}".rjust(30)
                    try:
                        f"{handle:d}"
                    except ValueError as error:
                        assert "'d'" in str(error)
                    else:
                        raise AssertionError("a number")
                kept = loc
                print("formatted", len(f"{kept:.4}"))
                frame.wind()
    """
    with mount_source(host, source) as mounted:
        (mounted.path / "file").touch()
    assert said(mounted) == ["formatted 4"]
