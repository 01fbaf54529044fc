"""Options that a translator declares: every kind, good and bad, at init and at reconfigure."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping

import pytest

from glusterfs import Host, Mount, Option, StackError, Volfile
from volserver import VolfileServer

DECLARES = """
from gluster import Option, Translator

class xlator(Translator):
    on = Option.bool("on", default=True, help="Whether it is on.")
    number = Option.int("number", default=3, min=-5, max=20)
    room = Option.size("room", default="1MB", max="1GB")
    ttl = Option.time("cache-timeout", default="10s", min="1s", max=3600)
    share = Option.percent("share", default="50%")
    text = Option.str("text", default="some")
    folder = Option.path("folder", default="/tmp")
    colour = Option.enum("colour", values=["red", "Green"], default="red")
    unset = Option.int("unset")

    def __init__(self, this):
        super().__init__(this)
        self.show("init")

    def show(self, when):
        print(when, [self.on, self.number, self.room, self.ttl, self.share, self.text,
                     self.folder, self.colour, self.unset])

    def reconfigure(self, options):
        self.show("reconfigure")
        assert options is self.options
        if self.number == 13:
            raise ValueError("not 13")

    def mkdir_fop(self, frame, this, loc, mode, umask, xdata):
        self.show("mkdir")
        frame.wind()
"""
DEFAULTS = "[True, 3, 1048576, 10, 50.0, 'some', '/tmp', 'red', None]"

GOOD: list[tuple[dict[str, Option], str]] = [
    ({}, DEFAULTS),
    ({"on": "off", "number": "-5", "room": "64KB", "cache-timeout": "1m", "share": "12.5%",
      "text": "a=b", "folder": "/", "colour": "green", "unset": 7},
     "[False, -5, 65536, 60, 12.5, 'a=b', '/', 'Green', 7]"),
    ({"on": "Disable", "number": "0x10", "room": "1.5mb", "cache-timeout": "1hr",
      "share": "0", "colour": "RED"},
     "[False, 16, 1572864, 3600, 0.0, 'some', '/tmp', 'red', None]"),
    ({"on": 1, "room": 512, "cache-timeout": 30, "share": 100},
     "[True, 3, 512, 30, 100.0, 'some', '/tmp', 'red', None]"),
]  # fmt: skip

BAD = [
    ("on", "maybe", "is not on or off (or yes, no, true, false, enable, disable, 1, 0)"),
    ("number", "21", "is not a whole number from -5 to 20"),
    ("number", "3.5", "is not a whole number from -5 to 20"),
    ("number", "99999999999999999999", "is not a whole number from -5 to 20"),
    ("room", "5parsecs",
     "is not a size such as 512, 128KB, 64MB or 1.5GB of at most 1GB"),
    ("room", "-1",
     "is not a size such as 512, 128KB, 64MB or 1.5GB of at most 1GB"),
    ("room", "2GB",
     "is not a size such as 512, 128KB, 64MB or 1.5GB of at most 1GB"),
    ("cache-timeout", "10x", "is not a time such as 10s, 5m, 2h or 1d from 1s to 3600"),
    ("cache-timeout", "0", "is not a time such as 10s, 5m, 2h or 1d from 1s to 3600"),
    ("share", "101%", "is not a percentage from 0 to 100"),
    ("share", "half", "is not a percentage from 0 to 100"),
    ("folder", "relative/path", "is not an absolute path"),
    ("colour", "blue", "is not one of red, Green"),
    ("pass-through", "perhaps",
     "is not on or off (or yes, no, true, false, enable, disable, 1, 0)"),
    ("strict-modes", "perhaps",
     "is not on or off (or yes, no, true, false, enable, disable, 1, 0)"),
]  # fmt: skip


def volfile(host: Host, options: Mapping[str, Option], source: str = DECLARES) -> Volfile:
    own: dict[str, Option] = {"module-name": "declares", "module-path": host.write(declares=source)}
    return host.posix().add("declares", host.glupy, {**own, **options})


def said(mount: Mount) -> list[str]:
    lines = mount.log.lines()
    return [line.message for line in lines if line.domain == "0-declares" and line.level == "I"]


@pytest.mark.parametrize(("options", "values"), GOOD)
def test_good(host: Host, options: dict[str, Option], values: str) -> None:
    with host.mount(volfile(host, options)) as mount:
        assert said(mount) == [f"init {values}"]


def refused(host: Host, volfile: Volfile) -> list[str]:
    """What the log says of a volume that does not start."""
    try:
        mount = host.mount(volfile)  # for a moment there may be a mount
    except StackError as error:
        log = error.log
    else:
        mount.popen.wait(timeout=20)
        log = mount.log
    log.checked = False
    lines = log.lines()
    return [line.message for line in lines if line.domain == "0-declares" and line.level == "E"]


@pytest.mark.parametrize(("name", "value", "why"), BAD)
def test_bad(host: Host, name: str, value: str, why: str) -> None:
    lines = refused(host, volfile(host, {name: value}))
    assert lines[0] == f"module declares: option {name}: '{value}' {why}"


def test_all_that_is_wrong(host: Host) -> None:
    """Each option that is wrong has its line; one that is misspelt gets a suggestion."""
    options = {"cache-timeot": "1s", "colour": "blue", "something": "else"}
    lines = refused(host, volfile(host, options))
    assert sorted(line.removeprefix("module declares: ") for line in lines[:3]) == [
        "option cache-timeot 1s: there is no such option; did you mean cache-timeout?",
        "option colour: 'blue' is not one of red, Green",
        "option something else: there is no such option; there are cache-timeout, class-name, "
        "colour, folder, latency-measurement, module-name, module-path, number, on, "
        "on-exception, original, pass-through, room, share, strict-modes, text, unset",
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('a = Option.int("number", default="many")', "'many' is not a whole number"),
        ('a = Option.int("n")\n    b = Option.str("n")', "option n is declared twice: a and b"),
        ('a = Option.str("module-path")', "option module-path (a) is one of Glupy's own"),
        ('name = Option.str("n")', "option n: a translator has a `name` already"),
        ('options = Option.int("n")', "option n: a translator has a `options` already"),
        ('spawn = Option.bool("n")', "option n: a translator has a `spawn` already"),
        ('a = Option.int("n", default=30, max=20)', "'30' is not a whole number of at most 20"),
        ('a = Option.size("n", max="2 MB")', "option n: '2 MB' is not a size such as"),
        ('a = Option.time("n", min=[])', "option n: '[]' is not a time such as"),
    ],
)
def test_bad_declaration(host: Host, line: str, why: str) -> None:
    source = f"from gluster import Option, Translator\nclass xlator(Translator):\n    {line}\n"
    lines = refused(host, volfile(host, {}, source))
    assert why in lines[0]
    assert "declares" in lines[0]


def test_undeclared(host: Host) -> None:
    """A translator that declares nothing takes every option, as text."""
    source = """
        from gluster import Translator
        class xlator(Translator):
            def __init__(self, this):
                super().__init__(this)
                print(sorted(self.options.items())[:2])
    """
    with host.mount(volfile(host, {"a-number": 3, "b": "10s"}, source)) as mount:
        assert said(mount) == ["[('a-number', '3'), ('b', '10s')]"]


# -- a live volume -------------------------------------------------------------------


class Live:
    """A mount whose volfile can be exchanged."""

    def __init__(self, host: Host, options: Mapping[str, Option], source: str) -> None:
        self.host = host
        self.source = source
        self.server = VolfileServer(volfile(host, options, source))
        self.mount = host.mount(self.server)

    def give(self, options: Mapping[str, Option]) -> None:
        """Give the process other options, and wait until it has dealt with them."""
        self.server.volfile = str(volfile(self.host, options, self.source))
        served = self.server.served
        self.mount.popen.send_signal(signal.SIGHUP)
        self.mount.wait_until("asked for the volfile", lambda: self.server.served > served)

    def wait_for(self, pattern: str) -> None:
        """Wait for a line of the log."""
        self.mount.wait_until(pattern, lambda: bool(self.mount.log.find(pattern)))

    def shown(self, count: int) -> str:
        """The line of that number that the translator has printed."""
        self.mount.wait_until("a line", lambda: len(said(self.mount)) >= count)
        return said(self.mount)[count - 1]


@pytest.fixture
def live(host: Host) -> Iterator[Live]:
    live = Live(host, {}, DECLARES)
    with live.server, live.mount:
        assert live.shown(1) == f"init {DEFAULTS}"
        yield live


def test_reconfigure_good(live: Live) -> None:
    for i, (options, values) in enumerate(GOOD[1:]):
        live.give(options)
        assert live.shown(2 + 2 * i) == f"reconfigure {values}"
        (live.mount.path / f"folder{i}").mkdir()
        assert live.shown(3 + 2 * i) == f"mkdir {values}"


def test_reconfigure_bad(live: Live) -> None:
    """Wrong options change nothing, neither the wrong one nor the others."""
    live.give({"number": 4})
    live.shown(2)
    for i, (name, value, why) in enumerate(BAD):
        if name == "strict-modes":
            continue
        live.give({"text": "new", "colour": "green", name: value})
        text = f"reconfigure: option {name}: '{value}' {why}"
        live.wait_for(re.escape(text))
        (live.mount.path / f"folder{i}").mkdir()
        assert live.shown(3 + i) == f"mkdir {DEFAULTS.replace('3', '4', 1)}"
    live.mount.log.expect(": reconfigure: option ")
    live.mount.log.known.append("glusterfsd-mgmt|failed to fetch|volfile")


def test_reconfigure_refused_by_the_author(live: Live) -> None:
    live.give({"number": 13, "text": "new"})
    assert live.shown(2).startswith("reconfigure [True, 13,")
    text = "reconfigure: ValueError: not 13; the options stay as they were"
    live.wait_for(text)
    # Called again: what it has derived from the others is gone.
    assert live.shown(3) == f"reconfigure {DEFAULTS}"
    (live.mount.path / "folder").mkdir()
    assert live.shown(4) == f"mkdir {DEFAULTS}"
    live.mount.log.expect("reconfigure: ValueError", "Traceback", "not 13", "declares.py")
    live.mount.log.known.append("glusterfsd-mgmt|raise")
    live.mount.log.checked = False  # the traceback is wanted


def test_pass_through_live(live: Live) -> None:
    live.give({"pass-through": "on"})
    live.shown(2)
    (live.mount.path / "unseen").mkdir()
    live.give({"pass-through": "off"})
    live.shown(3)
    (live.mount.path / "seen").mkdir()
    assert live.shown(4).startswith("mkdir")
    assert len([line for line in said(live.mount) if line.startswith("mkdir")]) == 1


def test_module_stays(live: Live) -> None:
    live.give({"module-name": "other"})
    text = "option module-name can not change while the volume is in use"
    live.wait_for(text)
    live.mount.log.expect(text)
    live.mount.log.known.append("glusterfsd-mgmt")
