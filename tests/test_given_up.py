"""What a coroutine has given up does not stay until it would have been done."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glusterfs import Host, Mount
from sanitizer import unsuited

GIVEN_UP = Path(__file__).with_name("translators") / "given_up.py"
CASES = re.findall(r"async def once_(\w+)", GIVEN_UP.read_text())

pytestmark = unsuited("Python has no blocks of its own there")


@pytest.fixture(scope="module")
def mount(
    tmp_path_factory: pytest.TempPathFactory, library: Path, trusted_xattrs: None
) -> Iterator[Mount]:
    with Host(tmp_path_factory.mktemp("given_up"), library) as host:
        volfile = host.posix()
        module = {"module-name": "given_up", "module-path": str(host.copy(GIVEN_UP))}
        volfile.add("given_up", host.glupy, module)
        mount = host.mount(volfile)
        mount.log.known.append("fuse_xattr_cbk")
        yield mount


@pytest.mark.parametrize("case", CASES)
def test_nothing_stays(mount: Mount, case: str) -> None:
    with pytest.raises(OSError, match="Errno") as raised:
        os.getxattr(mount.path, f"user.{case}")
    assert raised.value.errno == errno.EDOM, mount.log.find(f"{case}: ")
