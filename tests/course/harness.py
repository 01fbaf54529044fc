"""Builds the course and runs it: a `glusterfs` process with the driver on top.

`build()` compiles the C once, into target/course. `run()` starts a process over a
volfile, waits for its end and gives back what the driver wrote.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from course.generate import Fop, generate
from glusterfs import Host, Log, Option, Process, Volfile, xlator_dir

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What GlusterFS's headers need and do not say stands in one place.
HEADERS = ROOT / "codegen/src/headers"
DEFINES = ["-include", str(HEADERS / "defines.h")]


class CourseError(Exception):
    """A run that did not come to its end."""


@dataclass(frozen=True)
class Build:
    """The compiled course."""

    directory: Path
    fops: list[Fop]

    def type(self, name: str) -> str:
        """The volume type that loads driver, leaf, pass, plain or caller."""
        return os.path.relpath(self.directory / name, xlator_dir())

    def add(self, source: Path, *flags: str, course: bool = True) -> None:
        """Compile one more translator, which shares the course's values, or does not."""
        libraries = ["-L", str(self.directory), "-lcourse"] if course else []
        _compile(
            self.directory / f"{source.stem}.so",
            source,
            [*libraries, "-lglusterfs", "-Wl,-rpath,$ORIGIN", *flags],
        )


@functools.cache
def build() -> Build:
    """Compile what has changed, and tell what the course is made of."""
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "course"
    target.mkdir(parents=True, exist_ok=True)
    # Another test run, or another process of this one, may be at it.
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(target)


def _build(target: Path) -> Build:
    model = target / "model.json"
    model.write_bytes(_command(["cargo", "codegen", "model"]))
    fops = generate(model, target)

    built = Build(target, fops)
    _compile(target / "libcourse.so", HERE / "values.c", ["-lglusterfs"])
    for name in ("driver", "leaf", "pass", "witness"):
        built.add(HERE / f"{name}.c")
    for name in ("plain", "caller", "locking"):
        built.add(HERE / f"{name}.c", course=False)
    _compile(target / "count.so", HERE / "count.c", ["-ldl"])
    _compile(target / "nopool.so", HERE / "nopool.c", ["-ldl"])
    return built


def _compile(output: Path, source: Path, flags: Sequence[str]) -> None:
    inputs = [source, *HERE.glob("*.[ch]"), *output.parent.glob("*.inc"), HERE / "harness.py"]
    newest = max(path.stat().st_mtime for path in inputs)
    if output.exists() and output.stat().st_mtime > newest:
        return
    _command(
        ["gcc", "-O2", "-g", "-Wall", "-Werror", *DEFINES, "-fPIC", "-shared",
         "-I", str(output.parent), "-I", str(HERE), str(source), "-o", str(output), *flags]
    )  # fmt: skip


def _command(command: Sequence[str]) -> bytes:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise CourseError(f"{' '.join(command)}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


@dataclass(frozen=True)
class Result:
    """What a run left behind: the driver's lines, and the log."""

    lines: list[dict[str, Any]]
    log: Log

    def of(self, kind: str) -> list[Any]:
        return [line[kind] for line in self.lines if kind in line]

    @property
    def failures(self) -> list[dict[str, str]]:
        return self.of("failure")


class Graph:
    """A volfile of the course: stacks that end in leaves of their own."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.build = build()
        self.volfile = Volfile()
        self.tops: list[str] = []

    def leaf(self, name: str = "leaf", answer: str = "now") -> Graph:
        """Begin a stack: a leaf."""
        self.volfile.add(name, self.build.type("leaf"), {"answer": answer}, on=())
        self.tops.append(name)
        return self

    def add(self, name: str, type: str, options: Mapping[str, Option] | None = None) -> Graph:  # noqa: A002
        """Put a translator on the stack."""
        own = {"pass", "plain"}
        self.volfile.add(
            name, self.build.type(type) if type in own else type, options, on=[self.tops[-1]]
        )
        self.tops[-1] = name
        return self

    def glupy(self, name: str, module: str = "course", **options: Option) -> Graph:
        """Put Glupy on the stack, running a translator of tests/course."""
        # Copied: who is root runs only what belongs to root, the checkout may not.
        return self.python(name, self.host.copy(HERE / f"{module}.py"), module, **options)

    def python(self, name: str, path: Path, module: str, **options: Option) -> Graph:
        """Put Glupy on the stack, running a translator from anywhere."""
        chosen: dict[str, Option] = {"module-name": module, "module-path": path}
        chosen |= {key.replace("_", "-"): value for key, value in options.items()}
        return self.add(name, self.host.glupy, chosen)

    def record(self, name: str) -> Path:
        """The file into which a translator writes what it saw."""
        return self.host.directory / f"{name}.record"

    def run(
        self,
        mode: str,
        name: str = "course",
        preload: str = "",
        compare: str = "",
        driver: str = "driver",
        **options: Option,
    ) -> Result:
        """Put the driver on all stacks, run it to its end, read what it wrote."""
        path = self.host.directory / f"{name}.result"
        if compare:
            options["compare"] = compare
        self.volfile.add(
            "driver",
            self.build.type(driver),
            {"mode": mode, "result": path, **options},
            on=self.tops,
        )
        library = {"LD_PRELOAD": str(self.build.directory / f"{preload}.so")} if preload else {}
        with mock.patch.dict(os.environ, library):
            process = Process(self.host, name, self.volfile, ["glusterfs"])
        try:
            process.popen.wait(timeout=self.host.deadline - 20)
        except subprocess.TimeoutExpired:
            process.popen.kill()
        process.stop()
        text = path.read_text(errors="replace") if path.exists() else ""
        result = Result([json.loads(line) for line in text.splitlines()], process.log)
        # 15: a GlusterFS process that was told to end, by SIGTERM, exits with its number
        if process.popen.returncode != 15 or not result.of("done"):
            raise CourseError(
                f"the process ended with {process.popen.returncode}; "
                f"last lines of the driver: {text.splitlines()[-3:]}; of the log:\n"
                + "\n".join(process.log.text().splitlines()[-40:])
            )
        return result


def read_record(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON lines that a translator wrote."""
    for line in path.read_text().splitlines():
        yield json.loads(line)
