"""Measure what Glupy costs: the table, the plot and the raw figures.

    python -m bench [--short] [--levels raw,gfapi,fuse,author,start] [--output FOLDER]
    python -m bench --against LIBRARY      compare with another glupy.so, in turns
    python -m bench --again FIGURES        the table and the plot of figures from before
    python -m bench --again FIGURES --page docs/performance.md      and puts them there

Needs root (it mounts), and GLUPY_SO, the library that is measured. See docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from course.harness import build

from bench import against, author, fuse, gfapi, machine, plot, report, samples, start
from bench.effort import AGAINST, FULL, SHORT, Effort
from bench.goals import goals
from bench.raw import Raw
from bench.samples import Sample, Samples
from bench.stage import HERE, Stage, has_coroutines
from glusterfs import Host

LEVELS: dict[str, Callable[[Stage, Effort], Iterator[Sample]]] = {
    "raw": lambda stage, effort: Raw(stage).measure(effort),
    "gfapi": gfapi.measure,
    "fuse": fuse.measure,
    "author": author.measure,
    "start": start.measure,
}
DEADLINE = 3600  # seconds that one process may live


@contextmanager
def staged(library: Path, complaints: list[str]) -> Iterator[Stage]:
    """A scratch machine with the library; what its logs complain of is added in the end."""
    os.umask(0o022)  # Glupy refuses modules that a group may write
    with tempfile.TemporaryDirectory(prefix="glupy-bench-") as scratch:
        directory = Path(scratch)
        shutil.copy(library, directory / "glupy.so")
        host = Host(directory, directory / "glupy.so", deadline=DEADLINE)
        try:
            built = build()
            built.add(HERE / "c/raw.c")
            yield Stage(host, built, has_coroutines(host, built))
        finally:
            complaints += host.close()


def measure(levels: list[str], effort: Effort, library: Path) -> tuple[dict[str, Any], Samples]:
    """The machine, and all figures."""
    found = Samples()
    complaints: list[str] = []
    with staged(library, complaints) as stage:
        described = machine.describe(stage.directory)
        for level in levels:
            begun = time.monotonic()
            print(f"{level}:", flush=True)
            found.extend(LEVELS[level](stage, effort))
            print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    described["load_at_the_end"] = os.getloadavg()[0]
    described["complaints"] = complaints
    return described, found


def compare(levels: list[str], library: Path, other: Path, rounds: int) -> int:
    """Measure both libraries in turns; print the table; how many rows are slower."""
    complaints: list[str] = []
    turns: list[against.Turn] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for level in levels:
            with ExitStack() as cleanup:
                pair = {
                    path: cleanup.enter_context(staged(path, complaints))
                    for path in (other, library)
                }
                order = [other, library] if number % 2 == 0 else [library, other]
                found = {path: Samples(LEVELS[level](pair[path], AGAINST)) for path in order}
                turns.append(against.Turn(found[other], found[library]))
    rows = against.rows(turns)
    print(f"\n{against.table(rows)}")
    if complaints:
        sys.exit("\n".join(["What was measured complains in its logs:", *complaints]))
    return sum(row.is_slower for row in rows)


def write(
    folder: Path, described: dict[str, Any], found: Samples, page: Path | None = None
) -> None:
    """figures.json, table.md, details.md, plot.png, plot.svg; and the table to the terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    samples.write(folder / "figures.json", described, found)
    text = report.text(machine.text(described), found, list(goals(found)))
    (folder / "table.md").write_text(text)
    (folder / "details.md").write_text(report.details(found))
    plot.draw(found, folder)
    if page:
        picture = page.with_suffix(".svg")
        shutil.copy(folder / "plot.svg", picture)
        figures = f"{text}\n![Medians, with quartiles as whiskers]({picture.name})\n"
        page.write_text(report.page(page.read_text(), figures))
    print(f"\n{text}\nWritten to {folder}: {', '.join(sorted(p.name for p in folder.iterdir()))}")
    if described["complaints"]:
        sys.exit("\n".join(["What was measured complains in its logs:", *described["complaints"]]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="under three minutes")
    parser.add_argument("--levels", default=",".join(LEVELS), help="which, with commas")
    parser.add_argument("--output", type=Path, default=Path("target/bench"), metavar="FOLDER")
    parser.add_argument("--against", type=Path, metavar="LIBRARY", help="another glupy.so")
    parser.add_argument("--rounds", type=int, default=8, help="with --against: how often")
    parser.add_argument("--again", type=Path, metavar="FIGURES", help="measure nothing")
    parser.add_argument("--page", type=Path, help="put the table and the plot into this page")
    options = parser.parse_args()

    if options.again:
        write(options.output, *samples.read(options.again), options.page)
        return
    levels = options.levels.split(",")
    if unknown := set(levels) - set(LEVELS):
        parser.error(f"no level {', '.join(unknown)}; there are {', '.join(LEVELS)}")
    library = Path(os.environ.get("GLUPY_SO", "target/release/libglupy.so"))
    if not library.exists():
        parser.error(f"{library} is not there: run make, or set GLUPY_SO")
    if options.against:
        slower = compare(levels, library, options.against, options.rounds)
        sys.exit(f"{slower} rows are slower" if slower else 0)
    found = measure(levels, SHORT if options.short else FULL, library)
    write(options.output, *found, options.page)


if __name__ == "__main__":
    main()
