"""Real GlusterFS processes for the tests: volfiles, mounts, bricks, and their logs.

A `Host` starts the processes of one test. When it is closed, it ends each of them, by
its process id, unmounts what they mounted and looks through their logs: a warning, an
error or a traceback that the test did not expect fails the test.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sanitizer import SLOWER, Reports
from volserver import VolfileServer

Option = str | int | Path
DEADLINE = 120 * SLOWER  # seconds that a process of a test may live: after that, something hangs
PATIENCE = 20 * SLOWER  # seconds that a process has to end when it is told to
RUN = Path("/var/run/gluster")  # where GlusterFS looks for what a statedump shall hold


class Volfile:
    """A graph of translators, written bottom up."""

    def __init__(self) -> None:
        self.volumes: dict[str, Volume] = {}

    def add(
        self,
        name: str,
        type: str,  # noqa: A002  the volfile's own word
        options: Mapping[str, Option] | None = None,
        on: Sequence[str] | None = None,
    ) -> Volfile:
        """Add a volume on top of the last one, or on top of others."""
        if on is None:
            on = list(self.volumes)[-1:]
        self.volumes[name] = Volume(name, type, dict(options or {}), list(on))
        return self

    @property
    def top(self) -> str:
        return list(self.volumes)[-1]

    def __str__(self) -> str:
        return "\n".join(map(str, self.volumes.values()))


@dataclass
class Volume:
    name: str
    type: str
    options: dict[str, Option] = field(default_factory=dict)
    subvolumes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"volume {self.name}", f"  type {self.type}"]
        lines += [f"  option {key} {value}" for key, value in self.options.items()]
        if self.subvolumes:
            lines.append("  subvolumes " + " ".join(self.subvolumes))
        return "\n".join([*lines, "end-volume", ""])


@dataclass(frozen=True)
class LogLine:
    """One record of a GlusterFS log."""

    level: str  # I, W, E, ...
    place: str  # file:line:function
    domain: str  # the volume's name, or a part of GlusterFS
    message: str

    FORMAT = re.compile(
        r"\[[-0-9]+ [0-9:.]+ \+0000\] (?P<level>[A-Z]) (?:\[MSGID: \d+\] )?"
        r"\[(?P<place>[^]]*)\](?: \(-->.*?\) )? (?P<domain>\d+-[^ ]*?): (?P<message>.*)"
    )

    @classmethod
    def parse(cls, line: str) -> LogLine | None:
        match = cls.FORMAT.fullmatch(line)
        return cls(**match.groupdict()) if match else None

    def __str__(self) -> str:
        return f"{self.level} [{self.place}] {self.domain}: {self.message}"


# What a stack without Glupy logs as a warning or an error, each with its reason.
KNOWN_NOISE = [
    (r"Failed to set 'ulimit -n|Failed to set max", "a container may not raise its limits"),
    (r"Could not set thread name .*errno=2", "how 11 logs that a thread has ended early"),
    (r"__socket_rwv.*No data available", "how a brick logs that a client has left"),
    (r"read from /dev/fuse returned -1 \(Operation not permitted\)", "faster than the mount"),
    (r"gf_thread_set_vname\].*No such file", "a thread that has ended before it had its name"),
    (r"cleanup_and_exit\].*(received signum|0-: )", "how GlusterFS logs that it was told to end"),
]

# Lines that no logger formats, written by a process that dies.
DEATH = re.compile(
    r"signal received:|pending frames:|Fatal Python error|panicked at|^Traceback|Assertion|free\(\)"
    r"|AddressSanitizer|double free|munmap_chunk|corrupted"
)


class Log:
    """The log of a process, and what a test expects to find in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = [pattern for pattern, _ in KNOWN_NOISE]
        self.expected: list[str] = []
        self.checked = True

    def text(self) -> str:
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def lines(self) -> list[LogLine]:
        return [line for line in map(LogLine.parse, self.text().splitlines()) if line]

    def find(self, pattern: str) -> list[LogLine]:
        """The records whose text (level, place, domain and message) has the pattern."""
        return [line for line in self.lines() if re.search(pattern, str(line))]

    def expect(self, *patterns: str) -> None:
        """Warnings and errors that the test causes; each must be there in the end."""
        self.expected += patterns

    def warnings(self) -> list[LogLine]:
        """Warnings and worse that are not known and not expected."""
        known = re.compile("|".join(self.known + self.expected))
        return [
            line
            for line in self.lines()
            if line.level not in "IDTN" and not known.search(str(line))
        ]

    def complaints(self) -> list[str]:
        """What the log has against the test."""
        if not self.checked:
            return []
        found = [str(line) for line in self.warnings()]
        found += [line for line in self.text().splitlines() if DEATH.search(line)]
        found += [f"expected, but not logged: {p}" for p in self.expected if not self.find(p)]
        return found


def eventually(what: str, condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds * SLOWER
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} seconds")
        time.sleep(0.01)


@dataclass(frozen=True)
class Statedump:
    """What a process says of itself."""

    text: str

    def section(self, title: str) -> dict[str, str]:
        """The values under a title, by key; none where there is no such section."""
        _, _, rest = self.text.partition(f"\n[{title}]\n")
        lines = rest.split("\n[")[0].splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def glupy(self, volume: str) -> dict[str, str]:
        """What a volume of Glupy's says."""
        return self.section(f"features/glupy.{volume}.priv")

    def requests(self) -> int:
        """How many are on their way."""
        return int(self.section("global.callpool")["callpool.cnt"])

    def objects(self) -> Counter[str]:
        """How many objects of GlusterFS's memory pools are in use, by type."""
        found = re.findall(r"pool-name=(\w+)\n(?:.+\n)*?active-count=(\d+)", self.text)
        objects: Counter[str] = Counter()
        for name, count in found:
            objects[name] += int(count)
        return objects


class StackError(Exception):
    """A process did not come up; has its log."""

    def __init__(self, what: str, log: Log) -> None:
        errors = [str(line) for line in log.lines() if line.level == "E"]
        super().__init__("\n".join([what, *errors]))
        self.log = log


class Process:
    """A glusterfs process in the foreground."""

    def __init__(self, host: Host, name: str, volfile: object, arguments: Sequence[str]) -> None:
        self.name = name
        self.deadline = host.deadline
        self.log = Log(host.directory / f"{name}.log")
        self.stderr = host.directory / f"{name}.stderr"
        self.volfile = host.directory / f"{name}.vol"
        self.environment = host.reports.environment
        self.grievances: list[str] = []
        #: Those that it may end by.
        self.signals = {signal.SIGTERM}
        if isinstance(volfile, VolfileServer):
            source = ["--volfile-server=127.0.0.1", "--volfile-id=volume"]
            source.append(f"--volfile-server-port={volfile.port}")
        else:
            self.volfile.write_text(str(volfile))
            source = [f"--volfile={self.volfile}"]
        program, *rest = arguments
        self.command = [
            program, "--no-daemon", *source, f"--log-file={self.log.path}", "--log-buf-size=0",
            *rest,
        ]  # fmt: skip
        host.processes.append(self)
        self.start()

    def start(self) -> None:
        """Start the process, or start it again."""
        with self.stderr.open("a") as stderr:
            self.popen = subprocess.Popen(
                self.command,
                cwd=self.volfile.parent,  # where a core would be dumped
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        # A request that hangs would hang the tests: who makes it is woken up by this end.
        self.watchdog = threading.Timer(self.deadline, self.popen.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self.popen.pid

    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait for a condition, but not for a process that has ended."""
        eventually(what, lambda: bool(condition()) or not self.running())
        if not self.running():
            raise StackError(f"{self.name} ended with {self.popen.returncode}", self.log)

    def stop(self) -> None:
        """End the process as an administrator would, or else by force."""
        if self.running():
            self.popen.terminate()
        try:
            self.popen.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.grievances.append("did not end when it was told to")
            self.popen.kill()
            self.popen.wait()
        self.watchdog.cancel()

    def statedump(self) -> Statedump:
        """What GlusterFS says of itself on SIGUSR1."""
        RUN.mkdir(exist_ok=True)
        options = RUN / f"glusterdump.{self.pid}.options"
        folder = self.volfile.parent / "dumps"
        folder.mkdir(exist_ok=True)
        options.write_text(f"all=yes\npath={folder}\n")
        pattern = f"glusterdump.{self.pid}.dump.*"
        try:
            self.popen.send_signal(signal.SIGUSR1)
            self.wait_until("a statedump", lambda: any(folder.glob(pattern)))
        finally:
            options.unlink(missing_ok=True)
        (file,) = folder.glob(pattern)
        text = file.read_text(errors="replace")
        file.unlink()
        return Statedump(text)

    def threads(self) -> Counter[str]:
        """Its threads, by name; the number at a name's end is left out."""
        names: Counter[str] = Counter()
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it has ended
                names[re.sub("0[0-9a-f]{2}$", "", (task / "comm").read_text().strip())] += 1
        return names

    def complaints(self) -> list[str]:
        """What its log, its standard error and its end have against the test."""
        complaints = [*self.grievances, *self.log.complaints()]
        complaints += self.stderr.read_text().splitlines()
        if self.popen.returncode < 0 and -self.popen.returncode not in self.signals:
            complaints.append(f"ended by signal {-self.popen.returncode}")
        return [f"{self.name}: {complaint}" for complaint in complaints]


class Mount(Process):
    """A volume mounted through FUSE, with nothing cached by the kernel."""

    OPTIONS = ("--attribute-timeout=0", "--entry-timeout=0", "--negative-timeout=0")

    def __init__(
        self, host: Host, name: str, volfile: object, readdirp: bool, options: Sequence[str]
    ) -> None:
        self.path = host.directory / name
        self.path.mkdir(exist_ok=True)
        readdirp_option = f"--use-readdirp={'yes' if readdirp else 'no'}"
        super().__init__(
            host, name, volfile,
            ["glusterfs", *self.OPTIONS, readdirp_option, *options, str(self.path)],
        )  # fmt: skip
        self.wait_until("mounted", lambda: is_mounted(self.path))
        self.wait_until("the root answers", lambda: os.access(self.path, os.R_OK))

    def stop(self) -> None:
        unmount(self.path)
        try:
            self.popen.wait(timeout=PATIENCE)  # unmounting ends the process
        except subprocess.TimeoutExpired:
            self.grievances.append("did not end when it was unmounted")
        super().stop()


class Brick(Process):
    """A process that serves volumes, one unless told, to protocol/client on this machine."""

    def __init__(self, host: Host, name: str, volfile: Volfile, served: Sequence[str] = ()) -> None:
        self.port = free_port()
        served = served or [volfile.top]
        self.served = served[0]
        volfile.add("server", "protocol/server", {
            "transport-type": "tcp",
            "transport.address-family": "inet",
            "transport.socket.bind-address": "127.0.0.1",
            "transport.socket.listen-port": self.port,
            "auth-path": self.served,
            **{f"auth.addr.{each}.allow": "127.0.0.1" for each in served},
        }, on=served)  # fmt: skip
        super().__init__(host, name, volfile, ["glusterfsd", f"--volfile-id={name}"])

    def start(self) -> None:
        super().start()
        self.wait_until("listening", self.listening)

    def listening(self) -> bool:
        # As /proc/net/tcp says it: to connect would make the server log a client that left.
        address = f"0100007F:{self.port:04X} 00000000:0000 0A"
        return address in Path("/proc/net/tcp").read_text()

    def restart(self, opened: int) -> None:
        """Start it anew, and wait for a client in which that file is open."""
        self.stop()
        self.start()

        def answers() -> bool:
            with contextlib.suppress(OSError):
                os.fstatvfs(opened)
                return True
            return False

        self.wait_until("the client is back", answers)

    def client(self, volfile: Volfile, name: str, served: str | None = None) -> Volfile:
        """Add a volume that talks to this brick."""
        return volfile.add(name, "protocol/client", {
            "transport-type": "tcp",
            "remote-host": "127.0.0.1",
            "remote-port": self.port,
            "remote-subvolume": served or self.served,
        }, on=())  # fmt: skip


class Host:
    """The machine of a test: its folder, and its processes."""

    def __init__(self, directory: Path, library: Path | None, deadline: float = DEADLINE) -> None:
        self.directory = directory
        self.library = library
        self.deadline = deadline
        self.processes: list[Process] = []
        self.daemons: list[tuple[Path, Log]] = []
        self.reports = Reports(directory / "reports")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        complaints = self.close()
        if error is None:
            assert not complaints, "\n".join(["in the logs:", *complaints])

    # -- what processes are made of ------------------------------------------------

    def brick(self, name: str = "brick") -> Path:
        """A folder for storage/posix."""
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def posix(self, brick: str = "brick") -> Volfile:
        """The bottom of every stack: storage and locks."""
        return (
            Volfile()
            .add("posix", "storage/posix", {"directory": self.brick(brick)})
            .add("locks", "features/locks")
        )

    @property
    def glupy(self) -> str:
        """The volume type that loads the library under test, wherever it is."""
        assert self.library is not None, "this test needs glupy.so"
        return os.path.relpath(self.library.with_suffix(""), xlator_dir())

    def module_path(self) -> Path:
        """A folder for Python modules; nobody else may write to it (strict-modes)."""
        path = self.directory / "modules"
        path.mkdir(exist_ok=True)
        return path

    def copy(self, *modules: Path) -> Path:
        """Copy Python modules to the module path, as an administrator does."""
        for module in modules:
            shutil.copyfile(module, self.module_path() / module.name)
        return self.module_path()

    def write(self, **modules: str) -> Path:
        """Write Python modules to the module path."""
        for name, source in modules.items():
            (self.module_path() / f"{name}.py").write_text(textwrap.dedent(source))
        return self.module_path()

    # -- processes -------------------------------------------------------------------

    def mount(
        self,
        volfile: object,
        name: str = "mnt",
        readdirp: bool = True,
        options: Sequence[str] = (),
    ) -> Mount:
        return Mount(self, name, volfile, readdirp, options)

    def serve(self, volfile: Volfile, name: str = "server", served: Sequence[str] = ()) -> Brick:
        return Brick(self, name, volfile, served)

    def mount_command(self, volfile: object, name: str = "daemon") -> tuple[int, Log]:
        """Mount as an administrator does, in the background; exit status and log."""
        path = self.directory / name
        path.mkdir()
        log = Log(self.directory / f"{name}.log")
        self.daemons.append((path, log))
        (self.directory / f"{name}.vol").write_text(str(volfile))
        command = subprocess.run(
            ["glusterfs", f"--volfile={self.directory / name}.vol", f"--log-file={log.path}",
             "--log-buf-size=0", *Mount.OPTIONS, str(path)],
            env=self.reports.environment(), timeout=DEADLINE, check=False,
        )  # fmt: skip
        return command.returncode, log

    def close(self) -> list[str]:
        """End what runs; what the logs have against the test."""
        for path, _ in self.daemons:
            unmount(path)
        for process in reversed(self.processes):
            process.stop()
        complaints = self.reports.complaints()
        complaints += [complaint for _, log in self.daemons for complaint in log.complaints()]
        return complaints + [c for process in self.processes for c in process.complaints()]


def xlator_dir() -> Path:
    """Where the installed GlusterFS has its translators."""
    command = ["glusterfs", "--print-xlatordir"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def free_port() -> int:
    """A port that nobody listens on, below the range from which clients get theirs."""
    ports = range(24900, 25900)
    for port in random.sample(ports, len(ports)):  # two test runs at once look for others
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


def is_mounted(path: Path, process: int | str = "self") -> bool:
    """Whether something is mounted there, as that process sees it."""
    # White space that is escaped in names is all that splits them.
    mounts = Path(f"/proc/{process}/mounts").read_bytes().split(b"\n")
    return any(line.split(b" ")[1:2] == [os.fsencode(path)] for line in mounts)


def unmount(path: Path) -> None:
    for lazy in ([], ["--lazy"]):
        if is_mounted(path):
            subprocess.run(["umount", *lazy, str(path)], stderr=subprocess.DEVNULL, check=False)
