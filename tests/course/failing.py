"""Translators that fail every fop in every way, and pass on what has failed.

`plain` has handlers and callbacks, `coroutines` has coroutines; the request's `unique` says what
they do with it: `COURSE_WAY` and the next. One that there is not is answered `NO_SUCH_WAY`. The
methods are made from `gluster.FOPS`, so nothing here names a fop.

    option record FILE      gets the names of the ways, as JSON
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gluster
from gluster.glupy import dl

COURSE_WAY = 0x5133950000000010  # values.h
NO_SUCH_WAY = 511

# How a handler gives the errno of a failure: as this argument, or not at all.
MISSING = object()
ERRNOS = {"given": 13, "missing": MISSING, "none": None, "0": 0, "negative": -13, "4096": 4096}


def status(op_errno: Any) -> tuple[Any, ...]:
    return (-1,) if op_errno is MISSING else (-1, op_errno)


def named(op_errno: Any) -> dict[str, Any]:
    return {"op_ret": -1} | ({} if op_errno is MISSING else {"op_errno": op_errno})


def by_name(fop: Any, values: tuple[Any, ...]) -> dict[str, Any]:
    return {a.name: value for a, value in zip(fop.cbk_args, values, strict=True)}


def long_form(fop: Any, frame: Any, op_ret: Any, op_errno: Any, values: Any) -> None:
    getattr(gluster, f"{fop.name}_unwind")(frame, op_ret, op_errno, *values)


def original(fop: Any, frame: Any, op_ret: Any, op_errno: Any, values: Any) -> None:
    getattr(dl, f"unwind_{fop.name}")(frame, None, None, op_ret, op_errno, *values)


# -- callbacks -------------------------------------------------------------------------

# Each gets the fop, the frame, op_ret, op_errno and the other values of the answer that came.
CBK: dict[str, Any] = {
    "pass: short": lambda fop, frame, ret, err, values: frame.unwind(),
    "pass: status": lambda fop, frame, ret, err, values: frame.unwind(ret, err),
    "pass: op_ret": lambda fop, frame, ret, err, values: frame.unwind(ret),
    "pass: values": lambda fop, frame, ret, err, values: frame.unwind(**by_name(fop, values)),
    "pass: all": lambda fop, frame, ret, err, values: frame.unwind(
        ret, err, **by_name(fop, values)
    ),
    "pass: long": long_form,
    "pass: original": original,
    "fail: op_errno": lambda fop, frame, ret, err, values: frame.unwind(-1, err),
    "fail: long, op_errno": lambda fop, frame, ret, err, values: long_form(
        fop, frame, -1, err, values
    ),
}
for how, number in ERRNOS.items():
    CBK[f"fail: short, {how}"] = lambda fop, frame, ret, err, values, n=number: frame.unwind(
        *status(n)
    )
    CBK[f"fail: values, {how}"] = lambda fop, frame, ret, err, values, n=number: frame.unwind(
        *status(n), **by_name(fop, values)
    )
    if number is not MISSING:
        for name, form in (("long", long_form), ("original", original)):
            CBK[f"fail: {name}, {how}"] = lambda fop, frame, ret, err, values, n=number, f=form: f(
                fop, frame, -1, n, values
            )


# -- fop handlers that answer themselves -----------------------------------------------

FOP: dict[str, Any] = {}
for how, number in ERRNOS.items():
    FOP[f"fail: at once, {how}"] = lambda fop, frame, n=number: frame.unwind(*status(n))
    if number is not MISSING:
        FOP[f"fail: at once, long, {how}"] = lambda fop, frame, n=number: long_form(
            fop, frame, -1, n, [None if a.c_type.endswith("*") else 0 for a in fop.cbk_args]
        )


# -- coroutines ------------------------------------------------------------------------

# Each gets the fop, the frame and the reply that came; what it returns is the answer.
COROUTINE: dict[str, Any] = {
    "pass: reply": lambda fop, frame, reply: reply,
    "pass: replaced": lambda fop, frame, reply: reply.replace(
        **{a.name: getattr(reply, a.name) for a in fop.cbk_args}
    ),
    "remade: made": lambda fop, frame, reply: made(
        fop, op_ret=reply.op_ret, op_errno=reply.op_errno, **of(fop, reply)
    ),
    "remade: unwind": lambda fop, frame, reply: frame.unwind(
        reply.op_ret, reply.op_errno, **of(fop, reply)
    ),
    "remade: long": lambda fop, frame, reply: long_form(
        fop, frame, reply.op_ret, reply.op_errno, of(fop, reply).values()
    ),
    "fail: raise": lambda fop, frame, reply: fail_by(OSError(13, "no")),
    "fail: raise, 0": lambda fop, frame, reply: fail_by(OSError(0, "no")),
    "fail: raise, negative": lambda fop, frame, reply: fail_by(OSError(-13, "no")),
    "fail: raise, 4096": lambda fop, frame, reply: fail_by(OSError(4096, "no")),
    "fail: raise, none": lambda fop, frame, reply: fail_by(OSError("no")),
}
for how, number in ERRNOS.items():
    COROUTINE[f"fail: replaced, {how}"] = lambda fop, frame, reply, n=number: reply.replace(
        **named(n)
    )
    COROUTINE[f"fail: made, {how}"] = lambda fop, frame, reply, n=number: made(fop, **named(n))
    COROUTINE[f"fail: unwind, {how}"] = lambda fop, frame, reply, n=number: frame.unwind(*status(n))


def of(fop: Any, reply: Any) -> dict[str, Any]:
    return {a.name: getattr(reply, a.name) for a in fop.cbk_args}


def made(fop: Any, **values: Any) -> Any:
    return getattr(gluster, f"{fop.name}_reply_t")(**values)


def fail_by(error: Exception) -> None:
    raise error


# --------------------------------------------------------------------------------------


class Failing(gluster.Translator):
    """Writes down what ways there are."""

    WAYS: list[str]

    def __init__(self, this: Any) -> None:
        super().__init__(this)
        Path(self.options["record"]).write_text(json.dumps(self.WAYS))

    def way(self, frame: Any) -> str | None:
        number = frame.unique - COURSE_WAY
        return self.WAYS[number] if number < len(self.WAYS) else None


def fop_method(fop: Any) -> Any:
    def method(self: Failing, frame: Any, this: Any, *args: Any) -> None:
        way = self.way(frame)
        if way is None:
            frame.unwind(-1, NO_SUCH_WAY)
        elif way in FOP:
            FOP[way](fop, frame)
        else:
            frame.wind(cookie=CBK[way])

    return method


def cbk_method(fop: Any) -> Any:
    def method(
        self: Failing, frame: Any, cookie: Any, this: Any, ret: int, err: int, *args: Any
    ) -> None:
        cookie(fop, frame, ret, err, args)

    return method


def coroutine_method(fop: Any) -> Any:
    async def method(self: Failing, frame: Any, this: Any, *args: Any) -> Any:
        way = self.way(frame)
        if way is None:
            return frame.unwind(-1, NO_SUCH_WAY)
        return COROUTINE[way](fop, frame, await frame.wind())

    return method


methods = {f"{name}_fop": fop_method(fop) for name, fop in gluster.FOPS.items()}
methods |= {f"{name}_cbk": cbk_method(fop) for name, fop in gluster.FOPS.items()}
plain = type("plain", (Failing,), {"WAYS": [*CBK, *FOP], **methods})
methods = {f"{name}_fop": coroutine_method(fop) for name, fop in gluster.FOPS.items()}
coroutines = type("coroutines", (Failing,), {"WAYS": [*COROUTINE], **methods})
