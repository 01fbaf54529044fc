"""Signals in a process of GlusterFS's.

Its threads block the signals that one of them waits for: SIGTERM ends the process in good order,
SIGHUP reads the volfile again. A thread that has one unblocked dies of it, and the process with
it. Python's handlers run on its main thread, which here is one that runs Python now and then, or
never.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any

# What `signal` is made of; that takes its functions from here when it is imported.
_signal: Any = importlib.import_module("_signal")

#: The functions of Python's that are replaced.
_NAMES = ("pthread_sigmask", "signal", "alarm", "setitimer")


def install() -> None:
    """Replaces the functions, in this process: not in those that it forks."""
    process, kept = os.getpid(), _blocked()
    real = {name: getattr(_signal, name) for name in _NAMES}

    def pthread_sigmask(how: int, mask: Iterable[int]) -> Any:
        """As Python's, but what GlusterFS waits for stays blocked."""
        mask = set(mask)
        if os.getpid() == process:
            if how == _signal.SIG_UNBLOCK:
                mask -= kept
            elif how == _signal.SIG_SETMASK:
                mask |= kept & real["pthread_sigmask"](_signal.SIG_BLOCK, ())
        return real["pthread_sigmask"](how, mask)

    def signal(signalnum: int, handler: Any) -> Any:
        """As Python's in a forked process; here a ValueError, unless nothing changes."""
        if os.getpid() != process:
            return real["signal"](signalnum, handler)
        if handler == _signal.getsignal(signalnum):
            return handler
        raise ValueError(
            "signal.signal: the signals of this process are GlusterFS's; a translator is told of"
            " the end by fini, and of events by notify; a process of its own has its own signals"
        )

    def alarm(seconds: int) -> Any:
        """As Python's in a forked process; here a ValueError: SIGALRM would end the process."""
        _check_timer("alarm", seconds)
        return real["alarm"](seconds)

    def setitimer(which: int, seconds: float, interval: float = 0.0) -> Any:
        """As ``alarm``."""
        _check_timer("setitimer", seconds)
        return real["setitimer"](which, seconds, interval)

    def _check_timer(name: str, seconds: float) -> None:
        if seconds and os.getpid() == process:
            raise ValueError(
                f"signal.{name}: its signal would end this process; use gluster.timeout or"
                " gluster.sleep in a coroutine, threading.Timer elsewhere"
            )

    for function in (pthread_sigmask, signal, alarm, setitimer):
        setattr(_signal, function.__name__, function)
    if "signal" in sys.modules:
        for function in (alarm, setitimer):
            setattr(sys.modules["signal"], function.__name__, function)


def _blocked() -> set[int]:
    """What the main thread blocks; Glupy's own threads block all that can be."""
    with open(f"/proc/self/task/{os.getpid()}/status") as status:
        line = next(line for line in status if line.startswith("SigBlk:"))
    mask = int(line.split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}
