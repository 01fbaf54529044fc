"""How checks make requests, and how they are registered."""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import gluster
from gluster import (
    FOPS,
    Dict,
    Dirents,
    Fd,
    Flock,
    Frame,
    Iatt,
    Inode,
    Iovec,
    Lease,
    Loc,
    LockList,
    Statvfs,
)

Json = Any
CHECKS: dict[str, Callable[[Stage], dict[str, Any]]] = {}
CURRENT: list[Stage] = []
numpy: Any = importlib.import_module("numpy")  # the system's: type checkers do not see it


def run(name: str, frame: Frame, loc: Loc, witness: str) -> dict[str, Any]:
    """What a check has to report; an exception if it fails."""
    stage = Stage(frame, loc, witness)
    CURRENT[:] = [stage]
    try:
        return CHECKS[name](stage)
    finally:
        CURRENT.clear()


Look = Callable[[dict[str, Any]], object]


def nothing(_: dict[str, Any]) -> None:
    """Looks at nothing."""


def serving() -> Stage | None:
    """The check whose request this is."""
    stage = CURRENT[0] if CURRENT else None
    return stage if stage and stage.thread == threading.get_ident() else None


@dataclass
class Seen:
    """One request, as everybody has seen it."""

    request: dict[str, Any]  # by `below`
    answer: dict[str, Any]  # by `above`
    op_ret: int
    op_errno: int
    down: Json  # by the witness
    up: Json


class Stage:
    """Makes requests of the frame that a lookup has left here."""

    def __init__(self, frame: Frame, loc: Loc, witness: str) -> None:
        self.thread = threading.get_ident()
        self.frame = frame
        self.loc = loc
        assert loc.parent is not None
        self.root: Inode = loc.parent
        self.fd = Fd.anonymous(self.root)
        self.witness = ctypes.CDLL(witness)
        self.witness.witness_said.restype = ctypes.c_char_p
        self.witness.witness_passed.restype = ctypes.c_int64
        self.reply: dict[str, Any] = {}
        self.reply_op_ret: int | None = None
        self.request: dict[str, Any] = {}
        self.refused: Exception | None = None
        self.looks: dict[str, Look] = {}
        self.failed: Exception | None = None
        self.answer: tuple[Any, ...] = ()
        self.status = 0, 0
        self.shared = Dict()

    def default(self, arg: gluster.Arg) -> Any:
        """Any value of a type."""
        kind = arg.python.split(" ")[0]
        values: dict[str, Callable[[], Any]] = {
            "int": lambda: 4096 if arg.name == "size" else 0,  # room for an answer
            "str": lambda: "text",
            "bytes": lambda: bytes(32),
            "Loc": lambda: Loc("/name", inode=self.root, parent=self.root, gfid=self.root.gfid),
            "Inode": lambda: self.root,
            "Fd": lambda: self.fd,
            "Iovec": lambda: Iovec(b"data"),
            "Iatt": Iatt,
            "Dict": Dict,
            "Flock": Flock,
            "Lease": Lease,
            "Statvfs": Statvfs,
            "Dirents": Dirents,
            "LockList": LockList,
        }
        return values[kind]() if kind in values else None

    def arguments(self, fop: gluster.Fop, given: dict[str, Any]) -> list[Any]:
        values = {a.name: given.get(a.name, self.default(a)) for a in fop.args}
        vectors = [v for v in values.values() if isinstance(v, Iovec)]
        if vectors and "count" not in given:
            values["count"] = len(vectors[0])
        return [values[a.name] for a in fop.args]

    def ask(
        self,
        name: str,
        request: dict[str, Any] | None = None,
        reply: dict[str, Any] | None = None,
        op_ret: int | None = None,
        look: bool = True,
        below: Look | None = None,
        above: Look | None = None,
    ) -> Seen:
        """Make a request; `reply` is what `below` answers, `op_ret` counted unless given.

        `below` and `above` are called in the handlers there, with what these were given.
        """
        fop = FOPS[name]
        self.looks = {"below": below or nothing, "above": above or nothing}
        self.failed = None
        self.reply, self.reply_op_ret, self.refused = reply or {}, op_ret, None
        self.witness.witness_watch(look)
        wind = getattr(gluster, f"{name}_wind")
        wind(self.frame, *self.arguments(fop, request or {}), cookie=self)
        self.witness.witness_sweep()
        if self.failed is not None:
            raise self.failed
        down, up = (self.witness.witness_said(i) for i in (0, 1)) if look else (b"0", b"0")
        answer, self.answer = self.answer, ()
        asked, self.request = self.request, {}
        return Seen(
            asked,
            {a.name: v for a, v in zip(fop.cbk_args, answer, strict=True)},
            *self.status,
            json.loads(down or b"null"),
            json.loads(up or b"null"),
        )

    def serve(self, fop: gluster.Fop, frame: Frame, values: tuple[Any, ...]) -> None:
        """Answers, for `below`."""
        self.request = {a.name: v for a, v in zip(fop.args, values, strict=True)}
        self._look("below", self.request)
        vector = any(a.python.startswith("Iovec") for a in fop.cbk_args)
        reply = {
            a.name: self.reply.get(a.name, self.default(a))
            for a in fop.cbk_args
            if a.name in self.reply or not (vector and a.name in ("count", "iobref"))
        }
        try:
            if self.reply_op_ret is None:
                frame.unwind(**reply)
            else:
                frame.unwind(self.reply_op_ret, 0, **reply)
        except (TypeError, ValueError, OverflowError) as error:
            self.refused = error
            frame.unwind(-1, errno.EDOM)

    def answered(
        self, fop: gluster.Fop, op_ret: int, op_errno: int, values: tuple[Any, ...]
    ) -> None:
        """Takes the answer, for `above`."""
        self.status = op_ret, op_errno
        self.answer = values
        self._look("above", {a.name: v for a, v in zip(fop.cbk_args, values, strict=True)})

    def _look(self, where: str, values: dict[str, Any]) -> None:
        try:
            self.looks[where](values)
        except Exception as error:
            self.failed = error


def check(function: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
    """Registers a check under its name."""

    def report(stage: Stage) -> dict[str, Any]:
        return function(stage) or {}

    CHECKS[function.__name__] = report
    return function


def forall(
    *strategies: st.SearchStrategy[Any], examples: Iterable[tuple[Any, ...]] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a property of random values."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def report(stage: Stage) -> dict[str, Any]:
            count = 0

            def once(values: tuple[Any, ...]) -> None:
                nonlocal count
                count += 1
                function(stage, *values)

            test = given(st.tuples(*strategies))(once)
            for values in examples:
                test = example(values)(test)
            settings(
                max_examples=150,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )(test)()
            return {"examples": count}

        CHECKS[function.__name__] = report
        return function

    return register


def equal(got: Any, expected: Any) -> None:
    assert got == expected, f"{got!r}, not {expected!r}"


def refuses(error: type[Exception], text: str, action: Callable[[], Any]) -> None:
    """The action raises exactly this, and the message has the text."""
    try:
        value = action()
    except Exception as exception:
        raised = exception
    else:
        raise AssertionError(f"no {error.__name__} ({text}): {value!r}")
    assert type(raised) is error, f"{type(raised).__name__}: {raised}, not {error.__name__}"
    assert text in str(raised), f"{str(raised)!r} has no {text!r}"
