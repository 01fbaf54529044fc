"""What ``fops.yaml`` says of a fop, as Python sees it."""

from __future__ import annotations

import ctypes
import inspect
from dataclasses import dataclass
from typing import Any

from glupy import memory


def _ctype(name: str) -> Any:
    if name.startswith("POINTER("):
        return ctypes.POINTER(_ctype(name[len("POINTER(") : -1]))
    return getattr(ctypes, name) if name.startswith("c_") else memory.structure(name)


@dataclass(frozen=True)
class Arg:
    """An argument of a fop, or a value of its answer.

    ``name`` and ``c_type`` are those of the C header, ``python`` is the type that
    a handler gets, ``ctypes`` the name of the ctypes type.
    """

    name: str
    c_type: str
    python: str
    ctypes: str

    @property
    def ctype(self) -> Any:
        """The ctypes type."""
        return _ctype(self.ctypes)


@dataclass(frozen=True)
class Fop:
    """A GlusterFS file operation (``glusterfs/xlator.h``).

    ``index`` is its GF_FOP number. ``args`` leave out frame and this,
    ``cbk_args`` leave out frame, cookie, this, op_ret and op_errno. ``op_ret``
    says what a result of zero or more counts: nothing (``status``), ``bytes``
    or ``entries``. ``since`` is the GlusterFS version that brought it, where that matters.
    """

    name: str
    index: int
    doc: str
    op_ret: str
    args: tuple[Arg, ...]
    cbk_args: tuple[Arg, ...]
    since: str | None = None

    @property
    def call_signature(self) -> inspect.Signature:
        """How the fop is asked of a child: its arguments, and ``as_root``."""
        parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
        for arg in self.args:
            may_be_none = arg is self.args[-1] and arg.python.endswith(" | None")
            default = None if may_be_none else inspect.Parameter.empty
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters.append(inspect.Parameter(arg.name, kind, default=default))
        as_root = inspect.Parameter("as_root", inspect.Parameter.KEYWORD_ONLY, default=False)
        return inspect.Signature([*parameters, as_root])

    def parameters(self, side: str) -> tuple[str, ...]:
        """Names of what a handler gets behind ``self``; ``side`` is fop or cbk."""
        if side == "fop":
            return ("frame", "this", *(arg.name for arg in self.args))
        return (
            "frame",
            "cookie",
            "this",
            "op_ret",
            "op_errno",
            *(arg.name for arg in self.cbk_args),
        )
