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
FAILURES = {"errno": errno.ESTALE, "0": None, "negative": None, "too large": None}
GIVEN = 13  # failing.py


def expected(way: str, child: str) -> int | None:
    """The errno that the driver must get; None for a success."""
    what, _, how = way.partition(": ")
    if what == "pass":
        return None if child in SUCCESSES else FAILURES[child] or errno.EIO
    if how.endswith("given") or how == "raise":
        return GIVEN
    if child == "errno" and passes_errno(how):
        return FAILURES[child]
    if child == "success, errno" and how.endswith("op_errno"):
        return SUCCESSES[child]
    return errno.EIO


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
