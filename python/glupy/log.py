"""Python's output on its way into the GlusterFS log."""

from __future__ import annotations

import io
import logging
import os
import os.path
import sys
import threading
import traceback
import warnings
from types import FrameType
from typing import TYPE_CHECKING

import _gluster

from glupy import roots
from glupy.roots import Root

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# gf_loglevel_t (glusterfs/logging.h)
CRITICAL, ERROR, WARNING, INFO, DEBUG, TRACE = 3, 4, 5, 7, 8, 9

# Frames of these are on the way from the author's line to this module.
_BETWEEN = (
    "<glupy.so>/",
    os.path.dirname(logging.__file__) + "/",
    traceback.__file__,
    warnings.__file__,
)


def volume_of(frame: FrameType) -> str:
    """The volume for which the code of a frame was loaded; "" if it is a library's."""
    root = roots.of_frame(frame)
    return root.volume if root is not None else ""


def author(frame: FrameType | None) -> tuple[str, int, str, str]:
    """The file, line and function of the author's that run in a frame, and their volume."""
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_BETWEEN):
            file = os.path.basename(code.co_filename)
            return file, frame.f_lineno, code.co_name, volume_of(frame)
        frame = frame.f_back
    return "glupy", 0, "glupy", ""


def current_place() -> str | None:
    """The author's function, file and line that runs: ``lookup_fop (negative.py:12)``."""
    file, line, function, _ = author(sys._getframe().f_back)
    return f"{function} ({file}:{line})" if line else None


def warn_author(text: str) -> None:
    """Warns at the author's line that leads here, now and then."""
    file, line, function, volume = author(sys._getframe(1))
    if _gluster.admit(file, line, text, volume):
        _gluster.log(WARNING, file, line, function, text, volume)


class LogStream(io.TextIOBase):
    """A text stream of which each line becomes a record."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, name: str, level: int) -> None:
        super().__init__()
        self.name = name
        self.buffer = LogBuffer(self)
        self._level = level
        # Lines of threads that write at the same time do not mix.
        self._partial = threading.local()
        self._making = threading.Lock()
        self._pipe = -1

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str, /) -> int:
        """Logs the lines that the text ends; keeps the rest for the next write."""
        text_so_far = getattr(self._partial, "text", "") + text
        *lines, self._partial.text = text_so_far.split("\n")
        if lines:
            file, line, function, volume = author(sys._getframe(1))
            for each in lines:
                _gluster.log(self._level, file, line, function, roots.as_known(each), volume)
        return len(text)

    def flush(self) -> None:
        """Does nothing: a line that has not ended waits for its end."""

    def fileno(self) -> int:
        """A pipe whose lines become records: for the output of other programs."""
        with self._making:
            if self._pipe < 0:
                source, self._pipe = os.pipe()
                thread = threading.Thread(target=self._read, args=(source,), name=self.name)
                thread.daemon = True
                thread.start()
            return self._pipe

    def _read(self, source: int) -> None:
        with open(source, encoding=self.encoding, errors=self.errors) as lines:
            for line in lines:
                _gluster.log(self._level, self.name, 0, self.name, line.rstrip("\n"), "")


class LogBuffer(io.BufferedIOBase):
    """The same stream for bytes."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Logs the lines that the bytes end."""
        text = bytes(data)
        self._stream.write(text.decode(self._stream.encoding, self._stream.errors))
        return len(text)

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()


class LogHandler(logging.Handler):
    """Brings ``logging`` records into the GlusterFS log, level for level."""

    def emit(self, record: logging.LogRecord) -> None:
        """Logs a record under the place that made it."""
        level = _level(record.levelno)
        if _gluster.log_enabled(level):
            try:
                text = self.format(record)
            except Exception:
                self.handleError(record)
                return
            # Records that are made by hand, or sent from elsewhere, may lack these.
            file, function = str(record.filename), str(record.funcName)
            text = roots.as_known(text)
            _gluster.log(level, file, int(record.lineno or 0), function, text, "")


class VolumeLogger(logging.Logger):
    """A logger that drops at once what the volume's log level drops."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 (the name is logging's)
        """Whether a record would be written."""
        return _gluster.log_enabled(_level(level)) and super().isEnabledFor(level)


class RootVolumeLogger(VolumeLogger, logging.RootLogger):
    """The same for the root of all loggers, which all volumes of the process share."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 (the name is logging's)
        """Adds a handler. One that a volume's code adds gets what that code logs, and what is no
        volume's: otherwise each of two volumes would write the lines of both.
        """
        root = roots.of_caller(sys._getframe(1))
        if root is not None:
            hdlr.addFilter(lambda _: _calls_for(root, sys._getframe(1)))
        super().addHandler(hdlr)


def _calls_for(root: Root, frame: FrameType) -> bool:
    """Whether a call comes from an instance's code, or from nobody's."""
    caller = roots.of_caller(frame)
    return caller is None or caller is root  # others may be equal


def _level(number: int) -> int:
    if number >= logging.CRITICAL:
        return CRITICAL
    if number >= logging.ERROR:
        return ERROR
    if number >= logging.WARNING:
        return WARNING
    if number >= logging.INFO:
        return INFO
    return DEBUG if number >= logging.DEBUG else TRACE


def install(joined: bool) -> None:
    """Sends output to the log.

    In a process that is a Python program (``joined``) only what is logged under
    the name ``gluster``: its own output is its own.
    """
    logger = logging.getLogger("gluster") if joined else logging.getLogger()
    logger.addHandler(LogHandler())
    # The volume's log level decides, which may change at any time.
    logger.setLevel(1)
    if not joined:
        logger.__class__ = RootVolumeLogger
        logging.setLoggerClass(VolumeLogger)
        sys.stdout = LogStream("<stdout>", INFO)
        sys.stderr = LogStream("<stderr>", WARNING)
