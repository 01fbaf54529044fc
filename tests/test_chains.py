"""Whatever goes on with something else, which goes on with something else, is a loop."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glusterfs import Host, Mount

CHAINS = Path(__file__).with_name("translators") / "chains.py"
CASES = re.findall(r"async def case_(\w+)", CHAINS.read_text())
FRAMES = 4_000


@pytest.fixture(scope="module")
def mount(
    tmp_path_factory: pytest.TempPathFactory, library: Path, trusted_xattrs: None
) -> Iterator[Mount]:
    with Host(tmp_path_factory.mktemp("chains"), library) as host:
        volfile = host.posix()
        module = {"module-name": "chains", "module-path": str(host.copy(CHAINS))}
        volfile.add("chains", host.glupy, module)
        mount = host.mount(volfile)
        mount.log.known.append("chains.py|fuse_xattr_cbk")  # what is raised is told, too
        yield mount


def ask(mount: Mount, name: str) -> None:
    with pytest.raises(OSError, match=f"Errno {errno.EDOM}"):
        os.getxattr(mount.path, f"user.{name}")


@pytest.mark.parametrize("case", CASES)
def test_as_long_as_one_likes(mount: Mount, case: str) -> None:
    assert mount.running(), "the case before has killed it"
    if case == "frames":
        for _ in range(FRAMES):
            ask(mount, "frame")
    ask(mount, case)
