"""The level gfapi: what a set-up adds to calls of libgfapi, on a local brick.

One process has a volume of each set-up, each on a brick of its own; they take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

from bench import setups
from bench.effort import Effort
from bench.samples import ADDED, Sample
from bench.stage import HERE, Stage
from glusterfs import Log


def measure(stage: Stage, effort: Effort) -> Iterator[Sample]:
    stage.build.add(HERE / "c/context.c", course=False)
    program = stage.program("gfapi", ["-lgfapi"])
    volumes = stage.setups()
    arguments = []
    for i, setup in enumerate(volumes):
        volume = stage.volume(setup, stage.host.posix(f"gfapi-brick-{i}"))
        volume.add("context", stage.build.type("context"))
        path = stage.directory / f"gfapi-{i}.vol"
        path.write_text(str(volume))
        arguments.append(f"{setup}={path}")
    log = stage.directory / "gfapi.log"
    command = [program, log, effort.blocks, effort.block_us, *arguments]
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, check=False, timeout=1800
    )
    if done.returncode:
        errors = [str(line) for line in Log(log).lines() if line.level == "E"]
        sys.exit("\n".join(["libgfapi's program failed", *errors]))
    figures = defaultdict(list)
    for line in done.stdout.splitlines():
        block = json.loads(line)
        figures[block["call"], block["volume"]].append(block["ns"] / 1000)
    for call in dict.fromkeys(call for call, _ in figures):
        for setup in volumes:
            yield Sample("gfapi", call, setup, "us", setups.NOTHING, ADDED, figures[call, setup])
