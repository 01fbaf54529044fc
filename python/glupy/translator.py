"""The base class of translators and how their handlers are found."""

from __future__ import annotations

import difflib
import functools
import inspect
import os.path
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from ctypes import POINTER, c_int32, c_void_p
from dataclasses import dataclass
from types import MethodType
from typing import Any, Literal, TypeVar, cast

import _gluster
from _gluster import Task, Xlator

from glupy import settings
from glupy.memory import structure
from glupy.schema import Fop

Side = Literal["fop", "cbk"]
F = TypeVar("F", bound=Callable[..., object])

#: The attribute by which a decorator marks a handler.
_MARK = "__glupy_handler__"


class LoadError(Exception):
    """A translator that can not be loaded; says what to mend."""


class Translator:
    """Base class of translators.

    A method ``X_fop`` receives fop X on the way down, ``X_cbk`` its answer on the
    way up. Python calls the class with the volume's ``Xlator``.
    """

    def __init__(self, this: Xlator) -> None:
        """Sets ``this``, ``name`` and the like, ``children``, ``options`` and those declared."""
        self.this = this
        self.name = this.name
        self.type = this.type
        # glusterd's volfiles name a translator after both: data-negative is data's user/negative.
        self.volume = self.name.removesuffix("-" + self.type.rpartition("/")[2])
        self.children = this.children
        self.options = this.options
        self.__dict__.update(settings.values(type(self), self.options))

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Task[Any]:
        """Starts a coroutine that answers no request, and asks children as root.

        It begins soon, on a thread of Glupy's own; in ``__init__``, when the graph is up. It
        is cancelled when the graph goes down, before ``fini``; what is spawned later is cancelled
        before it begins. Its exceptions are logged.
        """
        return _gluster.spawn(self.this, coroutine)


class HandlerType:
    """The type of the handlers of one fop; marks a method as one of them.

    ``argtypes`` and ``restype`` are the C function's, as ctypes names them.
    """

    def __init__(self, fop: Fop, side: Side) -> None:
        """Describes the fop's side: ``fop`` (down) or ``cbk`` (up)."""
        self.fop = fop
        self.side = side
        self.restype = c_int32
        self.__name__ = f"{fop.name}_{side}_t"
        parameters = ", ".join(fop.parameters(side))
        what = "Receives the request" if side == "fop" else "Receives the answer"
        self.__doc__ = f"{fop.doc}\n\n{what}: ``{fop.name}_{side}(self, {parameters})``."

    @property
    def argtypes(self) -> list[Any]:
        """The types of the C function's arguments."""
        frame, this = POINTER(structure("call_frame_t")), POINTER(structure("xlator_t"))
        if self.side == "fop":
            return [frame, this, *(arg.ctype for arg in self.fop.args)]
        head = [frame, c_void_p, this, c_int32, c_int32]
        return [*head, *(arg.ctype for arg in self.fop.cbk_args)]

    def __call__(self, function: F) -> F:
        """Marks a function, whatever its name, as a handler of this type."""
        if isinstance(function, MethodType):  # which has no attributes of its own
            function = cast(F, functools.update_wrapper(functools.partial(function), function))
        setattr(function, _MARK, self)
        return function

    def __repr__(self) -> str:
        """The decorator's name."""
        return f"<gluster.{self.__name__}>"


def mark_of(function: object) -> HandlerType | None:
    """The type that a decorator has given to a function."""
    mark = getattr(function, _MARK, None)
    return mark if isinstance(mark, HandlerType) else None


def handler(fop: Fop, side: Side) -> HandlerType:
    """The decorator of a fop's handlers, ``X_fop_t`` or ``X_cbk_t``."""
    return HandlerType(fop, side)


@dataclass(frozen=True)
class Method:
    """A method as the runtime takes it over."""

    function: Callable[..., object]
    name: str
    file: str
    line: int
    is_async: bool = False

    @classmethod
    def of(cls, name: str, function: Callable[..., object]) -> Method:
        """A bound method with its place."""
        is_async = inspect.iscoroutinefunction(function)
        return cls(function, name, *_definition(function), is_async)

    @property
    def place(self) -> str:
        """Name, file and line, for messages."""
        return f"{self.name} ({self.file}:{self.line})" if self.line else self.name


@dataclass(frozen=True)
class Handler:
    """A method that handles a fop."""

    index: int
    down: bool
    method: Method


def find_handlers(
    translator: Translator, fops: dict[str, Fop], missing: dict[str, Fop]
) -> list[Handler]:
    """The handlers of a translator, by decorator or by name.

    Raises LoadError for a name that is not a fop's, or that of a ``missing`` one, a
    signature that does not fit, and two handlers for the same thing.
    """
    found: dict[tuple[int, bool], Handler] = {}
    for name, function, fop, side in _candidates(translator, {**fops, **missing}):
        if fop.name in missing:
            raise LoadError(f"{_place(name, function)}: {lacks(fop)}")
        _check_signature(name, function, fop, side)
        handler = Handler(fop.index, side == "fop", Method.of(name, function))
        other = found.setdefault((handler.index, handler.down), handler)
        if other is not handler:
            place = other.method.place
            raise LoadError(
                f"{handler.method.place}: {place} is a {fop.name}_{side}, too: keep one"
            )
    for (index, down), handler in found.items():
        cbk = found.get((index, False))
        if down and handler.method.is_async and cbk is not None:
            why = "is a coroutine, which awaits the answer itself"
            raise LoadError(f"{cbk.method.place}: {handler.method.place} {why}: keep one")
    return list(found.values())


def lacks(fop: Fop) -> str:
    """Says that GlusterFS has no such fop."""
    since = f", which came with GlusterFS {fop.since}" if fop.since else ""
    return f"GlusterFS {_gluster.built_for} has no fop {fop.name}{since}"


#: What the runtime calls beside handlers and callbacks, and with what.
LIFE: dict[str, tuple[str, ...]] = {
    "notify": ("event", "data"),
    "reconfigure": ("options",),
    "fini": (),
    "dump": (),
}


def find_methods(
    translator: Translator,
    callbacks: dict[str, tuple[str, ...]],
    never: tuple[str, ...],
    events: Mapping[int, object],
) -> list[Method]:
    """The methods of a translator that are called for what is no fop, by name.

    Raises LoadError for a signature that does not fit, and for a callback that
    Python can not have.
    """
    found = []
    for name, parameters in {**LIFE, **callbacks, **dict.fromkeys(never, ())}.items():
        function = getattr(translator, name, None)
        if not callable(function):
            _check_off(translator, name, function)
            continue
        if name in never:
            why = "GlusterFS calls this with a lock held, under which Python must not run"
            raise LoadError(f"{_place(name, function)}: {why}")
        expected = f"{name}({', '.join(('self', *parameters))})"
        if inspect.iscoroutinefunction(function):
            why = "nothing waits for it: use self.spawn(...) in it for what takes time"
            raise LoadError(f"{_place(name, function)}: {why}; expected def {expected}")
        _check_call(name, function, parameters, expected)
        method = Method.of(name, function)
        found.append(_with_event(method, events) if name == "notify" else method)
    return found


def _with_event(method: Method, events: Mapping[int, object]) -> Method:
    """Python gets an event as the enum; one that is not in there as a number."""

    def notify(number: int, data: object) -> object:
        return method.function(events.get(number, number), data)

    return Method(notify, method.name, method.file, method.line)


def _candidates(
    translator: Translator, fops: dict[str, Fop]
) -> Iterator[tuple[str, Callable[..., object], Fop, Side]]:
    for name in dir(translator):
        if name.startswith("__"):
            continue
        if isinstance(inspect.getattr_static(translator, name), property):
            continue
        function = getattr(translator, name)
        match = re.fullmatch(r"([^_].*)_(fop|cbk)", name)
        if not callable(function):
            if match and match[1] in fops:
                _check_off(translator, name, function)
            continue
        mark = mark_of(function)
        if mark is not None:
            yield name, function, mark.fop, mark.side
            continue
        if match is None:
            continue
        fop = fops.get(match[1])
        if fop is None:
            raise LoadError(f"{_place(name, function)}: {_unknown(match[1], match[2], fops)}")
        yield name, function, fop, "fop" if match[2] == "fop" else "cbk"


def _check_off(translator: Translator, name: str, value: object) -> None:
    """None in a method's place switches an inherited one off; anything else is a mistake."""
    if value is not None:
        owner = f"{inspect.getfile(type(translator))}: {type(translator).__name__}.{name}"
        kind = type(value).__name__
        raise LoadError(f"{owner} is of type {kind}, no method; None would switch it off")


def _unknown(name: str, side: str, fops: dict[str, Fop]) -> str:
    near = difflib.get_close_matches(name, fops, n=1)
    if near:
        return f"there is no fop {name}; did you mean {near[0]}_{side}?"
    return f"there is no fop {name}; a method that is no handler must not end in _{side}"


def _check_signature(name: str, function: Callable[..., object], fop: Fop, side: Side) -> None:
    parameters = fop.parameters(side)
    if side == "cbk" and inspect.iscoroutinefunction(function):
        why = "an answer is awaited in the request's handler"
        raise LoadError(f"{_place(name, function)}: {why}: write `async def {fop.name}_fop`")
    _check_call(name, function, parameters, f"{fop.name}_{side}(self, {', '.join(parameters)})")


def _check_call(
    name: str, function: Callable[..., object], parameters: tuple[str, ...], expected: str
) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        why = "a handler can not be a generator"
        raise LoadError(f"{_place(name, function)}: {why}; expected {expected}")
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError as error:
        raise LoadError(f"{_place(name, function)}: {error}; expected {expected}") from None
    except ValueError:
        pass  # a callable that does not tell its signature


def _definition(function: Callable[..., object]) -> tuple[str, int]:
    """File and line; ("", 0) for what is not defined in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return "", 0
    return os.path.basename(code.co_filename), code.co_firstlineno


def _place(name: str, function: Callable[..., object]) -> str:
    file, line = _definition(function)
    return f"{name} ({file}:{line})" if line else name
