"""The level author: what the things that a handler does cost, each for itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from course.harness import Graph

from bench.effort import Effort
from bench.samples import PLAIN, Sample
from bench.stage import HERE, Stage

# The fops whose handlers try them, and what these get.
FOPS = {
    "lookup": "",
    "readv": ", vector of 128 KiB",
    "readdirp": ", 100 entries",
}


def measure(stage: Stage, effort: Effort) -> Iterator[Sample]:
    modules = stage.host.copy(HERE / "translators/costs.py")
    for fop, what in FOPS.items():
        record = stage.directory / f"costs-{fop}"
        graph = Graph(stage.host).leaf().python("top", modules, "costs", record=record)
        graph.run("blocks", driver="raw", fop=fop, bytes=131072, entries=100, blocks=1, us=1)
        for line in record.read_text().splitlines():
            cost = json.loads(line)
            name = f"`{cost['expression']}`{what}"
            yield Sample("author", name, "Glupy", "ns", "Glupy", PLAIN, cost["ns"])
