"""Values made in Python: random ones, wrong ones, and whether they are given back.

The checks themselves are in tests/properties/checks.py and run inside a glusterfs process.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from course.harness import ROOT, build

from glusterfs import Host, Volfile, eventually
from sanitizer import RUNTIME

HERE = ROOT / "tests/properties"


def site_packages() -> str:
    """Where hypothesis is installed for this Python; glupy.so's knows nothing of a venv."""
    spec = importlib.util.find_spec("hypothesis")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent.parent)


class Stage:
    """A mount with translators that check values among themselves."""

    def __init__(self, host: Host) -> None:
        modules = host.copy(HERE / "stage.py")
        self.report = host.directory / "report"
        witness = build().type("witness")
        options: dict[str, str | int | Path] = {
            "module-name": "stage",
            "module-path": modules,
            "python-path": f"{ROOT}/tests:{site_packages()}",
            "witness": build().directory / "witness.so",
            "report": self.report,
        }
        volfile = host.posix()
        volfile.add("below", host.glupy, options | {"class-name": "below"})
        volfile.add("witness", witness)
        volfile.add("above", host.glupy, options | {"class-name": "above"})
        self.volfile: Volfile = volfile
        self.mount = host.mount(volfile)
        (self.mount.path / "directory").mkdir()
        (self.mount.path / "directory/file").write_bytes(b"content")

    def run(self, name: str) -> Any:
        """What a check reports."""
        self.report.unlink(missing_ok=True)
        assert not (self.mount.path / f"check.{name}").exists()
        eventually("a report", self.report.exists)
        report = json.loads(self.report.read_text())
        assert "failed" not in report, report["failed"]
        return report


@pytest.fixture
def stage(host: Host) -> Iterator[Stage]:
    host.deadline *= 3  # a hundred thousand rounds take their time on a busy machine
    stage = Stage(host)
    with stage.mount:
        yield stage
    for line in stage.mount.log.text().splitlines()[-30:]:
        print(line)


RANDOM = [
    "numbers_and_strings", "gfid", "iatt", "loc", "dict", "dict_operations", "iovec",
    "dirents", "flock", "lease", "statvfs", "locklist", "checksum",
]  # fmt: skip


@pytest.mark.parametrize("name", RANDOM)
def test_random_values_arrive(stage: Stage, name: str) -> None:
    """Python to C to Python and back; C's own view of each is what it was made of."""
    assert stage.run(f"random_{name}")["examples"] >= 50


FIXED = [
    "gfid_forms", "iatt_from_stat", "loc_of_a_name", "dict_types", "numbers_of_others",
    "iovec_forms", "vector_as_a_buffer", "collections", "views_stay_valid",
    "parts_are_there_as_long_as_they_are_kept", "dirents_changed", "op_ret_is_counted", "inodes",
    "fds", "kept_values_are_unchanged",
]  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
def test_values(stage: Stage, name: str) -> None:
    stage.run(name)


def test_stubs_are_right(stage: Stage) -> None:
    """What gluster.pyi says of the native classes is so."""
    stage.run("stubs_are_right")


def test_wrong_values_of_requests(stage: Stage) -> None:
    """Each argument of each fop: named, and nothing is wound."""
    assert stage.run("now_wrong_requests")["tried"] > 500


def test_wrong_values_of_answers(stage: Stage) -> None:
    assert stage.run("wrong_answers")["tried"] > 500


def test_an_answer_has_the_requests_own_fd_and_inode(stage: Stage) -> None:
    assert stage.run("answers_that_are_another_requests")["tried"] >= 10


def test_wrong_values_of_constructors_and_fields(stage: Stage) -> None:
    assert stage.run("wrong_constructors")["tried"] > 50


def test_another_thread_is_faster(stage: Stage) -> None:
    """It answers, or passes on, while the handler still runs that has given it the frame."""
    for _ in range(20):
        stage.run("now_answered_elsewhere")
        stage.run("now_wound_elsewhere")


KINDS = [
    "iatt", "gfid", "loc", "dict", "iovec", "dirents", "flock", "lease", "statvfs", "strings",
    "locklist", "parts", "objects",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_given_back(stage: Stage, kind: str) -> None:
    """References and memory are where they were after 100,000 rounds."""
    report = stage.run(f"given_back_{kind}")
    assert report["rounds"] == (2_000 if RUNTIME else 100_000)
    print(report)
