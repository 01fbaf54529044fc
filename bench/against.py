"""Two libraries compared: what one costs, as a ratio to what the other costs.

Two different glupy.so do not go into one process, so they take turns, a process each; a
figure of a turn is compared with the other library's figure of the same turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench import setups
from bench.goals import NOISE_NS
from bench.report import markdown, number
from bench.samples import RATIO, Samples, Summary

LIMIT = 1.05  # what more of counts as slower
# Differences below these are noise, whatever their ratio; by unit.
NOISE = {"ns": NOISE_NS / 3, "us": 0.1, "ms": 1, "MiB": 0.2, "s": 0.2}
# What is the same in both turns: shows how far figures move by themselves.
CONTROLS = (setups.C, setups.C_NONE, setups.FLOOR_FOP, setups.FLOOR_BOTH)
OURS = (setups.NONE, setups.FOP, setups.BOTH, setups.COROUTINE, "Glupy")


@dataclass(frozen=True)
class Turn:
    """What was measured of both libraries one after the other."""

    other: Samples
    ours: Samples


@dataclass(frozen=True)
class Row:
    """One measure of one set-up."""

    level: str
    measure: str
    setup: str
    unit: str
    other: float  # the median of the turns, as it is shown
    ours: float
    times: Summary  # what it costs, times the other library's cost

    @property
    def is_control(self) -> bool:
        return self.setup in CONTROLS

    @property
    def is_slower(self) -> bool:
        differs = abs(self.ours - self.other) > NOISE.get(self.unit, 0)
        return not self.is_control and differs and self.times.median > LIMIT


def _shown(samples: Samples, level: str, measure: str, setup: str) -> float | None:
    found = samples.find(level, measure, setup)
    return samples.summary(found).median if found else None


def rows(turns: Sequence[Turn]) -> list[Row]:
    """Every measure that both libraries have."""
    result = []
    wanted = dict.fromkeys(
        (s.level, s.measure, s.setup, s.shown, s.unit)
        for turn in turns
        for s in turn.ours.all
        if s.setup in (*OURS, *CONTROLS)
    )
    for level, measure, setup, shown, unit in wanted:
        pairs = [
            (other, ours)
            for turn in turns
            if (other := _shown(turn.other, level, measure, setup)) is not None
            and (ours := _shown(turn.ours, level, measure, setup)) is not None
        ]
        # A RATIO says how fast: more of it is less cost.
        times = [a / b if shown == RATIO else b / a for a, b in pairs if a > 0 and b > 0]
        if times:
            medians = (median(a for a, _ in pairs), median(b for _, b in pairs))
            name = "" if shown == RATIO else unit
            result.append(Row(level, measure, setup, name, *medians, Summary.of(times)))
    return result


def table(found: Iterable[Row]) -> str:
    """The rows, with what is slower marked."""
    lines = [["level", "measure", "set-up", "other", "this", "", "times", "quartiles", ""]]
    for row in found:
        mark = "SLOWER" if row.is_slower else "(control)" if row.is_control else ""
        quartiles = f"{row.times.low:.3f} to {row.times.high:.3f}"
        lines.append(
            [
                row.level, row.measure, row.setup, number(row.other), number(row.ours), row.unit,
                f"{row.times.median:.3f}", quartiles, mark,
            ]
        )  # fmt: skip
    return markdown(lines)
