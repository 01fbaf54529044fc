"""Shows examples/negative.py at work: `make demo`.

Mounts a scratch brick twice, plainly and with the translator, shows what is asked and what
Python sees of it, compares how long names take that are not there, and cleans up.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = 300
AWAY = 1000  # microseconds

PLAIN = """
volume brick
  type storage/posix
  option directory /srv/brick
end-volume

volume locks
  type features/locks
  subvolumes brick
end-volume
"""

# Makes each lookup as slow as on a brick that is a network away.
SLOW = f"""
volume away
  type debug/delay-gen
  option delay-duration {AWAY}
  option delay-percentage 100
  option enable lookup
  subvolumes locks
end-volume
"""


class Demo:
    def __init__(self, scratch: Path, library: Path, cleanup: ExitStack) -> None:
        self.scratch = scratch
        self.cleanup = cleanup
        shutil.copy(library, scratch / "glupy.so")
        shutil.copy(ROOT / "examples/negative.py", scratch)
        command = ["glusterfs", "--print-xlatordir"]
        xlators = subprocess.run(command, capture_output=True, text=True, check=True)
        self.settings = {
            r"/srv/brick": str(self.folder("brick")),
            # Not installed: the type is the way from GlusterFS's folder of translators.
            r"features/glupy": os.path.relpath(scratch / "glupy", xlators.stdout.strip()),
            r"(option module-name.*)": rf"\1\n  option module-path {scratch}",
            r"# (option log-level DEBUG)": r"\1",
        }

    def folder(self, name: str) -> Path:
        path = self.scratch / name
        path.mkdir()
        return path

    def mount(self, name: str, volfile: str) -> Path:
        """Mount a volume; it is unmounted in the end, whatever happens."""
        for pattern, text in self.settings.items():
            volfile = re.sub(pattern, text, volfile)
        (self.scratch / f"{name}.vol").write_text(volfile)
        path = self.folder(name)
        self.cleanup.callback(unmount, path)
        log = self.scratch / f"{name}.log"
        status = subprocess.run(
            ["glusterfs", f"--volfile={self.scratch}/{name}.vol", f"--log-file={log}",
             "--log-buf-size=0", str(path)],
            check=False,
        )  # fmt: skip
        if status.returncode != 0:
            print(*log.read_text().splitlines()[-20:], sep="\n", file=sys.stderr)
            raise SystemExit("the mount failed; above is the end of its log")
        return path

    def seen(self, name: str) -> list[str]:
        """What Python has logged so far."""
        log = (self.scratch / f"{name}.log").read_text()
        return re.findall(r"\[negative\.py:.*?0-negative: (.*)", log)

    def show(self, mount: Path, asked: str, call: Callable[[Path], object]) -> None:
        """Ask for a name that may be there; print what came of it, and what Python saw."""
        before = len(self.seen(mount.name))
        try:
            call(mount / asked.split()[-1])
            answer = "done" if asked.split()[0] != "stat" else "is there"
        except FileNotFoundError:
            answer = "not there"
        saw = dict.fromkeys(self.seen(mount.name)[before:])
        for line in list(saw) or ["-"]:
            print(f"  {asked:18} {answer:12} {line}")
            asked = answer = ""


def unmount(path: Path) -> None:
    for lazy in ([], ["--lazy"]):
        if path.is_mount():
            subprocess.run(["umount", *lazy, str(path)], check=False)


def ask(mount: Path) -> float:
    """Microseconds for each of some names that are not there."""
    start = time.perf_counter()
    for i in range(NAMES):
        if (mount / f"no-{i}").exists():
            raise SystemExit(f"{mount}/no-{i} is there")
    return (time.perf_counter() - start) / NAMES * 1e6


def main() -> None:
    (library,) = sys.argv[1:]
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("interrupted"))
    with ExitStack() as cleanup:
        scratch = Path(tempfile.mkdtemp(prefix="glupy-demo-"))
        cleanup.callback(shutil.rmtree, scratch)
        demo = Demo(scratch, Path(library), cleanup)
        negative = (ROOT / "examples/negative.vol").read_text()
        quiet = negative.replace("# option log-level DEBUG", "")

        print("\nexamples/negative.py remembers, in Python, which names are not there.", flush=True)
        shown = demo.mount("shown", negative)
        print(f"  glusterfs --volfile={scratch}/shown.vol {shown}")
        print("\n  asked              answer       what Python saw\n  " + "-" * 68)
        demo.show(shown, "stat missing", os.stat)
        demo.show(shown, "stat missing", os.stat)
        demo.show(shown, "touch missing", Path.touch)
        demo.show(shown, "stat missing", os.stat)

        print(
            f"\n  microseconds for a name that is not there    first time     again\n  {'-' * 68}"
        )
        slow = quiet.replace("subvolumes locks", "subvolumes away")
        head, glupy = slow.split("volume negative")
        for what, name, volfile in [
            ("plain mount", "plain", PLAIN),
            ("with negative.py", "negative", quiet),
            (f"plain mount, brick {AWAY / 1000:.0f} ms away", "plain-away", PLAIN + SLOW),
            ("with negative.py, as far away", "away", f"{head}{SLOW}\nvolume negative{glupy}"),
        ]:
            mount = demo.mount(name, volfile)
            print(f"  {what:42} {ask(mount):12.0f} {ask(mount):9.0f}")
        print("\nNothing is left behind: unmounted, removed.")


if __name__ == "__main__":
    main()
