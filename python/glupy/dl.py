"""``dl``: the functions that translators of the original Glupy call in its C library.

There ``dl`` was a ``ctypes.CDLL``. Here its functions are Python's, take the same
arguments and accept that ``restype`` and ``argtypes`` are set.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof
from types import SimpleNamespace
from typing import Any

import _gluster
from _gluster import Frame

from glupy import memory
from glupy.schema import Fop


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


def _wind(fop: Fop) -> Callable[..., None]:
    wind = getattr(_gluster, f"{fop.name}_wind")

    def function(frame: Frame, xlator: Any, *args: Any) -> None:
        wind(frame, *args, child=_child(frame, xlator))

    return function


def _unwind(fop: Fop) -> Callable[..., None]:
    unwind = getattr(_gluster, f"{fop.name}_unwind")

    def function(
        frame: Frame, cookie: Any, this: Any, op_ret: int, op_errno: int, *values: Any
    ) -> None:
        unwind(frame, op_ret, op_errno, *values)

    return function


def functions(fops: dict[str, Fop]) -> SimpleNamespace:
    """``wind_X`` and ``unwind_X`` of each fop, ``get_id`` and ``get_rootunique``."""
    dl = SimpleNamespace(get_id=_get_id, get_rootunique=_get_rootunique)
    for fop in fops.values():
        for verb, make in (("wind", _wind), ("unwind", _unwind)):
            function = make(fop)
            function.__name__ = f"{verb}_{fop.name}"
            setattr(dl, function.__name__, function)
    return dl
