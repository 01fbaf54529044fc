"""A glusterd with managed volumes, in namespaces of its own.

Nothing of the machine's is touched or seen: the network is a loopback of its own, the
folders that GlusterFS writes to and the one with its translators are copies, and all
processes end with the first one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Self

from glusterfs import Host, Log, StackError, eventually, is_mounted, xlator_dir
from sanitizer import SLOWER

ADDRESS = "10.0.0.1"  # glusterd wants bricks on something else than localhost
STATE = ("/var/lib/glusterd", "/var/log/glusterfs", "/run/gluster")


class Cluster:
    """A glusterd; ``library`` is there as the translators ``user/NAME``."""

    def __init__(self, host: Host, translators: tuple[str, ...]) -> None:
        self.host = host
        self.directory = host.directory / "cluster"
        self.directory.mkdir()
        self.translators = translators
        self.processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        script = ["set -e", "ip link set lo up", f"ip address add {ADDRESS}/32 dev lo"]
        # What other tests have mounted now would not end when they unmount it.
        script.append("umount --all --lazy --types fuse.glusterfs")
        for name in STATE:
            Path(name).mkdir(parents=True, exist_ok=True)
            mine = self.directory / Path(name).name
            mine.mkdir()
            script.append(f"mount --bind {mine} {name}")
        xlators = self.directory / "xlator"
        shutil.copytree(xlator_dir(), xlators)
        (xlators / "user").mkdir()
        for name in self.translators:
            # Links to one file, as an administrator would make them.
            (xlators / "user" / f"{name}.so").symlink_to(self.host.library or "")
        script += [f"mount --bind {xlators} {xlator_dir()}", "echo ready", "exec sleep infinity"]
        first = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation=private", "--pid", "--fork",
             "--mount-proc", "--kill-child", "sh", "-c", "\n".join(script)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.processes.append(first)
        assert first.stdout is not None
        with first.stdout as stdout:
            assert stdout.readline() == "ready\n"
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
        self.init = int(children.read_text())
        self.socket = self.directory / "glusterd.socket"
        volfile = self.directory / "glusterd.vol"
        volfile.write_text(
            "volume management\n  type mgmt/glusterd\n"
            "  option working-directory /var/lib/glusterd\n"
            f"  option glusterd-sockfile {self.socket}\n"
            "  option transport-type socket\n  option transport.socket.listen-port 24007\n"
            "end-volume\n"
        )
        daemon = subprocess.Popen(
            self._inside("glusterd", "--no-daemon", f"--volfile={volfile}",
                         f"--pid-file={self.directory}/glusterd.pid"),
            env=self.host.reports.environment(), text=True,
        )  # fmt: skip
        self.processes.append(daemon)
        eventually("glusterd", lambda: daemon.poll() is not None or self._answers())
        if daemon.poll() is not None:
            log = Log(self.directory / "glusterfs/glusterd.log")
            raise StackError(f"glusterd ended with {daemon.returncode}", log)

    def _end(self) -> None:
        for first in self.processes[:1]:
            first.kill()  # and with it what it has started (--kill-child)
        for process in self.processes:
            process.wait()

    def _inside(self, *command: object) -> list[str]:
        # --root: / of a namespace of mounts is not that of a chroot in which the tests may run.
        enter = ["nsenter", f"--target={self.init}", "--net", "--mount", "--pid", "--root", "--"]
        return [*enter, *map(str, command)]

    def run(
        self, *command: object, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in there."""
        return subprocess.run(
            self._inside(*command), env=environment,
            capture_output=True, text=True, timeout=100 * SLOWER, check=False,
        )  # fmt: skip

    def _gluster(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = ["gluster", "--mode=script", f"--glusterd-sock={self.socket}"]
        return self.run(*command, *words)

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            return self._gluster("volume", "list").returncode == 0
        except subprocess.TimeoutExpired:  # asked too early, it may wait for good
            return False

    def gluster(self, *words: object) -> str:
        """What the command `gluster` says."""
        done = self._gluster(*words)
        if done.returncode:
            print(done.stdout, done.stderr, file=sys.stderr)
        assert done.returncode == 0, f"gluster {' '.join(map(str, words))}: {done.stderr}"
        return done.stdout

    def create(self, name: str, **options: object) -> None:
        """A volume of one brick; `_` stands for `-` in the options' names, `__` for `.`."""
        brick = self.directory / "bricks" / name
        brick.mkdir(parents=True)
        self.gluster("volume", "create", name, f"{ADDRESS}:{brick}", "force")
        for key, value in options.items():
            option = key.replace("__", ".").replace("_", "-")
            self.gluster("volume", "set", name, option, value)

    def mount(self, volume: str) -> Path:
        """Mount a volume; where it is seen from outside."""
        path = self.directory / "mounts" / volume
        path.mkdir(parents=True)
        done = self.run(
            "glusterfs", f"--volfile-server={ADDRESS}", f"--volfile-id={volume}",
            "--attribute-timeout=0", "--entry-timeout=0", path,
            environment=self.host.reports.environment(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        eventually(f"{volume} mounted", lambda: is_mounted(path, self.init))
        return Path(f"/proc/{self.init}/root{path}")

    def bricks(self) -> list[str]:
        """The process ids of the processes that serve bricks, as seen in there."""
        done = self.run("pgrep", "--exact", "glusterfsd")
        assert done.returncode in (0, 1), done.stderr  # found, or none
        return done.stdout.split()

    def logs(self) -> list[Log]:
        """The logs of the bricks' processes."""
        return [Log(path) for path in sorted((self.directory / "glusterfs/bricks").glob("*.log"))]
