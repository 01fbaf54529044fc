"""A Python translator that intercepts everything changes nothing.

Each stack is run twice, without Glupy and with a translator that passes on all fops and
callbacks, and what programs do to it is compared operation by operation.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compare import coverage, run, same, same_noise, tree
from fopscript import pattern
from glusterfs import Brick, Host, Mount, Volfile, eventually

# They share a mount.
PASSTHROUGH = Path(__file__).with_name("translators") / "passthrough.py"

# Which stack brought which fops, there and back; filled by the tests, read by the last one.
reached: dict[str, set[str]] = {}


def io_threads(volfile: Volfile, name: str) -> Volfile:
    return volfile.add(name, "performance/io-threads", {"thread-count": 4})


def passthrough(host: Host, volfile: Volfile, name: str = "glupy") -> Volfile:
    return volfile.add(name, host.glupy, {
        "module-name": "passthrough",
        "module-path": host.copy(PASSTHROUGH),
        "record": host.directory / f"{name}.seen",
    })  # fmt: skip


def note(host: Host, stack: str) -> set[str]:
    """Remember which fops there are, and which were seen, there and back."""
    lines = {x for record in host.directory.glob("*.seen") for x in record.read_text().splitlines()}
    known = {x.split()[0] for x in lines}
    seen = {fop for fop in known if {f"{fop} fop", f"{fop} cbk"} <= lines}
    reached.setdefault("known", set()).update(known)
    reached.setdefault(stack, set()).update(seen)
    return seen


@pytest.mark.parametrize("readdirp", [True, False], ids=["readdirp", "readdir"])
@pytest.mark.parametrize("threads", [False, True], ids=["direct", "io-threads"])
def test_fuse(host: Host, threads: bool, readdirp: bool) -> None:
    """A mount, with and without io-threads below and above Glupy, readdirp on and off."""
    bricks, outcomes, logs = [], [], []
    for name in ("plain", "glupy"):
        volfile = host.posix(f"{name}-brick")
        if threads:
            io_threads(volfile, "below")
        if name == "glupy":
            passthrough(host, volfile)
        if threads:
            io_threads(volfile, "above")
        with host.mount(volfile, name, readdirp) as mount:
            outcomes.append(coverage(mount.path))
            logs.append([mount.log])
        bricks.append(tree(host.brick(f"{name}-brick")))
    same_noise(*logs)
    same(*outcomes)
    assert bricks[0] == bricks[1]
    assert ("readdirp" if readdirp else "readdir") in note(host, "fuse")


def test_fuse_at_once(host: Host) -> None:
    """Four programs at the same time, on the threads of io-threads."""
    with host.mount(host.posix("plain-brick"), "plain") as plain:
        outcome = coverage(plain.path)
    volfile = passthrough(host, io_threads(host.posix("glupy-brick"), "below"))
    with host.mount(io_threads(volfile, "above"), "glupy") as glupy:
        folders = [glupy.path / str(i) for i in range(4)]
        for folder in folders:
            folder.mkdir()
        with ThreadPoolExecutor() as pool:
            outcomes = list(pool.map(coverage, folders))
    same_noise([plain.log], [glupy.log])
    for each in outcomes:
        same(outcome, each)


def test_gfapi(host: Host, gfapi: Path) -> None:
    """A brick that serves libgfapi, with Glupy inside the brick's process."""
    bricks, outcomes, logs = [], [], []
    for name in ("plain", "glupy"):
        volfile = io_threads(host.posix(f"{name}-brick"), "threads")
        if name == "glupy":
            passthrough(host, volfile)
        with host.serve(volfile, name) as server:
            client = host.directory / f"{name}-client.vol"
            client.write_text(str(server.client(Volfile(), "client")))
            outcomes.append(run(gfapi, client, host.directory / f"{name}-client.log"))
            logs.append([server.log])
        bricks.append(tree(host.brick(f"{name}-brick")))
    same_noise(*logs)
    same(*outcomes)
    assert bricks[0] == bricks[1]
    note(host, "gfapi")


def replica(host: Host, name: str, glupy: bool) -> list[Brick]:
    bricks = []
    for i in (0, 1):
        volfile = io_threads(host.posix(f"{name}-brick{i}"), "threads")
        if glupy:
            passthrough(host, volfile, f"{name}{i}")
        brick = host.serve(volfile, f"{name}-server{i}")
        # A folder's healing may ask for what features/index has, which is not there; not in
        # each run, so that the stack without Glupy need not have been asked.
        brick.log.known.append(r"posix_getxattr\].*(not supported|entry_changes_gfid)")
        bricks.append(brick)
    return bricks


def test_replicate(host: Host) -> None:
    """A replicated volume, with Glupy inside both bricks; one is away and is healed."""
    outcomes, logs, contents = [], [], []
    for name in ("plain", "glupy"):
        bricks = replica(host, name, name == "glupy")
        volfile = Volfile()
        for i, brick in enumerate(bricks):
            brick.client(volfile, f"client{i}")
        volfile.add("replicate", "cluster/replicate", {
            "afr-pending-xattr": "client0,client1",
            "data-self-heal": "on",
            "metadata-self-heal": "on",
            "entry-self-heal": "on",
            "data-self-heal-algorithm": "diff",
        }, on=["client0", "client1"])  # fmt: skip
        mount = host.mount(volfile, name)
        folder = mount.path / "folder"
        folder.mkdir()
        outcomes.append(coverage(folder))
        heal(mount, bricks[1], [host.brick(f"{name}-brick{i}") for i in (0, 1)])
        mount.stop()
        contents += [tree(host.brick(f"{name}-brick{i}")) for i in (0, 1)]
        logs.append([mount.log, *(brick.log for brick in bricks)])
        for brick in bricks:
            brick.stop()
    same_noise(*logs)
    same(*outcomes)
    assert contents[0] == contents[1] == contents[2] == contents[3]
    note(host, "replicate")


def heal(mount: Mount, away: Brick, bricks: list[Path]) -> None:
    """Change files while the second brick is away, and wait until it has the changes."""
    path = mount.path

    def noticed(up: bool) -> None:
        # A file that is open at that moment is one more thing that cluster/replicate mends,
        # with warnings that the other stack need not have.
        def says() -> bool:
            section = mount.statedump().section("cluster/replicate.replicate")
            return section["child_up[1]"] == str(int(up))

        mount.wait_until(f"child_up is {up}", says)

    big = path / "big"
    big.write_bytes(pattern(1 << 20))
    away.stop()
    noticed(up=False)
    with big.open("r+b") as file:
        file.seek(500_000)
        file.write(b"changed while a brick was away")
    big.chmod(0o600)
    (path / "new").write_text("made while a brick was away")
    away.start()
    noticed(up=True)

    def healed() -> bool:
        # The one that looks at a file is the one that has it healed.
        contents = [entry.read_bytes() for entry in path.iterdir() if entry.is_file()]
        return len(contents) == 2 and tree(bricks[0]) == tree(bricks[1])

    eventually("healed", healed, 60)
    # Healing goes on until it has given its locks back.
    eventually("no request is left", lambda: mount.statedump().requests() == 0)


def test_reach(capsys: pytest.CaptureFixture[str]) -> None:
    """Together, the stacks bring nearly every fop through Python."""
    stacks = {"fuse", "gfapi", "replicate"}
    if missing := stacks - reached.keys():
        pytest.skip(f"counts what the tests above see; these did not run: {missing}")
    known = reached["known"]
    seen = set().union(*(reached[stack] for stack in stacks))
    with capsys.disabled():
        print(f"\n{len(seen)} of {len(known)} fops seen, there and back:")
        for stack in sorted(stacks):
            print(f"  {stack:10} {len(reached[stack]):2}")
        print("  not reached:", *sorted(known - seen))
    assert len(known) == 54
    assert len(seen) >= 42
