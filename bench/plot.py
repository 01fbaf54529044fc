"""One picture of everything: medians as bars, quartiles as whiskers."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes

from bench import setups
from bench.samples import RATIO, Samples

TITLES = {
    "raw": "raw: nanoseconds added to a request (logarithmic)",
    "gfapi": "libgfapi: microseconds added to a call",
    "fuse": "FUSE mount: how fast, compared with the plain mount",
}
COLOURS = {
    setups.C: "#777777",
    setups.C_NONE: "#bbbbbb",
    setups.NONE: "#9ecae1",
    setups.FOP: "#4292c6",
    setups.BOTH: "#08519c",
    setups.COROUTINE: "#6a3d9a",
    setups.OLD_FOP: "#fdae6b",
    setups.OLD_BOTH: "#e6550d",
    setups.PYFUSE3: "#74c476",
    setups.MFUSEPY: "#238b45",
}
ROW = 0.9  # inches for a measure


def draw(samples: Samples, folder: Path) -> list[Path]:
    """Write plot.png and plot.svg; none when nothing is compared."""
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "glupy"
    levels = {level: [measure for of, measure in samples.rows() if of == level] for level in TITLES}
    levels = {level: measures for level, measures in levels.items() if measures}
    if not levels:
        return []
    heights = [len(measures) for measures in levels.values()]
    figure, panels = pyplot.subplots(
        len(levels), 1, squeeze=False, figsize=(11, ROW * sum(heights) + len(levels)),
        height_ratios=heights, layout="constrained",
    )  # fmt: skip
    for (level, measures), axes in zip(levels.items(), panels.flat, strict=True):
        _panel(axes, samples, level, measures)
    paths = [folder / "plot.png", folder / "plot.svg"]
    for path in paths:
        figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return paths


def _panel(axes: Axes, samples: Samples, level: str, measures: list[str]) -> None:
    shown = [
        setup
        for setup in COLOURS
        if any(samples.find(level, measure, setup) for measure in measures)
    ]
    ratio = False
    bar = 0.85 / len(shown)
    for i, setup in enumerate(shown):
        places, medians, below, above = [], [], [], []
        for row, measure in enumerate(measures):
            sample = samples.find(level, measure, setup)
            if sample is None:
                continue
            ratio = sample.shown == RATIO
            of = samples.summary(sample)
            places.append(row + (i - (len(shown) - 1) / 2) * bar)
            medians.append(of.median)
            below.append(of.median - of.low)
            above.append(of.high - of.median)
        axes.barh(
            places, medians, height=bar * 0.9, xerr=[below, above], color=COLOURS[setup],
            label=setups.TITLES[setup], error_kw={"elinewidth": 0.8, "capsize": 1.5},
        )  # fmt: skip
    axes.set_yticks(range(len(measures)), measures)
    axes.invert_yaxis()
    axes.set_title(TITLES[level], loc="left")
    axes.grid(axis="x", alpha=0.3)
    axes.margins(y=0.01)
    if level == "raw":
        axes.set_xscale("symlog", linthresh=100)
    if ratio:
        axes.axvline(1, color="black", linewidth=0.8)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
