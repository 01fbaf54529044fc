"""A short form of `make attack`: hostile translators from fixed seeds find nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from attack.run import run

SEEDS = [1, 2, 3, 4]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_found(library: Path, seed: int) -> None:
    """No crash, report or hang; every request has its one answer, its user and its values."""
    outcome = run(library, seed, lives=2, requests=200)
    assert outcome.findings == [], f"again: make attack SEED={seed}"
    assert len(outcome.lives) == 2
    assert all(life["answered"] == life["requests"] == 200 for life in outcome.lives)


@pytest.mark.parametrize(
    ("planted", "kind"), [("planted-user", "credentials"), ("planted-value", "values")]
)
def test_what_is_planted_is_found(library: Path, planted: str, kind: str) -> None:
    """A translator that does behind Glupy's back what no translator may bring about."""
    outcome = run(library, 1, only=planted, lives=1, requests=200)
    assert outcome.kinds[kind]
