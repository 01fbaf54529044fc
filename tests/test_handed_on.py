"""What has been handed on with a request, or with an answer, stays as it was then."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from pathlib import Path

import pytest

from glusterfs import Host, Mount, Option
from sanitizer import RUNTIME

HANDED_ON = Path(__file__).with_name("translators") / "handed_on.py"
SECONDS = 5 if RUNTIME else 1.5
CLIENTS = 6


def stack(host: Host, *classes: str, threads: bool = False) -> Mount:
    options: dict[str, Option] = {"module-name": "handed_on", "module-path": host.copy(HANDED_ON)}
    volfile = host.posix()
    for name in classes:
        volfile.add(name, host.glupy, {**options, "class-name": name})
    if threads:
        volfile.add("threads", "performance/io-threads")
    return host.mount(volfile, readdirp=False)


def told(mount: Mount, name: str) -> list[str]:
    """What the translators below and above have said of the look for a name."""
    with contextlib.suppress(FileNotFoundError):
        (mount.path / name).stat()
    said = mount.log.find(f"{name} (below|above):")
    return [line.message.partition(f"{name} ")[2] for line in said]


def below(name: str, **values: int) -> str:
    user = {f"x.{key}": value for key, value in values.items()}
    return f"below: /{name} {user} later: {user}"


def above(**values: int) -> str:
    user = {f"x.{key}": value for key, value in values.items()}
    return f"above: {user} asked: {{'x.above': 1}}"


@pytest.mark.parametrize("kind", ["callbacks", "coroutines"])
def test_a_dict_is_as_it_was_then(host: Host, kind: str) -> None:
    """The children see it so, and keep it; what Python changes goes with the next wind.

    The translator above keeps its own dict, which nobody else changes.
    """
    with stack(host, "below", kind, "above") as mount:
        mount.log.known.append("fuse-(bridge|resolve)")
        up = above(below=1)
        assert told(mount, "own-1") == [below("own-1", a=1, above=1), up]
        assert told(mount, "twice-1") == [
            below("twice-1", a=1, above=1),
            below("twice-1", a=2 if kind == "callbacks" else 1, above=1, b=3),
            up,
        ]
        assert told(mount, "given-1") == [below("given-1", n=1), up]
        assert told(mount, "given-2") == [below("given-2", n=12), up]
        assert told(mount, "reply-1") == [below("reply-1", above=1), above(below=1, up=1)]
        if kind == "callbacks":
            assert told(mount, "long-1") == [below("long-1", a=1, above=1), up]
            assert told(mount, "answer-1") == [above(n=100)]
            assert told(mount, "thread-1") == [
                below("thread-1", a=1, above=1),
                above(below=1, up=3),
            ]
            assert told(mount, "shown-1") == [below("shown-1", above=1), up]
            return
        assert told(mount, "slept-1") == [below("slept-1", a=1, above=1), up]
        for name in ("kept-1", "dropped-1"):
            assert told(mount, name) == [below(name, above=1), above(below=1, up=1)]
        with pytest.raises(OSError, match=f"Errno {errno.ESTALE}"):
            told(mount, "replaced-1")
        assert [line.message for line in mount.log.find("replaced-1 above: .*'x.up': 1}")]


@pytest.mark.parametrize("kind", ["churned_winds", "churned_values", "churned_calls", "careless"])
def test_it_is_changed_while_requests_have_it(host: Host, kind: str) -> None:
    """GlusterFS walks through it meanwhile, without its lock, on its own threads."""
    with stack(host, kind, threads=True) as mount:
        mount.log.known.append("fuse-|posix")
        files = [mount.path / f"file-{i}" for i in range(4)]
        for file in files:
            file.touch()
        end = time.monotonic() + SECONDS

        def ask(client: int) -> None:
            file = files[client % len(files)]
            while time.monotonic() < end and mount.running():
                with contextlib.suppress(OSError):
                    file.stat()
                with contextlib.suppress(OSError):
                    os.setxattr(file, "user.q", b"1")

        clients = [threading.Thread(target=ask, args=(i,)) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert mount.running()
