"""The examples that are there as coroutines, too: these pass the same tests."""

from __future__ import annotations

import pytest
import test_example_mirror as mirror
import test_examples as examples

import shipped


@pytest.fixture(autouse=True)
def coroutines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("negative", "mirror"):
        monkeypatch.setitem(shipped.FORMS, name, f"{name}_async")


negative = examples.negative
for module, prefix in ((examples, "test_negative"), (mirror, "test_")):
    tests = {name: test for name, test in vars(module).items() if name.startswith(prefix)}
    globals().update(tests)


@pytest.mark.parametrize("name", ["negative", "mirror"])
def test_half_as_long(name: str) -> None:
    lines = [len((shipped.EXAMPLES / f"{form}.py").read_text().splitlines())
             for form in (name, f"{name}_async")]  # fmt: skip
    assert lines[1] <= lines[0] / 2
