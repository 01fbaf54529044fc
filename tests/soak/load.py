"""Programs that use a folder with all their might, and verify what they get."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Self

FOPSCRIPT = Path(__file__).resolve().parent.parent / "fopscript.py"

Command = list[str]


def fio(name: str, *options: str) -> Command:
    """Writes at random places, reads blocks again meanwhile, and the file at last."""
    return [
        "fio", f"--name={name}", "--rw=randwrite", "--size=4m", "--bsrange=512-64k",
        "--bs_unaligned=1", "--verify=crc32c", "--verify_backlog=64", "--verify_fatal=1",
        "--verify_state_save=0", "--unlink=1", "--thread", *options,
    ]  # fmt: skip


def stress(stressor: str, *options: str) -> Command:
    """What stress-ng does for a second with one kind of operation."""
    return [
        "stress-ng", "--quiet", "--verify", "--temp-path=.", "--timeout=1", f"--{stressor}=1",
        *options,
    ]  # fmt: skip


#: What the programs run, in turn. fcntl is not among stress-ng's: F_GETLK fails on any mount.
LINKED: list[Command] = [
    [sys.executable, str(FOPSCRIPT), "."],
    fio("synchronous", "--ioengine=psync", "--fsync=16"),
    stress("rename"),
    stress("chmod"),
    stress("dir"),
    stress("lockf"),
    fio("mapped", "--ioengine=mmap", "--bsrange=4k-64k"),
    stress("mknod"),
    stress("xattr"),
    stress("chown"),
    fio("many-at-once", "--ioengine=libaio", "--iodepth=16"),
    stress("touch"),
    stress("dentry", "--dentries=64"),
    stress("utime"),
    [sys.executable, str(FOPSCRIPT), "."],
    fio("four-jobs", "--ioengine=psync", "--size=1m", "--numjobs=4"),
    stress("dirdeep", "--dirdeep-inodes=500"),
    stress("flock"),
    stress("filename"),
    stress("getdent"),
    stress("lockofd"),
    stress("open"),
    stress("lease"),
]

#: What works with a file that has no name any more.
UNLINKED: list[Command] = [
    stress("hdd", "--hdd-bytes=4m"),
    stress("fallocate", "--fallocate-bytes=4m"),
    stress("copy-file", "--copy-file-bytes=128m"),
    stress("iomix", "--iomix-bytes=4m"),
    stress("fpunch", "--fpunch-ops=200"),
    stress("sync-file", "--sync-file-bytes=4m"),
    stress("seek", "--seek-size=4m"),
]


class Load:
    """So many programs, which run one command after another until they are stopped."""

    def __init__(
        self, folder: Path, programs: int, commands: list[Command] = LINKED + UNLINKED
    ) -> None:
        self.folder = folder
        self.commands = commands
        self.failures: list[str] = []
        self.finished = 0
        #: What the script of all operations printed: the same each time.
        self.scripts: set[str] = set()
        self.running: dict[int, subprocess.Popen[str]] = {}
        self.lock = threading.Lock()
        self.stopping = False
        step = max(1, len(commands) // programs)
        self.threads = [
            threading.Thread(target=self._program, args=(number, number * step), daemon=True)
            for number in range(programs)
        ]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def finish(self) -> None:
        """Let the commands that run come to their end, which verifies; start no more."""
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def kill(self) -> None:
        """End what runs at once."""
        with self.lock:
            self.stopping = True
            for process in self.running.values():
                os.killpg(process.pid, signal.SIGKILL)
        for thread in self.threads:
            thread.join()

    def _program(self, number: int, first: int) -> None:
        commands = islice(cycle(self.commands), first, None)
        for folder in self._folders(number):
            command = next(commands)
            if self.stopping:
                return
            try:
                folder.mkdir()
                self._run(number, command, folder)
                shutil.rmtree(folder)
            except OSError as error:
                self.failures.append(f"{' '.join(command)}: {error!r}")
                return

    def _folders(self, number: int) -> Iterator[Path]:
        run = 0
        while True:
            run += 1
            yield self.folder / f"{number}-{run}"

    def _run(self, number: int, command: Command, folder: Path) -> None:
        with self.lock:
            if self.stopping:
                return
            # In a group of its own, so that what it starts can be ended with it.
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
            self.running[number] = process
        output, _ = process.communicate()
        with self.lock:
            del self.running[number]
        if process.returncode:
            self.failures.append(f"{' '.join(command)}: {process.returncode}\n{output}")
            return
        self.finished += 1
        if str(FOPSCRIPT) in command:
            self.scripts.add(output)
