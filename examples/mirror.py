"""Keeps the same files in two places, or more: each subvolume has everything.

What changes something goes to all subvolumes, what asks for something to one of them. As long
as one is left nothing is lost: a subvolume that has not done what another has (whatever the
reason), or that says EIO, ENOTCONN, EROFS or EBADFD where another has an answer, is left out
from then on. That is logged, once. It is taken in again when the volume is mounted anew, which
you do when you have made the bricks equal again.

Files get the same gfid everywhere, since the request that makes one brings it. Nothing orders
the changes that several clients make at the same time: this is for a volume that one client
mounts. What it takes to do without that is in cluster/replicate.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from gluster import FOPS, Fd, Fop, Frame, Translator, Xlator

log = logging.getLogger(__name__)

# What is asked of one subvolume; every other fop goes to all.
ASKED = {
    "access",
    "fgetxattr",
    "fstat",
    "getactivelk",
    "getspec",
    "getxattr",
    "rchecksum",
    "readdir",
    "readdirp",
    "readlink",
    "readv",
    "seek",
    "stat",
    "statfs",
}
# A subvolume that answers so is the matter, not the request. EBADFD: its server has gone, and
# what was open there is not any more.
BROKEN = {errno.EIO, errno.ENOTCONN, errno.EROFS, errno.EBADFD}
PATIENCE = 10  # seconds in which all subvolumes come up


@dataclass
class Answer:
    op_ret: int
    op_errno: int
    values: tuple[object, ...]

    def failure(self) -> str:
        return os.strerror(self.op_errno) if self.op_ret < 0 else f"did {self.op_ret} only"


@dataclass
class Order:
    """A request that goes to all subvolumes."""

    children: tuple[Xlator, ...]
    answers: dict[Xlator, Answer] = field(default_factory=dict)


@dataclass
class Question:
    """A request that goes to one subvolume, and to another one when that is broken."""

    listing: Fd | None = None
    goes_on: bool = False  # from an offset that only one subvolume knows
    broken: dict[Xlator, Answer] = field(default_factory=dict)


class xlator(Translator):
    """Has a handler for each fop and each callback; see below."""

    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.living = self.children  # without those that are left out
        self.lock = threading.Lock()  # answers come on any thread
        self.turn = count()
        self.known: set[Xlator] = set()  # those that have answered
        self.deadline = time.monotonic() + PATIENCE

    def leave_out(self, worse: dict[Xlator, Answer]) -> None:
        """The lock is held; somebody stays."""
        for child, answer in worse.items():
            if child in self.living:
                self.living = tuple(other for other in self.living if other != child)
                log.error("%s is left out from now on: %s", child.name, answer.failure())

    def comes_up(self, child: Xlator, answer: Answer) -> bool:
        """Whether a subvolume is only being connected to: the mount was faster."""
        if child in self.known:
            return False
        if answer.op_ret < 0 and answer.op_errno == errno.ENOTCONN:
            return time.monotonic() < self.deadline
        self.known.add(child)
        return False

    # Something is asked.

    def ask(self, fop: Fop, frame: Frame, arguments: tuple[object, ...]) -> None:
        living = self.living
        child = living[0]  # one for all attributes: the times of others differ a little
        question = frame.local = Question()
        if fop.name == "readv":
            child = living[next(self.turn) % len(living)]
        elif fop.name in ("readdir", "readdirp"):
            fd, _, offset, *_ = arguments
            assert isinstance(fd, Fd)
            question.listing, question.goes_on = fd, offset != 0
            if question.goes_on and fd.ctx is not None:
                child = fd.ctx
        self._put(frame, question, child)

    def _put(self, frame: Frame, question: Question, child: Xlator) -> None:
        if question.listing is not None:
            # Where it goes on: another subvolume's offsets mean something else.
            question.listing.ctx = child
        frame.wind(child=child, cookie=child)

    def asked(self, frame: Frame, child: Xlator, answer: Answer) -> None:
        question = frame.local
        if answer.op_ret < 0 and answer.op_errno in BROKEN:
            question.broken[child] = answer
            others = [other for other in self.living if other not in question.broken]
            if others and not question.goes_on:
                self._put(frame, question, others[0])
                return
        elif question.broken:
            with self.lock:
                if child in self.living:
                    self.leave_out(question.broken)
        frame.unwind()

    # Something is to be done.

    def tell(self, frame: Frame) -> None:
        order = frame.local = Order(self.living)
        for child in order.children:
            frame.wind(child=child, cookie=child)

    def told(self, fop: Fop, frame: Frame, child: Xlator, answer: Answer) -> None:
        order = frame.local
        with self.lock:
            order.answers[child] = answer
            if len(order.answers) < len(order.children):
                return
            # What one says that is left out meanwhile counts no more: it could be all alone.
            answers = {child: order.answers[child] for child in self.living}
            best = max(answers.values(), key=quality)
            worse = {child: each for child, each in answers.items() if each.op_ret < best.op_ret}
            if fop.name == "lookup":  # that a name is missing may be a matter of time
                worse = {child: each for child, each in worse.items() if each.op_errno in BROKEN}
            self.leave_out(worse)
        names = [argument.name for argument in fop.cbk_args]
        frame.unwind(best.op_ret, best.op_errno, **dict(zip(names, best.values)))


def quality(answer: Answer) -> tuple[int, bool]:
    """What was done counts, and then a failure that is the request's own."""
    return answer.op_ret, answer.op_errno not in BROKEN


def request_handler(fop: Fop) -> Callable[..., None]:
    def handler(self: xlator, frame: Frame, this: Xlator, *arguments: object) -> None:
        if fop.name in ASKED:
            self.ask(fop, frame, arguments)
        else:
            self.tell(frame)

    return handler


def answer_handler(fop: Fop) -> Callable[..., None]:
    def handler(
        self: xlator,
        frame: Frame,
        child: Xlator,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        *values: object,
    ) -> None:
        answer = Answer(op_ret, op_errno, values)
        if self.comes_up(child, answer):
            again = {"child": child, "cookie": child}
            threading.Timer(0.1, frame.wind, kwargs=again).start()
        elif fop.name in ASKED:
            self.asked(frame, child, answer)
        else:
            self.told(fop, frame, child, answer)

    return handler


for fop in FOPS.values():
    setattr(xlator, f"{fop.name}_fop", request_handler(fop))
    setattr(xlator, f"{fop.name}_cbk", answer_handler(fop))
