# ruff: noqa: F403
"""What translators of the original Glupy import: ``from gluster.glupy import *``.

It has what ``ctypes`` and ``gluster`` have, ``os``, ``sys``, the structures of the headers,
also under the names that they had there, ``dl``, and of each fop ``OpX`` with the decorators
``OpX.fop_type`` and ``OpX.cbk_type``.
"""

import os as os
import sys as sys
from ctypes import *
from typing import Any

from gluster import *
from gluster import Frame, Xlator

class _Number:
    restype: Any
    argtypes: Any
    def __call__(self, frame: Frame) -> int: ...

class _Action:
    restype: Any
    argtypes: Any
    def __call__(self, of: Frame | Xlator, /, *args: Any) -> None: ...

class _Functions:
    get_id: _Number
    """A number that no other request has at the same time."""

    get_rootunique: _Number
    """The number that the request has in all translators."""

    def __getattr__(self, name: str) -> _Action:
        """`wind_X(frame, xlator, ...)`, `unwind_X(frame, cookie, this, op_ret, ...)`.

        `set_X_fop(this, function)` and `set_X_cbk(this, function)`, in `__init__`.
        """

dl: _Functions
"""The functions of the original's C library; `restype` and `argtypes` may be set."""

def __getattr__(name: str) -> Any:
    """A structure of the headers, or `OpX`."""
