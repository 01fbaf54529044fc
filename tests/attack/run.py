"""Builds the attack and runs it: processes with a volume after another under hostile programs.

    python -m attack.run --seconds 3600 [--seed N]

Each process has a seed, which all that it does follows from but for the order in which
threads change places; `--seed` runs the process with that seed alone, again and again.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [] if str(HERE.parent) in sys.path else [str(HERE.parent)]

from course.harness import DEFINES, ROOT  # noqa: E402
from course.harness import build as course  # noqa: E402

from attack.generate import generate  # noqa: E402
from glusterfs import Volfile, xlator_dir  # noqa: E402
from sanitizer import RUNTIME, SLOWER, Reports  # noqa: E402

LIVES = 4
REQUESTS = 400
PATIENCE = 30 * SLOWER


@functools.cache
def build() -> Path:
    """Compiles what has changed; the folder with the program and its translators."""
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "attack"
    target.mkdir(parents=True, exist_ok=True)
    generate(course().directory / "model.json", target)
    inputs = [*HERE.glob("*.[ch]"), *target.glob("*.inc"), Path(__file__)]
    newest = max(path.stat().st_mtime for path in inputs)
    shared = ["-fPIC", "-shared", "-lglusterfs", "-Wl,-z,nodelete"]
    linked = ["-L", str(target), "-lattack", "-Wl,-rpath,$ORIGIN"]
    for output, source, flags in (
        ("libattack.so", "model.c", shared),
        ("above.so", "above.c", [*shared, *linked]),
        ("below.so", "below.c", [*shared, *linked]),
        ("attack", "main.c", [*linked, "-rdynamic", "-lgfapi", "-lglusterfs"]),
    ):
        path = target / output
        if path.exists() and path.stat().st_mtime > newest:
            continue
        command = ["gcc", "-O1", "-g", "-fno-omit-frame-pointer", "-Wall", "-Werror", *DEFINES,
                   "-I", str(target), "-I", str(HERE), "-I", str(HERE.parent / "course"),
                   str(HERE / source), "-o", str(path), *flags]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return target


def volfile(library: Path, modules: Path, seed: int, only: str) -> str:
    """Two hostile translators between the top and the bottom."""
    here = build()
    stack = Volfile()

    def type_of(path: Path) -> str:
        return os.path.relpath(path.with_suffix(""), xlator_dir())

    r = random.Random(seed)
    stack.add("below", type_of(here / "below.so"), {"bottom": "yes"}, on=())
    for name in ("hostile-b", "hostile-a"):
        chosen: dict[str, Any] = {
            "module-name": "hostile",
            "module-path": modules,
            "class-name": f"variant{r.randrange(4)}",
            "seed": r.randrange(1 << 40),
        }
        if only:
            chosen["only"] = only
        if trace := os.environ.get("ATTACK_TRACE"):
            chosen["trace"] = trace
        stack.add(name, type_of(library), chosen)
    stack.add("above", type_of(here / "above.so"))
    return str(stack)


@dataclass
class Outcome:
    """What a process has come to."""

    seed: int
    seconds: float = 0.0
    lives: list[dict[str, int]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> Counter[str]:
        return Counter(finding.split(":")[0] for finding in self.findings)


def stacks(pid: int) -> str:
    """Where all threads of a process are."""
    command = ["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt 30"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no stacks: {error}"
    return done.stdout


def run(
    library: Path, seed: int, only: str = "", lives: int = LIVES, requests: int = REQUESTS
) -> Outcome:
    """One process."""
    outcome = Outcome(seed)
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="attack-", dir=os.environ.get("TMPDIR")))
    folder.chmod(0o755)
    modules = folder / "modules"
    modules.mkdir(mode=0o755)
    (modules / "hostile.py").write_text((HERE / "hostile.py").read_text())
    # A translator's file ends in .so, and is where its type says.
    glupy = folder / "glupy.so"
    shutil.copy(library, glupy)
    for life in range(lives):
        (folder / f"{life}.vol").write_text(volfile(glupy, modules, seed * 1000 + life, only))
    reports = Reports(folder / "asan")
    environment = {**reports.environment(), "GLUPY_SHAKE_SEED": str(seed + 1)}
    if RUNTIME:
        environment["ASAN_OPTIONS"] += ":detect_stack_use_after_return=1"
    command = [str(build() / "attack"), str(folder), str(seed), str(lives), str(requests),
               str(PATIENCE)]  # fmt: skip
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=err, stdin=subprocess.DEVNULL
        )
        limit = lives * (PATIENCE + 15 * SLOWER)
        while process.poll() is None:
            time.sleep(0.02)
            late = time.monotonic() - begin > limit
            if late or '"never"' in (folder / "out").read_text(errors="replace"):
                text = stacks(process.pid)
                (folder / "stacks").write_text(text)
                outcome.findings.append(f"hang: {'too late' if late else 'never answered'}")
                process.send_signal(signal.SIGKILL)
                process.wait()
    outcome.seconds = time.monotonic() - begin
    collect(folder, process.returncode, reports, outcome)
    if outcome.findings:
        print(f"   seed {seed}: in {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def collect(folder: Path, status: int, reports: Reports, outcome: Outcome) -> None:
    """Reads what the process has left behind."""
    for line in (folder / "out").read_text(errors="replace").splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if "life" in said:
            outcome.lives.append(said["life"])
        if "finding" in said:
            f = said["finding"]
            outcome.findings.append(
                f"{f['what']}: {f['fop']} (request {f['request']}): {f['text']}"
            )
    log = folder / "log"
    text = log.read_text(errors="replace") if log.exists() else ""
    outcome.findings += [
        f"python: {line.split('ATTACK-FINDING ')[1]}"
        for line in (folder / "err").read_text(errors="replace").splitlines()
        if line.startswith("ATTACK-FINDING ")
    ]
    outcome.findings += [
        f"log: {line}" for line in text.splitlines() if re.search("panicked|SystemError", line)
    ]
    if complaints := reports.complaints():
        outcome.findings.append("report: " + summary(complaints))
    outcome.findings = list(dict.fromkeys(outcome.findings))  # each once
    if (
        not complaints
        and status not in (0, 4)
        and not any(f.startswith("hang") for f in outcome.findings)
    ):
        err = (folder / "err").read_text(errors="replace")
        outcome.findings.append(f"crash: status {status}: " + crash(err))


def summary(lines: list[str]) -> str:
    """The first lines of a report that say something."""
    error = next((line for line in lines if "ERROR" in line), lines[0])
    frames = [line.strip() for line in lines if re.match(r"\s+#\d+ ", line)]
    return "\n      ".join([error, *frames[:10]])


def crash(text: str) -> str:
    lines = text.splitlines()
    found = []
    for line in lines:
        place = re.match(r"(\S*glupy\.so)\(\+(0x[0-9a-f]+)\)", line)
        if place:
            done = subprocess.run(
                ["addr2line", "-Cfe", place[1], place[2]],
                capture_output=True,
                text=True,
                check=False,
            )
            found.append(" ".join(done.stdout.split("\n"))[-150:])
        elif line.strip():
            found.append(line)
    return "\n      ".join(found[:24])


class Totals:
    """Of all processes of a run."""

    def __init__(self) -> None:
        self.processes = self.volumes = self.requests = self.failed = self.arrived = 0
        self.findings: Counter[str] = Counter()
        self.seeds: list[int] = []
        self.lock = threading.Lock()

    def add(self, outcome: Outcome) -> None:
        with self.lock:
            self.processes += 1
            self.volumes += len(outcome.lives)
            self.requests += sum(life["answered"] for life in outcome.lives)
            self.failed += sum(life["failed"] for life in outcome.lives)
            self.arrived += sum(life["arrived"] for life in outcome.lives)
            self.findings += Counter(set(outcome.kinds))
            if outcome.findings:
                self.seeds.append(outcome.seed)

    def __str__(self) -> str:
        kinds = ("crash", "report", "hang", "credentials", "twice", "never", "gfid", "values",
                 "python", "log")  # fmt: skip
        found = ", ".join(f"{kind} {self.findings[kind]}" for kind in kinds)
        return (
            f"{self.processes} processes, {self.volumes} volumes, {self.requests} requests "
            f"({self.failed} failed, {self.arrived} arrived below); found: {found}; "
            f"seeds that found something: {sorted(self.seeds)}"
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--lives", type=int, default=LIVES)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    library = Path(os.environ["GLUPY_SO"])
    totals = Totals()
    build()
    end = time.monotonic() + given.seconds

    def work(first: int) -> None:
        seed = first
        while time.monotonic() < end:
            this = seed if given.seed is None else given.seed
            outcome = run(library, this, given.only, given.lives, given.requests)
            totals.add(outcome)
            if outcome.findings:
                print(f"seed {outcome.seed}, after {outcome.seconds:.1f} s:", flush=True)
                for finding in outcome.findings[:6]:
                    print("   ", finding, flush=True)
                print(f"   again: make attack SEED={outcome.seed}", flush=True)
            seed += given.jobs

    threads = [threading.Thread(target=work, args=(given.first + i,)) for i in range(given.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(totals)
    return bool(totals.seeds)


if __name__ == "__main__":
    sys.exit(main())
