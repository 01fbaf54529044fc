"""Code of another user's, in all the places from which a volume might run it as root.

Each arrangement is made in a folder of its own: `modules` is the volume's module-path, and
`home` belongs to the other user, who has put `EVIL` somewhere: it makes the file `marker`.
"""

from __future__ import annotations

import os
import py_compile
import shutil
import struct
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foreign_fuse import Server

USER = 12345
NOBODY = 65534

PROBE = """
import importlib, importlib.machinery, importlib.util, pkgutil, runpy, site, sys, threading
import zipimport
from importlib.machinery import (
    ExtensionFileLoader, FileFinder, PathFinder, SourceFileLoader, SourcelessFileLoader,
)
from pathlib import Path
from gluster import Translator

FOLDER = str(Path(__file__).parent / "lib")
FILE = FOLDER + "/sub.py"

def load(spec):
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def imported():
    ACTION

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        try:
            found = imported()
            print("loaded", getattr(found, "WORD", found))
        except BaseException as error:
            print(type(error).__name__, error)
        frame.wind()
"""
GOOD = "WORD = 'good'\n"
TRANSLATOR = "from gluster import Translator\nclass xlator(Translator): pass\n"

# An extension module; the file is made when it is loaded, before Python sees it.
LIBRARY = """
#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <fcntl.h>
#ifdef MARKER
__attribute__((constructor)) static void
made(void)
{
    close(open(MARKER, O_CREAT | O_WRONLY, 0644));
}
#endif
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "sub", NULL, 0, NULL};
PyMODINIT_FUNC PyInit_sub(void)
{
    PyObject *module = PyModule_Create(&def);
    PyModule_AddStringConstant(module, "WORD", "good");
    return module;
}
"""


class Place:
    """The folder of one arrangement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules = folder / "modules"
        self.package = self.modules / "probe"
        self.home = folder / "home"
        self.marker = folder / "marker"
        self.path: object = self.modules  # option module-path
        self.strict = "on"  # option strict-modes
        self.mounts: list[Path] = []
        self.package.mkdir(parents=True)
        self.home.mkdir()
        os.chown(self.home, USER, USER)

    @property
    def evil(self) -> str:
        return f"open({str(self.marker)!r}, 'w').close()\nWORD = 'evil'\n{TRANSLATOR}"

    def write(self, name: str, text: str = "", *, mode: int = 0o644, owner: int = 0) -> Path:
        """A file below the package, with folders that are root's."""
        path = self.package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or self.evil)
        os.chown(path, owner, owner)
        path.chmod(mode)
        return path

    def theirs(self, name: str, text: str = "", owner: int = USER) -> Path:
        """A file in the other user's home."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or self.evil)
        for each in (path, path.parent):
            os.chown(each, owner if each == path else USER, USER)
        return path

    def give(self, name: str, *, mode: int | None = None, owner: int | None = None) -> None:
        """Change the mode or owner of something in the package."""
        if owner is not None:
            os.chown(self.package / name, owner, owner, follow_symlinks=False)
        if mode is not None:
            os.chmod(self.package / name, mode)

    def library(self, path: Path, *, evil: bool) -> Path:
        """Build an extension module."""
        path.parent.mkdir(parents=True, exist_ok=True)
        source = self.folder / "sub.c"
        source.write_text(LIBRARY)
        flags = [f'-DMARKER="{self.marker}"'] if evil else []
        include = sysconfig.get_paths()["include"]
        subprocess.run(
            ["gcc", "-shared", "-fPIC", f"-I{include}", *flags, "-o", path, source], check=True
        )
        return path

    def close(self) -> None:
        for path in self.mounts:  # one may be gone already
            subprocess.run(["umount", path], stderr=subprocess.DEVNULL, check=False)


def acl(path: Path, kind: str, user: int, rights: int) -> None:
    """What `setfacl -m u:USER:RIGHTS` does; a default ACL has what new files get."""
    own, group, others = 7, 5, 5
    entries = [
        (0x01, own, 0xFFFFFFFF),
        (0x02, rights, user),
        (0x04, group, 0xFFFFFFFF),
        (0x10, group | rights, 0xFFFFFFFF),
        (0x20, others, 0xFFFFFFFF),
    ]
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, f"system.posix_acl_{kind}", value)


@dataclass(frozen=True)
class Arrangement:
    """How it is made, how it is imported, and what the log says."""

    name: str
    make: Callable[[Place], object]
    says: str
    action: str = "return importlib.import_module('.sub', __name__)"


def bytecode(place: Place, to: str, mode: int, owner: int) -> None:
    """Bytecode of `EVIL` that is never compared with its source."""
    source = place.folder / "evil.py"
    source.write_text(place.evil)
    target = place.package / to
    target.parent.mkdir(exist_ok=True)
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), str(target), doraise=True, invalidation_mode=unchecked)
    os.chown(target, owner, owner)
    target.chmod(mode)


CACHED = f"__pycache__/sub.{sys.implementation.cache_tag}.pyc"
SUFFIX = ".abi3.so"


def foreign_cache(place: Place) -> None:
    place.write("sub.py", GOOD)
    bytecode(place, CACHED, 0o644, USER)
    place.give("__pycache__", mode=0o777)


def own_cache_that_others_may_write(place: Place) -> None:
    place.write("sub.py", GOOD)
    bytecode(place, CACHED, 0o666, 0)


def subpackage_cache(place: Place) -> None:
    place.write("sub/__init__.py", GOOD)
    bytecode(place, f"sub/{CACHED.replace('sub.', '__init__.')}", 0o644, USER)


def link(place: Place, name: str, target: object) -> None:
    path = place.package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(str(target))


def relative_link(place: Place) -> None:
    place.theirs("x.py")
    link(place, "sub.py", "../../home/x.py")


def chain_of_links(place: Place) -> None:
    folder = place.theirs("deep/sub.py", owner=0).parent
    (place.folder / "second").symlink_to(folder)
    (place.folder / "first").symlink_to("second")
    link(place, "sub.py", "../../first/sub.py")


def link_past_a_home(place: Place) -> None:
    (place.folder / "sub.py").write_text(place.evil)
    (place.home / "folder").mkdir()
    link(place, "sub.py", place.home / "folder/../../sub.py")


def link_of_theirs(place: Place) -> None:
    (place.folder / "sub.py").write_text(place.evil)
    link(place, "sub.py", place.folder / "sub.py")
    place.give("sub.py", owner=USER)


def hard_link(place: Place) -> None:
    os.link(place.theirs("sub.py"), place.package / "sub.py")


def acl_of(kind: str, name: str) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        place.write(name)
        acl(place.package / name, kind, USER, 6)

    return make


def acl_of_folder(place: Place) -> None:
    place.write("sub/__init__.py")
    acl(place.package / "sub", "access", USER, 7)


def default_acl(place: Place) -> None:
    acl(place.package, "default", USER, 6)
    place.write("sub.py")
    # With it the umask counts for nothing; an editor makes files of mode 666.
    os.close(os.open(place.package / "new.py", os.O_CREAT, 0o666))
    (place.package / "new.py").write_text(place.evil)
    (place.package / "new.py").replace(place.package / "sub.py")


def in_mode(name: str, folder: str, mode: int) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        place.write(name)
        place.give(folder, mode=mode)

    return make


def in_folder_of(name: str, folder: str, owner: int) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        place.write(name)
        place.give(folder, owner=owner)

    return make


def archive(place: Place) -> None:
    with zipfile.ZipFile(place.package / "more.zip", "w") as file:
        file.writestr("sub.py", place.evil)
    place.give("more.zip", owner=USER)


def bind_mount(place: Place) -> None:
    place.theirs("folder/__init__.py", owner=0)
    sub = place.package / "sub"
    sub.mkdir()
    subprocess.run(["mount", "--bind", place.home / "folder", sub], check=True)
    place.mounts.append(sub)


def fuse_mount(
    source: bytes = b"theirs", user: int = USER, *, lazy: bool = False
) -> Callable[[Place], None]:
    """The user's own file system, which says that all is root's."""

    def make(place: Place) -> None:
        sub = place.package / "sub"
        sub.mkdir()
        Server(sub, user, "__init__.py", place.evil if user else GOOD, source, lazy=lazy)
        place.mounts.append(sub)

    return make


def library(name: str, owner: int, mode: int) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        place.library(place.package / name, evil=True)
        place.give(name, owner=owner, mode=mode)

    return make


def linked_library(place: Place) -> None:
    place.library(place.home / f"sub{SUFFIX}", evil=True)
    link(place, f"sub{SUFFIX}", place.home / f"sub{SUFFIX}")


def library_before_source(place: Place) -> None:
    place.write("sub.py", GOOD)
    library(f"sub{SUFFIX}", USER, 0o644)(place)


def named_pipe(place: Place) -> None:
    os.mkfifo(place.package / "sub.py")


def theirs(place: Place) -> None:
    place.write("sub.py", owner=USER)


WRITABLE = "LoadError .*is writable by others"
MOUNTED = "LoadError .*/sub is mounted by user 12345"
AS_THE_USER = f"""
    import os
    os.seteuid({USER})
    try:
        from . import sub
    finally:
        os.seteuid(0)
    return sub"""
THEIRS = "LoadError .* belongs to user 12345"
ABSENT = "ModuleNotFoundError No module named 'probe.sub'"

# -- what is imported later, by a module that is root's in each respect ---------------------

LATER = [
    Arrangement("file 666", lambda p: p.write("sub.py", mode=0o666), WRITABLE),
    Arrangement("file 664", lambda p: p.write("sub.py", mode=0o664), WRITABLE),
    Arrangement("file 602", lambda p: p.write("sub.py", mode=0o602), WRITABLE),
    Arrangement("file of a user", theirs, THEIRS),
    Arrangement("file of nobody", lambda p: p.write("sub.py", owner=NOBODY), "to user 65534"),
    Arrangement("package folder 777", in_mode("sub/__init__.py", "sub", 0o777), WRITABLE),
    Arrangement("package folder 775", in_mode("sub/__init__.py", "sub", 0o775), WRITABLE),
    Arrangement("package folder 1777", in_mode("sub/__init__.py", "sub", 0o1777), WRITABLE),
    Arrangement("package folder of a user", in_folder_of("sub/__init__.py", "sub", USER), THEIRS),
    Arrangement("package file 666", lambda p: p.write("sub/__init__.py", mode=0o666), WRITABLE),
    Arrangement("package file of a user", lambda p: p.write("sub/__init__.py", owner=USER), THEIRS),
    Arrangement(
        "folder 777 in between", in_mode("sub/deep/mod.py", "sub", 0o777), WRITABLE,
        "from .sub.deep import mod; return mod",
    ),
    Arrangement(
        "folder of a user in between", in_folder_of("sub/deep/mod.py", "sub", USER), THEIRS,
        "from .sub.deep.mod import WORD; return WORD",
    ),
    Arrangement(
        "namespace folder of a user", in_folder_of("sub/mod.py", "sub", USER), THEIRS,
        "from .sub import mod; return mod",
    ),
    Arrangement("link to a file of a user", lambda p: link(p, "sub.py", p.theirs("x.py")), THEIRS),
    Arrangement(
        "link to root's file in a home",
        lambda p: link(p, "sub.py", p.theirs("x.py", owner=0)), THEIRS,
    ),
    Arrangement(
        "link to a folder in a home",
        lambda p: link(p, "sub", p.theirs("sub/__init__.py", owner=0).parent), THEIRS,
    ),
    Arrangement("relative link", relative_link, THEIRS),
    Arrangement("chain of links", chain_of_links, THEIRS),
    Arrangement("link through a home and back", link_past_a_home, THEIRS),
    Arrangement("link of a user", link_of_theirs, "LoadError the link .* belongs to user 12345"),
    Arrangement("hard link", hard_link, THEIRS),
    Arrangement("ACL of a file", acl_of("access", "sub.py"), WRITABLE),
    Arrangement("ACL of a folder", acl_of_folder, WRITABLE),
    Arrangement("default ACL of a folder", default_acl, WRITABLE),
    Arrangement("cache of a user", foreign_cache, "loaded good"),
    Arrangement("cache 666", own_cache_that_others_may_write, "loaded good"),
    Arrangement("cache of a package", subpackage_cache, "loaded good"),
    Arrangement("bytecode alone", lambda p: bytecode(p, "sub.pyc", 0o644, USER), ABSENT),
    Arrangement("package of bytecode", lambda p: bytecode(p, "sub/__init__.pyc", 0o644, USER),
                "loaded <module 'probe.sub' .*Namespace"),
    Arrangement("pipe", named_pipe, ABSENT),
    Arrangement("bind mount of a home", bind_mount, THEIRS),
    Arrangement("FUSE mount of a user", fuse_mount(), MOUNTED),
    Arrangement("FUSE mount whose name ends lines", fuse_mount(b"a\rb\vc\vd"), MOUNTED),
    Arrangement("FUSE mount whose name breaks off", fuse_mount(b"a\rb"), MOUNTED),
    Arrangement("FUSE mount that looks like root's",
                fuse_mount(b"a\x1c-\x1cfuse\x1cx\x1cuser_id=0"), MOUNTED),
    Arrangement("FUSE mount that is gone when it has been looked at", fuse_mount(lazy=True),
                "LoadError .*/sub is mounted by nobody knows whom"),
    Arrangement("by a process that is the user for a while", theirs, THEIRS, AS_THE_USER),
    Arrangement(
        "__path__ to a home", lambda p: p.theirs("more/sub.py"), THEIRS,
        "__path__.append(str(Path(__file__).parents[2] / 'home/more')); from . import sub",
    ),
    Arrangement(
        "__path__ to an archive", archive, ABSENT,
        "__path__.append(__file__.replace('__init__.py', 'more.zip')); from .sub import WORD",
    ),
    Arrangement("library of a user", library(f"sub{SUFFIX}", USER, 0o755), THEIRS),
    Arrangement("library 777", library("sub.so", 0, 0o777), WRITABLE),
    Arrangement("library before a source", library_before_source, THEIRS),
    Arrangement("link to a library", linked_library, THEIRS),
    Arrangement("from . import", theirs, THEIRS, "from . import sub; return sub"),
    Arrangement("from .sub import *", theirs, THEIRS, "exec('from .sub import *', globals())"),
    Arrangement("__import__", theirs, THEIRS, "__import__('sub', globals(), level=1)"),
    Arrangement(
        "by its specification", theirs, THEIRS,
        "spec = importlib.util.find_spec('.sub', __name__); "
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))",
    ),
    Arrangement(
        "by its code", theirs, THEIRS,
        "exec(importlib.util.find_spec('.sub', __name__).loader.get_code(__name__ + '.sub'))",
    ),
    Arrangement("runpy", theirs, THEIRS, "runpy.run_module(__name__ + '.sub')"),
    Arrangement(
        "pkgutil", lambda p: p.write("sub/__init__.py", owner=USER), THEIRS,
        "list(pkgutil.walk_packages(__path__, __name__ + '.'))",
    ),
    Arrangement(
        "lazy loader", theirs, THEIRS,
        "spec = importlib.util.find_spec('.sub', __name__); "
        "spec.loader = importlib.util.LazyLoader(spec.loader); "
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); "
        "return module.WORD",
    ),
    Arrangement(
        "reload", lambda p: p.write("sub.py", GOOD), WRITABLE,
        "from . import sub; path = Path(sub.__file__); path.chmod(0o666); "
        "path.write_text('WORD = \"evil\"'); importlib.reload(sub); return sub",
    ),
    Arrangement(
        "reload of the whole", lambda p: None, WRITABLE,
        "Path(__file__).chmod(0o666); return importlib.reload(sys.modules[__name__])",
    ),
    Arrangement(
        "in a thread", theirs, "LoadError .* belongs to user 12345",
        "caught = []; threading.excepthook = lambda args: caught.append(args.exc_value); "
        "t = threading.Thread(target=lambda: importlib.import_module('.sub', __name__)); "
        "t.start(); t.join(); raise caught[0]",
    ),
    Arrangement(
        "ImportError is caught", theirs, THEIRS,
        "\n    try:\n        from . import sub\n    except ImportError:\n        return 'fallback'",
    ),
]  # fmt: skip

# -- what is loaded past the import of a package's modules ---------------------------------------


def lib(owner: int = 0, folder: int = 0, cache: int | None = None) -> Callable[[Place], None]:
    """A module in a folder, and bytecode of the other user's code beside it."""

    def make(place: Place) -> None:
        place.write("lib/sub.py", "" if owner or folder else GOOD, owner=owner)
        if cache is not None:
            bytecode(place, f"lib/{CACHED}", 0o644, cache)
            place.give("lib/__pycache__", owner=cache)
        place.give("lib", owner=folder)

    return make


#: Each takes what is in the folder `lib`, under another name than the package's.
WAYS = {
    "specification": "return load(importlib.util.spec_from_file_location('sub', FILE))",
    "own name": "return load(importlib.util.spec_from_file_location(__name__ + '.sub', FILE))",
    "SourceFileLoader": "return SourceFileLoader('sub', FILE).load_module()",
    "code of a loader": "exec(SourceFileLoader('sub', FILE).get_code('sub'), globals()); "
                        "return WORD",
    "loader of an author's": "return type('Own', (SourceFileLoader,), {})('sub', FILE)"
                             ".load_module()",
    "PathFinder": "return load(PathFinder.find_spec('sub', [FOLDER]))",
    "FileFinder": "return load(FileFinder(FOLDER, (SourceFileLoader, ['.py'])).find_spec('sub'))",
    "iter_modules": "return [load(finder.find_spec(name)) for finder, name, _ in "
                    "pkgutil.iter_modules([FOLDER])][0]",
    "get_importer": "return load(pkgutil.get_importer(FOLDER).find_spec('sub'))",
    "alias": "alias = __name__.replace('@', '_'); sys.modules[alias] = sys.modules[__name__]; "
             "return importlib.import_module(alias + '.lib.sub')",
    "sys.path": "sys.modules.pop('sub', None); sys.path.insert(0, FOLDER); import sub; return sub",
    "addsitedir": "sys.modules.pop('sub', None); site.addsitedir(FOLDER); "
                  "sys.path.insert(0, sys.path.pop()); import sub; return sub",
    "run_path": "return runpy.run_path(FILE)['WORD']",
    "run_module": "sys.modules.pop('sub', None); sys.path.insert(0, FOLDER); "
                  "return runpy.run_module('sub')['WORD']",
}  # fmt: skip

UNTRUSTED = "(Untrusted|Permission)Error .* belongs to user 12345.*; chmod or chown it"
AN_ARCHIVE = "archive = __file__.replace('__init__.py', 'more.zip'); "
A_LIBRARY = f"file = FOLDER + '/sub{SUFFIX}'; "
IN_A_THREAD = (
    "caught = []; threading.excepthook = lambda args: caught.append(args.exc_value); "
    "t = threading.Thread(target=SourceFileLoader('sub', FILE).load_module); "
    "t.start(); t.join(); raise caught[0]"
)
AN_IMP = (
    "\n    try:\n        import imp\n    except ImportError:\n        pass"
    "\n    else:\n        return imp.load_module('sub', *imp.find_module('sub', [FOLDER]))"
    "\n    return load(PathFinder.find_spec('sub', [FOLDER]))"  # since Python 3.12
)
A_PTH = "site.addsitedir(FOLDER); return 'nothing'"


def lib_bytecode(owner: int) -> Callable[[Place], None]:
    return lambda place: bytecode(place, "lib/sub.pyc", 0o644, owner)


def lib_library(owner: int, *, evil: bool) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        place.library(place.package / f"lib/sub{SUFFIX}", evil=evil)
        place.give(f"lib/sub{SUFFIX}", owner=owner)

    return make


def lib_past_a_home(place: Place) -> None:
    """`lib/..` is the home; beside `lib` there is what is right."""
    place.library(place.package / f"sub{SUFFIX}", evil=False)
    place.library(place.home / f"sub{SUFFIX}", evil=True)
    place.write("sub.py", GOOD)
    (place.home / "sub.py").write_text(place.evil)
    (place.home / "folder").mkdir()
    link(place, "lib", place.home / "folder")


def pth(place: Place) -> None:
    place.write("lib/x.pth", f"import sys; open({str(place.marker)!r}, 'w')\n", owner=USER)


def main_of_theirs(place: Place) -> None:
    place.write("lib/__main__.py", owner=USER)


PAST_IMPORT = [
    *(
        Arrangement(f"{way}: {what}", make, says, action)
        for way, action in WAYS.items()
        for what, make, says in (
            ("file of a user", lib(owner=USER), UNTRUSTED),
            ("folder of a user", lib(folder=USER), UNTRUSTED),
            ("cache of a user", lib(cache=USER), "loaded good"),
            ("file of a user, cache of root's", lib(owner=USER, cache=0), UNTRUSTED),
        )
    ),
    Arrangement("loader in a thread", lib(owner=USER), UNTRUSTED, IN_A_THREAD),
    Arrangement("imp: file of a user", lib(owner=USER), UNTRUSTED, AN_IMP),
    Arrangement("imp: bytecode alone", lib_bytecode(USER), UNTRUSTED, AN_IMP),
    Arrangement("imp: link past a home", lib_past_a_home, UNTRUSTED,
                AN_IMP.replace("FOLDER", "FOLDER + '/..'")),
    Arrangement(
        "ExtensionFileLoader: link past a home", lib_past_a_home, UNTRUSTED,
        f"return ExtensionFileLoader('sub', FOLDER + '/../sub{SUFFIX}').load_module()",
    ),
    Arrangement("run_path of a folder", main_of_theirs, UNTRUSTED, "runpy.run_path(FOLDER)"),
    Arrangement("addsitedir: .pth of a user", pth, "loaded nothing", A_PTH),
    Arrangement(
        "specification: bytecode alone", lib_bytecode(USER), UNTRUSTED,
        "return load(importlib.util.spec_from_file_location('sub', FILE + 'c'))",
    ),
    Arrangement(
        "PathFinder: bytecode alone", lib_bytecode(USER), UNTRUSTED,
        "return load(PathFinder.find_spec('sub', [FOLDER]))",
    ),
    Arrangement(
        "SourcelessFileLoader", lib_bytecode(USER), UNTRUSTED,
        "return SourcelessFileLoader('sub', FILE + 'c').load_module()",
    ),
    Arrangement(
        "specification: library", lib_library(USER, evil=True), UNTRUSTED,
        A_LIBRARY + "return load(importlib.util.spec_from_file_location('sub', file))",
    ),
    Arrangement(
        "ExtensionFileLoader", lib_library(USER, evil=True), UNTRUSTED,
        A_LIBRARY + "return ExtensionFileLoader('sub', file).load_module()",
    ),
    Arrangement(
        "sys.path: library", lib_library(USER, evil=True), UNTRUSTED,
        "sys.modules.pop('sub', None); sys.path.insert(0, FOLDER); import sub",
    ),
    Arrangement(
        "sys.path: archive", archive, "ModuleNotFoundError No module named 'sub'",
        AN_ARCHIVE + "sys.modules.pop('sub', None); sys.path = [archive]; import sub",
    ),
    Arrangement("zipimporter", archive, "ZipImportError can't open",
                AN_ARCHIVE + "zipimport.zipimporter(archive)"),
    Arrangement("run_path of an archive", archive, UNTRUSTED, AN_ARCHIVE +
                "return runpy.run_path(archive)"),
    Arrangement(
        "reload of a loader's", lib(), "(Untrusted|Permission)Error .*is writable by others",
        "sys.path.insert(0, FOLDER); sys.modules.pop('sub', None); import sub; "
        "Path(FILE).chmod(0o666); importlib.reload(sub)",
    ),
]  # fmt: skip


# -- what a volume starts with ----------------------------------------------------------------


def start(
    *, text: str = "", mode: int = 0o644, owner: int = 0, package: bool = False
) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        name = "start/__init__.py" if package else "start.py"
        return place.write(f"../{name}", text, mode=mode, owner=owner)

    return make


def folder(mode: int | None = None, owner: int | None = None) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        start()(place)
        place.give("..", mode=mode, owner=owner)

    return make


def ancestor(mode: int | None = None, owner: int | None = None) -> Callable[[Place], None]:
    """A module-path that is root's, below something that is not."""

    def make(place: Place) -> None:
        start()(place)
        above = place.folder / "above"
        above.mkdir()
        shutil.move(place.modules, above / "between/modules")
        place.path = above / "between/modules"
        if owner is not None:
            os.chown(above, owner, owner)
        if mode is not None:
            above.chmod(mode)

    return make


def path_is_a_link(target: str, owner: int = 0) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        start()(place)
        place.theirs("modules/start.py", owner=0)
        place.path = place.folder / "path"
        (place.folder / "path").symlink_to(target)
        os.chown(place.folder / "path", owner, owner, follow_symlinks=False)

    return make


def two_folders(place: Place) -> None:
    start(text=TRANSLATOR)(place)
    place.path = f"{place.theirs('start.py').parent}:{place.modules}"


def sticky_with_theirs(place: Place) -> None:
    place.folder.chmod(0o1777)
    place.theirs("start.py")
    place.path = place.home


def start_acl(place: Place) -> None:
    start()(place)
    acl(place.modules, "access", USER, 7)


def start_cache(place: Place) -> None:
    start(text="raise RuntimeError('the source is what runs')\n")(place)
    bytecode(place, f"../{CACHED.replace('sub.', 'start.')}", 0o644, USER)
    place.give("../__pycache__", mode=0o777)


def start_imports(place: Place) -> None:
    start(text="from .sub import xlator\n", package=True)(place)
    place.write("../start/sub.py", owner=USER)


def start_linked(place: Place) -> None:
    (place.modules / "start.py").symlink_to(place.theirs("x.py", owner=0))


def start_hard_linked(place: Place) -> None:
    os.link(place.theirs("x.py"), place.modules / "start.py")


WRITE = r"module start: /.* is writable by others \(mode \d+\); chmod or chown it, or set"
BELONG = r"module start: (the link )?/.* belongs to user 12345; chmod or chown it, or set"

AT_START = [
    Arrangement("start: file 666", start(mode=0o666), WRITE),
    Arrangement("start: file of a user", start(owner=USER), BELONG),
    Arrangement("start: package file 666", start(mode=0o666, package=True), WRITE),
    Arrangement("start: folder 777", folder(mode=0o777), WRITE),
    Arrangement("start: folder 1777", folder(mode=0o1777), WRITE),
    Arrangement("start: folder of a user", folder(owner=USER), BELONG),
    Arrangement("start: ancestor of a user", ancestor(owner=USER), BELONG),
    Arrangement("start: ancestor 777", ancestor(mode=0o777), WRITE),
    Arrangement("start: ancestor 775", ancestor(mode=0o775), WRITE),
    Arrangement("start: sticky ancestor of a user", ancestor(mode=0o1777, owner=USER), BELONG),
    Arrangement("start: folder in a sticky one", sticky_with_theirs, BELONG),
    Arrangement(
        "start: path is a link to a home",
        path_is_a_link("home/modules"),
        "to where /.*/path/start.py leads, belongs to user 12345; chmod",
    ),
    Arrangement("start: path is a link of a user", path_is_a_link("modules", USER), BELONG),
    Arrangement("start: file is a link", start_linked, "leads, belongs to user 12345; chmod"),
    Arrangement("start: file is a hard link", start_hard_linked, BELONG),
    Arrangement("start: a user's folder is first", two_folders, BELONG),
    Arrangement("start: ACL of the folder", start_acl, WRITE),
    Arrangement("start: cache of a user", start_cache, "RuntimeError: the source is what runs"),
    Arrangement("start: it imports a user's", start_imports, BELONG),
]


# -- what is right, and loads ---------------------------------------------------------------------


def right_links(place: Place) -> None:
    (place.folder / "elsewhere").mkdir()
    (place.folder / "elsewhere/sub.py").write_text(GOOD)
    (place.folder / "first").symlink_to("elsewhere")
    link(place, "sub.py", "../../first/../first/./sub.py")


def right_data(place: Place) -> None:
    """Data may be anybody's."""
    place.write("sub/__init__.py", "import importlib.resources, pkgutil, inspect, sys\n"
                "def f():\n    pass\n"
                "text = (importlib.resources.files(__name__) / 'data.txt').read_text()\n"
                "assert pkgutil.get_data(__name__, 'data.txt') == text.encode()\n"
                "assert inspect.getsource(f) == 'def f():\\n    pass\\n'\n"
                "assert 'text =' in inspect.getsource(sys.modules[__name__])\n"
                "from . import names\n"
                "assert (importlib.resources.files(names) / 'x.txt').read_text() == 'x'\n"
                "from .. import other\n"
                "assert other.WORD == 'good'\n"
                "assert other.__package__ == __package__.rpartition('.')[0]\n"
                "assert __file__.endswith('/sub/__init__.py') and __spec__.origin == __file__\n"
                "WORD = text\n")  # fmt: skip
    place.write("sub/data.txt", "data", owner=USER, mode=0o666)
    place.write("sub/names/x.txt", "x")
    place.write("other.py", GOOD)


def strict_modes_off(place: Place) -> None:
    """The administrator's word: sources of anybody's, but still no bytecode."""
    place.strict = "off"
    place.write("sub.py", GOOD, owner=USER, mode=0o666)
    bytecode(place, CACHED, 0o644, USER)


def own_mount(place: Place) -> None:
    sub = place.package / "sub"
    sub.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "right", sub], check=True)
    place.mounts.append(sub)
    place.write("sub/__init__.py", GOOD)


def right_library(place: Place) -> None:
    place.library(place.package / f"sub{SUFFIX}", evil=False)


def lax(make: Callable[[Place], None]) -> Callable[[Place], None]:
    def made(place: Place) -> None:
        place.strict = "off"
        make(place)

    return made


def theirs_but_good(place: Place) -> None:
    """Another user's folder, with another user's code in the bytecode only."""
    place.write("lib/sub.py", GOOD, owner=USER)
    bytecode(place, f"lib/{CACHED}", 0o644, USER)
    place.give("lib", owner=USER)


def right_archive(place: Place) -> None:
    with zipfile.ZipFile(place.package / "more.zip", "w") as file:
        file.writestr("sub.py", GOOD)
        file.writestr("__main__.py", GOOD)


def right_bytecode(place: Place) -> None:
    (place.folder / "good.py").write_text(GOOD)
    (place.package / "lib").mkdir()
    py_compile.compile(str(place.folder / "good.py"), str(place.package / "lib/sub.pyc"))


def right_pth(place: Place) -> None:
    place.write("lib/x.pth", "import sys; sys.planted = 'good'\n")


RIGHT_PAST_IMPORT = [
    *(
        Arrangement(f"right: {way}{what}", make, "loaded good", action)
        for way, action in WAYS.items()
        for what, make in (
            ("", lib()),
            (", strict-modes off, beside a cache", lax(theirs_but_good)),
        )
    ),
    Arrangement("right: bytecode alone", right_bytecode, "loaded good",
                "return load(PathFinder.find_spec('sub', [FOLDER])).WORD"),
    Arrangement("right: imp", lib(), "loaded good", AN_IMP),
    Arrangement("right: ExtensionFileLoader", lib_library(0, evil=False), "loaded good",
                A_LIBRARY + "return ExtensionFileLoader('sub', file).load_module()"),
    Arrangement(
        "right: ExtensionFileLoader, strict-modes off", lax(lib_library(USER, evil=False)),
        "loaded good",
        A_LIBRARY + "return ExtensionFileLoader('sub', file).load_module()",
    ),
    Arrangement("right: zipimporter", right_archive, "loaded good", AN_ARCHIVE +
                "return zipimport.zipimporter(archive).load_module('sub').WORD"),
    Arrangement("right: run_path of an archive", right_archive, "loaded good", AN_ARCHIVE +
                "return runpy.run_path(archive)['WORD']"),
    Arrangement("right: addsitedir with .pth", right_pth, "loaded good",
                "site.addsitedir(FOLDER); return sys.planted"),
]  # fmt: skip

RIGHT = [
    Arrangement("right: file", lambda p: p.write("sub.py", GOOD), "loaded good"),
    Arrangement("right: file 400", lambda p: p.write("sub.py", GOOD, mode=0o400), "loaded good"),
    Arrangement("right: links", right_links, "loaded good"),
    Arrangement("right: data, relative imports, namespaces", right_data, "loaded data"),
    Arrangement(
        "right: library", right_library, f"loaded .*/probe/sub{SUFFIX}",
        "from . import sub; return sub.WORD and sub.__file__",
    ),
    Arrangement("right: strict-modes off, beside a cache", strict_modes_off, "loaded good"),
    Arrangement("right: a mount", own_mount, "loaded good"),
    Arrangement("right: FUSE mount of root", fuse_mount(user=0), "loaded good"),
    Arrangement("right: nothing there", lambda p: None, ABSENT),
    Arrangement(
        "right: a source below an archive", lambda p: p.write("sub.py", GOOD), "loaded good",
        "__path__.insert(0, '/nonexistent.zip'); from .sub import WORD; return WORD",
    ),
]  # fmt: skip
