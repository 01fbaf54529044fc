"""What glupy.so was made for and of is held against what it finds itself in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from glusterfs import Host, Log, LogLine, xlator_dir
from workspace import BuildError, Workspace

VERSION = xlator_dir().parent.name
OTHER = VERSION[:-1] + ("8" if VERSION[-1] == "9" else "9")


def patched(host: Host, old: str, new: str) -> Host:
    """A host whose glupy.so says something else in one place."""
    assert host.library
    content = host.library.read_bytes()
    assert content.count(old.encode()) == 1, old
    assert len(old) == len(new)
    library = host.directory / "glupy.so"
    library.write_bytes(content.replace(old.encode(), new.encode()))
    host.library = library
    return host


def refused(host: Host) -> list[LogLine]:
    """Mount a volume that must not start; what Glupy said, and it is one line."""
    volfile = host.posix()
    volfile.add("glupy", host.glupy, {
        "module-name": "fine",
        "module-path": host.write(fine="class xlator: pass"),
    })  # fmt: skip
    status, log = host.mount_command(volfile)
    assert status != 0
    return said(log)


def said(log: Log) -> list[LogLine]:
    log.checked = False  # GlusterFS's own words on a volume that does not start
    assert "signal received" not in log.text()
    return [line for line in log.lines() if line.level in "EW" and "glupy" in line.place]


def test_another_glusterfs(host: Host) -> None:
    """Refused before the loader reads anything of it: its own interface may differ, too."""
    [line] = refused(
        patched(host, f"built for GlusterFS {VERSION}", f"built for GlusterFS {OTHER}")
    )
    assert line.level == "E"
    assert line.message == (
        f"this glupy.so was built for GlusterFS {OTHER}, but this is GlusterFS {VERSION}: "
        f"install one that was built with the headers of {VERSION} (make && make install)"
    )


def test_the_glupy_of_another_glusterfs(host: Host) -> None:
    """The real thing, built with the headers of another GlusterFS."""
    if "GLUPY_OTHER" not in os.environ:
        pytest.skip("GLUPY_OTHER names no glupy.so for another GlusterFS: make matrix builds one")
    host.library = Path(shutil.copy(os.environ["GLUPY_OTHER"], host.directory / "glupy.so"))
    built_for = re.search(rb"built for GlusterFS (\d+\.\d+)", host.library.read_bytes())
    assert built_for
    assert built_for[1].decode() != VERSION
    [line] = refused(host)
    assert line.message.startswith(
        f"this glupy.so was built for GlusterFS {built_for[1].decode()}, but this is GlusterFS "
        f"{VERSION}: install one "
    )


def test_another_schema(host: Host) -> None:
    """A glupy.so whose gluster.py and Rust side were not generated together."""
    assert host.library
    start = host.library.read_bytes().partition(b'\n_FINGERPRINT = "')[2][:16].decode()
    new = "".join("0" if digit != "0" else "1" for digit in start)
    # What runs is the bytecode, in which a text has its length in front.
    [line] = refused(patched(host, f"\x10{start}", f"\x10{new}"))
    assert line.message == (
        "Glupy's own Python modules do not load: the gluster.py in this glupy.so was generated "
        "from another fops.yaml than its Rust side: make generate, build and install it again"
    )


# Runs a volume through libgfapi in a Python program, which imports a gluster of its own before.
PROGRAM = """
import ctypes, sys
import gluster
api = ctypes.CDLL("libgfapi.so.0", use_errno=True)
api.glfs_new.restype = ctypes.c_void_p
fs = ctypes.c_void_p(api.glfs_new(b"volume"))
volfile, log = (argument.encode() for argument in sys.argv[1:])
assert api.glfs_set_volfile(fs, volfile) == 0
assert api.glfs_set_logging(fs, log, 7) == 0
print(gluster.__file__, api.glfs_init(fs))
"""


def test_another_gluster_module(host: Host) -> None:
    """A Python program with libgfapi has imported another gluster; it is not broken by that."""
    other = host.directory / "elsewhere"
    other.mkdir()
    (other / "gluster.py").write_text('_FINGERPRINT = "0123456789abcdef"\n')
    volfile = host.posix()
    volfile.add("glupy", host.glupy, {
        "module-name": "fine",
        "module-path": host.write(fine="class xlator: pass"),
    })  # fmt: skip
    path, log = host.directory / "program.vol", Log(host.directory / "program.log")
    path.write_text(str(volfile))
    done = subprocess.run(
        ["/usr/bin/python3", "-c", PROGRAM, str(path), str(log.path)],
        env=host.reports.environment() | {"PYTHONPATH": str(other)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == f"{other}/gluster.py -1\n"
    [line] = said(log)
    assert line.message == (
        f"Glupy's own Python modules do not load: the module gluster of this process is "
        f"{other}/gluster.py, not the one in glupy.so: remove it, or do not import it before the "
        "volume starts"
    )


def test_a_gluster_module_beside_the_translator(host: Host) -> None:
    """A gluster.py on the module-path is not what translators import."""
    modules = host.write(
        gluster="raise RuntimeError('imported')",
        fine="""
            import gluster
            from gluster import Translator

            class xlator(Translator):
                pass

            print(gluster.__file__)
        """,
    )
    volfile = host.posix()
    volfile.add("glupy", host.glupy, {"module-name": "fine", "module-path": modules})
    with host.mount(volfile) as mount:
        assert mount.log.find("0-glupy: <glupy.so>/gluster.py")


# -- what is built of headers and libraries that do not fit -------------------------------


STACK_H = "include/glusterfs/stack.h"
XLATOR_H = "include/glusterfs/xlator.h"
GLOBALS_H = "include/glusterfs/globals.h"


# As 10.0 has it: each fop's figures begin a cache line.
ALIGNED = {"stats[GF_FOP_MAXVALUE];": "stats[GF_FOP_MAXVALUE] __attribute__((aligned(64)));"}
UNALIGNED = {new: old for old, new in ALIGNED.items()}
# No other size, but what the loader fills in is elsewhere.
SWAPPED = {
    "    char *volfile_id;": "    char *first;",
    "which can unique identify the xlator */\n    char *identifier;": (
        "which can unique identify the xlator */\n    char *volfile_id;"
    ),
    "    char *first;": "    char *identifier;",
}


def test_headers_of_a_patched_glusterfs(
    workspace: Workspace, tmp_path: Path, trusted_xattrs: None
) -> None:
    """Of the same version, but with other structures: refused when the volume starts.

    The headers are changed where they lie, which builds again.
    """
    headers = workspace.headers()
    workspace.change(STACK_H, {"struct _call_frame {": "struct _call_frame {\n long more;"})
    for changes, difference in [
        ({}, r"call_frame_t has \d+ bytes there and \d+ here"),
        (ALIGNED, r"xlator_t has \d+ bytes there and \d+ here"),
        (UNALIGNED | SWAPPED, "identifier of xlator_t is not in its place"),
    ]:
        workspace.change(XLATOR_H, changes)
        workspace.build(headers)
        folder = tmp_path / difference[:4]
        folder.mkdir()
        with Host(folder, workspace.library(folder)) as host:
            [line] = refused(host)
            assert re.match(
                "the headers that this glupy.so was built with are not those of this GlusterFS "
                rf"{re.escape(VERSION)}: {difference}; build it with the right ones",
                line.message,
            )


def test_headers_of_another_release(workspace: Workspace) -> None:
    """Of the same series, as the package beside them says."""
    headers = workspace.headers()
    package = workspace.path / "lib/pkgconfig/glusterfs-api.pc"
    package.parent.mkdir(parents=True)
    package.write_text(f"Name: glusterfs-api\nVersion: 7.{OTHER}\n")
    with pytest.raises(BuildError) as failure:
        workspace.build(headers)
    assert re.search(
        rf"^error: glupy@\S+: the headers in {headers} are those of GlusterFS {OTHER} "
        rf"\({package}\), but \S+/libglusterfs.so is of {VERSION}: GLUPY_INCLUDE and "
        "PKG_CONFIG_PATH must lead to the same GlusterFS$",
        str(failure.value),
        re.M,
    )


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("/nonexistent", "GlusterFS's headers are not in /nonexistent: there is no "
                         "glusterfs/xlator.h; it should be the folder that holds `glusterfs/`"),
        ("include", "expected an absolute path"),
        ("", "expected an absolute path"),
    ],
)  # fmt: skip
def test_headers_that_are_not_there(workspace: Workspace, told: str, reason: str) -> None:
    with pytest.raises(BuildError) as failure:
        workspace.build(told)
    assert f": GLUPY_INCLUDE={told}: {reason}" in str(failure.value)


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (99, rf"but /\S+/libglusterfs.so is of {re.escape(VERSION)}: GLUPY_INCLUDE and "
             "PKG_CONFIG_PATH must lead to the same GlusterFS"),
        (9, "Glupy needs 10 or newer"),
    ],
)  # fmt: skip
def test_headers_of_another_glusterfs(workspace: Workspace, series: int, reason: str) -> None:
    """Headers of another version than the library's, or of too old a one, are not built with."""
    headers = workspace.headers()
    # The newest of these tells the version.
    text = re.sub(
        r"(#define GD_OP_VERSION_1\d_\d) 1\d\d000", r"\1 90000", workspace.read(GLOBALS_H)
    )
    newest = f"#define GD_OP_VERSION_{series}_99 {series}0000\n"
    (workspace.path / GLOBALS_H).write_text(text + newest)
    with pytest.raises(BuildError) as failure:
        workspace.build(headers)
    assert re.search(
        rf"^error: glupy@\S+: the headers in {headers} are those of GlusterFS "
        rf"{series}[,:] {reason}$",
        str(failure.value),
        re.M,
    )
