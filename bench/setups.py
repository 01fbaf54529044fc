"""The set-ups that are compared: names, and what they are called in tables and plots."""

from __future__ import annotations

NOTHING = "nothing"
C = "C"
C_NONE = "C none"
FLOOR_FOP = "floor fop"
FLOOR_BOTH = "floor fop+cbk"
NONE = "none"
FOP = "fop"
BOTH = "fop+cbk"
COROUTINE = "coroutine"
OLD_FOP = "old fop"
OLD_BOTH = "old fop+cbk"
PYFUSE3 = "pyfuse3"
MFUSEPY = "mfusepy"
# What the old technique is compared with: the same as NOTHING, in a process of its own.
BESIDE_OLD = "nothing beside old"

# In the order of tables and plots.
TITLES = {
    NOTHING: "nothing",
    C: "C pass-through",
    C_NONE: "C: nothing intercepted",
    FLOOR_FOP: "C calls an empty function: fop",
    FLOOR_BOTH: "C calls an empty function: fop + cbk",
    NONE: "Glupy: nothing intercepted",
    FOP: "Glupy: fop",
    BOTH: "Glupy: fop + cbk",
    COROUTINE: "Glupy: coroutine",
    OLD_FOP: "old technique: fop",
    OLD_BOTH: "old technique: fop + cbk",
    PYFUSE3: "pyfuse3",
    MFUSEPY: "mfusepy",
}
# The set-up of Glupy's that does the same.
SAME = {OLD_FOP: FOP, OLD_BOTH: BOTH, PYFUSE3: BOTH, MFUSEPY: BOTH}
