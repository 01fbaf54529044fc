"""What authors do wrong beside requests; see `callbacks.py`."""

# mypy: ignore-errors
# Wrong on purpose.

from __future__ import annotations

import sys

from gluster import Event, Translator


def deep():  # Python 3.13.5 looks for no end where a function takes *args
    return deep()  # here: notify_up


class xlator(Translator):
    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, *rest):
        if op_ret == 0:
            inode.ctx = frame
        frame.unwind()

    def open_cbk(self, frame, cookie, this, op_ret, op_errno, fd, xdata):
        fd.ctx = fd.inode.path()
        frame.unwind()

    # That no translator below has these, the log says of this one.

    def getspec_fop(self, frame, this, key, flag):
        frame.wind()

    def namelink_fop(self, frame, this, loc, xdata):
        frame.wind()

    def namelink_cbk(self, frame, *answer):
        frame.unwind()

    async def icreate_fop(self, frame, this, loc, mode, xdata):
        return (await frame.wind()).replace()

    def notify(self, event, data):
        if event == Event.PARENT_UP:
            deep()
        if event == Event.CHILD_UP:
            sys.exit(1)  # here: notify_exits
        if event == Event.PARENT_DOWN:
            raise KeyError("going down")  # here: notify_down

    def forget(self, gfid, ctx):
        ctx.unwind(-1, 1)  # here: forget_answers

    def release(self, gfid, flags, ctx):
        sys.exit(ctx)  # here: release_exits

    def dump(self):
        return {"endless": "x" * 10_000_000, Broken(): 1}  # here: dump

    def fini(self):
        deep()


class Broken:
    def __str__(self):
        raise KeyError("no text")  # here: dump_raises
