"""The structures of the headers as ctypes, `.contents`, pointers, and the original's `dl`."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import abi
import pytest
from course.harness import DEFINES, ROOT

from glusterfs import Host, LogLine, Mount


def mount(host: Host, source: str) -> Mount:
    """A mount with a translator."""
    modules = host.write(under_test=source)
    options = {"module-name": "under_test", "module-path": modules}
    return host.mount(host.posix().add("glupy", host.glupy, options))


def printed(mount: Mount) -> list[str]:
    """What the translator has printed."""
    lines: list[LogLine] = mount.log.find(r"under_test\.py")
    return [line.message for line in lines]


# -- layouts ---------------------------------------------------------------------------


@pytest.fixture
def structures(host: Host) -> ModuleType:
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
    module = ModuleType("structures")
    exec(compile(target.read_text(), str(target), "exec"), module.__dict__)
    return module


def compiled(source: str, directory: Path) -> list[str]:
    """The output of a C program that sees the headers as the library does."""
    text, binary = directory / "abi.c", directory / "abi"
    text.write_text(source)
    include = ROOT / "glupy/src"  # gf.h
    subprocess.run(["gcc", *DEFINES, f"-I{include}", str(text), "-o", str(binary)], check=True)
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
