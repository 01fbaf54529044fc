"""What `make bench` works out of its figures, the translators that it makes, and that what
it times on mounts does come to the mount."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from course.generate import Fop, Param
from course.harness import build

from bench import against, fuse, goals, handlers, report, samples, setups
from bench.old import generate as old
from bench.samples import ADDED, PLAIN, RATIO, Sample, Samples, Summary
from bench.stage import Stage
from glusterfs import Host, Option


def raw(measure: str, setup: str, *figures: float) -> Sample:
    return Sample("raw", measure, setup, "ns", setups.NOTHING, ADDED, list(figures))


def mounted(measure: str, setup: str, *figures: float) -> Sample:
    return Sample("fuse", measure, setup, "us", setups.NOTHING, RATIO, list(figures))


# -- figures ---------------------------------------------------------------------------


def test_added_is_against_the_base_of_the_same_turn() -> None:
    """A machine that is slower for a while is slower for both."""
    slow = raw("lookup", setups.FOP, 300, 1300, 310)
    found = Samples([raw("lookup", setups.NOTHING, 200, 1200, 200), slow])
    assert found.compared(slow) == [100, 100, 110]
    assert found.summary(slow) == Summary(100, 100, 105)


def test_ratio_says_how_fast() -> None:
    half = mounted("stat", setups.BOTH, 20, 40)
    found = Samples([mounted("stat", setups.NOTHING, 10, 20), half])
    assert found.compared(half) == [0.5, 0.5]


def test_turns_that_do_not_match_are_refused() -> None:
    short = raw("lookup", setups.FOP, 300)
    found = Samples([raw("lookup", setups.NOTHING, 200, 200), short])
    with pytest.raises(ValueError, match="longer"):
        found.compared(short)


def test_rounds_are_put_together() -> None:
    found = Samples([raw("lookup", setups.FOP, 1, 2)])
    found.add(raw("lookup", setups.FOP, 3))
    (sample,) = found.all
    assert sample.figures == [1, 2, 3]


def test_one_figure_has_no_spread() -> None:
    assert Summary.of([7]) == Summary(7, 7, 7)


def test_figures_come_back_from_their_file(tmp_path: Path) -> None:
    found = Samples([raw("lookup", setups.NOTHING, 200.5), mounted("stat", setups.BOTH, 3)])
    samples.write(tmp_path / "figures.json", {"cpus": 2}, found)
    machine, again = samples.read(tmp_path / "figures.json")
    assert machine == {"cpus": 2}
    assert again.all == found.all
    assert [s.figures for s in again.all] == [[200.5], [3]]


# -- two libraries -----------------------------------------------------------------------


def turn(*costs: tuple[float, float], control: float = 100) -> against.Turn:
    """What the other library and this one add to a lookup, and to a stat; in the same turn."""
    measures = ("lookup", "stat")
    both = []
    for library in range(2):
        found = Samples()
        for measure, cost in zip(measures, costs, strict=False):
            found.add(raw(measure, setups.NOTHING, 200))
            found.add(raw(measure, setups.BOTH, 200 + cost[library]))
            found.add(raw(measure, setups.C, 200 + control * (1 + library)))
        both.append(found)
    return against.Turn(*both)


def test_a_library_that_is_slower_is_found() -> None:
    rows = against.rows([turn((100, 120), (100, 104)), turn((200, 240), (100, 104))])
    slower = [(row.measure, row.setup) for row in rows if row.is_slower]
    assert slower == [("lookup", setups.BOTH)]
    (row,) = (row for row in rows if row.is_slower)
    assert (row.other, row.ours, row.times.median) == (150, 180, 1.2)
    assert against.table(rows).count("SLOWER") == 1


def test_what_is_the_same_in_both_turns_is_never_slower() -> None:
    rows = against.rows([turn((100, 100))])
    (control,) = (row for row in rows if row.is_control)
    assert control.times.median == 2


def test_a_ratio_that_is_less_is_slower() -> None:
    def mounts(us: float) -> Samples:
        return Samples([mounted("stat", setups.NOTHING, 10), mounted("stat", setups.BOTH, us)])

    (row,) = against.rows([against.Turn(mounts(20), mounts(25))])
    assert (row.other, row.ours, row.times.median) == (0.5, 0.4, 1.25)
    assert row.is_slower


def test_a_difference_within_noise_is_none() -> None:
    rows = against.rows([turn((10, 14))])
    assert not any(row.is_slower for row in rows)


# -- the table -------------------------------------------------------------------------

FOUND = Samples(
    [
        raw("lookup", setups.NOTHING, 200),
        raw("lookup", setups.BOTH, 440),
        Sample("raw", "lookup", setups.BESIDE_OLD, "ns", setups.BESIDE_OLD, ADDED, [250]),
        Sample("raw", "lookup", setups.OLD_BOTH, "ns", setups.BESIDE_OLD, ADDED, [14650]),
        mounted("stat", setups.NOTHING, 38),
        mounted("stat", setups.BOTH, 40),
        Sample("start", "size", "Glupy", "MiB", "Glupy", PLAIN, [1.25]),
    ]
)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]


def test_table() -> None:
    (head, _, raw, lookup, fuse, stat) = cells(report.table(FOUND))
    assert head == ["", "nothing", "Glupy: fop + cbk", "old technique: fop + cbk"]
    assert raw == ["**raw: ns per request, and what is added to them**", "", "", ""]
    assert lookup == ["lookup", "200", "+240", "+14,400 (60x)"]
    assert fuse[0].startswith("**FUSE mount")
    assert stat == ["stat", "38.0", "0.95", ""]


def test_table_is_lined_up() -> None:
    assert report.markdown([["", "a number"], ["what", "7"]]).splitlines() == [
        "|      | a number |",
        "| ---- | -------: |",
        "| what |        7 |",
    ]


def test_wall_time_on_several_threads() -> None:
    found = Samples(
        [raw("lookup", setups.FOP, 300, 310), raw("lookup, 2 threads", setups.FOP, 250, 260)]
    )
    assert cells(report.threads(found))[2:] == [["lookup, Glupy: fop", "305", "255", ""]]


def test_what_is_compared_with_nothing() -> None:
    assert cells(report.plain(FOUND, "start", ""))[2:] == [["size", "1.25", "MiB", ""]]


def test_nothing_measured_is_no_table() -> None:
    assert report.table(Samples()) == report.plain(Samples(), "start", "") == ""


def test_page_gets_new_figures() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    new = report.page(page, "new")
    assert new == f"before\n{report.BEGIN}\n\nnew\n{report.END}\nafter\n"
    assert report.page(new, "new") == new


# -- goals -----------------------------------------------------------------------------


def test_goals() -> None:
    reached = {goal.what: (goal.met, goal.figure) for goal in goals.goals(FOUND)}
    assert reached == {
        "lookup: Glupy: fop + cbk, added": (True, 240),
        "lookup: old technique: fop + cbk, times Glupy's": (True, 60),
        "stat: Glupy: fop + cbk, of the plain mount": (True, 0.95),
    }


def test_goal_that_is_missed() -> None:
    found = Samples([raw("lookup", setups.NOTHING, 200), raw("lookup", setups.FOP, 301)])
    (goal,) = goals.goals(found)
    assert (goal.figure, goal.limit, goal.met) == (101, 100, False)


def test_two_threads_may_not_be_slower() -> None:
    one, two = raw("lookup", setups.FOP, 300), raw("lookup, 2 threads", setups.FOP, 330)
    bases = [raw("lookup", setups.NOTHING, 200), raw("lookup, 2 threads", setups.NOTHING, 100)]
    goal = list(goals.goals(Samples([*bases, one, two])))[-1]
    assert "2 threads" in goal.what
    assert goal.figure == pytest.approx(1.1)
    assert not goal.met


# -- translators -----------------------------------------------------------------------

LOOKUP = Fop(
    "lookup", 0, 0, "status",
    (Param("loc", "loc_t *", "loc", 0), Param("xdata", "dict_t *", "dict", 0)),
    (Param("buf", "struct iatt *", "iatt", 0), Param("entries", "gf_dirent_t *", "dirents", 0)),
)  # fmt: skip


def methods(source: str) -> dict[str, dict[str, str]]:
    """Classes, their methods, and how these are written."""
    return {
        node.name: {f.name: ast.unparse(f) for f in node.body if hasattr(f, "name")}
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def test_handlers() -> None:
    made = methods(handlers.source([LOOKUP], coroutines=True))
    assert set(made) == {*handlers.CLASSES, *handlers.COROUTINES}
    assert made["Nothing"] == {}
    assert made["Fop"] == {
        "lookup_fop": "def lookup_fop(self, frame, this, loc, xdata):\n    frame.wind()"
    }
    assert made["BothLong"]["lookup_cbk"] == (
        "def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, buf, entries):\n"
        "    lookup_unwind(frame, op_ret, op_errno, buf, entries)"
    )
    assert made["CoroutineRead"]["lookup_fop"] == (
        "async def lookup_fop(self, frame, this, loc, xdata):\n"
        "    loc.name\n    len(xdata)\n    reply = await frame.wind()\n    reply.buf.ia_size\n"
        "    for entry in reply.entries:\n        entry.d_name\n    return reply"
    )


def test_coroutines_are_left_out() -> None:
    assert set(methods(handlers.source([LOOKUP], coroutines=False))) == set(handlers.CLASSES)


def test_old_technique_in_python() -> None:
    made = methods(old.python_source([LOOKUP]))
    assert set(made["Fop"]) == {"__init__", "lookup_fop"}
    assert "dl.wind_lookup(frame, POINTER(xlator_t)(), loc, xdata)" in made["Both"]["lookup_fop"]
    assert "loc.contents.name" in made["BothRead"]["lookup_fop"]


# -- mounts ----------------------------------------------------------------------------

COUNTING = """
import os

from gluster import FOPS, Translator

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.record = os.open(self.options["record"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def handler(name):
    def count(self, frame, this, *arguments):
        os.write(self.record, f"{name} ".encode())
        frame.wind()
    return count

for name in FOPS:
    setattr(xlator, f"{name}_fop", handler(name))
"""
BLOCKS = fuse.LARGE // (128 << 10)


def test_what_is_timed_comes_to_the_mount(host: Host) -> None:
    """And is not answered by the kernel from what it has kept: each thing, done once more."""
    stage = Stage(host, build(), coroutines=False)
    program, record = stage.program("files"), host.directory / "record"
    options: dict[str, Option] = {
        "module-name": "counting",
        "module-path": host.write(counting=COUNTING),
        "record": record,
    }
    volume = fuse.brick(stage).add("counting", host.glupy, options)
    with host.mount(volume, options=fuse.OPTIONS) as mount:
        fuse.fill(mount.path, entries=50)

        def asked(what: str) -> Counter[str]:
            before = Counter(record.read_text().split())
            # No time: once.
            subprocess.run([program, what, "1", "0", "1", mount.path], check=True)
            return Counter(record.read_text().split()) - before

        for _ in range(3):
            assert asked("read")["readv"] >= BLOCKS
            assert asked("write")["writev"] >= BLOCKS
            assert asked("stat")["lookup"] >= 1
            assert asked("missing")["lookup"] >= 1
            assert asked("list")["readdirp"] >= 1
            created = asked("create")
            assert (created["create"], created["writev"], created["unlink"]) == (1, 1, 1)
