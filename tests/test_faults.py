"""A campaign of translators that misbehave in every way that we could think of.

`faults/` holds the mistakes, and says of each what comes of it. After each of them the
application has its answer within two seconds, the mount lives and answers the next
request, and the log says what was wrong, in one line, which names the author's.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from glusterfs import Host, LogLine, Mount, eventually

# They share a mount.
HERE = Path(__file__).parent / "faults"
PATIENCE = 2  # seconds
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Case:
    """A mistake: what the application gets, and what the log says at which line."""

    name: str
    file: str
    answers: frozenset[int]
    says: str | None
    line: int

    @property
    def volume(self) -> str:
        return f"0-{Path(self.file).stem}"


def cases(file: str) -> list[Case]:
    """The methods of a module that say what comes of them."""
    text = (HERE / file).read_text()
    marks: dict[str, int] = {}
    here: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        if mark := re.search(r"# here(?:: (.*))?$", line):
            if mark[1] is None:
                here.append(number)
            else:
                marks |= dict.fromkeys(mark[1].split(", "), number)
    found = []
    functions = [x for x in ast.walk(ast.parse(text)) if isinstance(x, FUNCTIONS)]
    for node in functions:
        doc = ast.get_docstring(node)
        if not doc:
            continue
        answer, _, says = doc.partition(": ")
        answers = frozenset(0 if x == "ok" else getattr(errno, x) for x in answer.split("|"))
        at = [n for n in here if node.lineno <= n <= (node.end_lineno or 0)]
        at.append(marks.get(node.name, marks["others"]))
        found.append(Case(node.name, file, answers, says or None, at[0]))
    return found


CASES = cases("callbacks.py") + cases("awaiting.py")


def test_there_are_enough() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


# -- what the application does -----------------------------------------------------------


def read(path: Path) -> None:
    with open(path, "rb", buffering=0) as file:
        file.read(4096)


def write(path: Path) -> None:
    with open(path, "wb", buffering=0) as file:
        assert file.write(b"y" * 4000) == 4000


def look(path: Path) -> None:
    assert os.stat(path).st_size >= 0


ASKS: dict[str, Callable[[Path], object]] = {
    "readlink": os.readlink,
    "open": read,
    "opendir": os.listdir,
    "readv": read,
    "reads": read,
    "readdir": os.listdir,
    "statfs": os.statvfs,
    "writev": write,
    "getxattr": lambda path: os.getxattr(path, "user.case"),
    "listxattr": os.listxattr,
}


def make(path: Path) -> None:
    """What there is of that name on the brick."""
    kind = path.name.partition("_")[0]
    if kind in ("readdir", "opendir"):
        path.mkdir()
    elif kind == "readlink":
        path.symlink_to("target")
    elif kind == "reads":
        path.write_bytes(bytes(1 << 20))
    else:
        path.write_text(path.name)


# -- the mounts ---------------------------------------------------------------------------


class Campaign:
    """One mount for all mistakes: what one does must not harm the next."""

    def __init__(self, host: Host, io_threads: bool) -> None:
        self.host = host
        self.io_threads = io_threads
        with host.mount(host.posix(), name="before") as before:
            for case in CASES:
                make(before.path / case.name)
            (before.path / "healthy").write_text("healthy")
        self.mount = self.start()

    def start(self) -> Mount:
        volfile = self.host.posix()
        for name in ("beside", "awaiting", "callbacks"):
            options = {"module-name": name, "module-path": self.host.copy(HERE / f"{name}.py")}
            volfile.add(name, self.host.glupy, options)
        if self.io_threads:
            volfile.add("threads", "performance/io-threads")
        mount = self.host.mount(volfile, f"mnt{len(self.host.processes)}", readdirp=False)
        # Each test looks at what its mistake brings about.
        mount.log.known += ["0-(beside|awaiting|callbacks): ", "fuse-(bridge|resolve)", "posix"]
        return mount

    def ask(self, name: str) -> int:
        """The errno of a request, or 0; it has to come in time."""
        answer: list[int] = []
        path = self.mount.path / name

        def run() -> None:
            try:
                ASKS.get(name.partition("_")[0], look)(path)
                answer.append(0)
            except OSError as error:
                answer.append(error.errno or -1)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        if not answer:
            self.mount.popen.kill()  # or whoever asks hangs
            self.mount.popen.wait()
        assert answer, f"{name}: no answer within {PATIENCE} seconds"
        return answer[0]

    def is_healthy(self) -> None:
        """The daemon lives, and the next request works."""
        assert self.mount.running(), self.mount.log.text()[-3000:]
        assert self.ask("healthy") == 0


@pytest.fixture(scope="module", params=["without io-threads", "below io-threads"])
def all_mistakes(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    library: Path,
    trusted_xattrs: None,
) -> Iterator[Campaign]:
    with Host(tmp_path_factory.mktemp("faults"), library) as host:
        yield Campaign(host, request.param == "below io-threads")


@pytest.fixture
def campaign(all_mistakes: Campaign) -> Campaign:
    """With another mount, if the last mistake has ended the one before."""
    if not all_mistakes.mount.running():
        all_mistakes.mount = all_mistakes.start()
    all_mistakes.is_healthy()
    return all_mistakes


def continues(line: LogLine, last: LogLine | None) -> bool:
    return last is not None and (line.level, line.place) == (last.level, last.place)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistake(campaign: Campaign, case: Case) -> None:
    log = campaign.mount.log
    before = len(log.lines())

    def records() -> list[LogLine]:
        """What is told; not the tracebacks behind it, which have the same place."""
        lines = [x for x in log.lines()[before:] if x.domain == case.volume]
        lines = [x for x in lines if "more of these were left out" not in x.message]
        pairs = zip([None, *lines], lines, strict=False)
        return [x for last, x in pairs if x.level not in "IDTN" and not continues(x, last)]

    number = campaign.ask(case.name)
    assert number in case.answers, f"{errno.errorcode.get(number, number)}\n" + said(records())
    campaign.is_healthy()
    if case.says is None:
        assert not records(), said(records())
        return
    says = case.says
    with contextlib.suppress(TimeoutError):
        eventually("a record", lambda: any(re.search(says, str(x)) for x in records()), PATIENCE)
    found = [line for line in records() if re.search(says, str(line))]
    assert len(found) == 1, f"{says}: {len(found)} times\n" + said(records())
    assert found[0].place.startswith(f"{case.file}:{case.line}:"), f"{found[0]}: not {case.line}"


def said(lines: list[LogLine]) -> str:
    return "\n".join(map(str, lines))[:10_000]
