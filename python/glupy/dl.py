"""``dl``: the functions that translators of the original Glupy call in its C library.

There ``dl`` was a ``ctypes.CDLL``. Here its functions are Python's, take the same
arguments and accept that ``restype`` and ``argtypes`` are set.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import _SimpleCData, addressof, c_void_p
from types import SimpleNamespace
from typing import Any

import _gluster
from _gluster import Frame

import gluster
from glupy import compatible, memory
from glupy.schema import Fop
from glupy.texts import Null


def _get_id(frame: Frame) -> int:
    """A number that no other request has at the same time."""
    return id(frame)


def _get_rootunique(frame: Frame) -> int:
    """The number that the request has in all translators."""
    return frame.unique


def _child(frame: Frame, xlator: Any) -> Any:
    """The child to wind to; NULL and the translator itself mean the first one."""
    found = memory.pointer("xlator_t", getattr(xlator, "_as_parameter_", xlator))
    if found is None:
        return xlator
    address, _ = found
    return None if address in (0, addressof(frame.contents.this.contents)) else xlator


def _value(given: Any) -> Any:
    """An argument without what ctypes has around it."""
    if isinstance(given, _SimpleCData) and not isinstance(given, c_void_p):
        return given.value
    return None if isinstance(given, Null) else given


def _wind(fop: Fop) -> Callable[..., None]:
    wind = getattr(_gluster, f"{fop.name}_wind")

    def function(frame: Frame, xlator: Any, *args: Any) -> None:
        wind(frame, *map(_value, args), child=_child(frame, xlator))

    return function


def _unwind(fop: Fop) -> Callable[..., None]:
    unwind = getattr(_gluster, f"{fop.name}_unwind")

    def function(
        frame: Frame, cookie: Any, this: Any, op_ret: Any, op_errno: Any, *values: Any
    ) -> None:
        unwind(frame, *map(_value, (op_ret, op_errno, *values)))

    return function


def _set_fop(fop: Fop) -> Callable[..., None]:
    return compatible.setter(getattr(gluster, f"{fop.name}_fop_t"))


def _set_cbk(fop: Fop) -> Callable[..., None]:
    return compatible.setter(getattr(gluster, f"{fop.name}_cbk_t"))


_FUNCTIONS = {
    "wind_{}": _wind,
    "unwind_{}": _unwind,
    "set_{}_fop": _set_fop,
    "set_{}_cbk": _set_cbk,
}


def functions(fops: dict[str, Fop]) -> SimpleNamespace:
    """`wind_X`, `unwind_X`, `set_X_fop` and `set_X_cbk` of each fop, and what is of no fop."""
    dl = SimpleNamespace(get_id=_get_id, get_rootunique=_get_rootunique)
    for fop in fops.values():
        for name, make in _FUNCTIONS.items():
            function = make(fop)
            function.__name__ = name.format(fop.name)
            setattr(dl, function.__name__, function)
    return dl
