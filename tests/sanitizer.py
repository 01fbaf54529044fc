"""The run under AddressSanitizer (`make asan`): what the processes are given, what they report.

The sanitizer's runtime is preloaded into every process that a test starts and that may load
glupy.so; nopool.so (course/nopool.c) comes with it, so that what GlusterFS gives back is
freed. Each process writes its reports into a folder of its test; any report fails the test.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

#: The sanitizer's runtime: libasan.so. Empty when the tests run without.
RUNTIME = os.environ.get("GLUPY_ASAN", "")

#: How much longer than else something may take.
SLOWER = 4 if RUNTIME else 1

OPTIONS = {
    "detect_leaks": 0,  # GlusterFS frees little at its end
    "allocator_may_return_null": 1,  # as malloc does: Python asks for more than there is
    "use_sigaltstack": 0,  # threads come and go faster than it can map them
    "handle_segv": 2,  # a report, also where GlusterFS has a handler of its own
    "handle_abort": 2,
    # libglusterfs and libpython are not instrumented: they may not be seen reading what
    # was freed, but what they read there leads nowhere.
    "max_free_fill_size": 1 << 20,
    "free_fill_byte": 0xDD,
}

# The sanitizer and nopool.so find what they wrap only if it is there from the start,
# which it is not in a program that loads libgfapi later.
LATE = ["libglusterfs.so.0", "libtirpc.so.3"]

# What is not the report of an error: synctasks, and what a handler wants that is too much.
REMARKS = re.compile(
    r"==\d+==WARNING: (ASan doesn't fully support makecontext|AddressSanitizer failed to allocate)"
)


class Reports:
    """The processes of a test, and what they report."""

    #: Of all tests.
    processes = 0
    unexpected = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: An error that the test makes on purpose: a pattern.
        self.expected = ""

    def environment(self) -> dict[str, str]:
        """The environment of a process that may load glupy.so."""
        if not RUNTIME:
            return dict(os.environ)
        from course.harness import build

        Reports.processes += 1
        self.folder.mkdir(exist_ok=True)
        nopool = str(build().directory / "nopool.so")
        preload = [RUNTIME, nopool, *LATE, os.environ.get("LD_PRELOAD", "")]
        options = OPTIONS | {"log_path": self.folder / "report"}
        return {
            **os.environ,
            "LD_PRELOAD": ":".join(filter(None, preload)),
            "ASAN_OPTIONS": ":".join(f"{key}={value}" for key, value in options.items()),
            "PYTHONMALLOC": "malloc",  # for programs in Python that load libgfapi
        }

    def text(self) -> str:
        """All of them."""
        files = sorted(self.folder.iterdir()) if self.folder.exists() else []
        return "\n".join(file.read_text(errors="replace") for file in files)

    def complaints(self) -> list[str]:
        """What they have against the test."""
        text = self.text()
        if self.expected:
            found = re.search(self.expected, text)
            return [] if found else [f"AddressSanitizer does not report {self.expected}"]
        lines = [line for line in text.splitlines() if line and not REMARKS.match(line)]
        Reports.unexpected += bool(lines)
        return lines


def unsuited(reason: str) -> pytest.MarkDecorator:
    """A test that can not run under the sanitizer; it is listed with the reason."""
    return pytest.mark.skipif(bool(RUNTIME), reason=f"under AddressSanitizer: {reason}")
