"""What a translator keeps with inodes and fds: `inode.ctx`, `fd.ctx`, and when it goes."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from glusterfs import Host, Mount, Option, Volfile, eventually
from sanitizer import RUNTIME, SLOWER

# With every page of GlusterFS's from malloc, a request takes milliseconds.
FILES = 5_000 if RUNTIME else 100_000

DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def volume(host: Host, source: str) -> Volfile:
    return host.posix().add("keeper", host.glupy, options(host, source))


def options(host: Host, source: str) -> dict[str, Option]:
    return {"module-name": "keeper", "module-path": host.write(keeper=source)}


def test_one_per_translator(host: Host) -> None:
    """Two translators of one graph keep different things with the same inode and fd."""
    source = """
        from gluster import Translator

        class xlator(Translator):
            def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, parent):
                if op_ret == 0 and inode.ctx is None:
                    inode.ctx = [self.name]
                frame.unwind()

            def open_cbk(self, frame, cookie, this, op_ret, op_errno, fd, xdata):
                assert fd.ctx is None
                fd.ctx = {"by": self.name}
                frame.unwind()

            def readv_fop(self, frame, this, fd, size, offset, flags, xdata):
                print(fd.inode.ctx, fd.ctx)
                fd.ctx = None
                fd.inode.ctx = None
                print(fd.inode.ctx, fd.ctx)
                fd.inode.ctx = "another"
                fd.inode.ctx = "a third"
                print(fd.inode.ctx, fd.ctx)
                frame.wind()
    """
    given = options(host, source)
    volfile = host.posix().add("below", host.glupy, given).add("above", host.glupy, given)
    with host.mount(volfile, options=["--direct-io-mode=enable"]) as mount:
        (mount.path / "file").write_text("text")
        with (mount.path / "file").open("rb", buffering=0) as file:
            assert file.read(4) == b"text"
    for name in ("below", "above"):
        said = [line.message for line in mount.log.lines() if line.domain == f"0-{name}"]
        assert said[:3] == [f"['{name}'] {{'by': '{name}'}}", "None None", "a third None"]


COUNTS = """
from gluster import Gfid, Translator

ROOT = Gfid("00000000-0000-0000-0000-000000000001")  # which is never forgotten

class Context:
    live = 0
    made = 0
    def __init__(self):
        Context.live += 1
        Context.made += 1
    def __del__(self):
        Context.live -= 1

class xlator(Translator):
    def keep(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        if op_ret == 0 and inode.ctx is None and inode.gfid != ROOT:
            inode.ctx = Context()
        frame.unwind()

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, parent):
        self.keep(frame, cookie, this, op_ret, op_errno, inode)

    def mknod_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, pre, post, xdata):
        self.keep(frame, cookie, this, op_ret, op_errno, inode)

    def setxattr_fop(self, frame, this, loc, dict, flags, xdata):
        print(f"live {Context.live} made {Context.made}")
        raise OSError(95, "asked")
"""


def counts(mount: Mount) -> tuple[int, int]:
    """How many contexts the translator has, and has made."""
    before = len(mount.log.find("live [0-9]"))
    with contextlib.suppress(OSError):
        os.setxattr(mount.path, "user.count", b"")
    eventually("the counts", lambda: len(mount.log.find("live [0-9]")) > before)
    _, live, _, made = mount.log.find("live [0-9]")[-1].message.split()
    return int(live), int(made)


def forget(mount: Mount) -> None:
    """Have the kernel forget its inodes, until the translator keeps nothing."""

    def gone() -> bool:
        DROP_CACHES.write_text("2")
        time.sleep(0.2)
        return counts(mount)[0] == 0

    eventually("contexts are gone", gone, seconds=60)


def test_forgotten(host: Host) -> None:
    """A hundred thousand files made, forgotten, looked up and forgotten leave nothing behind.

    Five thousand of them in a run under AddressSanitizer.
    """
    host.deadline *= 3
    with host.mount(volume(host, COUNTS)) as mount:
        mount.log.known.append("fuse_xattr_cbk|SETXATTR|setxattr")
        begin = time.monotonic()
        folder = os.open(mount.path, os.O_RDONLY)
        for number in range(FILES):
            os.mknod(f"file{number}", dir_fd=folder)
        live, made = counts(mount)
        print(f"{FILES} files in {time.monotonic() - begin:.0f} s; {live} contexts live")
        assert made >= FILES
        assert live > 0
        forget(mount)
        for number in range(FILES):
            os.stat(f"file{number}", dir_fd=folder)
        live, made = counts(mount)
        print(f"looked up after {time.monotonic() - begin:.0f} s; {live} contexts live")
        assert made >= 2 * FILES
        assert live > 0
        os.close(folder)
        forget(mount)


HEARS = """
from gluster import Translator

class xlator(Translator):
    def mknod_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, pre, post, xdata):
        inode.ctx = "made"
        frame.unwind()

    def open_cbk(self, frame, cookie, this, op_ret, op_errno, fd, xdata):
        fd.ctx = "opened"
        frame.unwind()

    def opendir_cbk(self, frame, cookie, this, op_ret, op_errno, fd, xdata):
        fd.ctx = "listed"
        frame.unwind()

    def forget(self, gfid, ctx):
        print("forget", len(gfid.bytes), ctx)
        if ctx == "made":
            raise ValueError("on purpose")

    def release(self, gfid, flags, ctx):
        print("release", len(gfid.bytes), flags & 3, ctx)

    def releasedir(self, gfid, flags, ctx):
        print("releasedir", len(gfid.bytes), ctx)
"""


def test_told(host: Host) -> None:
    """Python hears of what is gone, with what was kept; what it raises is logged."""
    with host.mount(volume(host, HEARS)) as mount:
        os.mknod(mount.path / "file")
        (mount.path / "file").write_text("text")
        os.listdir(mount.path)
        mount.wait_until("release", lambda: bool(mount.log.find("release 16 1 opened")))
        mount.wait_until("releasedir", lambda: bool(mount.log.find("releasedir 16 listed")))
        os.unlink(mount.path / "file")
        mount.wait_until("forget", lambda: bool(mount.log.find("forget 16 made")))
        mount.log.expect(
            r"forget \(keeper.py:\d+\): ValueError: on purpose$", "keeper.py", "^E.*ValueError"
        )
        mount.wait_until("logged", lambda: bool(mount.log.find("ValueError")))


def test_a_forget_waits_for_nothing(host: Host) -> None:
    """A method that takes its time holds up nobody but the ones after it."""
    took = 0.5 * SLOWER
    source = HEARS.replace('print("forget"', f'time.sleep({took})\n        print("forget"')
    source = source.replace('raise ValueError("on purpose")', "pass")
    with host.mount(volume(host, "import time\n" + source)) as mount:
        for i in range(8):
            os.mknod(mount.path / f"file{i}")
        begin = time.monotonic()
        for i in range(8):
            os.unlink(mount.path / f"file{i}")
        os.listdir(mount.path)
        assert time.monotonic() - begin < 4 * took
        mount.wait_until("forget", lambda: len(mount.log.find("forget 16 made")) == 8)


def test_made_on_a_thread(host: Host) -> None:
    """What a thread of Python's makes belongs to the translator whose inode it is given."""
    source = """
        import threading
        from gluster import Dirent, Loc, Translator

        class xlator(Translator):
            def mkdir_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
                inode.ctx = "kept"
                thread = threading.Thread(target=self.make, args=(inode,))
                thread.start()
                thread.join()
                frame.unwind()

            def make(self, inode):
                print("loc", Loc("/made", inode=inode).inode.ctx)
                print("child", Loc.child(inode, "made").parent.ctx)
                print("entry", Dirent("made", inode=inode).inode.ctx)
    """
    with host.mount(volume(host, source)) as mount:
        (mount.path / "folder").mkdir()
        said = [line.message for line in mount.log.find("keeper.py")]
    assert said == ["loc kept", "child kept", "entry kept"]
