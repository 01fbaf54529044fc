"""Keeps what is in files rotated by 13 letters on the brick.

What a program writes is rotated on the way down, what it reads is rotated back on the way
up: rotating is what keeps a place for the cipher that you would really use. It has to keep
the length of the data and to work on any piece of it, as this one does.
"""

from __future__ import annotations

from string import ascii_lowercase as lower
from string import ascii_uppercase as upper

from gluster import Dict, Fd, Frame, Iatt, Inode, Iobref, Iovec, Loc, Translator, Xlator

PLAIN = (lower + upper).encode()
ROTATED = (lower[13:] + lower[:13] + upper[13:] + upper[:13]).encode()
TABLE = bytes.maketrans(PLAIN, ROTATED)

# By this name a lookup asks for the content of small files (performance/quick-read does).
CONTENT = "glusterfs.content"


def rotate(data: Iovec | bytes) -> bytes:
    """Rotated, and the second time as it was."""
    return bytes(data).translate(TABLE)


class xlator(Translator):
    # Down: what is written.

    def writev_fop(
        self,
        frame: Frame,
        this: Xlator,
        fd: Fd,
        vector: Iovec,
        count: int,
        offset: int,
        flags: int,
        iobref: Iobref | None,
        xdata: Dict | None,
    ) -> None:
        frame.wind(vector=rotate(vector))  # count and iobref follow the data

    def put_fop(
        self,
        frame: Frame,
        this: Xlator,
        loc: Loc,
        mode: int,
        umask: int,
        flags: int,
        vector: Iovec,
        *others: object,
    ) -> None:
        frame.wind(vector=rotate(vector))

    # Up: what was read.

    def readv_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        vector: Iovec | None,
        count: int,
        stbuf: Iatt | None,
        iobref: Iobref | None,
        xdata: Dict | None,
    ) -> None:
        if op_ret > 0 and vector is not None:
            frame.unwind(vector=rotate(vector))
        else:
            frame.unwind()

    def lookup_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        inode: Inode | None,
        buf: Iatt | None,
        xdata: Dict | None,
        postparent: Iatt | None,
    ) -> None:
        content = xdata.raw(CONTENT) if op_ret == 0 and xdata is not None else None
        if xdata is None or content is None:
            frame.unwind()
        else:
            xdata[CONTENT] = rotate(content)  # in a copy: the brick's own stays as it is
            frame.unwind()
