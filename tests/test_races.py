"""Several threads want the same request at once: one gets it, the others are refused."""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from glusterfs import Host, Mount, eventually
from sanitizer import RUNTIME

RACES = Path(__file__).with_name("translators") / "races.py"
BELOW = """
from gluster import Translator

class xlator(Translator):
    def access_fop(self, frame, this, loc, mask, xdata):
        print("asked for", loc.path, loc.name, oct(mask))
        frame.wind()
"""
ROUNDS = 200 if RUNTIME else 2_000


@pytest.fixture
def mount(host: Host) -> Iterator[Mount]:
    host.write(below=BELOW)
    options = {"module-path": host.copy(RACES)}
    volfile = host.posix()
    volfile.add("below", host.glupy, {"module-name": "below", **options})
    volfile.add("races", host.glupy, {"module-name": "races", **options})
    with host.mount(volfile) as mount:
        yield mount


@pytest.mark.parametrize(
    ("way", "attempts"), [("answers", 4), ("winds", 4), ("mixed", 4), ("handler", 5)]
)
def test_one_gets_it(mount: Mount, way: str, attempts: int) -> None:
    """Whoever comes first; each request is answered, once."""
    for i in range(ROUNDS):
        assert not (mount.path / f"{way}-{i}").exists()

    def all_have_tried() -> bool:
        assert not (mount.path / "report").exists()
        (*_, last) = mount.log.find(" requests, won ")
        requests, won, refused = map(int, re.findall(r"\d+", last.message))
        assert requests >= ROUNDS
        assert won <= requests
        return (won, refused) == (requests, requests * (attempts - 1))

    eventually("everybody has tried", all_have_tried)


@pytest.mark.parametrize("form", ["short", "long"])
def test_answered_while_it_is_wound(mount: Mount, form: str) -> None:
    """By another thread, while a value that is given to the wind says which one it is."""
    with pytest.raises(OSError, match=f"Errno {errno.EDOM}"):
        (mount.path / form).mkdir()
    mount.log.known.append("fuse_entry_cbk|MKDIR")
    said = f"{form} mkdir: .*the request has been answered"
    eventually("it is refused", lambda: bool(mount.log.find(said)))


def test_what_is_lent_to_another_request(mount: Mount) -> None:
    """The loc of a request that is answered meanwhile goes with the wind of another."""
    folder = mount.path / "folder"
    folder.mkdir()
    # Elsewhere: the kernel looks for one name at a time in a folder that it changes.
    waiting = threading.Thread(target=(folder / "waits").exists)
    waiting.start()
    eventually("waits", lambda: bool(mount.statedump().requests()))
    with pytest.raises(OSError, match=f"Errno {errno.EDOM}"):
        (mount.path / "other").mkdir()
    mount.log.known.append("fuse_entry_cbk|MKDIR")
    waiting.join()
    assert mount.log.find("asked for /other other 0o700")
    assert mount.log.find("access -1")  # there is no such file
    mount.log.known.append("null gfid for path /other")
