"""C memory as ctypes structures: ``.contents`` of handles, and pointers instead of handles.

The structures are imported when they are asked for first: most translators do without.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Array, Structure, Union, _Pointer, byref, c_int
from functools import lru_cache
from typing import Any

from _gluster import Frame

#: The attribute by which a structure keeps what its memory belongs to. What is read
#: from the structure keeps the structure.
_KEPT = "_glupy_kept"

_POINTERS = (_Pointer, Structure, Union, type(byref(c_int())))

# The address in whatever ctypes passes as a pointer. Its own `cast` makes cycles, which
# would keep references of GlusterFS's until the next collection.
_address = ctypes.pythonapi["PyLong_FromVoidPtr"]
_address.restype = ctypes.py_object


def structure(name: str) -> Any:
    """A structure of the headers."""
    from glupy import structures

    return getattr(structures, name)


def contents(name: str, address: int, kept: object) -> Any:
    """The structure at an address, which is valid as long as ``kept`` lives."""
    view = structure(name).from_address(address)
    setattr(view, _KEPT, kept)
    return view


def frame_contents(frame: Frame) -> Any:
    """The structure of a frame; using it after the answer raises FrameError."""
    view = _frame_structure().from_address(frame._address_)
    object.__setattr__(view, _KEPT, frame)
    return view


@lru_cache(maxsize=1)
def _frame_structure() -> Any:
    class FrameContents(structure("call_frame_t")):  # type: ignore[misc]
        """`call_frame_t` of a request, as long as that is not answered."""

        def __getattribute__(self, name: str) -> Any:
            object.__getattribute__(self, _KEPT)._address_  # noqa: B018 (raises)
            return super().__getattribute__(name)

        def __setattr__(self, name: str, value: object) -> None:
            object.__getattribute__(self, _KEPT)._address_  # noqa: B018 (raises)
            super().__setattr__(name, value)

    return FrameContents


def pointer(name: str, given: object) -> tuple[int, object] | None:
    """The address in a ctypes pointer or structure, and what keeps it valid.

    None for what is not ctypes, or of another type.
    """
    of_structures = isinstance(given, Array) and issubclass(given._type_, Structure)
    if not (of_structures or isinstance(given, _POINTERS)):
        return None
    try:
        kept = POINTER(structure(name)).from_param(given)
    except TypeError:
        return None
    return _address(kept), kept
