"""What modules written for the original Glupy need: handlers set by functions, NULL for None."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from _gluster import Frame, Xlator

from glupy.schema import Arg
from glupy.texts import NULL
from glupy.translator import (
    Handler,
    HandlerType,
    LoadError,
    Translator,
    find_handlers,
    mark_of,
)
from gluster import FOPS, MISSING_FOPS

_Function = Callable[..., object]

#: What is set for translators that are being made, by the id of their Xlator.
_being_set: dict[int, dict[str, _Function]] = {}


class _Bare(Translator):
    """The translator of an `xlator` that is none: it sets functions as its handlers."""

    def __init__(self, this: Xlator, made: object) -> None:
        super().__init__(this)
        self.made = made  # which may keep what the functions need


def make(xlator: _Function, this: Xlator) -> tuple[Translator, list[Handler]]:
    """The translator of what a module calls `xlator`, and its handlers, also those that it sets."""
    import gluster.glupy  # noqa: F401  (strings become text)

    with _setting(this) as handlers:
        made = xlator(this)
    if not isinstance(made, Translator):
        if not handlers:
            why = "is no gluster.Translator, and sets no handlers by dl.set_X_fop(...) either"
            raise LoadError(f"{getattr(xlator, '__name__', 'xlator')} {why}")
        made = _Bare(this, made)
    made.__dict__.update(handlers)
    return made, [_adapted(each) for each in find_handlers(made, FOPS, MISSING_FOPS)]


@contextmanager
def _setting(this: Xlator) -> Iterator[dict[str, _Function]]:
    handlers = _being_set[id(this)] = {}
    try:
        yield handlers
    finally:
        del _being_set[id(this)]


def setter(kind: HandlerType) -> Callable[[Xlator, _Function], None]:
    """`dl.set_X_fop` or `dl.set_X_cbk`, by the type of what it sets."""
    name = f"{kind.fop.name}_{kind.side}"

    def function(this: Xlator, handler: _Function) -> None:
        if not callable(handler):
            raise TypeError(f"dl.set_{name}: expected a function, not {handler!r}")
        if mark_of(handler) not in (None, kind):
            raise TypeError(f"dl.set_{name}: expected a {kind}, not a {mark_of(handler)}")
        if id(this) not in _being_set:
            raise RuntimeError(
                f"dl.set_{name}: expected, in the translator's __init__, what that gets"
            )
        _being_set[id(this)][name] = handler

    return function


def _adapted(handler: Handler) -> Handler:
    """A handler that gets NULL where others get None."""
    call = handler.method.function
    fop = next(fop for fop in FOPS.values() if fop.index == handler.index)
    nulls = [_null(arg) for arg in (fop.args if handler.down else fop.cbk_args)]

    def fop_handler(frame: Frame, this: Xlator, *values: Any) -> object:
        return call(frame, this, *map(_given, values, nulls))

    def cbk_handler(
        frame: Frame, cookie: Any, this: Xlator, op_ret: int, op_errno: int, *values: Any
    ) -> object:
        # There, the cookie of a wind by `dl` was a number that told them apart, too.
        cookie = id(frame) if cookie is None else cookie
        return call(frame, cookie, this, op_ret, op_errno, *map(_given, values, nulls))

    function = fop_handler if handler.down else cbk_handler
    return replace(handler, method=replace(handler.method, function=function))


def _given(value: object, null: Callable[[], object]) -> object:
    return null() if value is None else value


def _null(arg: Arg) -> Callable[[], object]:
    """Makes what is given for NULL: in the place of a handle a pointer of ctypes, as there."""
    if arg.python.startswith("str"):
        return lambda: NULL
    is_handle = arg.ctypes.startswith("POINTER(") and not arg.python.startswith("bytes")
    return _null_pointer(arg.ctype) if is_handle else lambda: None


@cache
def _null_pointer(pointer: Any) -> Any:
    class Null(pointer):  # type: ignore[misc]
        _type_ = pointer._type_

        def __repr__(self) -> str:
            return "NULL"

        def __format__(self, how: str) -> str:
            return format("NULL", how.removesuffix("p"))

    return Null
