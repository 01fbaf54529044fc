"""Which parts a loc has, fop by fop, measured where translators run; docs/fops.md shows it.

`make locs` writes docs/locs.json, from which `cargo codegen` makes the tables. This test measures
again, and fails with a diff when something else comes out.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

from fopscript import NOBODY, as_user
from glusterfs import Brick, Host, Log, Option, Volfile

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/locs.json"
PARTS = ("path", "name", "parent", "inode", "gfid", "pargfid")
# What a part may be, in the order in which a cell of the table names what was seen.
SEEN = ("real", "gfid", "known", "new", "yes", "none")

# Where: the rows of a fop's table, in their order.
PLACES = ("mount", "gfapi", "brick", "restarted")


def recorder(host: Host, graph: Volfile, name: str, place: str) -> Path:
    """Add a translator that records; the file that it writes to."""
    record = host.directory / f"{place}.seen"
    module = Path(__file__).with_name("translators") / "locs.py"
    options: dict[str, Option] = {"module-name": "locs", "module-path": host.copy(module)}
    graph.add(name, host.glupy, options | {"record": record})
    return record


def make(folder: Path) -> None:
    """What must be there before `use`, and is known to the kernel then."""
    (folder / "empty").mkdir(parents=True)
    for name in ("file", "goes", "replaced", "moves"):
        (folder / name).write_text(name)
    os.symlink("file", folder / "link")
    for path in folder.iterdir():
        path.lstat()


def use(folder: str) -> None:
    """Everything that a program can do with a path."""
    file = f"{folder}/file"
    os.stat(file)
    os.readlink(f"{folder}/link")
    os.listdir(f"{folder}/empty")
    os.listdir(folder)
    os.statvfs(file)
    os.truncate(file, 2)
    os.chmod(file, 0o600)
    os.setxattr(file, "user.x", b"x")
    os.getxattr(file, "user.x")
    os.listxattr(file)
    os.removexattr(file, "user.x")
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_TRUNC):
        os.close(os.open(file, flags))
    os.mkdir(f"{folder}/new-dir")
    os.mknod(f"{folder}/new-node")
    os.symlink("file", f"{folder}/new-link")
    os.close(os.open(f"{folder}/new-file", os.O_CREAT | os.O_WRONLY))
    os.link(file, f"{folder}/second")
    os.rename(f"{folder}/moves", f"{folder}/moved")
    os.rename(f"{folder}/moved", f"{folder}/replaced")
    os.unlink(f"{folder}/goes")
    os.rmdir(f"{folder}/empty")
    with contextlib.suppress(FileNotFoundError):
        os.stat(f"{folder}/missing")


def mount(host: Host) -> Path:
    """A FUSE mount, of a volume that it has in itself."""
    graph = host.posix("mount-brick")
    record = recorder(host, graph, "locs", "mount")
    with host.mount(graph, "mount") as fuse:
        make(fuse.path / "folder")
        use(f"{fuse.path}/folder")
    return record


def serve(host: Host) -> tuple[Brick, Path]:
    """Bricks in one process: a and b of a replicated volume, c of another one."""
    graph = Volfile()
    for name in "abc":
        graph.add(f"posix-{name}", "storage/posix", {"directory": host.brick(name)}, on=())
        graph.add(f"locks-{name}", "features/locks")
        record = recorder(host, graph, name, "brick")
    brick = host.serve(graph, served="abc")
    # What the programs try that can not be.
    brick.log.known += ["LEASE|features/leases", "REMOVEXATTR", "File exists", "GF_LOG_IPC"]
    return brick, record


def libgfapi(host: Host, brick: Brick, program: Path) -> Path:
    """A program with libgfapi: calls with paths, and such with handles."""
    graph = brick.client(Volfile(), "client", "c")
    record = recorder(host, graph, "locs", "gfapi")
    volfile = host.directory / "gfapi.vol"
    volfile.write_text(str(graph))
    command: list[str | Path] = [program, volfile, Log(host.directory / "gfapi.log").path, "quick"]
    environment = host.reports.environment()
    subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)
    return record


def replicated(host: Host, brick: Brick) -> Volfile:
    """A client that asks for locks and counters; one of its bricks is asked for more."""
    graph = brick.client(Volfile(), "client-a", "a")
    module = Path(__file__).with_name("translators") / "asks_bricks.py"
    graph.add("asks", host.glupy, {"module-name": "asks_bricks", "module-path": host.copy(module)})
    brick.client(graph, "client-b", "b")
    pending: dict[str, Option] = {"afr-pending-xattr": "client-a,client-b"}
    return graph.add("replicate", "cluster/replicate", pending, on=["asks", "client-b"])


def bricks(host: Host, gfapi: Path) -> list[Path]:
    """libgfapi, a brick, and the same one when it has been restarted, while a client goes on."""
    brick, record = serve(host)
    program = libgfapi(host, brick, gfapi)
    # Names that it has looked up are known to the kernel, as they are for a second by default.
    known = ["--entry-timeout=600"]
    with host.mount(replicated(host, brick), "client", options=known) as fuse:
        path = fuse.path
        for name in ("first", "second"):
            make(path / name)
        use(f"{path}/first")
        os.setxattr(path / "first/file", "user.ask", b"")
        folder = os.open(path / "second", os.O_RDONLY)
        before = record.rename(host.directory / "before.seen")
        fuse.log.known += ["0-(client|replicate)", "fuse-bridge.*not connected"]
        brick.restart(folder)
        # Not by names from the root on: that would tell the brick where everything is.
        use(f"/proc/self/fd/{folder}")
        os.setxattr(f"/proc/self/fd/{folder}/file", "user.ask", b"")
        os.close(folder)
    brick.stop()
    return [program, before, record]


def rows(place: str, record: Path) -> list[dict[str, str]]:
    """What was recorded, one row for each loc of each fop."""
    seen: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in record.read_text().splitlines():
        loc = json.loads(line)
        for part in PARTS:
            seen[loc["fop"], loc["arg"]][part].add(loc[part])
    assert {each for parts in seen.values() for part in parts.values() for each in part} <= {*SEEN}
    return [
        {"fop": fop, "arg": arg, "on": place}
        | {part: " or ".join(each for each in SEEN if each in parts[part]) for part in PARTS}
        for (fop, arg), parts in seen.items()
    ]


def text(table: list[dict[str, str]]) -> str:
    """A row on a line, so that a change is seen."""
    table = sorted(table, key=lambda row: (row["fop"], row["arg"], PLACES.index(row["on"])))
    return "[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]\n"


def test_table(host: Host, gfapi: Path) -> None:
    records = [mount(host), *bricks(host, gfapi)]
    measured = text(
        [row for place, record in zip(PLACES, records, strict=True) for row in rows(place, record)]
    )
    if os.environ.get("GLUPY_LOCS"):
        TABLE.write_text(measured)
    known = TABLE.read_text() if TABLE.exists() else ""
    diff = difflib.unified_diff(
        known.splitlines(), measured.splitlines(), "docs/locs.json", "measured", n=0, lineterm=""
    )
    assert measured == known, "\n".join(["`make locs` writes what was measured:", *diff])


# What docs/fops.md says of `frame.uid`.
WHO = """
from gluster import Translator

class xlator(Translator):
    def writev_fop(self, frame, this, *rest):
        print("writes:", frame.uid, frame.gid, frame.pid, frame.groups)
        frame.wind()
"""


def test_write_behind_writes_as_root(host: Host) -> None:
    graph = host.posix()
    options: dict[str, Option] = {"module-name": "who", "module-path": host.write(who=WHO)}
    brick = host.serve(graph.add("who", host.glupy, options))
    seen = []
    for behind in (False, True):
        client = brick.client(Volfile(), "client")
        if behind:
            client.add("behind", "performance/write-behind")
        with host.mount(client, f"behind-{behind}") as fuse:
            folder = os.open(fuse.path, os.O_RDONLY)
            os.fchmod(folder, 0o777)
            with as_user(NOBODY):
                file = os.open(f"file-{behind}", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
                os.write(file, b"data")
                os.close(file)
            os.close(folder)
        seen.append(brick.log.find("writes: ")[-1].message.split(": ")[1])
    assert seen[0].startswith(f"{NOBODY} {NOBODY} {os.getpid()} ")
    assert seen[1] == f"0 0 {os.getpid()} ()"
