"""The base class of translators and how their handlers are found."""

from __future__ import annotations

import difflib
import inspect
import os.path
import re
from collections.abc import Callable, Iterator
from ctypes import POINTER, c_int32, c_void_p
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from _gluster import Xlator

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
        """Sets ``this``, ``name``, ``type``, ``options`` and ``children``."""
        self.this = this
        self.name = this.name
        self.type = this.type
        self.options = this.options
        self.children = this.children


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
        setattr(function, _MARK, self)
        return function

    def __repr__(self) -> str:
        """The decorator's name."""
        return f"<gluster.{self.__name__}>"


def handler(fop: Fop, side: Side) -> HandlerType:
    """The decorator of a fop's handlers, ``X_fop_t`` or ``X_cbk_t``."""
    return HandlerType(fop, side)


@dataclass(frozen=True)
class Handler:
    """A handler as the runtime takes it over."""

    index: int
    down: bool
    function: Callable[..., object]
    name: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """Name, file and line, for messages."""
        return f"{self.name} ({self.file}:{self.line})" if self.line else self.name


def find_handlers(translator: Translator, fops: dict[str, Fop]) -> list[Handler]:
    """The handlers of a translator, by decorator or by name.

    Raises LoadError for a name that is not a fop's, a signature that does not
    fit, and two handlers for the same thing.
    """
    found: dict[tuple[int, bool], Handler] = {}
    for name, function, fop, side in _candidates(translator, fops):
        _check_signature(name, function, fop, side)
        handler = Handler(fop.index, side == "fop", function, name, *_definition(function))
        other = found.setdefault((handler.index, handler.down), handler)
        if other is not handler:
            raise LoadError(f"{handler.place}: {other.place} is a {fop.name}_{side}, too: keep one")
    return list(found.values())


def _candidates(
    translator: Translator, fops: dict[str, Fop]
) -> Iterator[tuple[str, Callable[..., object], Fop, Side]]:
    for name in dir(translator):
        if name.startswith("__"):
            continue
        if isinstance(inspect.getattr_static(translator, name), property):
            continue
        function = getattr(translator, name)
        if not callable(function):
            continue
        mark = getattr(function, _MARK, None)
        if isinstance(mark, HandlerType):
            yield name, function, mark.fop, mark.side
            continue
        match = re.fullmatch(r"([^_].*)_(fop|cbk)", name)
        if match is None:
            continue
        fop = fops.get(match[1])
        if fop is None:
            raise LoadError(f"{_place(name, function)}: {_unknown(match[1], match[2], fops)}")
        yield name, function, fop, "fop" if match[2] == "fop" else "cbk"


def _unknown(name: str, side: str, fops: dict[str, Fop]) -> str:
    near = difflib.get_close_matches(name, fops, n=1)
    if near:
        return f"there is no fop {name}; did you mean {near[0]}_{side}?"
    return f"there is no fop {name}; a method that is no handler must not end in _{side}"


def _check_signature(name: str, function: Callable[..., object], fop: Fop, side: Side) -> None:
    parameters = fop.parameters(side)
    expected = f"expected {fop.name}_{side}(self, {', '.join(parameters)})"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        why = "a handler can not be `async def` in this version"
        raise LoadError(f"{_place(name, function)}: {why}; {expected}")
    if inspect.isgeneratorfunction(function):
        raise LoadError(f"{_place(name, function)}: a handler can not be a generator; {expected}")
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError as error:
        raise LoadError(f"{_place(name, function)}: {error}; {expected}") from None
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
