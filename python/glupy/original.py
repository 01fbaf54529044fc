# ruff: noqa: F401, F403  (what is imported here is what the star import gives)
"""What translators of the original Glupy import: ``from gluster.glupy import *``."""

import os
import sys
from ctypes import *

from glupy import dl as _dl
from glupy import structures as _structures
from glupy.structures import *
from gluster import *
from gluster import ALIASES, FOPS

dl = _dl.functions(FOPS)


def _add_old_names() -> None:
    """Structures and their members get the names that they had there, too."""
    own = vars(_structures).values()
    classes = [item for item in own if isinstance(item, type) and hasattr(item, "_fields_")]
    for old, new in ALIASES.items():
        if hasattr(_structures, new):
            globals()[old] = getattr(_structures, new)
        for structure in classes:
            if any(field[0] == new for field in structure._fields_):
                setattr(structure, old, getattr(structure, new))


_add_old_names()
