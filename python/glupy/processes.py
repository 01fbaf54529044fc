"""Processes that Python makes begin as an ordinary program does: with no signal blocked.

GlusterFS's threads block the signals that it waits for, and who executes a program hands that on:
``Popen.terminate()`` would do nothing. What is forked has its mask emptied (fork.rs); vfork,
which shares the memory until the program is executed, has no place for that, so it is not used.
"""

from __future__ import annotations

import _posixsubprocess
import functools
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

from glupy import roots


def install() -> None:
    """Replaces the functions by which Python executes programs."""
    _posixsubprocess.fork_exec = _by_fork(_posixsubprocess.fork_exec)
    os.posix_spawn = _unblocked(os.posix_spawn)
    os.posix_spawnp = _unblocked(os.posix_spawnp)
    os.system = _system
    sys.meta_path.insert(0, _Finder())


def _by_fork(function: Any) -> Any:
    @functools.wraps(function)
    def fork_exec(*given: Any) -> Any:
        *others, last = given
        if sys.version_info >= (3, 11):
            last = False  # allow_vfork
        elif last is None and sys.version_info >= (3, 10):
            last = _nothing  # with a preexec_fn there is no vfork
        return function(*others, last)

    return fork_exec


def _nothing() -> None:
    pass


def _unblocked(function: Any) -> Any:
    @functools.wraps(function)
    def spawn(path: Any, argv: Any, env: Any, /, **options: Any) -> Any:
        options.setdefault("setsigmask", ())
        return function(path, argv, env, **options)

    return spawn


def _system(command: Any) -> int:
    """As ``os.system``, which has no argument for the signals."""
    sys.audit("os.system", command)
    argv = [b"sh", b"-c", b"--", os.fsencode(command)]
    process = os.posix_spawn("/bin/sh", argv, os.environ)
    return os.waitpid(process, 0)[1]


class _Finder(MetaPathFinder):
    """Changes modules of multiprocessing when they are loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the others find it, and changed when it is loaded."""
        change = _changes.pop(name, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(name)  # by the others: it has no change any more
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                change(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _change_reduction(module: ModuleType) -> None:
    """Has what is pickled for another Python looked at."""
    module.ForkingPickler.reducer_override = _reduce


def _change_pool(module: ModuleType) -> None:
    """Has a pool say what it sends to another Python: it would die there, and be started again."""
    set_up = module.Pool._setup_queues

    def _setup_queues(pool: Any) -> None:
        set_up(pool)
        if pool._ctx.get_start_method() != "fork":
            pool._quick_put = functools.partial(_send, pool._quick_put)

    module.Pool._setup_queues = _setup_queues


_changes: dict[str, Callable[[ModuleType], None]] = {
    "multiprocessing.reduction": _change_reduction,
    "multiprocessing.pool": _change_pool,
}

#: What this thread pickles is for another Python.
_sending = threading.local()


def _send(put: Callable[[Any], None], task: Any) -> None:
    _sending.now = True
    try:
        put(task)
    finally:
        _sending.now = False


def _reduce(_: Any, value: Any) -> Any:
    """Refuses what is a translator's, where another Python would have to import it."""
    if isinstance(value, (type, FunctionType)) and roots.of(str(value.__module__)) is not None:
        context = sys.modules["multiprocessing.context"]
        if context.get_spawning_popen() is not None or getattr(_sending, "now", False):
            raise sys.modules["pickle"].PicklingError(
                f"{value.__qualname__} is a translator's: the process would import its module, and"
                " has no gluster; put it into a module of its own, in a folder of sys.path, or use"
                ' get_context("fork") or gluster.to_thread'
            )
    return NotImplemented
