"""Each example, on a real mount, through the volfile beside it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compare import coverage, same, same_noise
from glusterfs import Host, Mount, Volfile, eventually
from shipped import EXAMPLES, messages, shipped


def is_there(path: Path) -> bool:
    """Whether the mount knows the name: one lookup."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def test_helloworld(host: Host) -> None:
    with host.mount(shipped(host, "helloworld")) as mount:
        (mount.path / "world").touch()
    assert "hello, /world" in messages(mount, "hello")
    (line, *_) = mount.log.find("hello, /world")
    assert line.level == "I"
    assert line.place.startswith("helloworld.py:")


@pytest.fixture
def negative(host: Host) -> Iterator[Mount]:
    """The cache of negative.py on a mount, logging what it does."""
    debug = "option log-level DEBUG"
    changes = {f"# {debug}": debug, "cache-size 10000": "cache-size 4"}
    volfile = shipped(host, "negative", changes)
    with host.mount(volfile) as mount:
        (mount.path / "other").touch()
        yield mount


def make_behind(host: Host, name: str) -> None:
    """Make a name on the brick, where the mount does not see it."""
    os.link(host.brick() / "other", host.brick() / name)


def test_negative_remembers(host: Host, negative: Mount) -> None:
    """A missing name is asked for once: what is made behind the mount's back is not seen."""
    before = len(messages(negative, "negative"))
    assert not is_there(negative.path / "name")
    make_behind(host, "name")
    assert not is_there(negative.path / "name")
    # FUSE asks twice for a name that is not there, even for one lstat.
    first, *rest = messages(negative, "negative")[before:]
    assert first == "name is not there: remembered"
    assert set(rest) == {"name is not there: answered from memory"}


def mknod(path: Path) -> None:
    os.mknod(path)


def link(path: Path) -> None:
    os.link(path.parent.parent / "other", path)


def rename(path: Path) -> None:
    old = path.parent.parent / "old"
    old.touch()
    old.rename(path)


def symlink(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, mknod, symlink, link, rename])
def test_negative_forgets(host: Host, negative: Mount, make: Callable[[Path], None]) -> None:
    """A name that is made is there at once; what is remembered of others stays."""
    folder = negative.path / "folder"
    folder.mkdir()
    name, beside = folder / "name", folder / "beside"
    assert not is_there(beside)
    assert not is_there(name)
    assert not is_there(name)
    make(name)
    assert is_there(name)
    make_behind(host, "folder/beside")
    assert not is_there(beside)


def test_negative_forgets_the_oldest(host: Host, negative: Mount) -> None:
    names = [f"name{i}" for i in range(6)]
    for name in names:
        assert not is_there(negative.path / name)
        make_behind(host, name)
    # cache-size is 4; a name that is found takes no room
    assert [is_there(negative.path / name) for name in names] == [True] * 2 + [False] * 4


def test_negative_is_per_folder(negative: Mount) -> None:
    (negative.path / "here").mkdir()
    assert not is_there(negative.path / "name")
    (negative.path / "here" / "name").touch()
    assert is_there(negative.path / "here" / "name")
    assert not is_there(negative.path / "name")


# Brings the first answer that the name "race" is missing a second late.
LATE = """
import errno, threading
from gluster import Translator

class xlator(Translator):
    late = False

    def lookup_fop(self, frame, this, loc, xdata):
        frame.local = loc.name
        frame.wind()

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, *answer):
        if frame.local == "race" and op_errno == errno.ENOENT and not self.late:
            self.late = True
            print("an answer comes late")
            threading.Timer(1, frame.unwind).start()
        else:
            frame.unwind()
"""


def test_negative_against_time(host: Host) -> None:
    """An answer that is overtaken by the making of the name is not remembered.

    On one FUSE mount, the kernel lets nobody make a name that is being looked up; so there
    are two, over a brick that holds the cache.
    """
    volfile = host.posix()
    volfile.add("late", host.glupy, {"module-name": "late", "module-path": host.write(late=LATE)})
    modules = host.copy(EXAMPLES / "negative.py")
    volfile.add("negative", host.glupy, {"module-name": "negative", "module-path": modules})
    brick = host.serve(volfile)
    one, two = (host.mount(brick.client(Volfile(), name), name) for name in ("one", "two"))
    asker = threading.Thread(target=is_there, args=[one.path / "race"])
    asker.start()
    eventually("the lookup is under way", lambda: bool(brick.log.find("comes late")))
    (two.path / "race").touch()
    assert asker.is_alive(), "the answer was to come late"
    asker.join()
    assert is_there(one.path / "race")


def test_debug_trace(host: Host) -> None:
    """Everything is traced, and nothing is changed by looking at it."""
    with host.mount(host.posix("plain-brick"), "plain") as plain:
        outcome = coverage(plain.path)
    with host.mount(shipped(host, "debug_trace"), "traced") as traced:
        traced_outcome = coverage(traced.path)
    same_noise([plain.log], [traced.log])
    same(outcome, traced_outcome)
    text = "\n".join(messages(traced, "trace"))
    for pattern in (
        r'\d+: mkdir\(loc=.*"/dir".*, mode=488, umask=\d+, xdata=.*\)',
        r"\d+: writev\(fd=.*, vector=.*, count=\d+, offset=10000, .*\)",
        r"\d+: lookup = errno 2$",
        r"\d+: readv = \d+ vector=.*, count=1, stbuf=.*ia_size=\d+",
    ):
        assert re.search(pattern, text, re.M), pattern


def test_readme(host: Host) -> None:
    """The translator in the README does what its words say."""
    readme = (EXAMPLES.parent / "README.md").read_text()
    modules = host.write(readme=re.findall(r"```python\n(.*?)```", readme, re.S)[0])
    volfile = host.posix()
    volfile.add("readme", host.glupy, {"module-name": "readme", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "fine").touch()
        with pytest.raises(PermissionError):
            (mount.path / "virus.exe").touch()
        mount.log.known.append("fuse_create_cbk")
    assert messages(mount, "readme")[-1] == "create /fine -> 0 0"
