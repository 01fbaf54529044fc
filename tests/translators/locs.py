"""Writes down which parts the locs of requests have.

`option record FILE` names a file that gets a line for each combination that is new: JSON with the
fop, the argument, and what there is of each part.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gluster import FOPS, Frame, Loc, Translator, Xlator


def there(part: object) -> str:
    return "yes" if part else "none"


def path(loc: Loc) -> str:
    if loc.path is None:
        return "none"
    # Anything else is not expected, and shows in the table.
    return {"/": "real", "<": "gfid"}.get(loc.path[:1], loc.path)


def parts(loc: Loc) -> dict[str, str]:
    return {
        "path": path(loc),
        "name": there(loc.name),
        "parent": there(loc.parent),
        "inode": "none" if loc.inode is None else "known" if loc.inode.gfid else "new",
        "gfid": there(loc.gfid),
        "pargfid": there(loc.pargfid),
    }


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.seen: set[str] = set()

    def see(self, fop: str, arg: str, loc: Loc) -> None:
        line = json.dumps({"fop": fop, "arg": arg} | parts(loc))
        if line not in self.seen:
            self.seen.add(line)
            with Path(self.options["record"]).open("a") as record:
                record.write(line + "\n")


def handler(fop: str, locs: dict[int, str]) -> Callable[..., None]:
    def method(self: xlator, frame: Frame, this: Xlator, *arguments: Loc) -> None:
        for place, name in locs.items():
            self.see(fop, name, arguments[place])
        frame.wind()

    return method


for name, fop in FOPS.items():
    locs = {place: arg.name for place, arg in enumerate(fop.args) if arg.python == "Loc"}
    if locs:
        setattr(xlator, f"{name}_fop", handler(name, locs))
