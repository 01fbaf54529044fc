"""The course: every fop through Glupy and back, bit for bit; see tests/course/driver.c."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from course import values
from course.check import ROUNDS, check_record, complete
from course.generate import mutations
from course.harness import Graph, build, read_record

from glusterfs import Host
from sanitizer import unsuited
from workspace import Workspace


@pytest.fixture(autouse=True)
def logs(tmp_path: Path) -> Iterator[None]:
    """What pytest shows of a test that fails: the ends of its logs."""
    yield
    for path in tmp_path.glob("*.log"):
        print(f"{path.name}:", *path.read_text(errors="replace").splitlines()[-30:], sep="\n")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Host]:
    """A machine without Glupy."""
    with Host(tmp_path, None) as host:
        yield host


# libglusterfs itself crashes when a call stub is made of it (10.3, fop_setactivelk_stub).
NOT_THROUGH_IO_THREADS = "setactivelk"
# What a handler may not change to any number (`max` of fops.yaml): it passes as it came.
LIMITED = ("readlink", "size")


def scalars(value: Any) -> Iterator[Any]:
    """The numbers and strings in a description."""
    if isinstance(value, dict):
        for part in value.values():
            yield from scalars(part)
    elif isinstance(value, list):
        for part in value:
            yield from scalars(part)
    else:
        yield value


# -- the course itself -----------------------------------------------------------------


def test_there_are_54_fops() -> None:
    assert len(build().fops) == 54


def test_values_are_distinct_and_not_zero() -> None:
    """Else two that are swapped would not be noticed."""
    for fop in build().fops:
        for params in (fop.args, fop.cbk_args):
            seen = [values.expected(p) for p in params]
            assert len({repr(value) for value in seen}) == len(seen), fop.name
            numbers = [n for value in seen for n in scalars(value) if not isinstance(n, bool)]
            assert all(numbers), fop.name


def test_nothing_between(bare: Host) -> None:
    complete(Graph(bare).leaf().run("course"))


def test_nothing_between_and_answers_that_come_later(bare: Host) -> None:
    complete(Graph(bare).leaf(answer="later").run("course"))


@pytest.mark.parametrize("answer", ["now", "later"])
@pytest.mark.parametrize("type", ["debug/trace", "pass", "plain"])
def test_c_translators_pass(bare: Host, type: str, answer: str) -> None:  # noqa: A002
    complete(Graph(bare).leaf(answer=answer).add("middle", type).run("course"))


def test_other_threads(bare: Host) -> None:
    """io-threads hands every request to a thread of its own."""
    graph = Graph(bare).leaf().add("middle", "performance/io-threads")
    skip = NOT_THROUGH_IO_THREADS
    complete(graph.run("course", skip=skip), skip=skip)


def test_every_swap_is_caught(bare: Host) -> None:
    """A C pass-through that swaps two parameters, each two that compile, one after another."""
    result = Graph(bare).leaf().add("middle", "pass").run("mutants")
    tried = result.of("mutation")
    assert len(tried) == len(mutations(build().fops))
    assert [m for m in tried if not m["caught"]] == []


# -- through Glupy ---------------------------------------------------------------------

# What the driver is told of a style: values that are rebuilt are other objects.
COMPARE = {"rebuild": "contents"}


@pytest.mark.parametrize("answer", ["now", "later"])
@pytest.mark.parametrize("style", ["long", "short", "rebuild"])
def test_all_fops_through_python(host: Host, style: str, answer: str) -> None:
    graph = Graph(host).leaf(answer=answer)
    record = graph.record("glupy")
    # The long form makes every answer anew, and a success made without its values is refused.
    rounds = ROUNDS if style == "short" else ROUNDS - {"empty"}
    graph.glupy("glupy", style=style, record=record)
    compare = COMPARE.get(style, "")
    complete(graph.run("course", rounds=",".join(rounds), compare=compare), rounds)
    check_record(record, "fop", "cbk")


@pytest.mark.parametrize("answer", ["now", "later"])
@pytest.mark.parametrize("what", ["handles", "pointers"])
def test_all_fops_through_dl(host: Host, what: str, answer: str) -> None:
    """As translators of the original Glupy pass requests on; pointers instead of handles."""
    graph = Graph(host).leaf(answer=answer).glupy("glupy", "original", **{"pass": what})
    rounds = ROUNDS - {"empty"}
    complete(graph.run("course", rounds=",".join(rounds)), rounds)


@pytest.mark.parametrize("style", ["long", "short", "rebuild"])
def test_all_fops_through_python_on_other_threads(host: Host, style: str) -> None:
    """The request comes on one thread and is answered on another."""
    graph = Graph(host).leaf().add("below", "performance/io-threads")
    record = graph.record("glupy")
    graph.glupy("glupy", style=style, record=record).add("above", "performance/io-threads")
    skip = NOT_THROUGH_IO_THREADS
    rounds = ROUNDS - {"empty"} if style == "rebuild" else ROUNDS
    compare = COMPARE.get(style, "")
    result = graph.run("course", skip=skip, rounds=",".join(rounds), compare=compare)
    complete(result, rounds, skip)
    check_record(record, "fop", "cbk", skip=skip)


@pytest.mark.parametrize("handlers", ["fop", "both"])
def test_many_threads(host: Host, handlers: str) -> None:
    """Requests of all kinds at once, from four threads, answered on others."""
    graph = Graph(host).leaf().add("below", "performance/io-threads")
    graph.glupy("glupy", "quiet", handlers=handlers)
    result = graph.run("storm", calls=10_000, skip=NOT_THROUGH_IO_THREADS)
    assert result.failures == []


@pytest.mark.parametrize("answer", ["now", "later"])
@pytest.mark.parametrize("style", ["long", "short", "rebuild"])
def test_nothing_is_used_after_its_end(host: Host, style: str, answer: str) -> None:
    """Without memory pools: a frame or dict that was given back is overwritten."""
    graph = Graph(host).leaf(answer=answer)
    graph.glupy("glupy", style=style, record=graph.record("glupy"))
    rounds = ROUNDS - {"empty"} if style == "rebuild" else ROUNDS
    compare = COMPARE.get(style, "")
    result = graph.run("course", preload="nopool", rounds=",".join(rounds), compare=compare)
    complete(result, rounds)


def test_numbers_and_strings_can_be_changed(host: Host) -> None:
    """Two translators: what the upper one changes, the lower one changes back."""
    graph = Graph(host).leaf()
    for name, style in (("lower", "restore"), ("upper", "change")):
        graph.glupy(name, style=style, record=graph.record(name))
    complete(graph.run("course", rounds="full,failed"), {"full", "failed"})
    check_record(graph.record("upper"), "fop")
    check_record(graph.record("lower"), "cbk")
    # in between they were changed, all of them
    for name, direction in (("lower", "fop"), ("upper", "cbk")):
        for call in read_record(graph.record(name)):
            if call["direction"] == direction:
                fop = next(f for f in build().fops if f.name == call["fop"])
                params = fop.args if direction == "fop" else fop.cbk_args
                for p, value in zip(params, call["args"], strict=True):
                    if (fop.name, p.name) == LIMITED:
                        continue
                    if p.kind in ("i32", "u32", "i64", "u64", "str") and value is not None:
                        assert value != values.expected(p), (fop.name, p.name)


# -- what it costs, and what it does not touch -----------------------------------------


def test_only_intercepted_slots_differ_from_the_default(host: Host) -> None:
    """Every other slot of the table of fops holds GlusterFS's own default."""
    every = {fop.name for fop in build().fops}
    intercepted = {"nothing": set(), "one": {"lookup"}, "other": {"open"}, "all": every}
    graph = Graph(host).leaf("leaf-plain").add("plain", "plain")
    for name, fops in intercepted.items():
        chosen = {"nothing": "none", "all": "all"}.get(name) or next(iter(fops))
        graph.leaf(f"leaf-{name}").glupy(name, "quiet", fops=chosen)
    result = graph.run("slots", plain="plain")
    slots = result.of("slot")
    assert len(slots) == (1 + len(intercepted)) * len(every)
    for name, fops in (intercepted | {"plain": set()}).items():
        assert {s["fop"] for s in slots if s["child"] == name and not s["default"]} == fops
    tables = [t["address"] for t in result.of("table")]
    assert len(set(tables)) == len(tables), "instances share a table"


# Frames come from a pool in C as well: how many is the number of winds, not a cost of Python's.
CALLS = 10_000
POOLED = {"mem_get_malloc", "mem_get_calloc"}


@unsuited("without pools, each handle is an allocation")
@pytest.mark.parametrize("read", ["no", "yes"])
@pytest.mark.parametrize("style", ["long", "short"])
@pytest.mark.parametrize("handlers", ["fop", "both"])
def test_nothing_is_allocated_or_referenced(
    host: Host, handlers: str, style: str, read: str
) -> None:
    """By a handler that keeps nothing: no more than by a C translator, which allocates nothing."""
    graph = Graph(host).leaf("bare").leaf("l1").add("pass", "pass")
    graph.leaf("l2").glupy("glupy", "quiet", handlers=handlers, style=style, read=read)
    result = graph.run("count", preload="count", calls=CALLS)
    assert result.failures == []
    counts = {(c["fop"], c["child"]): c["counts"] for c in result.of("count")}
    assert len(counts) == 3 * len(build().fops)
    more = {}
    for fop in build().fops:
        reference, glupy = counts[fop.name, "pass"], counts[fop.name, "glupy"]
        assert counts[fop.name, "bare"]["malloc"] == 0, "the driver itself allocates"
        # one frame for the C translator; for Glupy one if it has a callback
        frames = reference["mem_get_calloc"] - (CALLS if handlers == "fop" else 0)
        assert glupy["mem_get_calloc"] == frames
        more[fop.name] = {
            name: (glupy[name] - reference[name]) / CALLS
            for name in glupy.keys() - POOLED
            if glupy[name] > reference[name]
        }
    assert {fop: extra for fop, extra in more.items() if extra} == {}


@pytest.mark.parametrize("handlers", ["fop", "both"])
def test_who_waits_does_not_hold_python(host: Host, handlers: str) -> None:
    """A child, or a parent, that sleeps for a second delays nobody else's requests."""
    result = Graph(host).leaf().glupy("glupy", "quiet", handlers=handlers).run("block")
    assert result.failures == []
    blocks = result.of("block")
    assert [b["where"] for b in blocks] == ["child", "parent"]
    for block in blocks:
        assert block["slept_ms"] > 900
        assert block["requests"] > 100
        assert block["longest_ms"] < 50, block


@pytest.mark.parametrize("preload", ["", "nopool"])
@pytest.mark.parametrize("answer", ["now", "later"])
def test_what_is_kept_stays_and_is_given_back(host: Host, answer: str, preload: str) -> None:
    """Handlers keep every handle of many requests and read them when those are long gone."""
    graph = Graph(host).leaf(answer=answer)
    record = graph.record("glupy")
    graph.glupy("glupy", class_name="keeper", record=record)
    result = graph.run("keep", preload=preload, repeat=4)
    assert result.of("settled before clear") == [False], "nothing was kept"
    complete(result, {"full"})
    calls = list(read_record(record))
    assert [c for c in calls if "failed" in c] == []
    assert calls[-1]["kept"] == 4 * 2 * len(build().fops)
    assert calls[-1]["looked"] > 1000


# -- a mistake in Glupy itself ----------------------------------------------------------

# Where the four functions of a fop have its parameters in hand: glupy/src/trampoline.rs.
PARAMETERS = [
    ("fop", "enter(F::FOP, frame, this, ", "&args"),
    ("cbk", "leave(F::FOP, frame, cookie, this, op_ret, op_errno, ", "&reply"),
    ("fop", "let &[$($value),*] = ", "args"),
    ("cbk", "let &[$($value),*] = ", "reply"),
]
SWAP = """
fn swapped(fop: &Fop, name: &str, a: usize, b: usize, words: &[Word]) -> &'static [Word] {
    let mut words = words.to_vec();
    if fop.name == name {
        words.swap(a, b);
    }
    words.leak()
}
"""


def mutate(workspace: Workspace) -> set[tuple[str, str, str]]:
    """Swap two parameters of a fop in each of the functions, of another fop in each."""
    swapped: set[tuple[str, str, str]] = set()
    changes = {"// One for each number": f"{SWAP}\n// One for each number"}
    for direction, before, words in PARAMETERS:
        used = {fop for fop, _, _ in swapped}
        m, params = next(
            (m, params)
            for m in mutations(build().fops)
            for params in [m.fop.args if m.direction == "fop" else m.fop.cbk_args]
            if m.direction == direction
            and m.fop.name not in used
            and params[m.a].c_type == params[m.b].c_type
        )
        swap = f'swapped(F::FOP, "{m.fop.name}", {m.a}, {m.b}, {words})'
        changes[before + words] = before + swap
        swapped |= {(m.fop.name, direction, params[i].name) for i in (m.a, m.b)}
    workspace.change("glupy/src/trampoline.rs", changes)
    return swapped


def test_a_mutated_trampoline_is_caught(
    workspace: Workspace, tmp_path: Path, trusted_xattrs: None
) -> None:
    """A build of Glupy in which C functions of a fop swap two parameters fails the course."""
    swapped = mutate(workspace)
    workspace.build()

    with Host(tmp_path, workspace.library(tmp_path)) as host:
        graph = Graph(host).leaf()
        graph.glupy("glupy", style="short", record=graph.record("glupy"))
        result = graph.run("course", rounds="full")
    assert {(f["fop"], f["direction"], f["argument"]) for f in result.failures} == swapped
