"""What goes wrong in Python is told at once, in the right words, and goes no further."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glusterfs import Host, Log, LogLine, Mount, Option

# Does what the name that is looked up says. Two of its lines are named in the tests.
FAULTY = """\
import errno
import sys
from gluster import FrameError, Translator, lookup_unwind, lookup_wind

class Deep:
    "Each level takes C stack, of which threads of io-threads have little."
    def __getattr__(self, name):
        return getattr(self, name + "x")

class xlator(Translator):
    def lookup_fop(self, frame, this, loc, xdata):
        frame.local = name = loc.name
        if name == "oserror":
            raise PermissionError(errno.EPERM, "not you")
        if name == "oserror-large":
            raise OSError(512, "FUSE would hang")
        if name == "oserror-without":
            raise OSError("no errno at all")
        if name == "bug":
            return self.deeper({})
        if name == "exit":
            sys.exit(3)
        if name == "recursion":
            return self.lookup_fop(frame, this, loc, xdata)
        if name == "deep":
            return Deep().attribute
        if name == "unanswered":
            return
        if name == "fail":
            return frame.unwind(-1, errno.EDQUOT)
        if name == "hollow":
            return lookup_unwind(frame, 0, 0, None, None, None, None)
        if name == "twice":
            frame.unwind(-1, errno.ENOENT)
            try:
                frame.unwind(-1, errno.EPERM)
            except FrameError as error:
                print("second unwind:", error)
            try:
                frame.wind()
            except FrameError as error:
                print("wind after unwind:", error)
            return
        frame.wind()
        if name == "wind-and-raise":
            raise ValueError("after the wind")

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf, xdata, postparent):
        if frame.local == "cbk-oserror":
            raise OSError(errno.ETXTBSY, "busy")
        if frame.local == "cbk-bug":
            return self.deeper({})
        if frame.local == "cbk-unanswered":
            return
        frame.unwind()

    def deeper(self, empty):
        return empty["no such key"]
"""
DEEPER = FAULTY.splitlines().index('        return empty["no such key"]') + 1


@pytest.fixture(params=["direct", "io-threads"])
def faulty(host: Host, request: pytest.FixtureRequest) -> Iterator[Mount]:
    """A mount with the module above, on FUSE's own thread or on one of io-threads."""
    modules = host.write(faulty=FAULTY)
    volfile = host.posix()
    volfile.add("glupy", host.glupy, {"module-name": "faulty", "module-path": modules})
    if request.param == "io-threads":
        volfile.add("threads", "performance/io-threads")
    with host.mount(volfile) as mount:
        mount.log.known += [r"LOOKUP\(\)", "fuse_resolve_entry_cbk"]  # FUSE's words on a failure
        yield mount


def lookup(mount: Mount, name: str) -> int:
    """The errno of a lookup, which comes at once; the next request works."""
    start = time.monotonic()
    with pytest.raises(OSError) as failure:  # noqa: PT011  any errno; it is the result
        os.lstat(mount.path / name)
    assert time.monotonic() - start < 5  # a traceback takes its time on a busy machine
    (mount.path / "healthy").touch()
    (mount.path / "healthy").unlink()
    return failure.value.errno or 0


@pytest.mark.parametrize(
    ("name", "number"),
    [("oserror", errno.EPERM), ("fail", errno.EDQUOT), ("cbk-oserror", errno.ETXTBSY)],
)
def test_oserror_is_the_answer(faulty: Mount, name: str, number: int) -> None:
    """An OSError is an answer, not an accident: nothing is logged."""
    assert lookup(faulty, name) == number


@pytest.mark.parametrize(
    ("name", "handler", "expected"),
    [
        ("oserror-large", "lookup_fop", "OSError: .*FUSE would hang"),
        ("oserror-without", "lookup_fop", "OSError: no errno at all"),
        ("exit", "lookup_fop", "SystemExit: 3"),
        ("hollow", "lookup_fop", "ValueError: .*inode"),
        ("recursion", "lookup_fop", "RecursionError"),
        ("deep", "__getattr__", "RecursionError"),
    ],
)
def test_exception(faulty: Mount, name: str, handler: str, expected: str) -> None:
    """Anything else is answered EIO; the log has what was raised, where."""
    assert lookup(faulty, name) == errno.EIO
    faulty.log.expect(rf"E \[faulty\.py:\d+:{handler}\] 0-glupy: .*{expected}")
    faulty.log.known.append(r"E \[faulty.py:")  # the traceback


@pytest.mark.parametrize(("name", "handler"), [("bug", "lookup_fop"), ("cbk-bug", "lookup_cbk")])
def test_traceback(host: Host, faulty: Mount, name: str, handler: str) -> None:
    """The log has one traceback, from the author's own line on, with file and line."""
    assert lookup(faulty, name) == errno.EIO
    faulty.log.expect(
        rf"E \[faulty\.py:{DEEPER}:deeper\] 0-glupy: {handler} .*KeyError: 'no such key'"
    )
    faulty.log.known.append(r"E \[faulty.py:")
    text = "\n".join(line.message for line in faulty.log.lines())
    assert "Traceback (most recent call last):" in text
    assert f'File "{host.module_path()}/faulty.py", line {DEEPER}, in deeper' in text
    assert "glupy.so" not in text[text.index("Traceback") :]


@pytest.mark.parametrize(
    ("name", "handler"), [("unanswered", "lookup_fop"), ("cbk-unanswered", "lookup_cbk")]
)
def test_unanswered(faulty: Mount, name: str, handler: str) -> None:
    """A frame that nobody holds any more can not be answered later: it is answered EIO."""
    assert lookup(faulty, name) == errno.EIO
    faulty.log.expect(rf"E \[faulty\.py:\d+:{handler}\] 0-glupy: {handler} .*without an answer")


def test_answer_once(faulty: Mount) -> None:
    """The second answer is refused, in words, and the first one stands."""
    assert lookup(faulty, "twice") == errno.ENOENT
    assert faulty.log.find(r"I \[faulty\.py:\d+:lookup_fop\] 0-glupy: second unwind: lookup: ")
    assert faulty.log.find(r"I \[faulty\.py:\d+:lookup_fop\] 0-glupy: wind after unwind: lookup: ")


def test_exception_after_wind(faulty: Mount) -> None:
    """A request that is under way is answered once, whatever is raised behind it."""
    assert lookup(faulty, "wind-and-raise") in (errno.EIO, errno.ENOENT)
    faulty.log.expect(r"E \[faulty\.py:\d+:lookup_fop\] 0-glupy: .*ValueError: after the wind")
    faulty.log.known.append(r"E \[faulty.py:")


# Modules that do not load, and what the one line in the log says of each.
BROKEN = {
    "missing": (None, r"no file missing\.py in .*modules"),
    "syntax": ("import errno\ndef f(:\n", r"syntax\.py:2: SyntaxError"),
    "raises": ("import errno\n\n1 / 0\n", r"raises\.py:3: ZeroDivisionError: division by zero"),
    "imports": ("import no_such_module\n", r"imports\.py:1: ModuleNotFoundError: .*no_such_module"),
    "exits": ("import sys\nsys.exit(0)\n", r"exits\.py:2: SystemExit"),
    "hollow": ("x = 1\n", r"hollow\.py has no class xlator derived from gluster\.Translator"),
    "misspelt": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def lokup_fop(self, frame, this, loc, xdata): frame.wind()\n",
        r"lokup_fop \(misspelt\.py:3\): .*did you mean lookup_fop\?",
    ),
    "signature": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def lookup_fop(self, frame, this, loc): frame.wind()\n",
        r"lookup_fop \(signature\.py:3\): .*expected lookup_fop\(self, frame, this, loc, xdata\)",
    ),
    "cbk_signature": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def unlink_cbk(self, frame, this, op_ret): frame.unwind()\n",
        r"unlink_cbk \(cbk_signature\.py:3\): .*expected unlink_cbk\(self, frame, cookie, this, "
        r"op_ret, op_errno, preparent, postparent, xdata\)",
    ),
    "no_method": (
        "from gluster import Translator\nclass xlator(Translator):\n    lookup_fop = 5\n",
        r"no_method\.py: xlator\.lookup_fop is of type int, no method",
    ),
    "no_life": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def __init__(self, this):\n"
        "        super().__init__(this)\n        self.notify = False\n",
        r"no_life\.py: xlator\.notify is of type bool, no method",
    ),
    "constructor": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def __init__(self, this):\n        this.no_such_attribute\n",
        r"class xlator that can not be made: .*constructor\.py:4: AttributeError: .*no_such",
    ),
    "no_super": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def __init__(self, this):\n        self.mine = {}\n",
        r"__init__ \(no_super\.py:3\): does not call super\(\)\.__init__\(this\)",
    ),
    "another": (
        "from gluster import Translator\nclass xlator(Translator):\n"
        "    def __new__(cls, this):\n        return object()\n",
        r"another: xlator\.__new__ gives an object of object, no xlator",
    ),
    # The author's line, not the library's.
    "library": ("import fractions\nfractions.Fraction('x')\n", r"library\.py:2: ValueError: .*'x'"),
}


@pytest.mark.parametrize("module", BROKEN)
def test_broken_module(host: Host, module: str) -> None:
    """The mount command fails, and the log has one line that says what to mend where."""
    source, expected = BROKEN[module]
    modules = host.write(**{module: source} if source else {})
    volfile = host.posix()
    volfile.add("broken", host.glupy, {"module-name": module, "module-path": modules})
    status, log = host.mount_command(volfile)
    assert status != 0
    lines = [line for line in log.find(expected) if line.domain == "0-broken"]
    assert [line.level for line in lines] == ["E"]
    assert module in lines[0].message
    tracebacks = [line for line in log.lines() if line.message.startswith("Traceback")]
    assert len(tracebacks) == (1 if re.search(r": (?!Syntax)\w+(Error|Exit)", expected) else 0)
    ignore_failed_start(log)


def ignore_failed_start(log: Log) -> None:
    """What GlusterFS itself says of a volume that does not start."""
    log.known += [
        "0-broken: ",
        r"0-broken: (Initialization of volume failed|initializing translator failed)",
        r"0-graph: init failed",
        r"cleanup_and_exit",
    ]


# A hook that is not amused when the lines of a traceback are read.
AUDITED = """
import sys
from gluster import Translator

def hook(event, args):
    if event == "open" and str(args[0]).endswith("audited.py"):
        raise RuntimeError("not this file")

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        sys.addaudithook(hook)

    def lookup_fop(self, frame, this, loc, xdata):
        if loc.name == "bug":
            raise KeyError("what really happened")
        frame.wind()
"""


def test_an_audit_hook_hides_nothing(host: Host) -> None:
    modules = host.write(audited=AUDITED)
    volfile = host.posix()
    volfile.add("audited", host.glupy, {"module-name": "audited", "module-path": modules})
    with host.mount(volfile) as mount:
        assert lookup(mount, "bug") == errno.EIO
        mount.log.expect("KeyError: 'what really happened'", "can not be told.*not this file")
        mount.log.known += ["0-audited: ", "fuse-"]


SLOW = """
import time
from gluster import Translator

def waits():
    time.sleep(6.5)

waits()

class xlator(Translator):
    pass
"""


def test_a_module_that_loads_slowly(host: Host) -> None:
    volfile = host.posix()
    modules = host.write(slow=SLOW)
    volfile.add("sleepy", host.glupy, {"module-name": "slow", "module-path": modules})
    with host.mount(volfile) as mount:
        (line,) = mount.log.find("module slow has been loading for 5 seconds")
        assert "it is in waits (slow.py:6)" in line.message
        mount.log.known.append("0-sleepy: module slow")


KEEPS = """
from gluster import Translator

class Base(Translator):
    def forget(self, gfid, ctx): pass
    def release(self, gfid, flags, ctx): pass
    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, *rest):
        self.by_gfid = inode
        frame.unwind()

class Sets(Base):
    def open_fop(self, frame, this, loc, flags, fd, xdata):
        CODE
        frame.wind()
"""


@pytest.mark.parametrize("code", ["pass", "fd.ctx = 5", "setattr(fd, 'ctx', 5)"])
def test_methods_for_contexts_that_nobody_sets(host: Host, code: str) -> None:
    volfile = host.posix()
    options: dict[str, Option] = {
        "module-name": "keeps", "module-path": host.write(keeps=KEEPS.replace("CODE", code)),
        "class-name": "Sets",
    }  # fmt: skip
    with host.mount(volfile.add("keeps", host.glupy, options)) as mount:
        said = mount.log.find("nothing here sets (inode|fd)\\.ctx: it will not be called")
        places = [line.message.split(" is called")[0] for line in said]
        expected = ["forget (keeps.py:5)", "release (keeps.py:6)"]
        assert sorted(places) == (expected if code == "pass" else [])
        mount.log.known.append("it will not be called")


SWITCHED = """
from gluster import Translator

class Base(Translator):
    def lookup_fop(self, frame, this, loc, xdata):
        print("base", loc.name)
        frame.wind()

    def notify(self, event, data):
        print("base notify")

class xlator(Base):
    lookup_fop = None
    notify = None
    last_fop = mkdir_cbk_seen = 0  # no fop's names

    def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
        print("mine", loc.name)
        frame.wind()
"""


def test_switched_off(host: Host) -> None:
    """None in the place of an inherited handler or method: it is not called."""
    volfile = host.posix()
    modules = host.write(switched=SWITCHED)
    volfile.add("talk", host.glupy, {"module-name": "switched", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "folder").mkdir()
    assert mount.log.find("mine folder")
    assert not mount.log.find("base")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "glupy"),  # neither module-name nor a type that names a module
        ({"module-name": "../etc/passwd"}, r"'\.\./etc/passwd' is not the name of a module"),
        ({"module-name": "fine", "class-name": "other"}, r"fine\.py has no class other"),
    ],
)
def test_broken_options(host: Host, options: dict[str, str], expected: str) -> None:
    modules = host.write(fine="from gluster import Translator\nclass xlator(Translator): pass\n")
    volfile = host.posix()
    volfile.add("broken", host.glupy, {**options, "module-path": modules})
    status, log = host.mount_command(volfile)
    assert status != 0
    assert [x.level for x in log.find(expected) if x.domain == "0-broken"][:1] == ["E"]
    ignore_failed_start(log)


@pytest.mark.parametrize("what", ["file", "folder", "owner"])
def test_module_of_others(host: Host, what: str) -> None:
    """Code that somebody else may change does not run as root."""
    modules = host.write(fine="from gluster import Translator\nclass xlator(Translator): pass\n")
    if what == "owner":
        os.chown(modules / "fine.py", 65534, 65534)
    else:
        os.chmod(modules if what == "folder" else modules / "fine.py", 0o777)
    options: dict[str, str | Path] = {"module-name": "fine", "module-path": modules}
    volfile = host.posix().add("broken", host.glupy, options)
    status, log = host.mount_command(volfile)
    assert status != 0
    pattern = "belongs to user 65534" if what == "owner" else "is writable by others"
    assert [x.level for x in log.find(pattern)] == ["E"]
    ignore_failed_start(log)
    options["strict-modes"] = "off"
    with host.mount(host.posix().add("glupy", host.glupy, options)) as mount:
        (mount.path / "file").touch()


TALKATIVE = """
import logging, sys, warnings
from gluster import Translator

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
        print("printed", loc.name)
        print("two\\nlines")
        print("to stderr", file=sys.stderr)
        log = logging.getLogger("anything")
        log.debug("a %s message", "debug")
        log.info("a %s message", "info")
        log.warning("a %s message", "warning")
        log.error("a %s message", "error")
        log.critical("a %s message", "critical")
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("caught")
        print("100% {not a} %s format")
        frame.wind()
"""


def test_output(host: Host) -> None:
    """print, sys.stderr and logging reach the log, level for level, under the author's line."""
    modules = host.write(talkative=TALKATIVE)
    volfile = host.posix()
    volfile.add("talk", host.glupy, {"module-name": "talkative", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "folder").mkdir()
    said = [line for line in mount.log.lines() if line.domain == "0-talk"]
    assert all(line.place.startswith("talkative.py:") for line in said)
    assert all(line.place.endswith(":mkdir_fop") for line in said)
    words = [f"{line.level} {line.message}" for line in said]
    expected = [
        "I printed folder",
        "I two",
        "I lines",
        "W to stderr",
        "I a info message",
        "W a warning message",
        "E a error message",
        "C a critical message",
        "E caught",
        "E Traceback (most recent call last):",
    ]
    assert words[: len(expected)] == expected
    assert words[-1] == "I 100% {not a} %s format"
    assert "E ZeroDivisionError: division by zero" in words
    mount.log.known.append("0-talk: ")


FORGES = r"""
import logging, threading
from gluster import Translator, lookup_fop_t

FORGED = "\n[2026-01-01 00:00:00.000000 +0000] E [x.c:1:f] 0-forged: \r\x1b[2J\u2028\u202e"

def renamed(function, file="f.py" + FORGED):
    code = function.__code__.replace(co_name="name" + FORGED, co_filename=file)
    return type(function)(code, globals(), "name" + FORGED, None, function.__closure__)

def fails():
    raise type("Odd" + FORGED, (Exception,), {})("text" + FORGED)

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        renamed(lambda: print("printed", loc.name))()
        renamed(lambda: logging.getLogger().error("logged %s", loc.name))()
        record = logging.makeLogRecord({"msg": "by hand" + FORGED, "levelno": 20})
        logging.getLogger().handle(record)
        thread = threading.Thread(target=renamed(fails), name="thread" + FORGED)
        thread.start()
        thread.join()
        frame.wind()

    def dump(self):
        return {"key" + FORGED: "value" + FORGED, "long" + "\x1b" * 400: "\x1b" * 4000}

def looks_up(self, frame, this, loc, xdata):
    frame.wind()

looks_up = lookup_fop_t(renamed(looks_up))
setattr(xlator, "handler" + FORGED + 5000 * "x", looks_up)
"""


def test_nothing_is_forged(host: Host) -> None:
    """Whatever names and texts are chosen: each line of the log is a line of its own, printable."""
    modules = host.write(forges=FORGES)
    volfile = host.posix()
    volfile.add("forges", host.glupy, {"module-name": "forges", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "of\n[2026-01-01 00:00:00.000000 +0000] E [x.c:1:f] 0-forged: \r\x1b").mkdir()
        dump = mount.statedump()
    lines = [line for line in mount.log.text().split("\n") if "0-forged" in line]
    assert len(lines) > 8
    for line in lines:
        record = LogLine.parse(line)
        assert record, line
        assert record.domain == "0-forges", line
        assert line.isprintable(), ascii(line)
    assert mount.log.find(r"printed of$")
    assert mount.log.find(r"\[f.py.*x1b.*name.*x1b.*\] 0-forges: logged of")
    mount.log.known += ["0-forges: ", "fuse_entry_cbk"]
    own = dump.section("features/glupy.forges.priv")
    assert own["key\\n[2026-01-01 00:00:00.000000 +0000] E [x.c:1:f] 0-forged: "
               "\\r\\x1b[2J\\u2028\\u202e"].startswith(r"value\n[2026")  # fmt: skip
    assert [key for key in own if key.startswith("handler")]
    assert max(map(len, own)) == 200
    assert max(map(len, own.values())) == 3500
    for line in dump.text.split("[features/glupy.forges.priv]\n")[1].split("\n[")[0].split("\n"):
        assert line.isprintable(), ascii(line)


def test_daemon(host: Host) -> None:
    """The mount command that works: in the background, as administrators mount."""
    modules = host.write(talkative=TALKATIVE)
    volfile = host.posix()
    volfile.add("talk", host.glupy, {"module-name": "talkative", "module-path": modules})
    status, log = host.mount_command(volfile)
    assert status == 0
    (host.directory / "daemon" / "folder").mkdir()
    assert log.find("printed folder")
    log.known.append("0-talk: ")
