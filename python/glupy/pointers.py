"""The bases of the structures of C: a pointer is set in Python's own memory only.

Where a pointer stands in GlusterFS's memory, GlusterFS gives back what it leads to.
"""

from __future__ import annotations

import ctypes
from ctypes import _Pointer
from functools import cache
from typing import Any

from glupy.texts import Text

# Function pointers are addresses to bindgen.
_ADDRESSES = (ctypes.c_char_p, ctypes.c_wchar_p, ctypes.c_void_p, _Pointer)


class _Guard:
    """What structures and unions have in common."""

    def __setattr__(self, name: str, value: object) -> None:
        cls: Any = type(self)
        member = getattr(cls, name, None)
        if (isinstance(member, Text) or member in _pointers(cls)) and not _is_pythons(self):
            raise TypeError(
                f"{cls.__name__}.{name} is a pointer in the memory of GlusterFS, which "
                "can not have what is Python's: use the handle's attribute of that name"
            )
        super().__setattr__(name, value)


class Structure(_Guard, ctypes.Structure):
    """A structure of C."""


class Union(_Guard, ctypes.Union):
    """A union of C."""


@cache
def _pointers(cls: Any) -> frozenset[object]:
    """The members that are pointers, or arrays of them, whatever names they have."""
    return frozenset(getattr(cls, name) for name in names(cls, _ADDRESSES))


def names(cls: Any, kinds: Any) -> set[str]:
    """The members that are of some kinds, or arrays of these."""
    found: set[str] = set()
    for base in cls.__mro__:
        own = vars(base)
        for name, kind, *_ in own.get("_fields_", ()):
            if name in own.get("_anonymous_", ()):
                found |= names(kind, kinds)
            while issubclass(kind, ctypes.Array):
                kind = kind._type_
            if issubclass(kind, kinds):
                found.add(name)
    return found


def _is_pythons(view: Any) -> bool:
    """Whether a structure's memory is Python's: its own, or that of what it is part of."""
    while view is not None:
        if isinstance(view, _Pointer):
            # Made of an object, which it keeps then.
            view = (view._objects or {}).get("1")
        elif view._b_base_ is None:
            return bool(view._b_needsfree_)
        else:
            view = view._b_base_
    return False
