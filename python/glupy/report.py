"""Tells of exceptions: one line in the log, at the author's, and a traceback behind it.

Of those that come again and again from the same line, one in ten seconds is shown; how
many were not is said then (`_gluster.admit`).
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from types import CoroutineType, FrameType, TracebackType
from typing import Any

import _gluster

from glupy import log, roots

#: The longest errno that FUSE passes on: with a larger one the caller hangs.
MAX_ERRNO = 511

#: What is longer in a record is cut.
_MAX_LINE = 400
_MAX_LINES = 60

#: What is longer in a traceback is not looked at: Python's own recursions are shorter.
_MAX_FRAMES = 1000

#: What is left of a traceback that goes on through other coroutines.
_FRAMES_LEFT = 16

_LIBRARY = os.path.dirname(os.path.__file__) + "/"

# Name, file and line of a method's definition.
_Method = tuple[str, str, int]


def failed(method: _Method, error: BaseException, subject: str, outcome: str) -> int:
    """The errno that a handler has raised to answer its request; 0 for a mistake.

    An OSError says it itself, and that is all. Anything else is logged; `subject` is what
    was asked, `outcome` what becomes of it. Without an outcome the request has its answer
    already, and any exception is a mistake.
    """
    if isinstance(error, OSError) and outcome:
        number = error.errno
        if isinstance(number, int) and 1 <= number <= MAX_ERRNO:
            error.__traceback__ = None
            return number
    _log(method, error, f"{subject}: ", outcome or "the request had its answer already")
    # Whoever keeps the exception must not keep the request with it.
    error.__traceback__ = None
    return 0


def report(method: _Method, error: BaseException) -> None:
    """Logs an exception of a method that answers nobody."""
    _log(method, error)


def report_spawned(coroutine: CoroutineType[Any, Any, Any], error: BaseException) -> None:
    """Logs an exception of a coroutine that answers nobody.

    It may go on through any number of others, which await this one. Each adds to the
    traceback, and each reports it.
    """
    _log(_definition(coroutine), error)
    error.__traceback__ = _innermost(error.__traceback__, _FRAMES_LEFT)


def complain(coroutine: CoroutineType[Any, Any, Any], what: str, text: str) -> None:
    """Logs what a coroutine that answers nobody does wrong; in short, and in full."""
    name, file, line = _definition(coroutine)
    if _gluster.admit(file, line, what, ""):
        _gluster.log(log.ERROR, file, line, name, f"{name} ({file}:{line}): {text}", "")


def _definition(coroutine: CoroutineType[Any, Any, Any]) -> _Method:
    code = coroutine.cr_code
    return coroutine.__name__, os.path.basename(code.co_filename), code.co_firstlineno


def of_loading(what: str, file: str, error: BaseException, hint: str) -> str:
    """What is wrong with a module that does not load, with the traceback."""
    frame, line = _authors(error)
    place = file
    if frame is not None and not _is_ours(frame.f_code.co_filename):
        place = f"{frame.f_code.co_filename}:{line}"
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    text = f"{describe(error)}: {hint}" if hint else describe(error)
    return f"{what}: {place}: {text}\n{trace(error)}"


def _log(method: _Method, error: BaseException, subject: str = "", outcome: str = "") -> None:
    """Logs an exception at the author's line that it came through last.

    Where it came through none, at the method: its name, its file, its line.
    """
    name, file, line = method
    place = f"{name} ({file}:{line})" if line else name
    function = name
    volume = ""
    frame, at = _authors(error)
    if frame is not None:
        file, line, function = os.path.basename(frame.f_code.co_filename), at, frame.f_code.co_name
        volume = log.volume_of(frame)
    if _gluster.admit(file, line, type(error).__name__, volume):
        outcome = outcome and f"; {outcome}"
        text = f"{place}: {subject}{describe(error)}{outcome}\n{trace(error)}"
        _gluster.log(log.ERROR, file, line, function, text, volume)


def _innermost(tb: TracebackType | None, count: int) -> TracebackType | None:
    """That many frames of a traceback, from where the exception was raised."""
    ahead = tb
    for _ in range(count):
        if ahead is None:
            return tb
        ahead = ahead.tb_next
    while ahead is not None and tb is not None:
        tb, ahead = tb.tb_next, ahead.tb_next
    return tb


def _frames(tb: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    """The frames of a traceback from the author's code on."""
    frames = list(traceback.walk_tb(_innermost(tb, _MAX_FRAMES)))
    while frames and _is_ours(frames[0][0].f_code.co_filename):
        del frames[0]
    yield from frames


def _authors(error: BaseException) -> tuple[FrameType | None, int]:
    """The author's own frame that an exception came through last, and the line there."""
    frames = list(_frames(error.__traceback__))
    own = [pair for pair in frames if not _is_library(pair[0].f_code.co_filename)]
    found = own or frames
    return found[-1] if found else (None, 0)


def _is_ours(file: str) -> bool:
    return file.startswith(("<glupy.so>/", "<frozen importlib"))


def _is_library(file: str) -> bool:
    return (
        file.startswith(("<", _LIBRARY)) or "/site-packages/" in file or "/dist-packages/" in file
    )


def describe(error: BaseException) -> str:
    """An exception in one line that is not too long."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "gluster") and not roots.of(str(kind.__module__)):
        name = f"{kind.__module__}.{name}"
    try:
        text = roots.as_known(str(error).strip())
    except BaseException:
        text = "its str() raises, too"
    line = _cut(f"{name}: {text.splitlines()[0]}" if text else name)
    if isinstance(error, RuntimeError) and "event loop" in text:
        line += "; there is no asyncio loop: await gluster's own sleep, gather, timeout, Lock, "
        line += "Semaphore or to_thread"
    return line


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}... ({len(line)} characters)"


def trace(error: BaseException) -> str:
    """The traceback from the author's code on, cut in the middle if it is too long."""
    tb = _innermost(error.__traceback__, _MAX_FRAMES)
    while tb is not None and _is_ours(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        _leave_unread(error)
        text = "".join(traceback.format_exception(type(error), error, tb))
    except BaseException as other:  # such as that of an audit hook, to which files are shown
        text = f"(the traceback can not be told: {describe(other)})"
    lines = [_cut(line) for line in roots.as_known(text).rstrip().splitlines()]
    if len(lines) > _MAX_LINES:
        half = _MAX_LINES // 2
        lines[half:-half] = [f"  ... {len(lines) - 2 * half} lines ..."]
    return "\n".join(lines)


def _leave_unread(error: BaseException) -> None:
    """Has a traceback show no lines of files that are neither a library's nor a translator's.

    Code can say of itself that it is of any file: one that nobody writes to, or one of this very
    volume. Who opens that waits, perhaps for itself.
    """
    left: list[object] = [error]
    seen: set[int] = set()
    while left:  # as long as a chain may be
        one = left.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        for frame, _ in traceback.walk_tb(_innermost(one.__traceback__, _MAX_FRAMES)):
            file = frame.f_code.co_filename
            if not (_is_library(file) or roots.has(frame, file)):
                linecache.cache.setdefault(file, (0, None, [], file))
        left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


def install() -> None:
    """Has what nobody else hears of reported, too: for an interpreter of Glupy's own."""
    threading.excepthook = _thread_failed
    sys.unraisablehook = _unraisable
    os.register_at_fork(before=_forks)


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    """An exception of a thread that the author has started."""
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        _log((f"thread {args.thread.name if args.thread else '?'}", "", 0), args.exc_value)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    """An exception that can be given to nobody, such as one in ``__del__``."""
    if args.exc_value is not None:
        what = getattr(args.object, "__qualname__", None) or type(args.object).__name__
        _log((f"{args.err_msg or 'Exception ignored in'} {what}", "", 0), args.exc_value)


def _forks() -> None:
    """The child has one thread and no way back; see fork.rs."""
    log.warn_author("os.fork: the child must call os._exit or exec; it ends if it returns")
