"""What Glupy wants to reach, and whether the figures do.

Levels that were not measured have no goals. Medians decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench import setups
from bench.samples import Samples

LATER = "lookup, answered by another thread"
NOISE_NS = 15
NOISE_RATIO = 0.02


@dataclass(frozen=True)
class Goal:
    what: str
    figure: float
    limit: float
    unit: str
    at_least: bool = False  # else at most

    @property
    def met(self) -> bool:
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def goals(samples: Samples) -> Iterator[Goal]:
    yield from _raw(samples)
    yield from _threads(samples)
    yield from _fuse(samples)
    yield from _start(samples)


def _shown(samples: Samples, level: str, measure: str, setup: str) -> float | None:
    """The median as it is shown: added, or the ratio."""
    found = samples.find(level, measure, setup)
    return samples.summary(found).median if found else None


def _raw(samples: Samples) -> Iterator[Goal]:
    budgets = [
        ("lookup", setups.NONE, NOISE_NS),
        *(
            (f"lookup{form}", setup, limit)
            for form in ("", ", long form", ", handles read")
            for setup, limit in (
                (setups.FOP, 100), (setups.BOTH, 250), (setups.COROUTINE, 350),
            )
        ),
        (LATER, setups.COROUTINE, 700),
    ]  # fmt: skip
    for measure, setup, limit in budgets:
        added = _shown(samples, "raw", measure, setup)
        if added is not None:
            yield Goal(f"{measure}: {setups.TITLES[setup]}, added", added, limit, "ns")
    ours, theirs = (_shown(samples, "raw", "lookup", s) for s in (setups.NONE, setups.C_NONE))
    if ours is not None and theirs is not None:
        what = "lookup: nothing intercepted, Glupy more than a translator in C"
        yield Goal(what, ours - theirs, NOISE_NS / 3, "ns")
    lookup = _shown(samples, "raw", "lookup", setups.BOTH)
    readv = _shown(samples, "raw", "readv 128 KiB", setups.BOTH)
    if lookup is not None and readv is not None:
        yield Goal("readv 128 KiB, fop + cbk: times that of lookup", readv / lookup, 1.5, "")
    for old in (setups.OLD_FOP, setups.OLD_BOTH):
        ours = _shown(samples, "raw", "lookup", setups.SAME[old])
        theirs = _shown(samples, "raw", "lookup", old)
        if ours is not None and theirs is not None:
            yield Goal(f"lookup: {setups.TITLES[old]}, times Glupy's", theirs / ours, 50, "", True)


def _threads(samples: Samples) -> Iterator[Goal]:
    """Wall time of the run for each of its requests, on two threads and on one."""
    for setup in (setups.FOP, setups.BOTH, setups.COROUTINE):
        for measure in ("lookup", "lookup, 5 µs apart", "stat", "readv 128 KiB"):
            one = samples.find("raw", measure, setup)
            two = samples.find("raw", f"{measure}, 2 threads", setup)
            if one and two:
                what = f"{measure}: {setups.TITLES[setup]}, wall time per request on 2 threads"
                yield Goal(f"{what} against 1", two.median / one.median, 1, "")


def _fuse(samples: Samples) -> Iterator[Goal]:
    for level, measure in samples.rows():
        if level != "fuse":
            continue
        limits = [(setups.NONE, 1 - NOISE_RATIO)]
        limits += [(s, 0.85 if "processes" in measure else 0.95) for s in (setups.BOTH,)]
        for setup, limit in limits:
            ratio = _shown(samples, level, measure, setup)
            if ratio is not None:
                what = f"{measure}: {setups.TITLES[setup]}, of the plain mount"
                yield Goal(what, ratio, limit, "", True)
        for peer in (setups.PYFUSE3, setups.MFUSEPY):
            ours, theirs = (samples.find(level, measure, s) for s in (setups.SAME[peer], peer))
            if ours and theirs:
                times = theirs.median / ours.median
                yield Goal(f"{measure}: fop + cbk, times as fast as {peer}", times, 3, "", True)


def _start(samples: Samples) -> Iterator[Goal]:
    seconds = _shown(samples, "start", "cargo codegen generate", "Glupy")
    if seconds is not None:
        yield Goal("cargo codegen generate", seconds, 1, "s")
