"""What Python's own documents show for the standard library, inside a translator: as in an ordinary
program, or an error that says what to do instead. On a mount and on a brick; the processes are
ended by unmounting, by TERM and by INT.
"""

from __future__ import annotations

import gzip
import re
import signal
from pathlib import Path

import pytest

from glusterfs import Host, Log, Option, Process, Volfile, eventually, unmount

TRANSLATOR = Path(__file__).parent / "translators" / "embedding.py"
NAMES = re.findall(r"@tried\ndef (\w+)", TRANSLATOR.read_text())

#: What is in the folder of the end, in files that an ordinary program would have written.
WRITTEN = {
    "buffered": "one\ntwo\nthree\n",
    "binary": "binary",
    "atexit": "called",
    "logged": "kept until the end\n",
    "thread": "ended",
    "executor": "done",
    "ends": "fini",
}


def options(host: Host) -> dict[str, Option]:
    results = host.directory / "results"
    results.mkdir()
    return {
        "module-name": "embedding",
        "module-path": host.copy(TRANSLATOR),
        "results": results,
    }


def attempt_all(mount: Path, results: Path) -> dict[str, str]:
    for name in NAMES:
        (mount / name).mkdir()
    return {name: (results / name).read_text() for name in NAMES}


def check_output(log: Log) -> None:
    """What a translator and its programs have written to stdout and stderr."""
    expected = {
        "said by a program": "I", "its error": "W", "said by number": "I",
        "said in bytes: ä": "I", "said": "I",
    }  # fmt: skip

    def is_there() -> bool:
        return {line.message: line.level for line in log.find(" (said|its error)")} == expected

    eventually("what was said", is_there)
    log.known.append("its error")


def end(process: Process, by: signal.Signals) -> None:
    process.signals.add(by)
    process.popen.send_signal(by)
    process.popen.wait(timeout=30)


def check_end(process: Process, results: Path) -> None:
    folder = results / "end"
    assert process.popen.returncode in (0, 15, 2), process.popen.returncode
    found = {path.name: path for path in folder.iterdir()}
    with gzip.open(found.pop("packed.gz"), "rt") as packed:
        assert packed.read() == "packed"
    assert {name: path.read_text() for name, path in found.items()} == WRITTEN


@pytest.mark.parametrize("way", ["umount", "TERM", "INT"])
def test_a_mount(host: Host, way: str) -> None:
    chosen = options(host)
    results = Path(str(chosen["results"]))
    mount = host.mount(host.posix().add("embedding", host.glupy, chosen))
    mount.log.expect("os.fork: the child must")
    outcome = attempt_all(mount.path, results)
    if way == "umount":
        unmount(mount.path)
        mount.popen.wait(timeout=30)
    else:
        end(mount, signal.Signals[f"SIG{way}"])
        unmount(mount.path)
    assert outcome == dict.fromkeys(NAMES, "as expected")
    check_output(mount.log)
    check_end(mount, results)


@pytest.mark.parametrize("way", ["TERM", "INT"])
def test_a_brick(host: Host, way: str) -> None:
    chosen = options(host)
    results = Path(str(chosen["results"]))
    brick = host.serve(host.posix().add("embedding", host.glupy, chosen))
    brick.log.expect("os.fork: the child must")
    mount = host.mount(brick.client(Volfile(), "client"))
    outcome = attempt_all(mount.path, results)
    mount.stop()
    end(brick, signal.Signals[f"SIG{way}"])
    assert outcome == dict.fromkeys(NAMES, "as expected")
    check_output(brick.log)
    check_end(brick, results)
