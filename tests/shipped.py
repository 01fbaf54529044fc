"""The examples as they are shipped: each with the volfile beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from glusterfs import Host, Mount

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
# Other modules that take an example's place; see test_examples_async.py.
FORMS: dict[str, str] = {}


def shipped(host: Host, example: str, changes: Mapping[str, str] | None = None) -> str:
    """The volfile of an example, on this test's bricks and with the library under test.

    A folder /srv/NAME of the volfile is the brick NAME; `changes` are made to the text, each
    in one place.
    """
    text = (EXAMPLES / f"{example}.vol").read_text()
    source = EXAMPLES / f"{FORMS.get(example, example)}.py"
    path = f"  option module-path {host.write(**{example: source.read_text()})}\n"
    bricks = re.findall(r"option directory /srv/(\w+)\n", text)
    for old, new in {
        **{f"directory /srv/{name}\n": f"directory {host.brick(name)}\n" for name in bricks},
        "type features/glupy\n": f"type {host.glupy}\n{path}",
        **(changes or {}),
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def messages(mount: Mount, volume: str) -> list[str]:
    """What the translator in Python has logged."""
    return [line.message for line in mount.log.lines() if line.domain == f"0-{volume}"]
