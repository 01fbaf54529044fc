"""C strings in structures: `bytes` and None as ctypes has them, or text as the original had."""

from __future__ import annotations

import os
import sys
from typing import Any

from glupy import roots


class Null(str):
    """A C string that is NULL, as text: it is empty. For C it is NULL again, unlike others."""

    __slots__ = ()


NULL = Null()


class Text:
    """A structure's member that is a C string: text for modules written for the original Glupy.

    Python 2 had one type for both, which could be joined, formatted and compared with any text.
    """

    def __init__(self, member: Any) -> None:
        """Stands in for a structure's member, as ctypes has made it."""
        self._member = member

    def __getattr__(self, name: str) -> Any:
        """Its offset and size."""
        return getattr(self._member, name)

    def __get__(self, view: Any, owner: Any = None) -> Any:
        """The string in a structure."""
        if view is None:
            return self
        value = self._member.__get__(view, owner)
        if roots.module_of_caller(sys._getframe(1)) not in roots.originals:
            return value
        if value is None:
            return NULL
        return os.fsdecode(value) if isinstance(value, bytes) else value  # arrays are no text

    def __set__(self, view: Any, value: Any) -> None:
        """Has the structure point to a string."""
        if isinstance(value, str):
            value = None if isinstance(value, Null) else os.fsencode(value)
        self._member.__set__(view, value)
