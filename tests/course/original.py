"""A translator in the style of the original Glupy: every fop and callback through `dl`.

    option pass handles     what came is passed on
    option pass pointers    ctypes pointers to it are passed on instead

Its methods are made from `gluster.FOPS`, so nothing here names a fop.
"""

from __future__ import annotations

from ctypes import POINTER, _Pointer, c_long, c_uint64, pointer
from typing import Any

import gluster
from gluster.glupy import call_frame_t, dl, xlator_t

dl.get_id.restype = c_long
dl.get_id.argtypes = [POINTER(call_frame_t)]
dl.get_rootunique.restype = c_uint64
dl.get_rootunique.argtypes = [POINTER(call_frame_t)]


class Original(gluster.Translator):
    """What the methods of all fops use."""

    def __init__(self, c_this: Any) -> None:
        self.requests: dict[int, int] = {}
        gluster.Translator.__init__(self, c_this)

    def passed(self, values: tuple[Any, ...]) -> list[Any]:
        if self.options["pass"] == "handles":
            return list(values)
        # What is a pointer already is NULL.
        return [
            v if isinstance(v, _Pointer) or not hasattr(v, "contents") else pointer(v.contents)
            for v in values
        ]


def original_fop(fop: Any) -> Any:
    wind = getattr(dl, f"wind_{fop.name}")

    def method(self: Original, frame: Any, this: Any, *args: Any) -> int:
        self.requests[dl.get_id(frame)] = dl.get_rootunique(frame)
        wind(frame, POINTER(xlator_t)(), *self.passed(args))
        return 0

    return method


def original_cbk(fop: Any) -> Any:
    unwind = getattr(dl, f"unwind_{fop.name}")

    def method(
        self: Original, frame: Any, cookie: Any, this: Any, op_ret: int, op_errno: int, *args: Any
    ) -> int:
        assert self.requests.pop(dl.get_id(frame)) == dl.get_rootunique(frame)
        unwind(frame, cookie, this, op_ret, op_errno, *self.passed(args))
        return 0

    return method


methods = {f"{fop}_fop": original_fop(row) for fop, row in gluster.FOPS.items()}
methods |= {f"{fop}_cbk": original_cbk(row) for fop, row in gluster.FOPS.items()}
xlator = type("xlator", (Original,), methods)
