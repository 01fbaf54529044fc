"""The level raw: what a set-up adds to a fop between a driver and a leaf in C.

The driver (c/raw.c) has all set-ups of a process as children, which take turns in blocks.
The old technique has a process of its own: it would find, and use, the Python threads that
Glupy keeps. Both processes have the empty stack, each compares with its own.
"""

from __future__ import annotations

import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from course.harness import CourseError, Graph

from bench import handlers, setups
from bench.effort import Effort
from bench.old import generate as old
from bench.samples import ADDED, Sample
from bench.stage import HERE, Stage
from glusterfs import Option


@dataclass(frozen=True)
class Case:
    """A fop as it is asked for."""

    fop: str
    bytes: int = 4096
    entries: int = 100
    called: str = ""
    answer: str = "now"  # or later: from another thread, when the wind has returned
    threads: int = 1
    pause: int = 0  # microseconds that the driver is busy between two requests

    @property
    def name(self) -> str:
        name = self.called or self.fop
        if self.answer == "later":
            name += ", answered by another thread"
        if self.pause:
            name += f", {self.pause} µs apart"
        if self.threads > 1:
            name += f", {self.threads} threads"
        return name

    @property
    def all_forms(self) -> bool:
        """Whether handlers that read and the long forms are measured, too."""
        return self.answer == "now" and self.threads == 1 and not self.pause


CASES = (
    Case("lookup"),
    Case("stat"),
    Case("readv", bytes=4096, called="readv 4 KiB"),
    Case("readv", bytes=131072, called="readv 128 KiB"),
    Case("writev", bytes=4096, called="writev 4 KiB"),
    Case("getxattr"),
    Case("readdirp", entries=100, called="readdirp, 100 entries"),
)


def cases(short: bool) -> Iterator[Case]:
    """Every fop on one thread; then other threads, of which the short run sees one fop's."""
    yield from CASES
    for case in CASES[:1] if short else CASES:
        yield Case(case.fop, case.bytes, case.entries, case.called, answer="later")
        for threads in (2, 4):
            yield Case(case.fop, case.bytes, case.entries, case.called, threads=threads)
    for threads in (1, 2) if short else (1, 2, 4):
        yield Case("lookup", threads=threads, pause=5)


# Child in the volfile: set-up, form, type or class.
GLUPY = {
    setups.NOTHING: (setups.NOTHING, "", ""),
    "c": (setups.C, "", "pass"),
    "c-none": (setups.C_NONE, "", "plain"),
    "floor-fop": (setups.FLOOR_FOP, "", "floor"),
    "floor-both": (setups.FLOOR_BOTH, "", "floor"),
    "none": (setups.NONE, "", "Nothing"),
    "fop": (setups.FOP, "", "Fop"),
    "fop-long": (setups.FOP, "long form", "FopLong"),
    "fop-read": (setups.FOP, "handles read", "FopRead"),
    "both": (setups.BOTH, "", "Both"),
    "both-long": (setups.BOTH, "long form", "BothLong"),
    "both-read": (setups.BOTH, "handles read", "BothRead"),
    "coroutine": (setups.COROUTINE, "", "Coroutine"),
    "coroutine-read": (setups.COROUTINE, "handles read", "CoroutineRead"),
}
OLD = {
    setups.NOTHING: (setups.NOTHING, "", ""),
    "old-fop": (setups.OLD_FOP, "", "Fop"),
    "old-fop-read": (setups.OLD_FOP, "handles read", "FopRead"),
    "old-both": (setups.OLD_BOTH, "", "Both"),
    "old-both-read": (setups.OLD_BOTH, "handles read", "BothRead"),
}
# Fops whose arguments the small old technique can read: those with loc and iatt.
OLD_READS = ("lookup", "stat")
# The fop of c/floor.c.
FLOOR = "lookup"


class Raw:
    """The processes of this level."""

    def __init__(self, stage: Stage) -> None:
        self.host = stage.host
        self.build = stage.build
        self.coroutines = stage.coroutines
        names = {case.fop for case in CASES}
        fops = [fop for fop in self.build.fops if fop.name in names]
        self.host.write(
            handlers=handlers.source(fops, self.coroutines), old=old.python_source(fops)
        )
        (self.build.directory / "old.inc").write_text(old.c_source(fops))
        python = ["-I", sysconfig.get_path("include"), f"-lpython{sysconfig.get_python_version()}"]
        self.build.add(HERE / "old/old.c", *python, course=False)
        self.build.add(HERE / "c/floor.c", *python, course=False)

    def _graph(self, case: Case, technique: dict[str, tuple[str, str, str]]) -> Graph:
        graph = Graph(self.host)
        for child, (setup, form, what) in technique.items():
            if form and not case.all_forms:
                continue
            if technique is OLD and form and case.fop not in OLD_READS:
                continue
            if what == "floor" and case.fop != FLOOR:
                continue
            if setup == setups.COROUTINE and not self.coroutines:
                continue
            graph.leaf(child if setup == setups.NOTHING else f"leaf-{child}")
            modules = self.host.module_path()
            if technique is OLD and what:
                options: dict[str, Option] = {"module": modules / "old.py", "class": what}
                graph.add(child, self.build.type("old"), options)
            elif what in ("pass", "plain"):
                graph.add(child, what)
            elif what == "floor":
                calls = {setups.FLOOR_FOP: "fop", setups.FLOOR_BOTH: "both"}
                graph.add(child, self.build.type("floor"), {"calls": calls[setup]})
            elif what:
                graph.python(child, modules, "handlers", class_name=what)
        return graph

    def _blocks(
        self, case: Case, technique: dict[str, tuple[str, str, str]], effort: Effort
    ) -> Iterator[Sample]:
        # Threads take time to start together: longer blocks, and fewer.
        longer = 1 if case.threads == 1 else 10
        result = self._graph(case, technique).run(
            "blocks", driver="raw", fop=case.fop, bytes=case.bytes, entries=case.entries,
            answer=case.answer, threads=case.threads, pause=case.pause * 1000,
            blocks=max(effort.blocks // longer, 5), us=effort.block_us * longer,
        )  # fmt: skip
        if result.failures:
            raise CourseError(str(result.failures))
        figures = defaultdict(list)
        for block in result.of("block"):
            figures[block["child"]].append(block["ns"])
        measured = {child: figures[child] for child in technique if child in figures}
        empty = setups.NOTHING if technique is GLUPY else setups.BESIDE_OLD
        forms = dict.fromkeys(technique[child][1] for child in measured)
        for form in forms:
            name = f"{case.name}, {form}" if form else case.name
            for child, ns in measured.items():
                setup, of_form, _ = technique[child]
                if setup == setups.NOTHING:
                    yield Sample("raw", name, empty, "ns", empty, ADDED, list(ns))
                elif of_form == form:
                    yield Sample("raw", name, setup, "ns", empty, ADDED, ns)

    def measure(self, effort: Effort) -> Iterator[Sample]:
        for _ in range(effort.raw_rounds):
            for case in cases(effort.short):
                print(f"  {case.name}", flush=True)
                for technique in (GLUPY, OLD) if effort.peers else (GLUPY,):
                    yield from self._blocks(case, technique, effort)
