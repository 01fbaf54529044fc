"""The table, for terminals and as Markdown (which is both), and the details."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench import setups
from bench.goals import Goal
from bench.samples import ADDED, PLAIN, RATIO, Sample, Samples, Summary

LEVELS = {
    "raw": "raw: ns per request, and what is added to them",
    "gfapi": "libgfapi: µs per call, and what is added to them",
    "fuse": "FUSE mount: µs each on the plain mount; how fast, compared with it",
}
UNITS = {"ns": "ns", "us": "µs"}


def number(value: float) -> str:
    """With three digits that mean something."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{digits}f}"


def cell(samples: Samples, sample: Sample | None) -> str:
    """What the table shows of a set-up."""
    if sample is None:
        return ""
    if sample.setup == sample.base:
        return number(sample.median)
    median = samples.summary(sample).median
    if sample.shown == RATIO:
        return f"{median:.2f}"
    text = f"{median:+,.0f}" if sample.unit == "ns" else f"{median:+,.2f}"
    peer = samples.find(sample.level, sample.measure, setups.SAME.get(sample.setup, ""))
    if sample.shown == ADDED and peer is not None:
        ours = samples.summary(peer).median
        if ours > 0:
            text += f" ({median / ours:,.0f}x)"
    return text


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, lined up; the first row is its head, numbers are to the right."""
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])]) + "\n"


def table(samples: Samples) -> str:
    """All that is compared: a row for each measure, a column for each set-up."""
    shown = [s for s in setups.TITLES if any(x.setup == s for x in samples.all)]
    rows = [["", *(setups.TITLES[setup] for setup in shown)]]
    for level, title in LEVELS.items():
        measures = [measure for of, measure in samples.rows() if of == level]
        if measures:
            rows.append([f"**{title}**", *("" for _ in shown)])
        for measure in measures:
            cells = [cell(samples, samples.find(level, measure, setup)) for setup in shown]
            rows.append([measure, *cells])
    return markdown(rows) if len(rows) > 1 else ""


def plain(samples: Samples, level: str, title: str) -> str:
    """Of a level that is compared with nothing: what a handler's doings cost; or sizes."""
    rows = [[title, "median", "", "quartiles"]]
    for sample in samples.all:
        if sample.level == level and sample.shown == PLAIN:
            of = Summary.of(sample.figures)
            between = f"{number(of.low)} to {number(of.high)}" if len(sample.figures) > 1 else ""
            rows.append([sample.measure, number(of.median), sample.unit, between])
    return markdown(rows) if len(rows) > 1 else ""


def threads(samples: Samples) -> str:
    """Wall time of the whole, for each request, on one thread and on several: what is more
    on several than on one is waiting, for the GIL or for locks of GlusterFS."""
    rows = [["wall ns per request", "1 thread", "2 threads", "4 threads"]]
    for sample in samples.all:
        names = [sample.measure, *(f"{sample.measure}, {n} threads" for n in (2, 4))]
        found = [samples.find(sample.level, name, sample.setup) for name in names]
        if any(found[1:]) and sample.setup in setups.TITLES:
            figures = [number(each.median) if each else "" for each in found]
            rows.append([f"{sample.measure}, {setups.TITLES[sample.setup]}", *figures])
    return markdown(rows) if len(rows) > 1 else ""


def details(samples: Samples) -> str:
    """Every median with its quartiles: as measured, and as compared; and the best figure, which
    says more where the machine had other things to do."""
    rows = [
        [
            "level",
            "measure",
            "set-up",
            "n",
            "",
            "best",
            "median",
            "quartiles",
            "compared",
            "quartiles",
        ]
    ]
    for sample in samples.all:
        if sample.shown == PLAIN:
            continue
        measured = Summary.of(sample.figures)
        row = [
            sample.level, sample.measure, sample.setup, str(len(sample.figures)),
            UNITS[sample.unit], number(min(sample.figures)), number(measured.median),
            f"{number(measured.low)} to {number(measured.high)}",
        ]  # fmt: skip
        if sample.setup == sample.base:
            row += ["", ""]
        else:
            of = samples.summary(sample)
            row += [number(of.median), f"{number(of.low)} to {number(of.high)}"]
        rows.append(row)
    return markdown(rows)


def goals(reached: Iterable[Goal]) -> str:
    """What is wanted, and what is there."""
    rows = [["", "measured", "wanted", "", "met"]]
    for goal in reached:
        wanted = f"{'at least' if goal.at_least else 'at most'} {number(goal.limit)}"
        rows.append(
            [goal.what, number(goal.figure), wanted, goal.unit, "yes" if goal.met else "NO"]
        )
    return markdown(rows) if len(rows) > 1 else ""


def text(machine: str, samples: Samples, reached: Sequence[Goal]) -> str:
    """All that is printed, and written to table.md."""
    missed = sum(not goal.met for goal in reached)
    parts = [
        machine + "\n",
        table(samples),
        threads(samples),
        plain(samples, "author", "what a handler does"),
        plain(samples, "start", "start, size, builds"),
        goals(reached),
        f"{len(reached) - missed} of {len(reached)} goals are met.\n" if reached else "",
    ]
    return "\n".join(part for part in parts if part)


BEGIN, END = "<!-- figures: made by make bench -->", "<!-- end of the figures -->"


def page(page: str, figures: str) -> str:
    """A page with the figures in their place."""
    before, _ = page.split(BEGIN)
    _, after = page.split(END)
    return f"{before}{BEGIN}\n\n{figures}\n{END}{after}"
