"""A mount under load, for a while: nothing is lost, nothing is left, nothing grows.

All fops are coroutines (`translators/every_way.py`), between two io-threads. `make test` runs
this in short, `make soak` at length.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from glusterfs import Host, Mount, Statedump, Volfile, eventually
from soak.load import LINKED, Load
from soak.writers import Writers
from volserver import VolfileServer

EVERY_WAY = Path(__file__).with_name("translators") / "every_way.py"
DROP_CACHES = Path("/proc/sys/vm/drop_caches")
MIB = 1024  # KiB, as /proc counts


@dataclass(frozen=True)
class Size:
    """How much of it."""

    programs: int
    #: Of a round of load; there are three.
    seconds: int
    #: How often the graph is switched, and the volume unmounted.
    times: int


SIZE = Size(8, 60, 50) if os.environ.get("GLUPY_SOAK") else Size(3, 4, 3)

# Programs ask for what fails; each part of GlusterFS that hears of it says so.
NOISE = [
    r"^[WE] \[(fuse-bridge|fuse-resolve|posix-[-a-z]+|(client|server)-rpc-fops_v2)\.c:",
    r"^E \[common.c:\d+:new_posix_lock\]",  # F_GETLK, which fails on any mount
    r"^W \[inode.c:\d+:__inode_unlink\]",  # two programs at one name, while the graph changes
    r"^E \[rpcsvc.c:\d+:rpcsvc_submit_generic\]",  # to a client whose graph is gone by now
    r"^E \[fuse-helpers.c:\d+:frame_fill_groups\]",  # of a process that is gone by now
]


def every_way(host: Host, volfile: Volfile, above: str = "above") -> Volfile:
    """Put Glupy between two io-threads on top."""
    volfile.add("below", "performance/io-threads")
    volfile.add("glupy", host.glupy, {
        "module-name": "every_way",
        "module-path": host.copy(EVERY_WAY),
    })  # fmt: skip
    return volfile.add(above, "performance/io-threads")


def calls(dump: Statedump) -> dict[str, int]:
    """How many requests came, by fop."""
    figures = dump.glupy("glupy").items()
    return {k.removesuffix("_fop.calls"): int(v) for k, v in figures if k.endswith("_fop.calls")}


def rss(mount: Mount) -> int:
    """The memory that it has, in KiB."""
    status = Path(f"/proc/{mount.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def settled(mount: Mount) -> Statedump:
    """A statedump when every request is answered and the kernel has forgotten the files."""
    mount.statedump()  # has the translator let go of what it keeps
    dump = mount.statedump()

    def idle() -> bool:
        nonlocal dump
        DROP_CACHES.write_text("2")
        dump = mount.statedump()
        return not dump.requests() and dump.objects()["inode_t"] <= 1 and not kept(dump)

    eventually("nothing to do, and nothing kept", idle)
    return dump


def kept(dump: Statedump) -> int:
    """What Python has of GlusterFS's, and coroutines that have not ended."""
    figures = dump.glupy("glupy")  # without some when Python is too busy for a statedump
    return sum(int(figures.get(key, 1)) for key in ("contexts", "kept", "inside"))


def test_load(host: Host) -> None:
    """Three rounds: what the first leaves, the others find enough."""
    host.deadline = 600
    with host.mount(every_way(host, host.posix())) as mount:
        mount.log.known += NOISE
        dumps, sizes, threads = [], [], []
        for _ in range(3):
            with Load(mount.path, SIZE.programs) as load:
                time.sleep(SIZE.seconds)
                load.finish()
            assert not load.failures, "\n".join(load.failures)
            assert load.finished >= SIZE.programs
            assert len(load.scripts) == 1
            dumps.append(settled(mount))
            sizes.append(rss(mount))
            threads.append(mount.threads())
        first, last = dumps[0], dumps[-1]
        came = [sum(calls(dump).values()) for dump in dumps]
        reached = {name for name, number in calls(last).items() if number}
        print(f"requests {came}, of {len(reached)} fops; RSS {sizes} KiB")
        assert len(calls(last)) == 54
        assert len(reached) >= 30
        requests = came[-1] - came[0]

        # GlusterFS's objects do not grow at all; Python's memory, but for what it has in
        # lists of free blocks and the like: it is as much after a million requests.
        assert first.objects() == last.objects()
        for figure in ("blocks", "objects"):
            grown = int(last.glupy("glupy")[figure]) - int(first.glupy("glupy")[figure])
            print(f"{figure} grew by {grown} in {requests} requests")
            assert grown < 2000, figure

        # All else is seen in the process's size. What it grows by is what malloc keeps for
        # threads that came later; in the long run, 9 bytes for each request would be more.
        assert sizes[-1] - sizes[0] < 8 * MIB

        # GlusterFS's io-threads and Glupy's pools have as many threads as there was to do at
        # once, up to a number; no others come.
        pools = {"glfs_iotwr": 2 * 16, "glupy-resume": 16, "glupy-thread": 64}
        for name, most in pools.items():
            assert threads[-1][name] <= most
            for each in threads:
                del each[name]
        assert threads[0] == threads[-1]


def switched(mount: Mount, times: int) -> bool:
    """Whether the graph has been, since the first one came."""
    return mount.log.text().count("switched to graph") > times


def test_graph_switches(host: Host) -> None:
    """The graph is replaced again and again while programs work on.

    Not on files without a name: GlusterFS can not open these in the new graph.
    """
    host.deadline = 600
    brick = host.serve(host.posix())
    brick.log.known += NOISE

    def graph(number: int) -> str:
        return str(every_way(host, brick.client(Volfile(), "client"), f"above{number}"))

    with VolfileServer(graph(0)) as server, host.mount(server) as mount:
        mount.log.known += NOISE
        journals = host.directory / "journals"
        load = Load(mount.path, SIZE.programs, LINKED)
        with load, Writers(mount.path, journals, SIZE.programs) as writers:
            for number in range(1, SIZE.times + 1):
                written = writers.acknowledged()
                time.sleep(0.5)
                mount.wait_until("another file", partial(has_more, writers, written))
                server.volfile = graph(number)
                mount.popen.send_signal(signal.SIGHUP)
                mount.wait_until(f"graph {number}", partial(switched, mount, number))
            assert writers.stop() == []
            load.finish()
        assert not load.failures, "\n".join(load.failures)
        assert len(load.scripts) == 1
        print(f"{writers.acknowledged()} files written, {load.finished} programs run")
        assert writers.acknowledged() > SIZE.times
        assert writers.lost(host.brick()) == []
        eventually("all answered", lambda: not mount.statedump().requests())
        ours = {name: n for name, n in mount.threads().items() if name.startswith("glupy")}
        assert ours.pop("glupy-resume") <= 16
        assert ours.pop("glupy-thread") <= 64
        assert ours == {"glupy-work": 1, "glupy-timer": 1}  # not for each graph


def unmount(mount: Mount) -> None:
    subprocess.run(["umount", "--lazy", mount.path], check=True)


def abort(mount: Mount) -> None:
    subprocess.run(["umount", "--force", "--lazy", mount.path], check=True)


def terminate(mount: Mount) -> None:
    mount.popen.terminate()


def processes(directory: Path) -> list[str]:
    """The command lines of processes that have to do with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(directory) in line:
            found.append(line)
    return found


def has_more(writers: Writers, files: int) -> bool:
    return writers.acknowledged() > files


def at_work(writers: Writers) -> bool:
    return writers.acknowledged() >= SIZE.programs


def test_unmounts(host: Host) -> None:
    """The mount goes while programs work on it, one way and another."""
    for number in range(SIZE.times):
        name = f"mount{number}"
        mount = host.mount(every_way(host, host.posix()), name)
        mount.log.known += NOISE
        load = Load(mount.path, SIZE.programs)
        with load, Writers(mount.path, host.directory / f"{name}.d", SIZE.programs) as writers:
            eventually("writers at work", partial(at_work, writers))
            time.sleep(0.5)
            (unmount, abort, terminate)[number % 3](mount)
            time.sleep(0.1)
            writers.stop()
            load.kill()
        assert mount.popen.wait(timeout=20) in (0, signal.SIGTERM)
        assert writers.lost(host.brick()) == []
        assert processes(host.directory) == []
        for folder in host.brick().glob("[0-9]*"):
            subprocess.run(["rm", "-r", folder], check=True)
