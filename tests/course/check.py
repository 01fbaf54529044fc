"""What a run of the course must have left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from course import values
from course.harness import Result, build, read_record

ROUNDS = {"full", "failed", "empty"}


def complete(result: Result, rounds: set[str] = ROUNDS, skip: str | None = None) -> None:
    """No failure, and no fop or round left out."""
    assert result.failures == []
    walked = {(line["at"], line["round"]) for line in result.lines if "at" in line}
    expected = {(fop.name, one) for fop in build().fops for one in rounds}
    assert walked == {(fop, one) for fop, one in expected if fop != skip}


def check_record(path: Path, *directions: str, skip: str | None = None) -> None:
    """What Python saw is what was sent: every argument of every fop."""
    calls: dict[tuple[str, str], dict[str, Any]] = {}
    for call in read_record(path):
        assert call["problems"] == []
        if call["direction"] in directions:
            # the first round is the full one
            calls.setdefault((call["fop"], call["direction"]), call)
    expected = {(fop.name, d) for fop in build().fops for d in directions}
    assert set(calls) == {(fop, d) for fop, d in expected if fop != skip}
    for (name, direction), call in calls.items():
        fop = next(f for f in build().fops if f.name == name)
        params = fop.args if direction == "fop" else fop.cbk_args
        seen = {p.name: value for p, value in zip(params, call["args"], strict=True)}
        assert seen == {p.name: values.expected(p) for p in params}, (name, direction)
        assert call["frame"] == values.expected_frame(fop)
        if direction == "cbk":
            assert call["op_ret"] == values.expected_op_ret(fop)
            assert call["op_errno"] == values.expected_op_errno(fop)
            assert call["cookie"] == ["cookie", name]
            assert call["request"] is None, "an argument changed while the handler kept it"
