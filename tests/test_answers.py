"""A failure is one to who asked: every fop, in every way to fail it, whatever its child says."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest
from course.harness import Graph, build

from glusterfs import Host

# What the driver has its child answer (mode_answers of driver.c), and the errno of the failures.
SUCCESSES = {"success": 0, "success, errno": errno.ENOENT}
FAILURES = {"errno": errno.ESTALE, "0": 0, "negative": -errno.ESTALE, "too large": 4096}
GIVEN = 13  # failing.py


def expected(way: str, child: str) -> int | None:
    """The errno that the driver must get; None for a success."""
    what, _, how = way.partition(": ")
    if what == "pass":
        return None if child in SUCCESSES else FAILURES[child]
    if what == "remade":  # what came has an errno, or has none that can be given
        return None if child in SUCCESSES else {"errno": errno.ESTALE}.get(child, errno.EIO)
    if how.endswith("given") or how == "raise":
        return GIVEN
    if child in FAILURES and (passes_errno(how) or gives(how, FAILURES[child])):
        return FAILURES[child]  # as it came
    if child == "success, errno" and how.endswith("op_errno"):
        return SUCCESSES[child]
    return errno.EIO


def gives(how: str, number: int) -> bool:
    """Whether a failure is given with that errno, in the place of the one that came."""
    at_once = how.startswith(("at once", "made", "unwind", "raise"))
    return how.endswith(f", {number}") and not at_once


def passes_errno(how: str) -> bool:
    """Whether a failure has the errno of the one that came, which is not given."""
    return how.endswith("op_errno") or how in {
        "short, missing", "short, none", "values, missing", "values, none", "replaced, missing"
    }  # fmt: skip


@pytest.mark.parametrize("handlers", ["plain", "coroutines"])
def test_no_failure_is_a_success(host: Host, handlers: str) -> None:
    graph = Graph(host).leaf()
    record = graph.record("glupy")
    graph.glupy("glupy", "failing", class_name=handlers, record=record)
    result = graph.run("answers")
    result.log.expect(r"E \[failing\.py:\d+:.*")
    answers = result.of("answer")
    ways = json.loads(record.read_text())
    children = [*SUCCESSES, *FAILURES]
    assert len(answers) == len(ways) * len(children) * len(build().fops)
    wrong: list[Any] = []
    for answer in answers:
        way, child = ways[answer["way"]], answer["child"]
        got = answer["op_errno"] if answer["op_ret"] < 0 else None
        if got != expected(way, child):
            wrong.append((answer["fop"], way, child, got, expected(way, child)))
    print(*wrong[:40], sep="\n")
    assert wrong == []
