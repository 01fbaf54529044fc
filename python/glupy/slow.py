"""Says where a module is that takes long to load: GlusterFS waits for it without a word."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import _gluster

from glupy import log

#: Seconds after which a line in the log says so.
AFTER = 5


@contextmanager
def watched(what: str, volume: str) -> Iterator[None]:
    """Watches what this thread does inside."""
    thread = threading.get_ident()

    def say() -> None:
        file, line, function, _ = log.author(sys._current_frames().get(thread))
        text = f"{what} has been loading for {AFTER} seconds; it is in {function} ({file}:{line})"
        _gluster.log(log.WARNING, file, line, function, text, volume)

    timer = threading.Timer(AFTER, say)
    timer.daemon = True
    with suppress(RuntimeError):  # without a thread nobody watches
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
