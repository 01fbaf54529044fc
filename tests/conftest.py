"""Fixtures: a scratch machine for each test, and the library under test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from glusterfs import Host
from sanitizer import RUNTIME, Reports
from workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say at once what this machine can not do, instead of failing in every test."""
    if os.geteuid() != 0:
        pytest.exit("mounting needs root: make pytest", returncode=4)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.exit("mounting needs /dev/fuse", returncode=4)
    os.umask(0o022)  # sudo keeps the caller's; Glupy refuses modules that a group may write


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """glupy.so, under the name that GlusterFS looks for; copied, so that a build may go on."""
    built = Path(os.environ.get("GLUPY_SO", ROOT / "target/release/libglupy.so"))
    assert built.exists(), f"{built} is not there: run make, or set GLUPY_SO"
    library = tmp_path_factory.mktemp("library") / "glupy.so"
    shutil.copy(built, library)
    return library


@pytest.fixture(scope="session")
def trusted_xattrs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """storage/posix keeps the gfid of a file in an xattr that not every file system has."""
    path = tmp_path_factory.mktemp("xattrs")
    try:
        os.setxattr(path, "trusted.glupy", b"1")
    except OSError as error:
        pytest.fail(f"{path} can not be a brick (choose another folder with TMPDIR): {error}")


@pytest.fixture
def host(tmp_path: Path, library: Path, trusted_xattrs: None) -> Iterator[Host]:
    """A scratch machine; what its logs complain of fails the test."""
    with Host(tmp_path, library) as host:
        yield host


@pytest.fixture(scope="session")
def gfapi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that calls what FUSE can not."""
    program = tmp_path_factory.mktemp("gfapi") / "gfapi"
    source = Path(__file__).with_name("gfapi.c")
    subprocess.run(["gcc", "-Wall", "-Werror", "-O1", "-o", program, source, "-lgfapi"], check=True)
    return program


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A copy of the sources, to be changed and built."""
    with closing(Workspace()) as workspace:
        yield workspace


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What a process of pytest-xdist has counted goes to the one that prints it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["reports"] = [Reports.processes, Reports.unexpected]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    counted = getattr(node, "workeroutput", {}).get("reports", [0, 0])
    Reports.processes += counted[0]
    Reports.unexpected += counted[1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if RUNTIME:
        terminalreporter.write_line(
            f"AddressSanitizer: {Reports.processes} processes, "
            f"{Reports.unexpected} tests with reports that they did not expect"
        )
