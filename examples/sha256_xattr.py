"""Gives every regular file an extended attribute user.sha256: the digest of its content.

    $ getfattr --only-values -n user.sha256 file
    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

The attribute is stored nowhere: who reads it has the file read, on this side of the mount or
on the brick, wherever the translator stands. It can not be set or removed (EPERM). A file
that is written to in the meantime gets the digest of what was read.

Options:
    read-size    bytes that are read at a time; 1048576 unless told
"""

from __future__ import annotations

import errno
import hashlib

from gluster import (
    IA_IFREG,
    Dict,
    Fd,
    Frame,
    Iatt,
    Inode,
    Iobref,
    Iovec,
    Loc,
    Translator,
    Xlator,
    readv_wind,
)

NAME = "user.sha256"


class Digest:
    """A digest in the making, kept with the request that asks for it."""

    def __init__(self, fd: Fd) -> None:
        self.fd = fd
        self.offset = 0
        self.hash = hashlib.sha256()


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        self.size = int(self.options.get("read-size", 1 << 20))

    # Reading the attribute reads the file.

    def getxattr_fop(
        self, frame: Frame, this: Xlator, loc: Loc, name: str | None, xdata: Dict | None
    ) -> None:
        self._asked(frame, loc.inode, name)

    def fgetxattr_fop(
        self, frame: Frame, this: Xlator, fd: Fd, name: str | None, xdata: Dict | None
    ) -> None:
        self._asked(frame, fd.inode, name)

    def _asked(self, frame: Frame, inode: Inode | None, name: str | None) -> None:
        if inode is None or inode.ia_type != IA_IFREG or name not in (NAME, None):
            frame.wind()
        elif name is None:
            frame.local = "list"
            frame.wind()
        else:
            # An fd of our own: the caller may have the file open for writing only, or not
            # at all. The caller's rights are those of the frame.
            frame.local = Digest(Fd.anonymous(inode))
            self._read(frame, frame.local)

    def _read(self, frame: Frame, digest: Digest) -> None:
        readv_wind(frame, digest.fd, self.size, digest.offset, 0, None)

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
        digest = frame.local
        if not isinstance(digest, Digest):
            frame.unwind()  # somebody else's read
        elif op_ret < 0:
            frame.unwind(-1, op_errno)
        elif op_ret > 0 and vector is not None:
            for part in vector:
                digest.hash.update(part)  # where it is, without a copy
            digest.offset += op_ret
            self._read(frame, digest)
        else:
            value = digest.hash.hexdigest().encode()
            frame.unwind(0, 0, dict=Dict({NAME: value}))

    # The list of a file's attributes has one more.

    def getxattr_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        dict: Dict | None,  # noqa: A002  the header's name
        xdata: Dict | None,
    ) -> None:
        if frame.local == "list" and op_ret >= 0:
            names = dict.copy() if dict is not None else Dict()
            names[NAME] = b""
            frame.unwind(dict=names)
        else:
            frame.unwind()

    fgetxattr_cbk = getxattr_cbk

    # Nobody else sets it.

    def _set(
        self,
        frame: Frame,
        this: Xlator,
        where: Loc | Fd,
        names: Dict | str,
        *arguments: object,
    ) -> None:
        if names == NAME if isinstance(names, str) else NAME in names:
            frame.unwind(-1, errno.EPERM)
        else:
            frame.wind()

    setxattr_fop = fsetxattr_fop = removexattr_fop = fremovexattr_fop = _set
