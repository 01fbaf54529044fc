"""What authors do wrong in handlers and callbacks, by the name that is looked up.

Each method is one mistake. Its docstring says how the application's request ends: `ok`, or
an errno's name; and behind a colon what the log says, once, at the line that is marked
`# here` (or `# here: NAME`; `# here: others` is for those without a mark). What has no
colon says nothing. `fop_...` is called on the way down, `cbk_...` on the way up, the others
by the fop of which they bear the name.
"""

# mypy: ignore-errors
# Wrong on purpose.

from __future__ import annotations

import errno
import functools
import importlib
import json
import os
import sys
import threading
import time

import gluster
from gluster import (
    CancelledError,
    Dict,
    Dirent,
    Fd,
    FrameError,
    Iatt,
    Loc,
    Statvfs,
    Translator,
    lookup_unwind,
    lookup_wind,
    readdir_unwind,
    readlink_unwind,
    readv_unwind,
    stat_unwind,
    stat_wind,
    statfs_unwind,
)


class Deep:
    """Each level takes C stack, of which threads of io-threads have little."""

    def __getattr__(self, name):
        return getattr(self, name + "x")  # here: fop_deep_in_c, cbk_deep_in_c


class Silent(Exception):  # noqa: N818  as authors call theirs
    def __str__(self):
        raise RuntimeError("no words")


class Hostile:
    """Raises whatever is asked of it."""

    def _raise(self, *_):
        raise ValueError("hostile")

    __index__ = __int__ = __len__ = __iter__ = __str__ = __repr__ = __bytes__ = _raise
    __hash__ = __eq__ = __bool__ = __call__ = __fspath__ = _raise


class Unable(int):
    def __index__(self):
        raise ZeroDivisionError


class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.kept = []
        self.first = None
        self.error = KeyError("always the same")

    def lookup_fop(self, frame, this, loc, xdata):  # here: others
        self.first = self.first or frame
        frame.local = name = loc.name or ""
        if name.startswith("fop_"):
            return getattr(self, name)(frame, loc)
        return frame.wind()

    def lookup_cbk(  # here: cbk_forgets, cbk_cycle
        self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, postparent
    ):
        name = frame.local
        if op_ret == 0 and isinstance(name, str) and name:
            inode.ctx = name
        if name == "cbk_changes_the_content":
            xdata["glusterfs.content"] = b""
        if isinstance(name, str) and name.startswith("cbk_"):
            return getattr(self, name)(frame, inode, buf)
        return frame.unwind()  # here: fop_answers_after_winding, fop_winds_twice, fop_winds_another

    # -- no answer, or more than one ------------------------------------------------------

    def fop_forgets(self, frame, loc):
        """EIO: lookup of /fop_forgets: dropped the request without an answer"""

    def fop_answers_twice(self, frame, loc):
        """ENOENT: lookup of .*: FrameError: .*can not answer: .*answered by .*py:"""
        frame.unwind(-1, errno.ENOENT)
        frame.unwind(-1, errno.EPERM)  # here

    def fop_answers_after_winding(self, frame, loc):
        """EPERM: FrameError: .*can not answer: .*answered by .*py:"""
        frame.wind()
        frame.unwind(-1, errno.EPERM)

    def fop_winds_after_answering(self, frame, loc):
        """ENOENT: FrameError: .*can not wind: .*answered by .*py:"""
        frame.unwind(-1, errno.ENOENT)
        frame.wind()  # here

    def fop_winds_twice(self, frame, loc):
        """ok: FrameError: .*can not answer: .*answered by .*py:"""
        frame.wind()
        frame.wind()

    def fop_winds_another(self, frame, loc):
        """EIO: ValueError: lookup: inode of the answer is not the request's own"""
        frame.wind(loc=Loc.child(loc.parent, "healthy"))

    def fop_winds_and_raises(self, frame, loc):
        """EIO: lookup of /fop_winds_and_raises: ValueError: after the wind"""
        frame.wind()
        raise ValueError("after the wind")  # here

    def fop_answers_and_raises(self, frame, loc):
        """ENOENT: ValueError: after the answer; the request had its answer already"""
        frame.unwind(-1, errno.ENOENT)
        raise ValueError("after the answer")  # here

    def fop_answers_anothers_frame(self, frame, loc):
        """EIO: FrameError: .*can not answer: .*answered"""
        self.first.unwind(-1, errno.EPERM)  # here

    def cbk_forgets(self, frame, inode, buf):
        """EIO: lookup of /cbk_forgets: dropped the request without an answer"""

    def cbk_answers_twice(self, frame, inode, buf):
        """ok: FrameError: .*can not answer: .*answered by .*py:"""
        frame.unwind()
        frame.unwind()  # here

    def cbk_winds_after_answering(self, frame, inode, buf):
        """ok: FrameError: .*can not wind: .*answered by .*py:"""
        frame.unwind()
        frame.wind()  # here

    # -- what is raised ----------------------------------------------------------------

    def fop_refuses(self, frame, loc):
        """EPERM"""
        raise PermissionError(errno.EPERM, "not you")

    def fop_errno_too_large(self, frame, loc):
        """EIO: OSError: .*FUSE would hang"""
        raise OSError(512, "FUSE would hang")  # here

    def fop_errno_missing(self, frame, loc):
        """EIO: OSError: no errno"""
        raise OSError("no errno")  # here

    def fop_errno_negative(self, frame, loc):
        """EIO: OSError: .*negative"""
        raise OSError(-errno.EPERM, "negative")  # here

    def fop_raises(self, frame, loc):
        """EIO: lookup of /fop_raises: KeyError: 'no such key'"""
        {}["no such key"]  # here

    def fop_raises_in_a_library(self, frame, loc):
        """EIO: JSONDecodeError"""
        json.loads("{")  # here

    def fop_exits(self, frame, loc):
        """EIO: SystemExit: 3"""
        sys.exit(3)  # here

    def fop_interrupts(self, frame, loc):
        """EIO: KeyboardInterrupt"""
        raise KeyboardInterrupt  # here

    def fop_generator_exit(self, frame, loc):
        """EIO: GeneratorExit"""
        raise GeneratorExit  # here

    def fop_cancelled(self, frame, loc):
        """EIO: CancelledError"""
        raise CancelledError  # here

    def fop_stop_iteration(self, frame, loc):
        """EIO: StopIteration"""
        next(iter(()))  # here

    def fop_no_memory(self, frame, loc):
        """EIO: MemoryError"""
        b"x" * (1 << 62)  # here

    def fop_frame_error(self, frame, loc):
        """EIO: FrameError: mine"""
        raise FrameError("mine")  # here

    def fop_syntax_error(self, frame, loc):
        """EIO: SyntaxError"""
        exec("def f(:")  # here

    def fop_group(self, frame, loc):
        """EIO: ExceptionGroup: two"""
        raise ExceptionGroup("two", [KeyError("one"), OSError(errno.EPERM, "two")])  # here

    def fop_silent_error(self, frame, loc):
        """EIO: Silent: its str\\(\\) raises, too"""
        raise Silent("nor this")  # here

    def fop_error_of_many_lines(self, frame, loc):
        """EIO: ValueError: first"""
        raise ValueError("first\nsecond %s {}\nlast")  # here

    def fop_endless_error(self, frame, loc):
        """EIO: ValueError: xxxx"""
        raise ValueError("x" * 20_000_000)  # here

    def fop_error_with_a_note(self, frame, loc):
        """EIO: ValueError: the error"""
        error = ValueError("the error")
        error.add_note("a note")
        raise error  # here

    def fop_error_that_is_no_text(self, frame, loc):
        """EIO: ValueError: .*udcff"""
        raise ValueError("\udcff\ud800\0")  # here

    def fop_raises_the_same_again(self, frame, loc):
        """EIO: KeyError: 'always the same'"""
        raise self.error  # here

    def fop_error_from_error(self, frame, loc):
        """EIO: TypeError: the last"""
        try:
            {}["the first"]
        except KeyError as error:
            raise TypeError("the last") from error  # here

    def cbk_raises(self, frame, inode, buf):
        """EIO: lookup of /cbk_raises: KeyError: 'no such key'"""
        {}["no such key"]  # here

    def cbk_refuses(self, frame, inode, buf):
        """ETXTBSY"""
        raise OSError(errno.ETXTBSY, "busy")

    def cbk_exits(self, frame, inode, buf):
        """EIO: SystemExit"""
        sys.exit()  # here

    # -- deep, and out of the ordinary ---------------------------------------------------

    def fop_deep(self, frame, loc):
        """EIO: RecursionError"""
        return self.fop_deep(frame, loc)  # here

    def fop_deep_in_turns(self, frame, loc):
        """EIO: RecursionError"""
        self.turn(frame, loc)  # here

    def turn(self, frame, loc):
        self.fop_deep_in_turns(frame, loc)  # here: fop_deep_in_turns

    def fop_deep_in_c(self, frame, loc):
        """EIO: RecursionError"""
        Deep().attribute  # noqa: B018

    def fop_deep_sort(self, frame, loc):
        """EIO: RecursionError"""
        sorted([1, 2], key=functools.partial(self.fop_deep_sort, frame))  # here

    def fop_deep_repr(self, frame, loc):
        """EIO: RecursionError"""
        deep = []
        for _ in range(100_000):
            deep = [deep]
        repr(deep)  # here

    def cbk_deep_in_c(self, frame, inode, buf):
        """EIO: RecursionError"""
        Deep().attribute  # noqa: B018

    def fop_forks(self, frame, loc):
        """ok: os.fork: the child must call os._exit or exec"""
        if os.fork() != 0:  # here
            os.wait()  # the child goes on as if it were the daemon
        frame.wind()

    def fop_imports_itself(self, frame, loc):
        """EIO: ModuleNotFoundError: No module named 'callbacks'"""
        import callbacks  # noqa: F401  # here

    def fop_finds_itself(self, frame, loc):
        """ok"""
        assert importlib.import_module(__name__).xlator is type(self)
        frame.wind()

    def fop_reassigns_its_methods(self, frame, loc):
        """ok"""
        self.lookup_cbk = self.lookup_fop = None
        frame.wind()

    def fop_deletes_its_methods(self, frame, loc):
        """ok"""
        cls, handler = type(self), type(self).lookup_cbk
        del cls.lookup_cbk
        frame.wind()
        cls.lookup_cbk = handler

    def fop_forgets_its_module(self, frame, loc):
        """EIO: KeyError: 'again'"""
        del sys.modules[__name__]
        raise KeyError("again")  # here

    def fop_breaks_builtins(self, frame, loc):
        """EIO: NameError: name 'no_such_name'"""
        gluster.FOPS.clear()
        no_such_name  # noqa: F821, B018  # here

    def fop_replaces_output(self, frame, loc):
        """EIO: KeyError: 'without output'"""
        stdout, stderr = sys.stdout, sys.stderr
        try:
            sys.stdout = sys.stderr = None
            print("nothing")
            raise KeyError("without output")  # here
        finally:
            sys.stdout, sys.stderr = stdout, stderr

    # -- garbage -------------------------------------------------------------------------

    def fop_cycle(self, frame, loc):
        """EIO: lookup of /fop_cycle: dropped the request without an answer"""
        cycle = [frame]
        cycle.append(cycle)

    def fop_generator(self, frame, loc):
        """EIO: lookup of /fop_generator: dropped the request without an answer"""

        def generator():
            yield own, frame

        own = generator()
        next(own)

    def cbk_cycle(self, frame, inode, buf):
        """EIO: lookup of /cbk_cycle: dropped the request without an answer"""
        frame.local = [frame, inode, buf]

    # -- kept, and used elsewhere --------------------------------------------------------

    def fop_keeps_everything(self, frame, loc):
        """ok"""
        self.kept += [frame, loc, loc.inode, loc.parent]

        def later():
            time.sleep(0.02)
            assert loc.name == "fop_keeps_everything"
            assert loc.inode is not None
            frame.wind()

        threading.Thread(target=later).start()

    def cbk_keeps_everything(self, frame, inode, buf):
        """ok"""
        self.kept += [frame, inode, buf]
        threading.Thread(target=self.later, args=(frame, inode, buf)).start()

    def later(self, frame, inode, buf):
        time.sleep(0.02)
        assert inode is not None
        assert buf.ia_gfid
        frame.unwind(buf=buf)

    def fop_answers_in_two_threads(self, frame, loc):
        """ENOENT: FrameError: .*can not answer: "?.*callbacks.py:\\d+"""
        done = threading.Event()

        def one():
            frame.unwind(-1, errno.ENOENT)
            done.set()

        def two():
            done.wait()
            frame.unwind(-1, errno.EPERM)  # here

        threading.Thread(target=two).start()
        threading.Thread(target=one).start()

    def fop_thread_raises(self, frame, loc):
        """EIO: thread .*KeyError: 'in a thread'"""

        def raises():
            kept = frame  # noqa: F841
            raise KeyError("in a thread")  # here

        frame.unwind(-1, errno.EIO)
        threading.Thread(target=raises).start()

    def fop_thread_drops_it(self, frame, loc):
        """EIO: lookup of /fop_thread_drops_it: dropped the request without an answer"""
        threading.Thread(target=time.sleep, args=(0.02,), kwargs={}).start()
        threading.Thread(target=lambda frame: time.sleep(0.02), args=(frame,)).start()

    def fop_looks_at_it_afterwards(self, frame, loc):
        """ENOENT: FrameError: .*the request has been answered"""
        frame.unwind(-1, errno.ENOENT)
        assert loc.name == "fop_looks_at_it_afterwards"
        assert frame.op == "lookup"
        frame.uid  # noqa: B018  # here

    def fop_contents_afterwards(self, frame, loc):
        """ENOENT: FrameError: .*the request has been answered"""
        frame.unwind(-1, errno.ENOENT)
        assert loc.contents.name == b"fop_contents_afterwards"
        frame.contents  # noqa: B018  # here

    def fop_winds_an_old_request(self, frame, loc):
        """EIO: FrameError: .*can not wind: .*answered"""
        self.first.wind()  # here

    def fop_uses_old_handles(self, frame, loc):
        """ok"""
        for kept in self.kept:
            repr(kept)
            getattr(kept, "gfid", None)
        frame.wind()

    def fop_deletes_from_a_finalizer(self, frame, loc):
        """ok: KeyError: 'in __del__'"""

        class Dying:
            def __del__(self):
                raise KeyError("in __del__")  # here

        frame.wind()
        frame.local = Dying()

    # -- wrong values ----------------------------------------------------------------------

    def fop_wrong_type(self, frame, loc):
        """EIO: TypeError: frame.wind: loc"""
        frame.wind(loc="fop_wrong_type")  # here

    def fop_wrong_name(self, frame, loc):
        """EIO: TypeError: frame.wind: .*path"""
        frame.wind(path="/")  # here

    def fop_wrong_count(self, frame, loc):
        """EIO: TypeError: lookup_wind"""
        lookup_wind(frame, loc)  # here

    def fop_wrong_frame(self, frame, loc):
        """EIO: TypeError: .*frame"""
        lookup_wind(loc, frame, None)  # here

    def fop_wrong_child(self, frame, loc):
        """EIO: ValueError: frame.wind: .* is not a child"""
        frame.wind(child=self.this)  # here

    def fop_no_child(self, frame, loc):
        """EIO: TypeError: frame.wind: child"""
        frame.wind(child=Hostile())  # here

    def fop_nobody_sees_the_answer(self, frame, loc):
        """EIO: FrameError: stat_wind: nobody would see the answer: define stat_cbk"""
        stat_wind(frame, loc, None)  # here

    def fop_null(self, frame, loc):
        """EIO: ValueError: lookup_wind: loc must not be None"""
        lookup_wind(frame, None, None)  # here

    def fop_no_inode(self, frame, loc):
        """EIO: ValueError: lookup_wind: loc has no inode"""
        lookup_wind(frame, Loc("/x"), None)  # here

    def fop_hostile_xdata(self, frame, loc):
        """EIO: TypeError: .*xdata"""
        frame.wind(xdata=Hostile())  # here

    def fop_hostile_value(self, frame, loc):
        """EIO: TypeError: .*"""
        frame.wind(xdata=Dict({"key": Hostile()}))  # here

    def fop_nul_in_a_name(self, frame, loc):
        """EIO: ValueError: .*"""
        frame.wind(loc=Loc.child(loc, "a\0b"))  # here

    def fop_huge_op_ret(self, frame, loc):
        """EIO: OverflowError: frame.unwind: op_ret"""
        frame.unwind(1 << 40, 0)  # here

    def fop_wrong_op_errno(self, frame, loc):
        """EIO: TypeError: frame.unwind: op_errno"""
        frame.unwind(-1, "EPERM")  # here

    def fop_unable_op_errno(self, frame, loc):
        """EPERM"""
        frame.unwind(-1, Unable(1))

    def fop_errno_of_zero(self, frame, loc):
        """EIO: ValueError: frame.unwind: errno 0"""
        frame.unwind(-1, 0)  # here

    def fop_errno_of_512(self, frame, loc):
        """EIO: ValueError: frame.unwind: errno 512"""
        frame.unwind(-1, 512)  # here

    def fop_success_of_nothing(self, frame, loc):
        """EIO: ValueError: lookup_unwind: .* must carry inode"""
        lookup_unwind(frame, 0, 0, None, None, None, None)  # here

    def fop_success_of_half(self, frame, loc):
        """EIO: ValueError: lookup_unwind: .* must carry buf"""
        lookup_unwind(frame, 0, 0, loc.inode, None, None, None)  # here

    def fop_answers_as_stat(self, frame, loc):
        """EIO: ValueError: stat_unwind: this request is a lookup"""
        stat_unwind(frame, 0, 0, Iatt(), None)  # here

    def fop_nothing_came(self, frame, loc):
        """EIO: FrameError: .*no answer has come"""
        frame.unwind()  # here

    def cbk_takes_a_value_away(self, frame, inode, buf):
        """EIO: ValueError: frame.unwind: .* must carry buf"""
        frame.unwind(buf=None)  # here

    def cbk_wrong_type(self, frame, inode, buf):
        """EIO: TypeError: frame.unwind: buf"""
        frame.unwind(buf=inode)  # here

    def cbk_zeros(self, frame, inode, buf):
        """EIO: ValueError: lookup: buf of the answer has no ia_gfid"""
        frame.unwind(buf=Iatt())  # here

    def cbk_op_ret(self, frame, inode, buf):
        """EIO|ok"""
        frame.unwind(5, 0)

    def cbk_negative_op_ret(self, frame, inode, buf):
        """EPERM"""
        frame.unwind(-7, errno.EPERM)

    def cbk_huge_field(self, frame, inode, buf):
        """EIO: OverflowError"""
        buf.ia_size = 1 << 70  # here

    def cbk_content_too_short(self, frame, inode, buf):
        """EIO: ValueError: lookup: xdata of the answer has 7 bytes of "glusterfs.content", but"""
        xdata = Dict({"glusterfs.content": b"content"})
        frame.unwind(buf=Iatt(buf, ia_size=8), xdata=xdata)  # here

    def cbk_changes_the_content(self, frame, inode, buf):
        """EIO: ValueError: lookup: xdata of the answer has 0 bytes of "glusterfs.content", but"""
        frame.unwind()  # here

    def cbk_content_that_fits(self, frame, inode, buf):
        """ok"""
        frame.unwind(buf=Iatt(buf, ia_size=7), xdata=Dict({"glusterfs.content": b"content"}))

    def cbk_another_inode(self, frame, inode, buf):
        """EIO: ValueError: lookup: inode of the answer is not the request's own"""
        frame.unwind(inode=inode.table.root, buf=Iatt(buf, ia_gfid="0" * 31 + "7"))  # here

    # -- other fops ------------------------------------------------------------------------

    def readlink_fop(self, frame, this, loc, size, xdata):
        self.case(frame, loc.inode)

    def case(self, frame, inode, *values, op=None):
        name = inode.ctx or ""
        case = getattr(self, name) if name.startswith(op or frame.op) else None
        case(frame, *values) if case else frame.wind()

    def readlink_wrong_length(self, frame):
        """EIO: ValueError: readlink_unwind: op_ret is 1000000"""
        readlink_unwind(frame, 1_000_000, 0, "target", Iatt(), None)  # here

    def readlink_without_attributes(self, frame):
        """EIO: ValueError: readlink_unwind: .* must carry buf"""
        readlink_unwind(frame, 6, 0, "target", None, None)  # here

    def readlink_of_gigabytes(self, frame):
        """EIO: ValueError: frame.wind: size is 4294967296, and can be at most 4096"""
        frame.wind(size=1 << 32)  # here

    def readlink_endless(self, frame):
        """EIO: ValueError: readlink: the answer has 100000 bytes, but its caller has room for"""
        readlink_unwind(frame, 100_000, 0, "x" * 100_000, Iatt(), None)  # here

    def open_fop(self, frame, this, loc, flags, fd, xdata):
        self.case(frame, loc.inode, fd)

    def open_answers_with_anothers_fd(self, frame, fd):
        """EIO: ValueError: open: fd of the answer is not the request's own"""
        frame.unwind(0, 0, fd=Fd.create(fd.inode, 0))  # here

    def open_winds_anothers_fd(self, frame, fd):
        """EIO: ValueError: open_wind: fd is not the request's own"""
        frame.wind(fd=Fd.create(fd.inode, 0))  # here

    def opendir_fop(self, frame, this, loc, fd, xdata):
        self.case(frame, loc.inode, fd)

    def opendir_answers_with_anothers_fd(self, frame, fd):
        """EIO: ValueError: opendir: fd of the answer is not the request's own"""
        frame.unwind(0, 0, fd=Fd.create(fd.inode, 0))  # here

    def readv_fop(self, frame, this, fd, size, offset, flags, xdata):
        self.case(frame, fd.inode, size)

    def readv_wrong_length(self, frame, size):
        """EIO: ValueError: readv_unwind: op_ret is 100"""
        readv_unwind(frame, 100, 0, b"short", 1, Iatt(), None, None)  # here

    def readv_of_nothing(self, frame, size):
        """EIO: ValueError: readv_unwind: .*vector"""
        readv_unwind(frame, 10, 0, None, 1, Iatt(), None, None)  # here

    def readv_of_less_than_nothing(self, frame, size):
        """EIO: ValueError: readv_unwind: op_ret is 10, but the answer carries 0 bytes"""
        readv_unwind(frame, 10, 0, None, 0, Iatt(), None, None)  # here

    def readv_wrong_type(self, frame, size):
        """EIO: TypeError: readv_unwind: vector"""
        readv_unwind(frame, 4, 0, ["text"], 1, Iatt(), None, None)  # here

    def readv_too_much(self, frame, size):
        """EIO: ValueError: readv: the answer has .* bytes, but its caller has room for .*"""
        readv_unwind(frame, size + 1, 0, b"x" * (size + 1), 1, Iatt(), None, None)  # here

    def readv_in_pieces(self, frame, size):
        """ok"""
        frame.unwind(4000, 0, vector=[b"x"] * 4000, stbuf=Iatt())

    def readv_of_a_huge_size(self, frame, size):
        """EIO: ValueError: readv_wind: size is .*, but the caller has room for .*"""
        frame.wind(size=1 << 62)  # here

    def readv_of_a_negative_size(self, frame, size):
        """EIO: OverflowError: frame.wind: size"""
        frame.wind(size=-1)  # here

    def readdir_fop(self, frame, this, fd, size, offset, xdata):
        self.case(frame, fd.inode, offset)

    def readdir_of_names(self, frame, offset):
        """EIO: TypeError: readdir_unwind: entries"""
        readdir_unwind(frame, 2, 0, ["a", "b"], None)  # here

    def readdir_wrong_count(self, frame, offset):
        """EIO: ValueError: readdir_unwind: op_ret is 7"""
        readdir_unwind(frame, 7, 0, [Dirent("a"), Dirent("b")], None)  # here

    def readdir_too_many(self, frame, offset):
        """ok|EIO|EINVAL"""
        many = [Dirent(f"name{i}", d_off=i + 1) for i in range(5_000)]
        many = many[offset:]
        readdir_unwind(frame, len(many), 0, many, None)

    def readdir_bad_names(self, frame, offset):
        """EIO: ValueError: Dirent.d_name: 'a/b' is not a name"""
        readdir_unwind(frame, 1, 0, [Dirent("a/b", d_off=1)], None)  # here

    def statfs_fop(self, frame, this, loc, xdata):
        self.case(frame, loc.inode)

    def statfs_of_zeros(self, frame):
        """ok"""
        statfs_unwind(frame, 0, 0, Statvfs(), None)

    def statfs_of_nothing(self, frame):
        """EIO: ValueError: statfs_unwind: .*must carry buf"""
        statfs_unwind(frame, 0, 0, None, None)  # here

    def writev_fop(self, frame, this, fd, vector, *rest):
        self.case(frame, fd.inode, vector)

    def writev_in_pieces(self, frame, vector):
        """ok"""
        frame.wind(vector=[b"x"] * 4000)

    def writev_says_more(self, frame, vector):
        """EIO"""
        frame.unwind(1 << 20, 0, prebuf=Iatt(), postbuf=Iatt())

    def writev_changes_under_it(self, frame, vector):
        """EIO: BufferError"""
        data = bytearray(b"x" * 100)
        with memoryview(data):
            frame.wind(vector=data)
            data.clear()  # here

    def getxattr_fop(self, frame, this, loc, name, xdata):
        self.case(frame, loc.inode, op=frame.op if name else "listxattr")

    def listxattr_of_many_names(self, frame):
        """EIO: ValueError: getxattr: dict of the answer has names of 240.* bytes, .* most 65536"""
        names = {f"user.{i}" + "k" * 60_000: b"" for i in range(4)}
        frame.unwind(0, 0, dict=Dict(names))  # here

    def listxattr_of_names_that_fit(self, frame):
        """ok"""
        names = {f"user.{i}" + "k" * 16_000: b"" for i in range(4)}
        frame.unwind(0, 0, dict=Dict(names))

    def getxattr_huge(self, frame):
        """ERANGE|E2BIG|EIO"""
        frame.unwind(0, 0, dict=Dict({"user.case": b"x" * (1 << 20)}))

    def getxattr_of_another_type(self, frame):
        """EIO|ENODATA|ok"""
        frame.unwind(0, 0, dict=Dict({"user.case": Iatt()}))
