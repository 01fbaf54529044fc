"""A translator's life beside requests: events, its end, callbacks, statedumps."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glusterfs import Host, Log, Mount, Option, Process, Volfile
from volserver import VolfileServer


def volfile(
    host: Host, source: str, name: str = "lives", on: Volfile | None = None, **more: Option
) -> Volfile:
    options: Mapping[str, Option] = {
        "module-name": name,
        "module-path": host.write(**{name: source}),
        **more,
    }
    return (on or host.posix()).add(name, host.glupy, options)


def said(process: Process, name: str = "lives") -> list[str]:
    lines = process.log.lines()
    return [line.message for line in lines if line.domain == f"0-{name}" and line.level == "I"]


def hears(process: Process, message: str, name: str = "lives") -> None:
    process.wait_until(message, lambda: message in said(process, name))


# -- events --------------------------------------------------------------------------

EVENTS = """
from gluster import Event, Translator

class xlator(Translator):
    def notify(self, event, data):
        assert isinstance(event, Event)
        print("event", event.name, data and data.name)
        if event == Event.CHILD_UP:
            raise KeyError("on purpose")

    def fini(self):
        print("fini")
"""


def test_events(host: Host) -> None:
    """Python sees the events, and whatever it does they go on."""
    with host.mount(volfile(host, EVENTS)) as mount:
        (mount.path / "folder").mkdir()
        mount.log.expect(r"notify \(lives.py:\d+\): KeyError: 'on purpose'", "E.*lives.py")
    lines = said(mount)
    assert lines[0].startswith("event PARENT_UP")
    assert lines[1] == "event CHILD_UP locks"
    assert lines[-1] == "fini"
    assert lines.count("fini") == 1


def test_graph_switch(host: Host) -> None:
    """A graph that another one replaces hears of it, and ends with the process."""
    with VolfileServer(volfile(host, EVENTS.replace("raise", "pass #"))) as server:
        with host.mount(server) as mount:
            (mount.path / "one").mkdir()
            above = volfile(host, EVENTS.replace("raise", "pass #"))
            server.volfile = str(above.add("above", "performance/md-cache"))
            mount.popen.send_signal(signal.SIGHUP)

            def switched() -> bool:
                os.stat(mount.path)  # a request brings the switch about
                return bool(mount.log.find("switched to graph [1-9]"))

            mount.wait_until("a new graph", switched)
            (mount.path / "two").mkdir()
            mount.wait_until("the end", lambda: bool(mount.log.find("event PARENT_DOWN")))
            (mount.path / "three").mkdir()
    finis = [line for line in mount.log.lines() if line.message == "fini"]
    assert len({line.domain for line in finis}) == len(finis) == 2


STAYS = """
import threading
from gluster import Event, Translator

class xlator(Translator):
    kept = None

    def mkdir_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        self.kept = self.kept or inode
        frame.unwind()

    def notify(self, event, data):
        if event == Event.PARENT_DOWN and self.kept is not None:
            threading.Timer(0.2, self.look).start()

    def look(self):
        print("kept", self.kept.path(), self.kept.parent().gfid, self.this.name)
"""


def test_graph_switch_keeps(host: Host) -> None:
    """A graph that another one replaces stays: what Python keeps of it is there."""
    with VolfileServer(volfile(host, STAYS)) as server, host.mount(server) as mount:
        (mount.path / "one").mkdir()
        above = volfile(host, STAYS).add("above", "performance/md-cache")
        server.volfile = str(above)
        mount.popen.send_signal(signal.SIGHUP)

        def looked() -> bool:
            os.stat(mount.path)  # a request brings the switch about
            return bool(mount.log.find("kept "))

        mount.wait_until("the old graph's end", looked)
        (line, *_) = mount.log.find("kept ")
        assert line.message == "kept /one 00000000-0000-0000-0000-000000000001 lives"
        assert not mount.log.find("taken down")


# What code that both graphs have keeps: here a module of Python's.
SHARED = """
import errno
from gluster import Translator

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if not name or not name.startswith("user.ask"):
            return await frame.wind()
        kept = errno.__dict__.setdefault("kept", [])
        said = "none"
        for old in kept:
            for way in (lambda: self.children[0].stat(old), lambda: frame.wind(loc=old),
                        lambda: self.children[0].stat(old.inode)):
                try:
                    await way()
                except ValueError as error:
                    said = str(error)
                else:
                    said = "taken"
                print("another graph:", said)
        kept.append(loc)
        return frame.unwind(-1, errno.ENODATA)
"""


def test_handles_of_another_graph(host: Host) -> None:
    with VolfileServer(volfile(host, SHARED)) as server, host.mount(server) as mount:
        (mount.path / "one").mkdir()

        def ask() -> None:
            with pytest.raises(OSError, match=os.strerror(errno.ENODATA)):
                os.getxattr(mount.path / "one", "user.ask")

        ask()
        ask()
        assert all("taken" in line.message for line in mount.log.find("another graph: "))
        before = len(mount.log.find("another graph: "))
        server.volfile = str(volfile(host, SHARED).add("above", "performance/md-cache"))
        mount.popen.send_signal(signal.SIGHUP)

        def switched() -> bool:
            os.stat(mount.path)  # a request brings the switch about
            return bool(mount.log.find("switched to graph [1-9]"))

        mount.wait_until("a new graph", switched)
        ask()
        said = mount.log.find("another graph: ")[before:]
        assert said
        refusals = ("is of another graph, that of the volume", "can not refer to Inode of")
        assert all(any(text in line.message for text in refusals) for line in said)
        assert mount.running()


IN_PARTS = """
import importlib
from gluster import Translator
from .deep import part

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        print(loc.name, part.WORD, importlib.import_module(".deep.part", __name__).WORD)
        frame.wind()
"""


def test_graph_switch_of_a_package(host: Host) -> None:
    """A new graph runs the new sources of all of a package; one that fails leaves the old."""
    package = host.module_path() / "parts"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text(IN_PARTS)
    part = package / "deep/part.py"
    options: dict[str, Option] = {"module-name": "parts", "module-path": host.module_path()}
    graph = host.posix().add("parts", host.glupy, options)
    part.write_text("WORD = 'first'\n")
    with VolfileServer(graph) as server, host.mount(server) as mount:
        (mount.path / "one").mkdir()
        part.write_text("WORD = 'second'\n")
        server.volfile = str(graph.add("above", "performance/md-cache"))
        mount.popen.send_signal(signal.SIGHUP)

        def has(pattern: str) -> bool:
            os.stat(mount.path)  # a request brings the switch about
            return bool(mount.log.find(pattern))

        mount.wait_until("a new graph", lambda: has("switched to graph [1-9]"))
        (mount.path / "two").mkdir()
        part.write_text("raise ValueError('on purpose')\n")
        server.volfile = str(graph.add("higher", "performance/quick-read"))
        mount.log.known.append("graph|-mgmt|xlator.c")
        mount.log.expect("-parts: ")
        mount.popen.send_signal(signal.SIGHUP)
        mount.wait_until("its failure", lambda: has("ValueError: on purpose"))
        (mount.path / "three").mkdir()
    said = (line.message for line in mount.log.lines())
    assert [text for text in said if re.fullmatch("(one|two|three) .*", text)] == [
        "one first first",
        "two second second",
        "three second second",
    ]


# -- the end -------------------------------------------------------------------------

ENDS = """
import time
from gluster import Translator

class xlator(Translator):
    def fini(self):
        print("fini of", self.name)
        time.sleep(float(self.options["sleep"]))
        print("is over")
        raise ValueError("on purpose")
"""


@pytest.mark.parametrize("how", ["unmount", "terminate"])
def test_fini(host: Host, how: str) -> None:
    """Called once for each translator, whichever way the process ends."""
    below = volfile(host, ENDS, "below", sleep=0)
    with host.mount(volfile(host, ENDS, "above", on=below, sleep=0)) as mount:
        (mount.path / "folder").mkdir()
        if how == "terminate":
            mount.popen.terminate()
            mount.popen.wait()
        mount.log.expect("fini .*ValueError: on purpose", "E.*(above|below).py")
    for name in ("above", "below"):
        assert said(mount, name) == [f"fini of {name}", "is over"]


def test_fini_takes_too_long(host: Host) -> None:
    """The end of the process waits for Python, but not for ever."""
    with host.mount(volfile(host, ENDS, sleep=1000)) as mount:
        mount.log.expect("fini has not ended after 5 s")
        begin = time.monotonic()
        mount.popen.terminate()
        mount.popen.wait()
        assert 4 < time.monotonic() - begin < 10


SPAWNS_LATE = """
import time
from gluster import CancelledError, Translator

class xlator(Translator):
    def fini(self):
        task = self.spawn(self.work())
        while not task.done():
            time.sleep(0.01)
        print("over")

    async def work(self):
        print("begins")
"""


def test_spawned_after_the_end(host: Host) -> None:
    """Requests still come to a graph that has been told of its end: what they do is no error."""
    with host.mount(volfile(host, SPAWNS_LATE)) as mount:
        (mount.path / "folder").mkdir()
    assert said(mount) == ["over"]


SUSPENDED = """
from gluster import Translator, sleep

class xlator(Translator):
    async def stat_fop(self, frame, this, loc, xdata):
        reply = await frame.wind()
        loc.inode.ctx = "kept"
        print("suspended")
        await sleep(0.5)
        LOOKS
        print("goes on")
        return reply
"""


@pytest.mark.parametrize(
    "looks", ["pass", "assert (loc.inode.ctx, reply.buf.ia_size) == ('kept', 4)"]
)
def test_requests_go_on_at_the_end(host: Host, looks: str) -> None:
    """What a request has is left to it, as long as the process is there."""
    below = volfile(host, ENDS.replace("raise", "return"), "below", sleep="1.5")
    with host.mount(volfile(host, SUSPENDED.replace("LOOKS", looks), on=below)) as mount:
        (mount.path / "file").write_text("text")
        with ThreadPoolExecutor() as pool:
            pool.submit(os.stat, mount.path / "file")
            hears(mount, "suspended")
            mount.popen.terminate()
            assert mount.popen.wait() == signal.SIGTERM
        mount.log.known.append("fuse-bridge")  # FUSE has closed its device before
    assert said(mount)[-1] == "goes on"


def test_a_process_that_is_forked_ends_nothing(host: Host) -> None:
    source = ENDS.replace("import time", "import os, time").replace(
        "def fini",
        """def mkdir_fop(self, frame, this, loc, *rest):
        if os.fork() == 0:
            import ctypes
            ctypes.CDLL(None).exit(0)
        os.wait()
        frame.wind()

    def fini""",
    )
    with host.mount(volfile(host, source.replace("raise", "return"), sleep=0)) as mount:
        mount.log.expect(r"W \[lives.py:\d+:mkdir_fop\] 0-lives: os.fork")
        (mount.path / "folder").mkdir()
        assert said(mount) == []
    assert said(mount) == ["fini of lives", "is over"]


GFAPI = """
import ctypes, os, sys

glfs = ctypes.CDLL("libgfapi.so.0")
glfs.glfs_new.restype = ctypes.c_void_p
volfile, log, how = sys.argv[1:]
fs = ctypes.c_void_p(glfs.glfs_new(b"volume"))
assert glfs.glfs_set_volfile(fs, volfile.encode()) == 0
assert glfs.glfs_set_logging(fs, log.encode(), 7) == 0
assert glfs.glfs_init(fs) == 0
assert glfs.glfs_mkdir(fs, b"/folder", 0o755) == 0
if how == "fini":
    glfs.glfs_fini(fs)
"""


def run(host: Host, client: Path, log: Log, how: str) -> None:
    """Run the program above."""
    subprocess.run(
        [sys.executable, "-c", GFAPI, client, log.path, how],
        env=host.reports.environment(), check=True, timeout=60,
    )  # fmt: skip


KEEPS = """
from gluster import Translator

class xlator(Translator):
    kept = []

    def mkdir_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        inode.ctx = self
        self.kept.append(inode)
        frame.unwind()

    def fini(self):
        import logging
        logging.getLogger("gluster").info("fini with %d", len(self.kept))
        self.kept.clear()
"""


@pytest.mark.parametrize("how", ["fini", "exit"])
def test_gfapi(host: Host, how: str) -> None:
    """A Python program with libgfapi: what GlusterFS ends is not ended again at exit.

    The inode that the translator keeps is freed before its `fini`; letting go of it
    then must not touch it.
    """
    with host.serve(host.posix()) as brick:
        client = host.directory / "client.vol"
        graph = brick.client(Volfile(), "client")
        client.write_text(str(volfile(host, KEEPS, on=graph)))
        log = Log(host.directory / "client.log")
        run(host, client, log, how)
    assert [line.message for line in log.find("0-lives: fini")] == ["fini with 1"]


READS = """
import threading
import time
from gluster import Translator

class xlator(Translator):
    def mkdir_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        self.reader = threading.Thread(target=self.read, args=(inode, this, inode.table))
        self.reader.start()
        frame.unwind()

    def read(self, inode, this, table):
        while True:
            try:
                inode.gfid, inode.ctx, inode.path(), inode.parent(), this.options
                table.find(inode.gfid), table.root.gfid
            except ReferenceError as error:
                with open(self.options["note"], "w") as note:
                    note.write(f"{error} {inode!r} {this!r}")
                return
            time.sleep(0)
"""


def test_gfapi_reads_on(host: Host) -> None:
    """A thread of Python's that uses what it keeps, while `glfs_fini` frees it."""
    note = host.directory / "note"
    with host.serve(host.posix()) as brick:
        client = host.directory / "client.vol"
        graph = brick.client(Volfile(), "client")
        client.write_text(str(volfile(host, READS, on=graph, note=note)))
        log = Log(host.directory / "client.log")
        run(host, client, log, "fini")
    assert "the volume lives is gone" in note.read_text()
    assert log.find("I .*0-lives: the volume is taken down: .* released")
    assert not log.find("Active inode")


# -- statedumps ----------------------------------------------------------------------

DUMPS = """
import time
from gluster import Translator

class xlator(Translator):
    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        if op_ret == 0:
            inode.ctx = "looked up"
        frame.unwind()

    def mkdir_fop(self, frame, this, loc, *rest):
        if loc.name == "mistake":
            raise ValueError("on purpose")
        if loc.name == "forbidden":
            raise PermissionError(1, "forbidden")
        frame.wind()

    def dump(self):
        SAYS
"""


def dump(mount: Mount) -> dict[str, str]:
    """The part of a statedump that is the translator's."""
    return mount.statedump().glupy("lives")


def dumps(host: Host, says: str) -> Volfile:
    return volfile(host, DUMPS.replace("SAYS", says))


def test_dump(host: Host) -> None:
    """A statedump shows what the runtime counts and what the translator says."""
    says = "return {'names': len('abc'), 'a=b': 'two\\nlines', 'long': 'x' * 10000, 'none': None}"
    with host.mount(dumps(host, says.replace("\n", "\\n"))) as mount:
        for name in ("one", "two", "mistake", "forbidden"):
            with contextlib.suppress(OSError):
                (mount.path / name).mkdir()
        mount.log.expect("ValueError: on purpose", "lives.py")
        mount.log.known.append("fuse_entry_cbk")
        lines = dump(mount)
        assert lines["mkdir_fop.calls"] == "4"
        assert lines["mkdir_fop.errors"] == "2"
        assert lines["mkdir_fop.exceptions"] == "1"
        assert 100 < int(lines["mkdir_fop.mean-ns"]) < 10**9
        assert int(lines["lookup_cbk.calls"]) >= 4
        assert lines["lookup_cbk.exceptions"] == "0"
        assert int(lines["contexts"]) >= 1
        assert lines["names"] == "3"
        assert lines["a-b"] == r"two\nlines"
        assert lines["long"] == "x" * 3500
        assert lines["none"] == "None"


def test_dump_times(host: Host) -> None:
    """One call in some is timed, or all when the volume's option says so, live too."""

    def times(mount: Mount) -> tuple[int, int]:
        for _ in range(70):
            os.lstat(mount.path)
        lines = dump(mount)
        return int(lines["lookup_cbk.calls"]), int(lines["lookup_cbk.timed"])

    source = DUMPS.replace("SAYS", "return {}")
    with VolfileServer(volfile(host, source)) as server, host.mount(server) as mount:
        calls, timed = times(mount)
        assert calls >= 70
        assert timed == -(calls // -64)  # the first, and each 64th after it
        server.volfile = str(volfile(host, source)).replace(
            "  option module-name", "  option latency-measurement on\n  option module-name"
        )
        mount.popen.send_signal(signal.SIGHUP)
        mount.wait_until("reconfigured", lambda: bool(mount.log.find("No need to re-load|graph")))
        before = dump(mount)
        calls, timed = times(mount)
        assert calls - int(before["lookup_cbk.calls"]) >= 70
        assert timed - int(before["lookup_cbk.timed"]) == calls - int(before["lookup_cbk.calls"])


def test_dump_text(host: Host) -> None:
    with host.mount(dumps(host, r"return 'first\nsecond'")) as mount:
        assert dump(mount)["dump"] == "second"  # the last of two lines of one name


def test_dump_of_a_dict(host: Host) -> None:
    """A mapping of GlusterFS's own, too."""
    source = "from gluster import Dict\n" + DUMPS.replace("SAYS", "return Dict(a=1, b='two')")
    with host.mount(volfile(host, source)) as mount:
        lines = dump(mount)
        assert (lines["a"], lines["b"]) == ("1", "two")


def test_dump_fails(host: Host) -> None:
    with host.mount(dumps(host, "return 1 / 0")) as mount:
        lines = dump(mount)
        assert lines["python"] == "failed"
        assert "contexts" in lines
        mount.log.expect(r"dump \(lives.py:\d+\): ZeroDivisionError", "lives.py")
    with host.mount(dumps(host, "return 42"), "again") as mount:
        assert dump(mount)["python"] == "failed"
        mount.log.expect("dump must return a mapping or a str, not int")
        mount.log.known.append("glupy")


def test_dump_while_python_is_busy(host: Host) -> None:
    """The native counters come all the same, and the dump does not wait for long."""
    with host.mount(dumps(host, "time.sleep(4); return {}")) as mount:
        os.listdir(mount.path)
        begin = time.monotonic()
        lines = dump(mount)
        assert time.monotonic() - begin < 3
        assert lines["python"] == "busy"
        assert int(lines["lookup_cbk.calls"]) >= 1


def test_dump_while_the_gil_is_held(host: Host) -> None:
    """The same when a handler does not let go of the GIL."""
    source = DUMPS.replace("SAYS", "return {}").replace(
        "raise PermissionError", "pow(3, 10**7); raise PermissionError"
    )
    with host.mount(volfile(host, source)) as mount:
        mount.log.known.append("fuse_entry_cbk")
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                (mount.path / "forbidden").mkdir()
            os._exit(0)
        time.sleep(0.2)
        begin = time.monotonic()
        lines = dump(mount)
        assert time.monotonic() - begin < 3
        assert "mkdir_fop.calls" in lines
        os.waitpid(pid, 0)
