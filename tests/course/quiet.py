"""Handlers that keep nothing, for counting and timing.

option fops all            or one name
option handlers fop|both   without callbacks the request is passed on for good
option style long|short    see course.py
option read yes            read a field of every argument
"""

from __future__ import annotations

from typing import Any

import gluster

# One field of each handle, none of which needs more than a small object of Python's.
FIELDS = {
    "Loc": "gfid",
    "Inode": "gfid",
    "Fd": "flags",
    "Iatt": "ia_size",
    "Iovec": "nbytes",
    "Iobref": "size",
    "Flock": "l_start",
    "Lease": "lease_id",
    "Statvfs": "f_blocks",
}


def look(values: tuple[Any, ...]) -> None:
    for value in values:
        field = FIELDS.get(type(value).__name__)
        if field is not None:
            getattr(value, field)
        elif type(value).__name__ in ("Dict", "Dirents", "LockList"):
            len(value)


def fop_method(fop: Any, short: bool, read: bool) -> Any:
    wind = getattr(gluster, f"{fop.name}_wind")

    def long_form(self: Any, frame: Any, this: Any, *args: Any) -> None:
        if read:
            look(args)
        wind(frame, *args)

    def short_form(self: Any, frame: Any, this: Any, *args: Any) -> None:
        if read:
            look(args)
        frame.wind()

    return short_form if short else long_form


def cbk_method(fop: Any, short: bool, read: bool) -> Any:
    unwind = getattr(gluster, f"{fop.name}_unwind")

    def long_form(
        self: Any, frame: Any, cookie: Any, this: Any, op_ret: int, op_errno: int, *args: Any
    ) -> None:
        if read:
            look(args)
        unwind(frame, op_ret, op_errno, *args)

    def short_form(
        self: Any, frame: Any, cookie: Any, this: Any, op_ret: int, op_errno: int, *args: Any
    ) -> None:
        if read:
            look(args)
        frame.unwind()

    return short_form if short else long_form


class xlator(gluster.Translator):
    """Has the methods that its options ask for, as attributes of the instance."""

    def __init__(self, this: Any) -> None:
        super().__init__(this)
        only = self.options.get("fops", "all")
        short = self.options.get("style") == "short"
        read = self.options.get("read") == "yes"
        both = self.options.get("handlers", "both") == "both"
        for name, fop in gluster.FOPS.items():
            if only in ("all", name):
                self.add(f"{name}_fop", fop_method(fop, short, read))
                if both:
                    self.add(f"{name}_cbk", cbk_method(fop, short, read))

    def add(self, name: str, function: Any) -> None:
        setattr(self, name, function.__get__(self))
