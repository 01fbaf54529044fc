"""Times what handlers do with what they get: a JSON line for each expression.

option record FILE
"""

from __future__ import annotations

import json
import timeit
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gluster import Dict, Frame, Iatt, Translator, Xlator

# What is timed in which handler, with the names of its arguments.
LOOKUP_FOP = (
    "frame.local = loc", "frame.uid", "loc.name", "loc.path", "loc.gfid", "loc.inode",
    "len(xdata)", "xdata.get('missing')", "list(xdata)",
)  # fmt: skip
LOOKUP_CBK = (
    "inode.gfid", "inode.ctx", "inode.ctx = 1", "buf.ia_size", "buf.ia_mtime", "buf.st_mode",
    "Iatt(buf)", "xdata.copy()",
)  # fmt: skip
READV_CBK = (
    "vector.nbytes", "vector[0]", "vector[0][0]", "bytes(vector)", "bytes(vector).translate(ROT13)",
)  # fmt: skip
READDIRP_CBK = ("len(entries)", "[entry.d_name for entry in entries]", "list(entries)")

# Short turns, and many: what else runs on the machine disturbs few of them.
SECONDS, TURNS = 0.002, 40
NAMES = {"Iatt": Iatt, "Dict": Dict, "ROT13": bytes((i + 13) % 256 for i in range(256))}


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.timed: set[tuple[str, ...]] = set()

    def time(self, expressions: tuple[str, ...], arguments: Mapping[str, Any]) -> None:
        """Time them all, once."""
        if expressions in self.timed:
            return
        self.timed.add(expressions)
        with Path(self.options["record"]).open("a") as record:
            for expression in expressions:
                timer = timeit.Timer(expression, globals={**NAMES, **arguments})
                number = max(1, int(SECONDS / (timer.timeit(10) / 10)))
                figures = [timer.timeit(number) / number * 1e9 for _ in range(TURNS)]
                record.write(json.dumps({"expression": expression, "ns": figures}) + "\n")

    def lookup_fop(self, frame: Frame, this: Xlator, loc: Any, xdata: Any) -> None:
        self.time(LOOKUP_FOP, {"frame": frame, "loc": loc, "xdata": xdata})
        frame.wind()

    def lookup_cbk(
        self, frame: Frame, cookie: Any, this: Xlator, op_ret: int, op_errno: int, inode: Any,
        buf: Any, xdata: Any, postparent: Any,
    ) -> None:  # fmt: skip
        self.time(LOOKUP_CBK, {"inode": inode, "buf": buf, "xdata": xdata})
        frame.unwind()

    def readv_cbk(
        self, frame: Frame, cookie: Any, this: Xlator, op_ret: int, op_errno: int, vector: Any,
        *others: Any,
    ) -> None:  # fmt: skip
        self.time(READV_CBK, {"vector": vector})
        frame.unwind()

    def readdirp_cbk(
        self, frame: Frame, cookie: Any, this: Xlator, op_ret: int, op_errno: int, entries: Any,
        xdata: Any,
    ) -> None:  # fmt: skip
        self.time(READDIRP_CBK, {"entries": entries})
        frame.unwind()
