"""Loads the module that a volume names, and reports what goes wrong in it."""

from __future__ import annotations

import errno
import importlib.util
import inspect
import os
import re
import stat
import sys
import traceback
from types import ModuleType, TracebackType

import _gluster
from _gluster import Xlator

import gluster
from glupy import log
from glupy.translator import Handler, LoadError, Translator, find_handlers

#: Where modules are looked for when a volume has no ``option module-path``.
MODULE_PATH = "/etc/glusterfs/glupy"

#: The longest errno that FUSE passes on: with a larger one the caller hangs.
MAX_ERRNO = 511


class Loaded:
    """An author's translator, ready to be called."""

    def __init__(self, translator: Translator, handlers: list[Handler]) -> None:
        """Holds the translator and its handlers."""
        self.translator = translator
        self.handlers = handlers


def load(this: Xlator) -> Loaded:
    """Loads the translator of a volume.

    An exception has an attribute ``report``: a line that says what is wrong
    where, and the traceback if the author's code raised it.
    """
    options = this.options
    name = options.get("module-name") or this.type.rpartition("/")[2]
    file = name
    try:
        file = _find(name, options)
        module = _execute(name, file, this)
        translator = _translator_class(module, file, options.get("class-name"))(this)
        return Loaded(translator, find_handlers(translator, gluster.FOPS))
    except LoadError as error:
        error.report = f"module {name}: {error}"  # type: ignore[attr-defined]
        raise
    except BaseException as error:  # SystemExit too: it must not end the daemon
        error.report = _report(name, file, error)  # type: ignore[attr-defined]
        raise


def _find(name: str, options: dict[str, str]) -> str:
    if re.fullmatch(r"\w+(\.\w+)*", name) is None:
        raise LoadError(f"{name!r} is not the name of a module (option module-name)")
    path = options.get("module-path", MODULE_PATH)
    directories = [directory for directory in path.split(":") if directory]
    strict = options.get("strict-modes", "on").lower() not in {"off", "no", "false", "disable", "0"}
    relative = name.replace(".", "/")
    for directory in directories:
        for file in (f"{directory}/{relative}.py", f"{directory}/{relative}/__init__.py"):
            if os.path.isfile(file):
                if strict and os.geteuid() == 0:
                    _check_modes(file, directory)
                return file
    raise LoadError(
        f"no file {relative}.py in {' or '.join(directories) or 'an empty path'}"
        " (options module-name and module-path)"
    )


def _check_modes(file: str, directory: str) -> None:
    """Refuses code that somebody else could have written: it would run as root."""
    for path in dict.fromkeys((file, os.path.dirname(file), directory)):
        _check_owner(os.path.realpath(path))
    ancestor = os.path.dirname(os.path.realpath(directory))
    while True:
        mode = os.stat(ancestor).st_mode
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
            raise LoadError(f"{ancestor} is writable by others; {_MODES_OFF}")
        if ancestor == "/":
            return
        ancestor = os.path.dirname(ancestor)


_MODES_OFF = "chmod or chown it, or set `option strict-modes off`"


def _check_owner(path: str) -> None:
    status = os.stat(path)
    if status.st_uid not in (0, os.geteuid()):
        raise LoadError(f"{path} belongs to user {status.st_uid}; {_MODES_OFF}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise LoadError(f"{path} is writable by others; {_MODES_OFF}")


def _execute(name: str, file: str, this: Xlator) -> ModuleType:
    """Runs the file as a module of this volume's own."""
    unique = f"{name}@{this.name}"
    package = [os.path.dirname(file)] if os.path.basename(file) == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(unique, file, submodule_search_locations=package)
    if spec is None or spec.loader is None:
        raise LoadError(f"{file} is not Python source")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses, pickle and the like look a class's module up.
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


def _translator_class(module: ModuleType, file: str, name: str | None) -> type[Translator]:
    found = module.__dict__.get(name or "xlator")
    if found is None and name is None:
        own = [
            value
            for value in module.__dict__.values()
            if inspect.isclass(value)
            and issubclass(value, Translator)
            and value.__module__ == module.__name__
        ]
        if len(own) > 1:
            names = ", ".join(value.__name__ for value in own)
            raise LoadError(
                f"{file} has several translators ({names}): "
                "call one `xlator` or set option class-name"
            )
        found = own[0] if own else None
    if found is None:
        raise LoadError(f"{file} has no class {name or 'xlator'} derived from gluster.Translator")
    if not (inspect.isclass(found) and issubclass(found, Translator)):
        raise LoadError(
            f"{name or 'xlator'} in {file} is not a class derived from gluster.Translator"
        )
    return found


def _authors(error: BaseException) -> TracebackType | None:
    """The traceback from the author's code on."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace or error.__traceback__


def _is_ours(file: str) -> bool:
    return file.startswith(("<glupy.so>/", "<frozen importlib"))


def _describe(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


def _trace(error: BaseException) -> str:
    trace = _authors(error)
    # A file that does not parse has no frame of its own in the traceback.
    ours_alone = trace is not None and _is_ours(trace.tb_frame.f_code.co_filename)
    error.__traceback__ = None if ours_alone else trace
    return "".join(traceback.format_exception(error)).rstrip()


def _report(name: str, file: str, error: BaseException) -> str:
    trace = traceback.extract_tb(_authors(error))
    line = trace[-1].lineno if trace else None
    place = f"{trace[-1].filename}:{line}" if trace and not _is_ours(trace[-1].filename) else file
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    return f"module {name} does not load: {place}: {_describe(error)}\n{_trace(error)}"


def failed(place: str, error: BaseException, answered: bool) -> int:
    """The errno that answers a request whose handler raised.

    An OSError says it itself, and that is all; anything else is a mistake, whose
    traceback goes into the log, and is answered EIO. After the answer, any
    exception is a mistake.
    """
    if isinstance(error, OSError) and not answered:
        number = error.errno
        if isinstance(number, int) and 1 <= number <= MAX_ERRNO:
            return number
    trace = traceback.extract_tb(_authors(error))
    file, line, function = "glupy", 0, "glupy"
    if trace:
        file, function = os.path.basename(trace[-1].filename), trace[-1].name
        line = trace[-1].lineno or 0
    outcome = "had its answer already" if answered else "is answered EIO"
    text = f"{place}: {_describe(error)}; the request {outcome}\n{_trace(error)}"
    _gluster.log(log.ERROR, file, line, function, text)
    return errno.EIO
