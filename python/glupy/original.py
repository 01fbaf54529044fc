# ruff: noqa: F401, F403  (what is imported here is what the star import gives)
"""What translators of the original Glupy import: ``from gluster.glupy import *``."""

import os
import sys
from ctypes import *
from ctypes import c_char_p

from glupy import dl as _dl
from glupy import pointers as _pointers
from glupy import structures as _structures
from glupy.structures import *
from glupy.texts import Text as _Text
from glupy.translator import HandlerType as _HandlerType
from gluster import *
from gluster import ALIASES, FOPS

dl = _dl.functions(FOPS)


class _Operation:
    """What it knew of a fop: the decorators, and the types of C's functions."""

    def __init__(self, fop_type: _HandlerType, cbk_type: _HandlerType) -> None:
        self.fop_type = fop_type
        self.cbk_type = cbk_type

    @property
    def fop_sig(self) -> tuple[object, ...]:
        return (self.fop_type.restype, *self.fop_type.argtypes)

    @property
    def cbk_sig(self) -> tuple[object, ...]:
        return (self.cbk_type.restype, *self.cbk_type.argtypes)


def _add_operations() -> None:
    for name in FOPS:
        fop_type, cbk_type = globals()[f"{name}_fop_t"], globals()[f"{name}_cbk_t"]
        globals()[f"Op{name.capitalize()}"] = _Operation(fop_type, cbk_type)


def _adapt_structures() -> None:
    """Strings become text for who wants it; structures and members get their old names, too."""
    own = vars(_structures).values()
    classes = [item for item in own if isinstance(item, type) and hasattr(item, "_fields_")]
    for structure in classes:
        for name in _pointers.names(structure, c_char_p):
            setattr(structure, name, _Text(getattr(structure, name)))
    for old, new in ALIASES.items():
        if hasattr(_structures, new):
            globals()[old] = getattr(_structures, new)
        for structure in classes:
            if any(field[0] == new for field in structure._fields_):
                setattr(structure, old, getattr(structure, new))


_add_operations()
_adapt_structures()
