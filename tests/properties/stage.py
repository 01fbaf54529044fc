"""The two translators between which values are passed, with the witness between them.

`above` runs the checks of checks.py: one for each file name that begins with "check.", on
a thread of its own, while that name's lookup waits. It makes requests of values that were
made in Python; `below` answers them, with values made in Python, too.

    option python-path DIR:DIR  where `properties`, `course` and hypothesis are
    option witness FILE         the witness's library
    option report FILE          what the checks have found, in JSON

They share the module `properties.checks`, hence the check that is under way.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import traceback
from typing import Any

import gluster
from gluster import Frame, Loc, Translator, Xlator

PREFIX = "check."


class Stage(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        for path in self.options["python-path"].split(":"):
            if path not in sys.path:
                sys.path.append(path)
        from properties import checks

        self.checks = checks


def cbk_of(fop: gluster.Fop) -> Any:
    def method(
        self: Any, frame: Frame, cookie: Any, this: Any, op_ret: int, op_errno: int, *values: Any
    ) -> None:
        if cookie is None:
            frame.unwind()
        else:
            cookie.answered(fop, op_ret, op_errno, values)

    return method


def fop_of(fop: gluster.Fop) -> Any:
    def method(self: Any, frame: Frame, this: Any, *values: Any) -> None:
        stage = self.checks.serving()
        if stage is None:
            frame.wind()
        else:
            stage.serve(fop, frame, values)

    return method


class Above(Stage):
    def lookup_fop(self, frame: Frame, this: Xlator, loc: Loc, xdata: Any) -> None:
        name = loc.name or ""
        if not name.startswith(PREFIX):
            frame.wind()
            return
        name = name[len(PREFIX) :]
        if name.startswith("now_"):  # in the handler itself
            self.check(frame, loc, name)
        else:
            threading.Thread(target=self.check, args=(frame, loc, name)).start()

    def check(self, frame: Frame, loc: Loc, name: str) -> None:
        try:
            report = self.checks.run(name, frame, loc, self.options["witness"])
        except BaseException:
            report = {"failed": traceback.format_exc()}
        path = self.options["report"]
        with open(f"{path}.new", "w") as file:
            json.dump(report, file)
        os.rename(f"{path}.new", path)
        if "pending" in repr(frame):
            frame.unwind(-1, errno.ENOENT)


above = type("above", (Above,), {f"{name}_cbk": cbk_of(fop) for name, fop in gluster.FOPS.items()})
below = type("below", (Stage,), {f"{name}_fop": fop_of(fop) for name, fop in gluster.FOPS.items()})
