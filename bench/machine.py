"""The machine and the software that figures are of."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path
from typing import Any


def describe(scratch: Path) -> dict[str, Any]:
    """What was measured on; `scratch` is where the bricks are."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %z"),
        "cpu": _found(r"model name\s*: (.*)", "/proc/cpuinfo"),
        "cpus": os.cpu_count(),
        "memory_gib": round(int(_found(r"MemTotal:\s*(\d+)", "/proc/meminfo")) / 2**20),
        "virtual": "hypervisor" in _found(r"flags\s*: (.*)", "/proc/cpuinfo").split(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load": os.getloadavg()[0],
        "kernel": platform.release(),
        "system": _found(r'PRETTY_NAME="(.*)"', "/etc/os-release"),
        "scratch": _said("stat", "--file-system", "--format=%T", str(scratch)),
        "python": platform.python_version(),
        "glusterfs": _said("glusterfs", "--version").split("\n")[0].removeprefix("glusterfs "),
        "rustc": _said("rustc", "--version"),
        "commit": _said("git", "describe", "--always", "--dirty"),
    }


def text(machine: dict[str, Any]) -> str:
    """In two sentences."""
    virtual = "virtual machine" if machine["virtual"] else "machine"
    load = machine["load"]
    ended = machine.get("load_at_the_end", load)
    busy = " (it was busy with other things: read the spread)" if max(load, ended) > 1.5 else ""
    return (
        f"{machine['date']}, commit {machine['commit']}: a {virtual} with {machine['cpus']} CPUs "
        f"({machine['cpu']}), {machine['memory_gib']} GiB of memory, {machine['system']}, "
        f"Linux {machine['kernel']}, GlusterFS {machine['glusterfs']}, "
        f"Python {machine['python']}, {machine['rustc']}; bricks on {machine['scratch']}. "
        f"Load average {load:.1f} at the beginning, {ended:.1f} at the end{busy}."
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "unknown"


def _found(pattern: str, path: str) -> str:
    match = re.search(pattern, _read(path))
    return match[1] if match else "0" if r"\d" in pattern else "unknown"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"
