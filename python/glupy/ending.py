"""The end of Python in a process of GlusterFS's, which exits without telling it.

What an ordinary program gets: threads are waited for, executors are shut down, what was registered
with ``atexit`` is called, and what was written to a file is in it. Requests may still be on
their way, so nothing is taken away from handlers.
"""

from __future__ import annotations

import atexit
import gc
import io
import sys
import threading
from typing import Any

import _gluster

from glupy import log, report


def wait_for_threads() -> None:
    """Shuts executors down, and waits for threads that are no daemons.

    Not ``threading._shutdown``: that waits for the main thread, too, on any other one.
    """
    for function in reversed(threading._threading_atexits):  # type: ignore[attr-defined]
        function()
    while others := _others():
        for thread in others:
            thread.join()


def _others() -> list[threading.Thread]:
    mine = (threading.main_thread(), threading.current_thread())
    return [
        thread
        for thread in threading.enumerate()
        if not thread.daemon
        and thread not in mine
        and not isinstance(thread, threading._DummyThread)
    ]


def finish() -> None:
    """Calls what is registered with ``atexit``, and writes out what files have kept."""
    if others := _others():
        names = ", ".join(thread.name for thread in others)
        text = f"the process ends, and does not wait any longer for threads of Python: {names}"
        _gluster.log(log.ERROR, "glupy", 0, "glupy", text, "")
    atexit._run_exitfuncs()
    for file in _temporary_files():
        _attempt(file, file.close)
    # What is on top of another file first: it writes into that.
    files = _files()
    buffered = (io.BufferedWriter, io.BufferedRandom)
    for file in files:
        if isinstance(file, io.TextIOWrapper):
            _attempt(file, file.flush)
    for file in files:
        if not isinstance(file, (io.TextIOWrapper, *buffered)):
            _attempt(file, file.close)  # compressed, and the like
    for file in files:
        if isinstance(file, buffered):
            _attempt(file, file.flush)


def _temporary_files() -> list[Any]:
    """Those that are to be deleted when they are closed."""
    if "tempfile" not in sys.modules:
        return []
    kind = sys.modules["tempfile"]._TemporaryFileWrapper
    return [each for each in gc.get_objects() if issubclass(type(each), kind) and each.delete]


def _files() -> list[Any]:
    """Files that are open and have, or may have, something that is not written."""
    plain = (io.RawIOBase, io.BytesIO, io.StringIO, io.BufferedReader)
    standard = {id(sys.stdout), id(sys.stderr), id(sys.stdin)}
    return [
        each
        for each in gc.get_objects()
        if issubclass(type(each), io.IOBase)
        and not isinstance(each, plain)
        and id(each) not in standard
        and not _is_closed(each)
    ]


def _is_closed(file: Any) -> bool:
    try:
        return bool(file.closed)
    except Exception:
        return True


def _attempt(file: Any, function: Any) -> None:
    try:
        if not file.closed:
            function()
    except Exception as error:
        report.report((f"at the end of the process, {file!r}", "", 0), error)
