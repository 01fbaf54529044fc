"""The level fuse: what programs do on a mount, compared with the plain mount.

All mounts are there at the same time and show the same brick; what is done is done on each
of them in turn. The file systems in pyfuse3 and mfusepy stand on the plain mount.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import setups
from bench.effort import Effort
from bench.samples import RATIO, Sample
from bench.stage import HERE, Stage
from glusterfs import Volfile, eventually, is_mounted, unmount

ENTRIES = 10_000
LARGE = 16 << 20
# What c/files.c calls it: what it is, how many processes do it.
WHATS = {
    "stat": ("stat", 1),
    "missing": ("stat of a missing name", 1),
    "create": ("create, write 4 KiB, close, unlink", 1),
    "write": ("sequential write, 128 KiB", 1),
    "read": ("sequential read, 128 KiB", 1),
    "list": (f"ls -l of {ENTRIES:,} entries", 1),
    "stat 4": ("stat, 4 processes", 4),
}
# Else the kernel keeps what a file holds from one open to the next (whatever `glusterfs
# --help` says is the default), and no read after the first comes to the mount.
OPTIONS = ("--fopen-keep-cache=no",)
STACKED = {setups.PYFUSE3: "stacked_pyfuse3.py", setups.MFUSEPY: "stacked_mfusepy.py"}


def measure(stage: Stage, effort: Effort) -> Iterator[Sample]:
    program = stage.program("files")
    with ExitStack() as cleanup:
        mounts = {
            setup: cleanup.enter_context(
                stage.host.mount(stage.volume(setup, brick(stage)), f"mount-{i}", options=OPTIONS)
            ).path
            for i, setup in enumerate(stage.setups())
        }
        plain = mounts[setups.NOTHING]
        fill(plain)
        for setup, script in STACKED.items() if effort.peers else ():
            mounts[setup] = stacked(stage, script, plain, cleanup)
        yield from _measure(effort, program, mounts)


def brick(stage: Stage) -> Volfile:
    """The one brick, as each mount's own posix."""
    volume = stage.host.posix("fuse-brick")
    # Each would write its time into one file, read another's, and end its process.
    volume.volumes["posix"].options["health-check-interval"] = 0
    return volume


def fill(folder: Path, entries: int = ENTRIES) -> None:
    """The files that c/files.c uses."""
    (folder / "file").write_bytes(bytes(4096))
    (folder / "large").write_bytes(bytes(LARGE))
    (folder / "many").mkdir()
    for i in range(entries):
        (folder / f"many/name-{i:05}").touch()


def stacked(stage: Stage, script: str, source: Path, cleanup: ExitStack) -> Path:
    """Mount a file system of the folder stacked."""
    path = stage.directory / script.removesuffix(".py")
    path.mkdir()
    output = cleanup.enter_context((stage.directory / f"{path.name}.stderr").open("w"))
    process = subprocess.Popen(
        [sys.executable, HERE / "stacked" / script, source, path], stdout=output, stderr=output
    )
    cleanup.callback(_end, process, path)
    eventually(f"{script} mounts", lambda: is_mounted(path) or process.poll() is not None)
    if process.poll() is not None:
        sys.exit(f"{script} ended: {Path(output.name).read_text()}")
    return path


def _end(process: subprocess.Popen[bytes], path: Path) -> None:
    unmount(path)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _measure(effort: Effort, program: Path, mounts: dict[str, Path]) -> Iterator[Sample]:
    for what, (name, processes) in WHATS.items():
        print(f"  {name}", flush=True)
        rounds = effort.fuse_list_rounds if what == "list" else effort.fuse_rounds
        arguments = [what.split()[0], rounds, effort.fuse_ms, processes, *mounts.values()]
        done = subprocess.run(
            [program, *map(str, arguments)],
            stdout=subprocess.PIPE, text=True, check=False, timeout=3000,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{name}: failed, see above")
        figures = defaultdict(list)
        for line in done.stdout.splitlines():
            folder, ns = line.split()
            figures[int(folder)].append(float(ns) / 1000)
        for i, setup in enumerate(mounts):
            yield Sample("fuse", name, setup, "us", setups.NOTHING, RATIO, figures[i])
