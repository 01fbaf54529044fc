"""C memory as ctypes structures: ``.contents`` of handles, and pointers instead of handles.

The structures are imported when they are asked for first: most translators do without.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Array, Structure, Union, _Pointer, byref, c_int, c_void_p
from functools import cache
from typing import Any, Protocol

#: The attribute by which a structure keeps what its memory belongs to. What is read
#: from the structure keeps the structure.
_KEPT = "_glupy_kept"

#: In the place of a structure's name: it can point to anything.
_UNKNOWN = "c_void_p"

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


def copied(name: str, address: int) -> Any:
    """A copy of the structure at an address."""
    cls = structure(name)
    return cls.from_buffer_copy(cls.from_address(address))


def address(name: str, number: int) -> Any:
    """A pointer to the structure at an address; the bare address where there is none."""
    if name == _UNKNOWN:
        return number
    return POINTER(structure(name)).from_buffer_copy(c_void_p(number))


class Addressed(Protocol):
    """What has a structure's address, as long as it has."""

    @property
    def _address_(self) -> int: ...


def guarded(name: str, of: Addressed) -> Any:
    """The structure at an object's address; using it raises as soon as there is none."""
    view = _guarded(name).from_address(of._address_)
    object.__setattr__(view, _KEPT, of)
    return view


@cache
def _guarded(name: str) -> Any:
    base = structure(name)

    class Guarded(base):  # type: ignore[misc,valid-type]
        __doc__ = base.__doc__

        def __getattribute__(self, name: str) -> Any:
            object.__getattribute__(self, _KEPT)._address_  # noqa: B018 (raises)
            return super().__getattribute__(name)

        def __setattr__(self, name: str, value: object) -> None:
            object.__getattribute__(self, _KEPT)._address_  # noqa: B018 (raises)
            super().__setattr__(name, value)

    Guarded.__name__ = Guarded.__qualname__ = name
    return Guarded


def pointer(name: str, given: object) -> tuple[int, object] | None:
    """The address in a ctypes pointer or structure, and what keeps it valid.

    None for what is not ctypes, or of another type.
    """
    if name == _UNKNOWN:
        return _any_pointer(given)
    of_structures = isinstance(given, Array) and issubclass(given._type_, Structure)
    if not (of_structures or isinstance(given, _POINTERS)):
        return None
    try:
        kept = POINTER(structure(name)).from_param(given)
    except TypeError:
        return None
    return _address(kept), kept


def _any_pointer(given: object) -> tuple[int, object] | None:
    if isinstance(given, (int, c_void_p)):
        return (given if isinstance(given, int) else given.value or 0), given
    if isinstance(given, (Array, *_POINTERS)):
        kept = c_void_p.from_param(byref(given) if isinstance(given, (Structure, Union)) else given)
        return _address(kept), kept
    return None
