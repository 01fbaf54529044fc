"""What SAFETY.md says holds an invariant is there to hold it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import test_faults

ROOT = Path(__file__).resolve().parent.parent
SAFETY = (ROOT / "SAFETY.md").read_text()
NAMED = re.compile(r"`(tests/\w+\.py)::(\w+)(?:\[(\w+)\])?`")


def test_the_tests_are_there() -> None:
    """Each of them, and each case of the campaign."""
    named = set(NAMED.findall(SAFETY))
    assert len(named) > 50
    cases = {case.name for case in test_faults.CASES}
    for file, function, case in sorted(named):
        tree = ast.parse((ROOT / file).read_text())
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in tests, f"SAFETY.md: {file} has no {function}"
        if case:
            assert (file, function) == ("tests/test_faults.py", "test_mistake"), case
            assert case in cases, f"SAFETY.md: tests/faults has no {case}"


def test_each_invariant_has_one() -> None:
    """A test, or a word on why there is none."""
    invariants = re.split(r"^\* ", SAFETY, flags=re.MULTILINE)[1:]
    assert len(invariants) > 30
    for text in invariants:
        assert NAMED.search(text) or re.search("^  - No test", text, re.MULTILINE), text


def test_nothing_else_is_named() -> None:
    """Whatever looks like the name of a test is one that the above looks at."""
    assert len(re.findall(r"::test_", SAFETY)) == len(NAMED.findall(SAFETY))
