"""What ``fops.yaml`` says of a fop, as Python sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Arg:
    """An argument of a fop, or a value of its answer.

    ``name`` and ``c_type`` are those of the C header, ``python`` is the type that
    a handler gets, ``ctype`` the ctypes type.
    """

    name: str
    c_type: str
    python: str
    ctype: Any


@dataclass(frozen=True)
class Fop:
    """A GlusterFS file operation (``glusterfs/xlator.h``).

    ``index`` is its GF_FOP number. ``args`` leave out frame and this,
    ``cbk_args`` leave out frame, cookie, this, op_ret and op_errno. ``op_ret``
    says what a result of zero or more counts: nothing (``status``), ``bytes``
    or ``entries``.
    """

    name: str
    index: int
    doc: str
    op_ret: str
    args: tuple[Arg, ...]
    cbk_args: tuple[Arg, ...]

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
