"""The run under AddressSanitizer sees what it is made for: uses of memory after its end."""

from __future__ import annotations

import contextlib
import re
import textwrap

import pytest

from glusterfs import Host, eventually
from sanitizer import RUNTIME

pytestmark = pytest.mark.skipif(not RUNTIME, reason="plants errors for `make asan` to see")

SOURCE = """
import ctypes
import errno
import threading

import gluster
from glupy.structures import loc_t

def use(address):
    return ctypes.string_at(address, 8)

def later(function, *args):
    threading.Timer(0.3, function, args).start()

class xlator(gluster.Translator):
"""

# Handlers that use something behind Glupy's back after its end, and where that is seen.
PLANTED = {
    "an answered frame": (
        """
        def mkdir_fop(self, frame, this, *args):
            address = ctypes.addressof(frame.contents)
            frame.unwind(-1, errno.EPERM)
            later(use, address)
        """,
        r"PyBytes_FromStringAndSize[\s\S]*freed by thread[\s\S]* in __interceptor_calloc",
    ),
    "a buffer of a write": (
        """
        def writev_fop(self, frame, this, fd, vector, *args):
            address = vector.contents.iov_base
            frame.unwind(-1, errno.EPERM)
            later(use, address)
        """,
        r"PyBytes_FromStringAndSize[\s\S]*freed by thread",
    ),
    "a loc, in Glupy's own code": (
        """
        def mkdir_fop(self, frame, this, loc, *args):
            kept = gluster.Loc("/name", inode=loc.parent)
            pointer = ctypes.cast(ctypes.addressof(kept.contents), ctypes.POINTER(loc_t))
            del kept
            later(lambda: frame.wind(loc=pointer))
        """,
        r"#0 \S+ in \S*glupy[\s\S]*freed by thread",
    ),
    "a Python object": (
        """
        def mkdir_fop(self, frame, this, *args):
            later(use, id(bytearray(1000)))
            frame.wind()
        """,
        r"PyBytes_FromStringAndSize[\s\S]*freed by thread",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
def test_use_after_the_end_is_reported(host: Host, what: str) -> None:
    handler, expected = PLANTED[what]
    source = SOURCE + textwrap.indent(textwrap.dedent(handler), "    ")
    modules = host.write(planted=source)
    volfile = host.posix()
    volfile.add("glupy", host.glupy, {"module-name": "planted", "module-path": modules})
    host.reports.expected = rf"ERROR: AddressSanitizer: heap-use-after-free[\s\S]*{expected}"
    with host.mount(volfile) as mount:
        mount.log.checked = False
        with contextlib.suppress(OSError):
            (mount.path / "folder").mkdir()
        with contextlib.suppress(OSError):
            (mount.path / "file").write_text("text")
        pattern = re.compile(host.reports.expected)
        eventually("a report", lambda: bool(pattern.search(host.reports.text())))
