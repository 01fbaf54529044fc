"""Processes that Python makes have nothing of GlusterFS's open: with /dev/fuse in one of them
the kernel would not see that the daemon has died, and every access to the mount would hang.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
from pathlib import Path

from glusterfs import Host, Option

#: Makes processes in every way, which live longer than the test, and says which.
MAKES = """
import multiprocessing
import os
import subprocess
import time
from gluster import Translator

SLEEP = ["/usr/bin/sleep", "60"]

def wait():
    time.sleep(60)

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        way = getattr(self, loc.name)
        print("has made", loc.name, way())
        frame.wind()

    def forked(self):
        mine = os.open("/etc/hostname", os.O_RDONLY)
        pid = os.fork()
        if pid == 0:
            if not os.read(mine, 10):
                os._exit(1)
            wait()
            os._exit(0)
        return pid

    def multiprocessing(self):
        process = multiprocessing.get_context("fork").Process(target=wait)
        process.start()
        return process.pid

    def isolated(self):
        process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
        process.start()
        return process.pid

    def spawned(self):
        return os.posix_spawn(SLEEP[0], SLEEP, {})

    def subprocess(self):
        return subprocess.Popen(SLEEP, close_fds=False).pid

    def vforked(self):
        return subprocess.Popen(SLEEP).pid

    def system(self):
        note = self.options["note"]
        os.system(f"sleep 60 & echo $! >{note}")
        with open(note) as file:
            return int(file.read())
"""

WAYS = ["forked", "multiprocessing", "isolated", "spawned", "subprocess", "vforked", "system"]


def open_in(pid: int) -> list[str]:
    """What of GlusterFS's a process has open."""
    opened = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a Python that is about to import
            opened.append(os.readlink(file))
    return [name for name in opened if re.search("fuse|socket|eventpoll|brick", name)]


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def test_nothing_is_inherited(host: Host) -> None:
    """Neither by what is forked nor by what is executed; and the daemon can die."""
    options: dict[str, Option] = {
        "module-name": "makes",
        "module-path": host.write(makes=MAKES),
        "note": host.directory / "note",
    }
    pids: dict[str, int] = {}
    graph = host.posix("brick")
    mount = host.mount(graph.add("makes", host.glupy, options))
    try:
        with open(mount.path / "file", "w"):
            for way in WAYS:
                (mount.path / way).mkdir()
        for line in mount.log.find("has made "):
            *_, name, number = line.message.split()
            pids[name] = int(number)
        mount.log.known.append("os.fork: the child must")
        assert sorted(pids) == sorted(WAYS)
        assert {way: open_in(pid) for way, pid in pids.items()} == {way: [] for way in WAYS}
        # Another Python is isolated, and writes no bytecode, as Glupy's own.
        assert {"-B", "-I", "-S"} <= set(command(pids["isolated"]))
        mount.signals.add(signal.SIGKILL)
        os.kill(mount.pid, signal.SIGKILL)
        mount.popen.wait()
        access = subprocess.run(["stat", mount.path], timeout=20, capture_output=True, text=True)
        assert os.strerror(errno.ENOTCONN) in access.stderr
    finally:
        for pid in pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
