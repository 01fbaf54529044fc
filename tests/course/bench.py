#!/usr/bin/python3
"""What a translator adds to a lookup, in nanoseconds.

    bench.py [--json FILE] [--calls N] [--blocks N]

All stacks are in one graph and take turns in blocks, so that each is measured beside the
others, in the same minute. Printed is the median block, less that of the empty stack.
The lookup has a loc with inode, parent and path, and an xdata of three keys.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from course.harness import ROOT, Graph
from glusterfs import Host

STACKS = {
    # name in the volfile: (what it is, type, or class in bench_lookup.py)
    "leaf": ("nothing between", None),
    "pass": ("C pass-through: wind and callback", "pass"),
    "trace": ("debug/trace", "debug/trace"),
    "plain": ("C translator that intercepts nothing", "plain"),
    "none": ("Glupy, nothing intercepted", "Nothing"),
    "fop": ("Glupy, fop handler", "Fop"),
    "fop-long": ("Glupy, fop handler, long form", "FopLong"),
    "fop-read": ("Glupy, fop handler that reads", "FopRead"),
    "both": ("Glupy, fop and cbk handlers", "Both"),
    "both-long": ("Glupy, fop and cbk handlers, long form", "BothLong"),
    "both-read": ("Glupy, fop and cbk handlers that read", "BothRead"),
}


def measure(directory: Path, library: Path, calls: int, blocks: int) -> dict[str, dict[str, float]]:
    """Nanoseconds per lookup of every stack: the median and the best block."""
    host = Host(directory, library)
    graph = Graph(host)
    for name, (_, what) in STACKS.items():
        if what is None:
            graph.leaf(name)
            continue
        graph.leaf(f"leaf-{name}")
        if what[0].isupper():
            graph.glupy(name, "bench_lookup", class_name=what)
        else:
            graph.add(name, what)
    result = graph.run("bench", calls=calls, blocks=blocks)
    complaints = host.close()
    if complaints:
        sys.exit("\n".join(["in the log:", *complaints]))
    return {
        line["child"]: {"median": line["median_ns"], "best": line["best_ns"]}
        for line in result.of("bench")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--calls", type=int, default=10_000, help="lookups in a block")
    parser.add_argument("--blocks", type=int, default=50, help="blocks per stack")
    options = parser.parse_args()

    built = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/libglupy.so"
    built = Path(os.environ.get("GLUPY_SO", built))
    if not built.exists():
        sys.exit(f"{built} is not there: run make, or set GLUPY_SO")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        library = directory / "glupy.so"
        library.write_bytes(built.read_bytes())
        figures = measure(directory, library, options.calls, options.blocks)

    empty = figures["leaf"]
    print("ns per lookup, with nothing between", *(f"{k} {empty[k]:.0f}" for k in empty))
    print(f"{'added by':42}{'median':>8}{'best':>8}")
    for name, (what, _) in STACKS.items():
        if name != "leaf":
            added = (figures[name][k] - empty[k] for k in ("median", "best"))
            print(f"{what:42}" + "".join(f"{ns:8.0f}" for ns in added))
    if options.json:
        options.json.write_text(json.dumps({"ns_per_lookup": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
