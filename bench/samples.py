"""What was measured: figures, and what is worked out from them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# How the figures of a measure are shown: what each set-up adds to the base, or how it
# compares with it; or as they are.
ADDED, RATIO, PLAIN = "added", "ratio", "plain"


@dataclass(frozen=True)
class Sample:
    """One measure of one set-up: a figure for each block or round.

    Figures of one measure were taken in turns: those at one position belong together.
    """

    level: str  # raw, gfapi, fuse, author or start
    measure: str
    setup: str
    unit: str  # ns, us, ...; what more of is worse
    base: str  # the set-up that it is compared with, itself for the base
    shown: str  # ADDED, RATIO or PLAIN
    figures: list[float] = field(compare=False)

    @property
    def median(self) -> float:
        return statistics.median(self.figures)


@dataclass(frozen=True)
class Summary:
    """A median and the quartiles around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Summary:
        if len(figures) < 2:
            (only,) = figures
            return cls(only, only, only)
        low, median, high = statistics.quantiles(figures, n=4, method="inclusive")
        return cls(low, median, high)


class Samples:
    """All that was measured, found by level, measure and set-up."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self.all: list[Sample] = []
        self._found: dict[tuple[str, str, str], Sample] = {}
        for sample in samples:
            self.add(sample)

    def add(self, sample: Sample) -> None:
        """Add figures; those of a measure that is there already come behind its own."""
        key = (sample.level, sample.measure, sample.setup)
        if key in self._found:
            self._found[key].figures.extend(sample.figures)
        else:
            self._found[key] = sample
            self.all.append(sample)

    def extend(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            self.add(sample)

    def find(self, level: str, measure: str, setup: str) -> Sample | None:
        return self._found.get((level, measure, setup))

    def rows(self) -> list[tuple[str, str]]:
        """Levels and measures, in the order in which they came."""
        return list(dict.fromkeys((s.level, s.measure) for s in self.all))

    def base(self, sample: Sample) -> Sample:
        found = self.find(sample.level, sample.measure, sample.base)
        assert found is not None, f"{sample.measure} was not measured for {sample.base}"
        return found

    def compared(self, sample: Sample) -> list[float]:
        """The figures as they are shown: added to the base, in its unit; or how many times
        as fast as the base; each against the base's figure of the same turn."""
        base = self.base(sample).figures
        if sample.shown == PLAIN:
            return sample.figures
        pairs = zip(sample.figures, base, strict=True)
        if sample.shown == ADDED:
            return [figure - of_base for figure, of_base in pairs]
        return [of_base / figure for figure, of_base in pairs]

    def summary(self, sample: Sample) -> Summary:
        return Summary.of(self.compared(sample))


def write(path: Path, machine: dict[str, Any], samples: Samples) -> None:
    """All of it as JSON."""
    data = {"machine": machine, "samples": [asdict(sample) for sample in samples.all]}
    path.write_text(json.dumps(data, indent=1) + "\n")


def read(path: Path) -> tuple[dict[str, Any], Samples]:
    data = json.loads(path.read_text())
    return data["machine"], Samples(Sample(**sample) for sample in data["samples"])
