"""Logs every request and every answer, with all they carry.

The handlers are made from gluster.FOPS, the table of everything that GlusterFS can be
asked: a fop that a later GlusterFS brings is traced without a change here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from gluster import FOPS, Arg, Fop, Frame, Translator, Xlator

log = logging.getLogger(__name__)


class xlator(Translator):
    """Has a handler for each fop and each callback; see below."""


def show(arguments: Iterable[Arg], values: Iterable[object]) -> str:
    return ", ".join(f"{argument.name}={value!r}" for argument, value in zip(arguments, values))


def request_handler(fop: Fop) -> Callable[..., None]:
    def handler(self: xlator, frame: Frame, this: Xlator, *values: object) -> None:
        log.info("%d: %s(%s)", frame.unique, fop.name, show(fop.args, values))
        frame.wind()

    return handler


def answer_handler(fop: Fop) -> Callable[..., None]:
    def handler(
        self: xlator,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        *values: object,
    ) -> None:
        # What a failure carries beside its errno means nothing.
        result = f"errno {op_errno}" if op_ret < 0 else f"{op_ret} {show(fop.cbk_args, values)}"
        log.info("%d: %s = %s", frame.unique, fop.name, result)
        frame.unwind()

    return handler


for fop in FOPS.values():
    setattr(xlator, f"{fop.name}_fop", request_handler(fop))
    setattr(xlator, f"{fop.name}_cbk", answer_handler(fop))
