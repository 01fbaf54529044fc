"""The modules that volumes name: which volume a module, or what is called, belongs to."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True)
class Root:
    """What a volume's instance has of its own: its module, or the package that this is in."""

    name: str  # as authors know it
    file: str  # a folder, for a package without a file
    volume: str
    is_strict: bool  # option strict-modes
    original: bool | None  # option original; None: each source says it itself


#: By the name in ``sys.modules``, ``NAME@SERIAL``: two instances may have modules and volumes of
#: the same names. None is taken away: a thread may import something at any time.
roots: dict[str, Root] = {}

#: The modules of these that are written for the original Glupy, by the same names.
originals: set[str] = set()


def of(name: str) -> Root | None:
    """What a module is or belongs to; None for one of no volume's."""
    return roots.get(name.partition(".")[0])


def as_known(text: str) -> str:
    """A text in which modules have the names that authors know."""
    if "@" not in text:
        return text
    # Only from the begin of a word on: what is no name is looked at once.
    return re.sub(
        r"(?<![\w-])[\w-]+@\d+", lambda found: getattr(roots.get(found[0]), "name", found[0]), text
    )


def has(frame: FrameType, file: str) -> bool:
    """Whether the file of a frame's code is the one that a module of a volume's was read from."""
    name = _module(frame)
    return of(name) is not None and getattr(sys.modules.get(name), "__file__", None) == file


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def of_frame(frame: FrameType) -> Root | None:
    """What the code of a frame belongs to; None for a library's.

    Threads that an author starts run for no translator that GlusterFS knows of.
    """
    return of(_module(frame))


def of_caller(frame: FrameType | None) -> Root | None:
    """What has called a frame, by way of libraries."""
    return of(module_of_caller(frame))


def module_of_caller(frame: FrameType | None) -> str:
    """The module of a volume's that has called a frame, by way of libraries; "" for none."""
    while frame is not None:
        name = _module(frame)
        if of(name) is not None:
            return name
        frame = frame.f_back
    return ""
