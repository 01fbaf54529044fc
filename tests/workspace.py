"""A copy of Glupy's sources, to be changed and built as a packager would do it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from sanitizer import RUNTIME

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
# What `cargo build` and `cargo codegen` read and write.
SOURCES = (
    "Cargo.toml", "Cargo.lock", ".cargo", "codegen", "glupy", "python", "templates", "docs",
    "fops.yaml",
)  # fmt: skip
_not_source = shutil.ignore_patterns("__pycache__", "tests")


class BuildError(Exception):
    """A command that failed; its text is what the command printed."""


class Workspace:
    """The one copy, made anew: all tests share its place and what cargo keeps of it.

    It is locked until it is closed, for tests that run at the same time.
    """

    def __init__(self) -> None:
        self.target = TARGET / "copy"
        self.path = self.target / "workspace"
        self.target.mkdir(parents=True, exist_ok=True)
        self._lock = (self.target / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        for name in SOURCES:
            # With their times, so that cargo builds again only what it must.
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.path / name, ignore=_not_source)
            else:
                shutil.copy2(ROOT / name, self.path / name)
        # But glupy always: the last copy may have been built from younger files than these.
        for path in (self.path / "glupy/src").rglob("*"):
            path.touch()

    def close(self) -> None:
        """Let others have it."""
        self._lock.close()

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def change(self, name: str, changes: Mapping[str, str]) -> None:
        """Replace texts, each of which stands in the file once."""
        text = self.read(name)
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name} has {text.count(old)} times: {old}"
            text = text.replace(old, new)
        (self.path / name).write_text(text)

    def headers(self) -> Path:
        """A copy of GlusterFS's headers in it, for `build`."""
        command = ["pkg-config", "--variable=includedir", "glusterfs-api"]
        installed = Path(self._run(command, ROOT, {}).strip())
        shutil.copytree(installed / "glusterfs", self.path / "include/glusterfs")
        return self.path / "include"

    def generate(self) -> str:
        """What `cargo codegen generate` says."""
        # By the generator that the tests have built already: here it is the same.
        return self._run(["cargo", "codegen", "--root", str(self.path), "generate"], ROOT, {})

    def build(self, headers: Path | str | None = None) -> str:
        """What `cargo build` says; against other headers than the installed ones, if given."""
        if RUNTIME:
            pytest.skip("under AddressSanitizer: the library that it builds has no sanitizer")
        environment = {"CARGO_TARGET_DIR": str(self.target)}
        if headers is not None:
            environment["GLUPY_INCLUDE"] = str(headers)
        command = ["cargo", "build", "--locked", "--package", "glupy"]
        return self._run(command, self.path, environment)

    @property
    def built(self) -> Path:
        """The library that was built."""
        return self.target / "debug/libglupy.so"

    def library(self, folder: Path) -> Path:
        """A copy of the library under the name that GlusterFS looks for."""
        return Path(shutil.copyfile(self.built, folder / "glupy.so"))

    @staticmethod
    def _run(command: list[str], folder: Path, more: dict[str, str]) -> str:
        environment = {"PYO3_PYTHON": "/usr/bin/python3"} | os.environ | more
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BuildError(done.stdout + done.stderr)
        return done.stdout + done.stderr
