"""The translators of the course: they intercept every fop and every callback.

Their methods are made from `gluster.FOPS`, so nothing here names a fop.

`xlator` writes down what it sees, reading every field of every argument, and passes the
request on.

    option record FILE      a JSON line for every call: what was seen, what was wrong
    option style long       X_wind(frame, *args), X_unwind(frame, op_ret, op_errno, *args)
    option style short      frame.wind(), frame.unwind()
    option style rebuild    every value is made anew from its fields
    option style change     every number and string is passed on changed, down and up ...
    option style restore    ... and changed back

`keeper` (option class-name) keeps everything it gets and looks at it again later, when
those requests are long answered. A request with COURSE_CLEAR as its `unique` drops all.

    option record FILE      a JSON line for each kept value that changed or failed; in the
                            end a line that says how many were looked at
"""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import gluster

STRUCTURES = {
    "Inode": ["gfid", "ia_type"],
    "Fd": ["pid", "flags", "is_anonymous", "inode"],
    "Loc": ["path", "name", "gfid", "pargfid", "inode", "parent"],
    "Iobref": ["size"],
    "Dirent": ["d_name", "d_ino", "d_off", "d_len", "d_type", "d_stat", "dict", "inode"],
    "Flock": ["l_type", "l_whence", "l_start", "l_len", "l_pid", "l_owner"],
    "Lease": ["cmd", "lease_type", "lease_id", "lease_flags"],
}
COURSE_CLEAR = 0x5133950000000003  # values.h
FRAME = ["op", "uid", "gid", "pid", "unique", "lk_owner", "groups"]


def describe(value: Any) -> Any:
    """All that can be read of a value, in JSON's terms; see values.py."""
    if value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    kind = type(value).__name__
    if kind == "Gfid":
        return value.bytes.hex()
    if kind in STRUCTURES:
        return {name: describe(getattr(value, name)) for name in STRUCTURES[kind]}
    if kind in ("Iatt", "Statvfs"):
        # Other names of `os.stat_result` say the same again.
        names = [n for n in dir(value) if n.startswith(("ia_", "f_")) or n == "st_mode"]
        return {name: describe(getattr(value, name)) for name in names}
    if kind == "Dict":
        assert len(value) == len(value.keys())
        assert all(key in value and value.get(key) == value[key] for key in value)
        return {key: value.raw(key).hex() for key in value}
    if kind == "Iovec":
        parts = [value[i] for i in range(len(value))]
        return {
            "parts": [bytes(part).hex() for part in parts],
            "joined": bytes(value).hex(),
            "nbytes": value.nbytes,
        }
    if kind == "Dirents":
        assert [value[i].d_name for i in range(len(value))] == [entry.d_name for entry in value]
        return [describe(entry) for entry in value]
    if kind in ("LockList", "tuple", "list"):
        return [describe(value[i]) for i in range(len(value))]
    raise TypeError(f"no description of {type(value)}")


def rebuilt(value: Any) -> Any:
    """A value of its own that is equal, made in Python from what can be read of it.

    Inodes, fds and iobrefs are what they are: nobody makes another one of the same.
    """
    kind = type(value).__name__
    if kind == "Loc":
        return gluster.Loc(
            value.path,
            inode=value.inode,
            parent=value.parent,
            gfid=str(value.gfid),
            pargfid=value.pargfid.bytes,
        )
    if kind in ("Iatt", "Statvfs", "Flock", "Lease"):
        prefixes = ("ia_", "f_", "l_", "lease_", "cmd")
        names = [name for name in dir(value) if name.startswith(prefixes)]
        return type(value)(**{name: getattr(value, name) for name in names})
    if kind == "Dict":
        return gluster.Dict({key: value[key] for key in value})
    if kind == "Iovec":
        return [bytearray(value[i]) for i in range(len(value))]
    if kind == "Dirents":
        return [rebuilt(entry) for entry in value]
    if kind == "Dirent":
        names = ["d_ino", "d_off", "d_type", "d_stat", "dict", "inode"]
        return gluster.Dirent(value.d_name, **{n: rebuilt(getattr(value, n)) for n in names})
    if kind == "LockList":
        return [(rebuilt(flock), uid, flags) for flock, uid, flags in value]
    return value


def remade(arguments: Any, values: tuple[Any, ...]) -> dict[str, Any]:
    """The arguments made anew, by name; a vector brings its length and owner along."""
    vectors = {"count", "iobref"} if any("iovec" in a.c_type for a in arguments) else set()
    return {
        a.name: rebuilt(value)
        for a, value in zip(arguments, values, strict=True)
        if a.name not in vectors
    }


MARK = "changed-"
# Arguments whose values in the course are beyond what a handler may ask for (`max` of fops.yaml):
# they pass as they came.
LIMITED = {"readlink": "size"}


def altered(value: Any, change: bool) -> Any:
    """A number or a string made another, or made what it was."""
    if isinstance(value, int):
        return value ^ 0x55
    return MARK + value if change else value.removeprefix(MARK)


def changes(arguments: Any, values: tuple[Any, ...], change: bool) -> dict[str, Any]:
    """The arguments that are passed on with another value, by name.

    Not the length of a vector: it is bound to the vector beside it.
    """
    vector = any("iovec" in a.c_type for a in arguments)
    return {
        a.name: altered(value, change)
        for a, value in zip(arguments, values, strict=True)
        if isinstance(value, (int, str)) and not (vector and a.name == "count")
    }


class Recorder(gluster.Translator):
    """What all methods use: the record and the style."""

    def __init__(self, this: Any) -> None:
        super().__init__(this)
        self.style = self.options.get("style", "long")
        self.lock = threading.Lock()
        self.record = open(self.options["record"], "w")  # noqa: SIM115  kept for the volume's life

    def write(self, fop: Any, direction: str, frame: Any, this: Any, seen: dict[str, Any]) -> None:
        problems = []
        if frame.op != fop.name:
            problems.append(f"frame.op is {frame.op}")
        if this.name != self.name or tuple(c.name for c in this.children) != tuple(
            c.name for c in self.children
        ):
            problems.append(f"this is {this.name} with {this.children}, not {self.name}")
        arguments = fop.args if direction == "fop" else fop.cbk_args
        for argument, value in zip(arguments, seen["raw"], strict=True):
            pointer = argument.c_type.endswith("*")
            if pointer and isinstance(value, int):
                problems.append(f"{argument.name}: {argument.c_type} is the int {value}")
            if not pointer and type(value) is not int:
                problems.append(f"{argument.name}: {argument.c_type} is {type(value)}")
        seen["args"] = describe(seen.pop("raw"))
        seen["frame"] = {name: describe(getattr(frame, name)) for name in FRAME}
        line = {"fop": fop.name, "direction": direction, "problems": problems, **seen}
        with self.lock:
            self.record.write(json.dumps(line) + "\n")
            self.record.flush()


def recording_fop(fop: Any) -> Any:
    wind = getattr(gluster, f"{fop.name}_wind")

    def method(self: Recorder, frame: Any, this: Any, *args: Any) -> None:
        self.write(fop, "fop", frame, this, {"raw": args})
        # looked at again when the answer is here: by then the caller's own may be gone
        frame.local = (args, describe(args))
        if self.style == "long":
            wind(frame, *args, cookie=("cookie", fop.name))
        elif self.style == "short":
            frame.wind(cookie=("cookie", fop.name))
        elif self.style == "rebuild":
            frame.wind(**remade(fop.args, args), cookie=("cookie", fop.name))
        else:
            changed = changes(fop.args, args, self.style == "change")
            changed.pop(LIMITED.get(fop.name, ""), None)
            frame.wind(**changed, cookie=("cookie", fop.name))

    return method


def recording_cbk(fop: Any) -> Any:
    unwind = getattr(gluster, f"{fop.name}_unwind")

    def method(
        self: Recorder, frame: Any, cookie: Any, this: Any, op_ret: int, op_errno: int, *args: Any
    ) -> None:
        request, described = frame.local
        again = describe(request)
        seen = {
            "raw": args,
            "op_ret": op_ret,
            "op_errno": op_errno,
            "cookie": list(cookie),
            "request": None if again == described else [described, again],
        }
        self.write(fop, "cbk", frame, this, seen)
        if self.style == "long":
            unwind(frame, op_ret, op_errno, *args)
        elif self.style == "short":
            frame.unwind()
        elif self.style == "rebuild":
            frame.unwind(op_ret, op_errno, **remade(fop.cbk_args, args))
        else:
            # upwards the translator below is the first to change
            changed = changes(fop.cbk_args, args, self.style == "restore")
            frame.unwind(op_errno=altered(op_errno, True), **changed)

    return method


class Keeper(gluster.Translator):
    """The kept values and the record."""

    def __init__(self, this: Any) -> None:
        super().__init__(this)
        self.kept: list[tuple[str, tuple[Any, ...], Any]] = []
        self.looked = 0
        self.record = open(self.options["record"], "w")  # noqa: SIM115  kept for the volume's life

    def write(self, **line: Any) -> None:
        self.record.write(json.dumps(line) + "\n")
        self.record.flush()

    def keep(self, what: str, frame: Any, values: tuple[Any, ...]) -> None:
        if frame.unique == COURSE_CLEAR:
            if self.kept:
                self.write(kept=len(self.kept), looked=self.looked)
                self.kept.clear()
            return
        self.kept.append((what, values, describe(values)))
        for earlier in random.sample(self.kept, min(5, len(self.kept))):
            self.look(*earlier)

    def look(self, what: str, values: tuple[Any, ...], before: Any) -> None:
        self.looked += 1
        try:
            now = describe(values)
        except Exception as error:
            self.write(failed=what, error=repr(error))
        else:
            if now != before:
                self.write(failed=what, before=before, now=now)


def keeping_fop(fop: Any) -> Any:
    def method(self: Keeper, frame: Any, this: Any, *args: Any) -> None:
        self.keep(f"{fop.name}_fop", frame, args)
        frame.wind()

    return method


def keeping_cbk(fop: Any) -> Any:
    def method(
        self: Keeper, frame: Any, cookie: Any, this: Any, op_ret: int, op_errno: int, *args: Any
    ) -> None:
        self.keep(f"{fop.name}_cbk", frame, args)
        frame.unwind()

    return method


def translator(name: str, base: type, fop_method: Any, cbk_method: Any) -> type:
    """A class with both methods of every fop."""
    methods = {f"{fop}_fop": fop_method(row) for fop, row in gluster.FOPS.items()}
    methods |= {f"{fop}_cbk": cbk_method(row) for fop, row in gluster.FOPS.items()}
    return type(name, (base,), methods)


xlator = translator("xlator", Recorder, recording_fop, recording_cbk)
keeper = translator("keeper", Keeper, keeping_fop, keeping_cbk)
