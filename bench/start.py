"""The level start: what it takes until all is ready, memory, sizes and builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from course.harness import Graph

from bench import handlers
from bench.effort import Effort
from bench.samples import PLAIN, Sample
from bench.stage import Stage
from workspace import Workspace

FURTHER = 10  # instances, beside the first
MIB = 1 << 20


def sample(measure: str, unit: str, figures: list[float]) -> Sample:
    return Sample("start", measure, "Glupy", unit, "Glupy", PLAIN, figures)


def measure(stage: Stage, effort: Effort) -> Iterator[Sample]:
    yield from _processes(stage, effort.start_rounds)
    yield from _sizes(stage)
    with closing(Workspace()) as workspace:  # the checkout stays as it is
        yield from _builds(workspace, effort)


def _start(stage: Stage, instances: int) -> tuple[float, float, float, float]:
    """Milliseconds from the driver's init, and from the start of the process, until all is
    ready and has answered; memory in MiB, all of it and what is no file's."""
    graph = Graph(stage.host)
    # At least one child, so that a process without Glupy has a stack, too.
    for i in range(max(instances, 1)):
        graph.leaf(f"leaf-{i}")
        if instances:
            graph.python(f"glupy-{i}", stage.host.module_path(), "nothing", class_name="Nothing")
    begun = time.monotonic_ns()
    (start,) = graph.run("start", driver="raw").of("start")
    ready = start["ready"]
    return (
        (ready - start["initialized"]) / 1e6,
        (ready - begun) / 1e6,
        start["rss_kib"] / 1024,
        start["anonymous_kib"] / 1024,
    )


def _processes(stage: Stage, rounds: int) -> Iterator[Sample]:
    stage.host.write(nothing=handlers.source([], coroutines=False))
    turns = [[_start(stage, n) for n in (0, 1, 1 + FURTHER)] for _ in range(rounds)]

    def added(what: int, further: bool) -> list[float]:
        if further:
            return [(many[what] - one[what]) / FURTHER for _, one, many in turns]
        return [one[what] - none[what] for none, one, _ in turns]

    yield sample("from init to ready, first instance", "ms", added(0, False))
    yield sample("from init to ready, each further instance", "ms", added(0, True))
    yield sample("added to the start of a process", "ms", added(1, False))
    yield sample("memory added to a process (resident)", "MiB", added(2, False))
    yield sample("memory added to a process (not of files)", "MiB", added(3, False))
    yield sample("memory added by each further instance (resident)", "MiB", added(2, True))


def _sizes(stage: Stage) -> Iterator[Sample]:
    assert stage.host.library is not None
    stripped = stage.directory / "stripped.so"
    subprocess.run(["strip", "-o", stripped, stage.host.library], check=True)
    yield sample("size of glupy.so", "MiB", [stage.host.library.stat().st_size / MIB])
    yield sample("size of glupy.so, stripped", "MiB", [stripped.stat().st_size / MIB])


def _builds(workspace: Workspace, effort: Effort) -> Iterator[Sample]:
    workspace.generate()  # builds the generator
    times = [_seconds(workspace.generate) for _ in range(effort.start_rounds)]
    yield sample("cargo codegen generate", "s", times)
    if effort.short:
        return
    target = workspace.target / "bench"

    def build() -> None:
        subprocess.run(
            ["cargo", "build", "--locked", "--release", "-p", "glupy"],
            cwd=workspace.path, env=os.environ | {"CARGO_TARGET_DIR": str(target)},
            capture_output=True, check=True,
        )  # fmt: skip

    shutil.rmtree(target, ignore_errors=True)
    yield sample("build from nothing", "s", [_seconds(build)])
    (workspace.path / "glupy/src/dispatch.rs").touch()
    yield sample("build after a change of one file", "s", [_seconds(build)])
    shutil.rmtree(target)


def _seconds(what: Callable[[], object]) -> float:
    start = time.monotonic()
    what()
    return time.monotonic() - start
