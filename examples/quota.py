"""Limits how many bytes the files of any one folder may have.

What would make them more is refused with EDQUOT: writing, growing or reserving, making a
file in a folder that is full, moving one into it. Each folder counts what lies in it, not
what lies in the folders within.

A folder is counted when something is first changed in it, and kept up to date by what the
brick answers from then on, until GlusterFS forgets the folder. That sees what comes through
its own graph: load it on the brick, or in the only client. A file with several names counts
where it was first seen, until all its names are gone.

Options:
    limit    bytes
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from dataclasses import dataclass

from gluster import (
    IA_IFREG,
    Dirents,
    Fd,
    Frame,
    Gfid,
    Iatt,
    Inode,
    Iovec,
    Loc,
    Translator,
    Xlator,
    readdirp_wind,
)

PAGE = 1 << 16  # bytes of a listing that are asked for at a time


@dataclass
class Folder:
    """The context of a folder's inode."""

    gfid: Gfid
    used: int = 0  # bytes of its files, and of what they are growing by


@dataclass
class File:
    folder: Folder
    size: int = 0
    links: int = 0


# What a request that had to wait goes on with.
Then = Callable[[Folder], object]


@dataclass
class Count:
    """A folder that is being counted, kept with the request that it is done for."""

    directory: Inode
    files: list[Iatt]
    waiting: list[tuple[Frame, Then]]


@dataclass
class Growth:
    """What a request adds to a folder, kept with it until its answer says so."""

    folder: Folder
    size: int = 0
    makes: bool = False  # a name


@dataclass
class Move:
    """What a rename does."""

    file: File
    over: Inode | None  # what had the new name


class xlator(Translator):
    def __init__(self, this: Xlator) -> None:
        super().__init__(this)
        if not self.options.get("limit", "").isdecimal():
            raise ValueError("option limit: how many bytes may the files of a folder have?")
        self.limit = int(self.options["limit"])
        self.lock = threading.Lock()  # for all that follows
        self.files: dict[Gfid, File] = {}
        self.counts: dict[Gfid, Count] = {}

    # A request waits until its folder has been counted.

    def counted(self, frame: Frame, directory: Inode | None, then: Then) -> None:
        if directory is None:  # asked for by gfid alone: nobody knows where it is
            frame.wind()
            return
        gfid = directory.gfid
        with self.lock:
            folder = directory.ctx
            count = self.counts.get(gfid)
            if folder is None and count is not None:
                count.waiting.append((frame, then))
                return
            if folder is None:
                count = self.counts[gfid] = Count(directory, [], [(frame, then)])
        if folder is not None:
            then(folder)
        else:
            frame.local = count
            fd = Fd.anonymous(directory)
            readdirp_wind(frame, fd, PAGE, 0, None, cookie=fd)

    def readdirp_cbk(
        self,
        frame: Frame,
        fd: Fd,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        entries: Dirents | None,
        xdata: object,
    ) -> None:
        count = frame.local
        if not isinstance(count, Count):
            frame.unwind()  # somebody else's listing
        elif op_ret > 0 and entries is not None:
            page = list(entries)
            count.files += [entry.d_stat for entry in page if entry.d_stat.ia_type == IA_IFREG]
            readdirp_wind(frame, fd, PAGE, page[-1].d_off, None, cookie=fd)
        else:
            folder = Folder(count.directory.gfid)
            with self.lock:
                del self.counts[folder.gfid]
                if op_ret == 0:
                    count.directory.ctx = folder
                    for file in count.files:
                        self._found(folder, file)
            for waiting, then in count.waiting:
                if op_ret < 0:
                    waiting.unwind(-1, op_errno)
                else:
                    then(folder)

    # What becomes known of a file. The lock is held.

    def _found(self, folder: Folder, iatt: Iatt) -> None:
        if iatt.ia_nlink == 0:
            return  # it is open, but has no name any more
        file = self.files.setdefault(iatt.ia_gfid, File(folder))
        if file.folder.gfid == folder.gfid and file.folder is not folder:
            file.folder, file.size = folder, 0  # the folder had been forgotten
        file.folder.used += iatt.ia_size - file.size
        file.size, file.links = iatt.ia_size, iatt.ia_nlink

    def _unlinked(self, gfid: Gfid) -> None:
        file = self.files.get(gfid)
        if file is not None:
            file.links -= 1
            if file.links <= 0:
                file.folder.used -= file.size
                del self.files[gfid]

    # Requests that may make a folder's files larger.

    def grow(
        self,
        frame: Frame,
        folder: Folder,
        size: int,
        makes: bool = False,
        cookie: object = None,
    ) -> None:
        """Winds a request if there is room for so many bytes."""
        with self.lock:
            room = size == 0 or folder.used + size <= self.limit
            if room:
                folder.used += size  # nobody else gets it meanwhile
        if room:
            frame.local = Growth(folder, size, makes)
            frame.wind(cookie=cookie)
        else:
            frame.unwind(-1, errno.EDQUOT)

    def resize(self, frame: Frame, inode: Inode | None, end: int, first: bool = True) -> None:
        """Winds a request after which a file is as long as that, at least."""
        file = inode and self.files.get(inode.gfid)
        if file:
            self.grow(frame, file.folder, max(0, end - file.size))
        elif inode and first and (directory := inode.parent()):
            self.counted(frame, directory, lambda _: self.resize(frame, inode, end, False))
        else:
            frame.wind()  # it has lost its name

    def writev_fop(
        self, frame: Frame, this: Xlator, fd: Fd, vector: Iovec, count: int, offset: int, *_: object
    ) -> None:
        self.resize(frame, fd.inode, offset + vector.nbytes)

    def truncate_fop(self, frame: Frame, this: Xlator, loc: Loc, offset: int, *_: object) -> None:
        self.resize(frame, loc.inode, offset)

    def ftruncate_fop(self, frame: Frame, this: Xlator, fd: Fd, offset: int, *_: object) -> None:
        self.resize(frame, fd.inode, offset)

    def fallocate_fop(
        self, frame: Frame, this: Xlator, fd: Fd, keep: int, offset: int, size: int, *_: object
    ) -> None:
        self.resize(frame, fd.inode, 0 if keep else offset + size)

    def zerofill_fop(
        self, frame: Frame, this: Xlator, fd: Fd, offset: int, size: int, *_: object
    ) -> None:
        self.resize(frame, fd.inode, offset + size)

    def copy_file_range_fop(self, frame: Frame, this: Xlator, *_: object) -> None:
        frame.unwind(-1, errno.EOPNOTSUPP)  # it is copied by reading and writing then

    def _changed(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        before: object,
        after: Iatt | None,
        *_: object,
    ) -> None:
        growth = frame.local
        if isinstance(growth, Growth):
            with self.lock:
                growth.folder.used -= growth.size
                if op_ret >= 0 and after and (growth.makes or after.ia_gfid in self.files):
                    self._found(growth.folder, after)
        frame.unwind()

    writev_cbk = truncate_cbk = ftruncate_cbk = fallocate_cbk = zerofill_cbk = _changed

    # Requests that make a name.

    def _make(self, frame: Frame, this: Xlator, loc: Loc, *_: object) -> None:
        def then(folder: Folder) -> None:
            if folder.used >= self.limit:
                frame.unwind(-1, errno.EDQUOT)
            else:
                frame.local = Growth(folder, makes=True)
                frame.wind()

        self.counted(frame, loc.parent, then)

    def put_fop(
        self,
        frame: Frame,
        this: Xlator,
        loc: Loc,
        mode: int,
        umask: int,
        flags: int,
        vector: Iovec,
        *_: object,
    ) -> None:
        size = vector.nbytes
        self.counted(frame, loc.parent, lambda folder: self.grow(frame, folder, size, makes=True))

    def link_fop(self, frame: Frame, this: Xlator, oldloc: Loc, newloc: Loc, *_: object) -> None:
        def then(folder: Folder) -> None:
            frame.local = Growth(folder, makes=True)
            frame.wind()

        # The file counts where it is already: that has to be known first.
        there = oldloc.inode and oldloc.inode.parent()
        self.counted(frame, there, lambda _: self.counted(frame, newloc.parent, then))

    def create_cbk(
        self,
        frame: Frame,
        cookie: object,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        fd: Fd | None,
        inode: Inode | None,
        buf: Iatt | None,
        *_: object,
    ) -> None:
        self._changed(frame, cookie, this, op_ret, op_errno, inode, buf)

    create_fop = mknod_fop = _make
    mknod_cbk = put_cbk = link_cbk = _changed

    # Requests that take a name away.

    def unlink_fop(self, frame: Frame, this: Xlator, loc: Loc, *_: object) -> None:
        self.counted(frame, loc.parent, lambda _: frame.wind(cookie=loc.inode))

    def unlink_cbk(
        self,
        frame: Frame,
        cookie: Inode | None,
        this: Xlator,
        op_ret: int,
        op_errno: int,
        *_: object,
    ) -> None:
        if op_ret == 0 and cookie is not None:
            with self.lock:
                self._unlinked(cookie.gfid)
        frame.unwind()

    def rename_fop(self, frame: Frame, this: Xlator, oldloc: Loc, newloc: Loc, *_: object) -> None:
        def then(folder: Folder) -> None:
            file = oldloc.inode and self.files.get(oldloc.inode.gfid)
            over = newloc.inode and self.files.get(newloc.inode.gfid)
            if not file or file is over:  # a folder, or two names of one file, which stay
                frame.wind()
            else:
                size = 0 if file.folder is folder else file.size
                self.grow(frame, folder, size, cookie=Move(file, newloc.inode))

        self.counted(frame, oldloc.parent, lambda _: self.counted(frame, newloc.parent, then))

    def rename_cbk(
        self, frame: Frame, move: object, this: Xlator, op_ret: int, op_errno: int, *_: object
    ) -> None:
        growth = frame.local
        if isinstance(growth, Growth) and isinstance(move, Move):
            with self.lock:
                growth.folder.used -= growth.size
                if op_ret == 0:
                    move.file.folder.used -= move.file.size
                    growth.folder.used += move.file.size
                    move.file.folder = growth.folder
                    if move.over is not None:
                        self._unlinked(move.over.gfid)
        frame.unwind()
