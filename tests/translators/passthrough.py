"""Intercepts every fop and every callback there is, and passes each on as it came.

`option record FILE` names a file that gets a line for each fop that there is, "lookup
known", and one for the first that came by: "lookup fop", "lookup cbk".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gluster import FOPS, Frame, Translator, Xlator


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.seen: set[str] = set()
        for name in FOPS:
            self.see(f"{name} known")

    def see(self, what: str) -> None:
        if what not in self.seen:
            self.seen.add(what)
            with Path(self.options["record"]).open("a") as record:
                record.write(what + "\n")


def fop_handler(name: str) -> Callable[..., None]:
    def handler(self: xlator, frame: Frame, this: Xlator, *arguments: object) -> None:
        self.see(f"{name} fop")
        frame.wind()

    return handler


def cbk_handler(name: str) -> Callable[..., None]:
    def handler(
        self: xlator,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        *answer: object,
    ) -> None:
        self.see(f"{name} cbk")
        frame.unwind()

    return handler


for name in FOPS:
    setattr(xlator, f"{name}_fop", fop_handler(name))
    setattr(xlator, f"{name}_cbk", cbk_handler(name))
