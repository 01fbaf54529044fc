"""Loads the module that a volume names, and gives it its options."""

from __future__ import annotations

import inspect
import itertools
import os.path
import re
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from _gluster import Xlator

import gluster
from glupy import hints, imports, report, roots, settings, slow
from glupy.options import OptionError
from glupy.roots import Root
from glupy.settings import Settings
from glupy.translator import (
    Handler,
    LoadError,
    Method,
    Translator,
    find_handlers,
    find_methods,
    lacks,
)

#: Where modules are looked for when a volume has no ``option module-path``.
MODULE_PATH = "/etc/glusterfs/glupy"

#: One for each instance: a process may have several of one volume.
_serials = itertools.count(1)

_EVENTS = {event.value: event for event in gluster.Event}


class Loaded:
    """An author's translator, ready to be called."""

    def __init__(
        self,
        translator: Translator,
        handlers: list[Handler],
        methods: list[Method],
        settings: Settings,
    ) -> None:
        """Holds the translator and what of it the runtime calls."""
        self.translator = translator
        self.handlers = handlers
        self.methods = methods
        self.settings = settings


def load(this: Xlator) -> Loaded:
    """Loads the translator of a volume.

    An exception has an attribute ``report``: a line that says what is wrong
    where, and the traceback if the author's code raised it.
    """
    given = this.options
    name = given.get("module-name") or this.type.rpartition("/")[2]
    file = name
    what = "does not load"
    try:
        own = Settings.of(given)
        folder, file = _find(name, given)
        with slow.watched(f"module {name}", this.name):
            module = _execute(name, folder, file, this)
            is_original = module.__name__ in roots.originals
            found = _translator_class(module, file, given.get("class-name"), is_original)
            what = f"has a class {getattr(found, '__name__', 'xlator')} that can not be made"
            translator, handlers = _make(found, this, is_original)
        what = "does not load"
        methods = find_methods(translator, gluster.CALLBACKS, gluster.UNSAFE_CALLBACKS, _EVENTS)
        hints.give(module.__name__.partition(".")[0], this.name, methods)
        return Loaded(translator, handlers, methods, own)
    except LoadError as error:
        text = str(error).replace("\n", "\\n")  # names of files and classes are the author's
        error.report = f"module {name}: {text}"  # type: ignore[attr-defined]
        raise
    except OptionError as error:  # a line for each option
        error.report = f"module {name}: {error}"  # type: ignore[attr-defined]
        raise
    except BaseException as error:  # SystemExit too: it must not end the daemon
        text = report.of_loading(f"module {name} {what}", file, error, _hint(error))
        error.report = text  # type: ignore[attr-defined]
        raise


def reconfigure(translator: Translator, given: dict[str, str]) -> Settings:
    """Gives a translator other options; those that are the runtime's.

    All or nothing: after an exception, which has a ``report`` as in ``load``, the
    translator has the options that it had before, and its own ``reconfigure``, if that has
    been called, is called again with these: what it had derived from the others is gone.
    """
    before = dict(translator.__dict__)
    method = None
    try:
        own = Settings.of(given)
        for name in settings.AT_START:
            if given.get(name) != translator.options.get(name):
                raise OptionError(f"option {name} can not change while the volume is in use")
        attributes = settings.values(type(translator), given)
        translator.__dict__.update(attributes, options=given)
        method = getattr(translator, "reconfigure", None)
        if callable(method):
            method(given)
        return own
    except BaseException as error:
        text = f"reconfigure: {error}"
        if not isinstance(error, OptionError):
            text = f"reconfigure: {report.describe(error)}; the options stay as they were"
            text += f"\n{report.trace(error)}"
        error.report = text  # type: ignore[attr-defined]
        _restore(translator, before)
        if callable(method):
            _derive_again(method, before["options"])
        raise


def _derive_again(method: Callable[[dict[str, str]], object], options: dict[str, str]) -> None:
    try:
        method(options)
    except BaseException as error:
        there = Method.of("reconfigure", method)
        report.report((there.name, there.file, there.line), error)


def _restore(translator: Translator, before: Mapping[str, object]) -> None:
    for name in ("options", *(o.attribute for o in settings.declared(type(translator)).values())):
        translator.__dict__[name] = before[name]


def _find(name: str, given: dict[str, str]) -> tuple[str, str]:
    """The folder of module-path that has a module, and the module's file."""
    if re.fullmatch(r"\w[\w-]*(\.\w[\w-]*)*", name) is None:
        raise LoadError(f"{name!r} is not the name of a module (option module-name)")
    path = given.get("module-path", MODULE_PATH)
    directories = [directory for directory in path.split(":") if directory]
    relative = name.replace(".", "/")
    for directory in directories:
        for file in (f"{directory}/{relative}.py", f"{directory}/{relative}/__init__.py"):
            if os.path.isfile(file):
                return os.path.abspath(directory), os.path.abspath(file)
    raise LoadError(
        f"no file {relative}.py in {' or '.join(directories) or 'an empty path'}"
        " (options module-name and module-path)"
    )


def _execute(name: str, folder: str, file: str, this: Xlator) -> ModuleType:
    """Runs the file as a module of this instance's own."""
    top, dot, rest = name.partition(".")
    if dot:  # the package that it is in
        file = f"{folder}/{top}"
        if os.path.isfile(f"{file}/__init__.py"):
            file += "/__init__.py"
    is_strict = settings.own(this.options, "strict-modes")
    root = Root(top, file, this.name, is_strict, settings.own(this.options, "original"))
    return imports.load(f"{top}@{next(_serials)}{dot}{rest}", root)


def _make(found: Any, this: Xlator, is_original: bool) -> tuple[Translator, list[Handler]]:
    """The translator of what a module calls so, and its handlers."""
    if is_original:
        from glupy import compatible  # most do without

        return compatible.make(found, this)
    translator = found(this)
    if not isinstance(translator, found):
        what = type(translator).__name__
        raise LoadError(f"{found.__name__}.__new__ gives an object of {what}, no {found.__name__}")
    if "this" not in vars(translator):
        method = Method.of("__init__", found.__init__)
        raise LoadError(
            f"{method.place}: does not call super().__init__(this), which gives a translator its "
            "children and options"
        )
    return translator, find_handlers(translator, gluster.FOPS, gluster.MISSING_FOPS)


def _translator_class(module: ModuleType, file: str, name: str | None, is_original: bool) -> Any:
    """The translator in a module. For the original it was whatever can be called."""
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
    is_translator = inspect.isclass(found) and issubclass(found, Translator)
    if not is_translator and not (is_original and callable(found)):
        raise LoadError(
            f"{name or 'xlator'} in {file} is not a class derived from gluster.Translator"
        )
    return found


def _hint(error: BaseException) -> str:
    """What more there is to say of what was raised."""
    if isinstance(error, ImportError) and error.name == "gluster":
        match = re.search(r"'(\w+)_(?:wind|unwind|reply_t)'", str(error))
        if match and match[1] in gluster.MISSING_FOPS:
            return lacks(gluster.MISSING_FOPS[match[1]])
    return ""


def dump_lines(said: object) -> list[tuple[str, str]]:
    """What a translator's ``dump`` returned, as keys and values of a statedump."""
    if said is None:
        return []
    if isinstance(said, str):
        pairs: Iterable[tuple[object, object]] = (("dump", line) for line in said.splitlines())
    elif isinstance(said, Mapping):
        pairs = said.items()
    else:
        raise TypeError(f"dump must return a mapping or a str, not {type(said).__name__}")
    return [(_text(key), _text(value)) for key, value in pairs]


def _text(value: object) -> str:
    """As text in which the runtime can escape what is not printable, so that it is told apart."""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", "\\\\")
