"""Entries that a handler adds to a listing: it goes on behind them, and ends."""

from __future__ import annotations

import os
import subprocess

import pytest

from glusterfs import Host, Mount, Option

ADDS = """
from gluster import Dirent, Translator

class Adds(Translator):
    def added(self, op_ret, entries):
        return [*entries, Dirent("VIRTUAL", d_type=8)] if op_ret > 0 else []

    def readdirp_cbk(self, frame, cookie, this, op_ret, op_errno, entries, xdata):
        frame.unwind(entries=self.added(op_ret, entries))

    readdir_cbk = readdirp_cbk

class Between(Adds):
    def added(self, op_ret, entries):
        return [e for entry in entries for e in (entry, Dirent("V" + entry.d_name))]

class Always(Adds):
    def added(self, op_ret, entries):
        return [*entries, Dirent("VIRTUAL", d_type=8)]

class Long(Adds):
    def added(self, op_ret, entries):
        return [*entries, Dirent("x" * 256)]

class Longest(Adds):
    def added(self, op_ret, entries):
        return [*entries, Dirent("x" * 255)] if op_ret > 0 else []
"""


def mounted(host: Host, name: str, readdirp: bool) -> Mount:
    options: dict[str, Option] = {
        "module-name": "adds", "module-path": host.write(adds=ADDS), "class-name": name,
    }  # fmt: skip
    mount = host.mount(host.posix().add("adds", host.glupy, options), readdirp=readdirp)
    folder = mount.path / "dir"
    folder.mkdir()
    for i in range(300):  # several pages
        (folder / f"file{i}").touch()
    return mount


def listed(mount: Mount) -> list[str]:
    done = subprocess.run(
        ["ls", "-U", mount.path / "dir"], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("readdirp", [True, False])
@pytest.mark.parametrize("name", ["Adds", "Between", "Longest"])
def test_a_listing_with_more_entries_ends(host: Host, name: str, readdirp: bool) -> None:
    got = listed(mounted(host, name, readdirp))
    files = {f"file{i}" for i in range(300)}
    assert files <= set(got)
    for entry in files:
        assert got.count(entry) == 1
    added = set(got) - files
    expected = {"Adds": {"VIRTUAL"}, "Longest": {"x" * 255}}
    assert added == expected.get(name, {f"V{each}" for each in (*files, ".", "..")})


def test_a_name_that_is_too_long_is_refused(host: Host) -> None:
    mount = mounted(host, "Long", True)
    mount.log.expect("ValueError: .*at most 255 bytes, not 256", r"E \[adds\.py:")
    mount.log.expect("Input/output error")
    with pytest.raises(OSError, match="Input/output error"):
        os.listdir(mount.path / "dir")


@pytest.mark.parametrize("readdirp", [True, False])
def test_a_listing_that_would_not_end_is_refused(host: Host, readdirp: bool) -> None:
    mount = mounted(host, "Always", readdirp)
    mount.log.expect('an entry "VIRTUAL" without d_off where the child has no more', r"E \[adds")
    mount.log.expect("Input/output error")
    with pytest.raises(OSError, match="Input/output error"):
        os.listdir(mount.path / "dir")


# Entries that translators above would follow a NULL inode of.
BARE = """
from gluster import Dict, Dirent, Iatt, IaType, Translator

class Bare(Translator):
    def readdirp_cbk(self, frame, cookie, this, op_ret, op_errno, entries, xdata):
        entry = Dirent("VIRTUAL", dict=Dict({"user.a": b"1"}), d_stat=self.stat)
        frame.unwind(entries=[*entries, entry] if op_ret > 0 else entries)

class File(Bare):
    stat = Iatt(ia_type=IaType.IFREG, ia_gfid=bytes(range(16)))

class Directory(Bare):
    stat = Iatt(ia_type=IaType.IFDIR, ia_gfid=bytes(range(16)))
"""


@pytest.mark.parametrize("name", ["File", "Directory"])
def test_an_entry_without_inode_has_nothing_that_callers_follow(host: Host, name: str) -> None:
    volfile = host.posix()
    options: dict[str, Option] = {
        "module-name": "bare", "module-path": host.write(bare=BARE), "class-name": name,
    }  # fmt: skip
    volfile.add("bare", host.glupy, options)
    volfile.add("above", "features/locks")
    export = {"export": str(host.directory / "brick"), "bitrot": "enable"}
    volfile.add("bitrot", "features/bitrot-stub", dict(export))
    with host.mount(volfile) as mount:
        (mount.path / "file").touch()
        mount.log.known.append("0-bitrot|fuse-bridge")
        if name == "File":
            mount.log.expect('readdirp: entries .*"VIRTUAL".* without inode', r"E \[bare")
            with pytest.raises(OSError, match="Input/output error"):
                os.listdir(mount.path)
        else:
            assert {"VIRTUAL", "file"} <= set(os.listdir(mount.path))
        assert mount.running()
