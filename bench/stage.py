"""Where everything is measured: the library, the scratch machine, volumes of each set-up."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course.harness import HERE as COURSE
from course.harness import Build, CourseError, Graph

from bench import handlers, setups
from glusterfs import Host, Option, Volfile

HERE = Path(__file__).resolve().parent
# What the runtime says of a class with coroutines when it has none.
REFUSAL = r"can not be `async def`"


@dataclass(frozen=True)
class Stage:
    host: Host
    build: Build
    coroutines: bool  # whether the library runs them

    @property
    def directory(self) -> Path:
        return self.host.directory

    def volume(self, setup: str, posix: Volfile) -> Volfile:
        """A volume on storage/posix with one translator more, which sees every fop."""
        if setup == setups.C:
            return posix.add("middle", "debug/trace")
        if setup == setups.NOTHING:
            return posix
        name = {setups.NONE: "Nothing", setups.BOTH: "Both", setups.COROUTINE: "Coroutine"}[setup]
        self.host.write(every=handlers.source(self.build.fops, self.coroutines))
        options: dict[str, Option] = {
            "module-name": "every",
            "module-path": self.host.module_path(),
            "class-name": name,
        }
        return posix.add("middle", self.host.glupy, options)

    def setups(self) -> list[str]:
        """Those that are volumes."""
        coroutine = [setups.COROUTINE] if self.coroutines else []
        return [setups.NOTHING, setups.C, setups.NONE, setups.BOTH, *coroutine]

    def program(self, name: str, libraries: Sequence[str] = ()) -> Path:
        """A C program of the folder c, compiled."""
        path = self.build.directory / name
        source = HERE / f"c/{name}.c"
        subprocess.run(
            ["gcc", "-O2", "-Wall", "-Werror", "-I", COURSE, "-o", path, source, *libraries],
            check=True,
        )
        return path


def has_coroutines(host: Host, build: Build) -> bool:
    """Whether the library takes a class with `async def` handlers; says so when it does not."""
    host.write(probe=handlers.source(build.fops[:1], coroutines=True))
    graph = Graph(host).leaf().python("top", host.module_path(), "probe", class_name="Coroutine")
    try:
        graph.run("start", name="probe", driver="raw")
    except CourseError:
        log = host.processes.pop().log  # its complaints were expected
        refused = log.find(REFUSAL)
        if not refused:
            raise
        print(f"Left out: coroutines. The log says: {refused[0].message.splitlines()[0]}")
        return False
    return True
