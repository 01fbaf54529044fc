"""The modules that volumes name: which volume a module, or what is called, belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True)
class Root:
    """The module that a volume names, with all that is in it."""

    file: str
    volume: str
    is_strict: bool  # option strict-modes


#: By the module's name. None is taken away: a thread may import something at any time.
roots: dict[str, Root] = {}


def of(name: str) -> Root | None:
    """What a module is or belongs to; None for one of no volume's."""
    while name and name not in roots:
        name = name.rpartition(".")[0]
    return roots.get(name)


def of_frame(frame: FrameType) -> Root | None:
    """What the code of a frame belongs to; None for a library's.

    Threads that an author starts run for no translator that GlusterFS knows of.
    """
    return of(str(frame.f_globals.get("__name__", "")))


def of_caller(frame: FrameType | None) -> Root | None:
    """What has called a frame, by way of libraries."""
    while frame is not None:
        root = of_frame(frame)
        if root is not None:
            return root
        frame = frame.f_back
    return None
