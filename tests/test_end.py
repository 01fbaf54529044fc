"""The end of a volume, or of Python, while something goes on: GlusterFS frees translators, their
context and its log, and Python ends threads that want to go on. Nothing may touch what is gone.
"""

from __future__ import annotations

import json
import subprocess
import sys

from glusterfs import Host, Log, Volfile

PROGRAM = """
import ctypes, json, os, sys, threading, time

glfs = ctypes.CDLL("libgfapi.so.0")
glfs.glfs_new.restype = ctypes.c_void_p
volfile, log = sys.argv[1:]
fs = ctypes.c_void_p(glfs.glfs_new(b"volume"))
assert glfs.glfs_set_volfile(fs, volfile.encode()) == 0
assert glfs.glfs_set_logging(fs, log.encode(), 7) == 0
assert glfs.glfs_init(fs) == 0

def until(condition):
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
"""

TRANSLATOR = """
import logging, sys, threading, time
from gluster import CancelledError, Dict, FrameError, Iovec, Loc, Translator, iatt, sleep
from gluster import timeout, to_thread
from glupy import log

# What has gone on, and how often: the program looks at it.
seen = sys.modules.setdefault("seen", {})
frames = sys.modules.setdefault("frames", [])

def again(name):
    seen[name] = seen.get(name, 0) + 1
    logging.getLogger("gluster").error("%s", name)
    logging.getLogger("gluster").debug("%s", name)
    Dict(a=1), Iovec([b"data"]), Loc("/made")

class xlator(Translator):
"""


def run(
    host: Host, source: str, program: str, limit: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program that uses a volume through libgfapi, with a translator above a brick."""
    with host.serve(host.posix()) as brick:
        client = host.directory / "client.vol"
        graph = brick.client(Volfile(), "client")
        path = host.write(ends=TRANSLATOR + source)
        graph.add("ends", host.glupy, {"module-name": "ends", "module-path": path})
        client.write_text(str(graph))
        return subprocess.run(
            [sys.executable, "-c", PROGRAM + program, client, Log(host.directory / "log").path],
            # What is freed is overwritten.
            env=host.reports.environment() | {"MALLOC_PERTURB_": "165"},
            check=False, timeout=limit, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


GOES_ON = """
    def __init__(self, this):
        super().__init__(this)
        self.kept = []
        self.spawn(self.stubborn())
        self.spawn(self.in_thread())

    async def stubborn(self):
        while True:
            try:
                await sleep(0.01)
                await self.children[0].stat(self.kept[0][1])
            except (CancelledError, IndexError):
                pass
            except ReferenceError:
                again("stubborn")

    async def in_thread(self):
        await to_thread(self.for_ever)

    def for_ever(self):
        while True:
            again("thread")
            time.sleep(0.01)

    async def mkdir_fop(self, frame, this, loc, *rest):
        name = loc.name
        frames.append(frame)
        again("mkdir " + name)
        try:
            if name == "asleep":
                await sleep(12)
                await frame.wind()
            if name == "limited":
                async with timeout(12):
                    await sleep(60)
            if name == "thread":
                async with timeout(60):
                    await to_thread(time.sleep, 12)
                    frame.unwind(-1, 5)
        except BaseException as error:
            again(name + " " + type(error).__name__)
            raise
        finally:
            again("finally")
            frame.wind()

    def symlink_fop(self, frame, this, linkname, loc, *rest):
        self.kept.append((frame, loc, loc.inode))
        frames.append(frame)
        threading.Thread(target=self.wind, args=(frame, loc), daemon=True).start()

    def wind(self, frame, loc):
        while "over" not in seen:
            time.sleep(0.01)
        while True:
            for what in (frame.wind, frame.unwind, lambda: frame.unwind(-1, 5), lambda: loc.path):
                try:
                    what()
                    again("something worked")
                except (FrameError, ReferenceError):
                    again("wind")
            time.sleep(0.01)
"""

GONE = """
names = [b"/asleep", b"/limited", b"/thread"]
calls = [threading.Thread(target=glfs.glfs_mkdir, args=(fs, n, 0o755), daemon=True) for n in names]
calls += [threading.Thread(target=glfs.glfs_symlink, args=(fs, b"to", b"/l"), daemon=True)]
[call.start() for call in calls]
until(lambda: len([name for name in sys.modules.get("seen", {}) if "mkdir" in name]) == 3)
time.sleep(0.5)
glfs.glfs_fini(fs)
frames = sorted(map(repr, sys.modules["frames"]))
seen = sys.modules["seen"]
seen["over"] = 1
until(lambda: seen.get("finally") == 3 and "wind" in seen and "stubborn" in seen)
before = dict(seen)
time.sleep(0.5)
print(json.dumps([before, seen, frames]), flush=True)
os._exit(0)
"""


def test_python_goes_on_after_fini(host: Host) -> None:
    """What still runs, sleeps, is kept or cleans up when `glfs_fini` has returned; and the
    requests that Python has kept are answered before.
    """
    ended = run(host, GOES_ON, GONE)
    assert ended.returncode == 0, ended.stdout
    before, after, frames = json.loads(ended.stdout)
    assert frames == ["<Frame mkdir answered>"] * 3 + ["<Frame symlink answered>"]
    for name in ("thread", "stubborn", "wind"):
        assert after[name] > before[name], name
    for name in ("asleep FrameError", "limited TimeoutError", "thread FrameError"):
        assert after[name] == 1, name
    assert "something worked" not in after


ANSWERS = """
    def mkdir_fop(self, frame, this, loc, *rest):
        threading.Thread(target=self.answer, args=(frame, loc), daemon=True).start()

    def answer(self, frame, loc):
        # Where a thread answers is noted by Python, while others run.
        log.current_place = lambda: self.note(loc)
        again("asked")
        frame.unwind(-1, 5)

    def note(self, loc):
        while "over" not in seen:
            try:
                time.sleep(0.01)
                loc.path, loc.inode.gfid
            except ReferenceError:
                time.sleep(0.5)
                again("over")
"""

ANSWERED = """
results = []
ask = lambda: results.append(glfs.glfs_mkdir(fs, b"/one", 0o755))
threading.Thread(target=ask, daemon=True).start()
until(lambda: "asked" in sys.modules.get("seen", {}))
glfs.glfs_fini(fs)
until(lambda: results)
print(json.dumps([results, sys.modules["seen"]]), flush=True)
os._exit(0)
"""


def test_what_is_being_answered_is_answered(host: Host) -> None:
    """A thread has taken a request to answer it, and the volume goes before it has done so."""
    ended = run(host, ANSWERS, ANSWERED)
    assert ended.returncode == 0, ended.stdout
    results, seen = json.loads(ended.stdout)
    assert seen["over"] == 1
    assert results == [-1]


LETS_GO = """
    def __init__(self, this):
        super().__init__(this)
        self.kept = []
        for _ in range(4):
            threading.Thread(target=self.drop, daemon=True).start()

    async def mkdir_fop(self, frame, this, loc, *rest):
        reply = await frame.wind()
        stat = await self.children[0].stat(Loc("/", inode=loc.parent))
        for _ in range(200):
            made = Loc("/made", inode=loc.inode, parent=loc.parent)
            self.kept += [stat.replace(buf=Drops()), made.contents, made, reply.inode.contents]
        again("kept")
        return reply

    def drop(self):
        while "over" not in seen:
            # From the moment on at which the first reply is released.
            if "dropped" in seen and self.kept:
                self.kept.pop()
            else:
                time.sleep(0.001)

class Drops(iatt):
    def __del__(self):
        again("dropped")
        time.sleep(0.001)
"""

ENDS = """
glfs.glfs_mkdir(fs, b"/one", 0o755)
seen = sys.modules["seen"]
assert "dropped" not in seen
glfs.glfs_fini(fs)
seen["over"] = 1
print(json.dumps([{}, seen]), flush=True)
os._exit(0)
"""


def test_dropped_at_the_end(host: Host) -> None:
    """Threads that drop what Python keeps of a volume while all of it is released."""
    ended = run(host, LETS_GO, ENDS)
    assert ended.returncode == 0, ended.stdout
    _, seen = json.loads(ended.stdout)
    assert seen["kept"] == 1
    assert seen["dropped"] > 10


BUSY = """
    def __init__(self, this):
        super().__init__(this)
        for work in (self.in_thread, self.blocks):
            self.spawn(work())

    async def in_thread(self):
        await to_thread(self.for_ever, "thread")

    async def blocks(self):
        await sleep(0)
        self.for_ever("coroutine")

    def for_ever(self, name):
        while True:
            again(name)
            sum(range(1000))
            time.sleep(0.001)

    def mkdir_fop(self, frame, this, loc, *rest):
        self.for_ever("handler")

    def fini(self):
        self.for_ever("fini")
"""

EXITS = """
call = threading.Thread(target=glfs.glfs_mkdir, args=(fs, b"/one", 0o755), daemon=True)
call.start()
until(lambda: len(sys.modules.get("seen", {})) >= 3)
print(json.dumps(sorted(sys.modules["seen"])), flush=True)
sys.exit(3)
"""


def test_python_goes_on_at_the_end_of_the_program(host: Host) -> None:
    """Functions that do not end, wherever they run, do not keep the program from its end."""
    ended = run(host, BUSY, EXITS)
    assert ended.returncode == 3, ended.stdout
    assert json.loads(ended.stdout) == ["coroutine", "handler", "thread"]
