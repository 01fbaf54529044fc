"""No code of others runs as root: a table of ways to have it run, and what is right beside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from arrangements import (
    AT_START,
    GOOD,
    LATER,
    NOBODY,
    PAST_IMPORT,
    PROBE,
    RIGHT,
    RIGHT_PAST_IMPORT,
    USER,
    Arrangement,
    Place,
)

from glusterfs import DEADLINE, Host, Log, Option, Volfile

ROOT = Path(__file__).resolve().parent.parent

#: Another user may not reach a virtual environment below root's home.
PYTHON = os.path.realpath(sys.executable)
#: How many starts of the race: more in `make races`.
RACES = int(os.environ.get("GLUPY_RACES", "24"))
AT_ONCE = 4

IN_ONE = [*LATER, *PAST_IMPORT, *RIGHT, *RIGHT_PAST_IMPORT]
TABLE = [*IN_ONE, *AT_START]


def test_the_table_is_long() -> None:
    assert len({each.name for each in LATER + AT_START}) >= 60


class Outcomes:
    """What has become of each arrangement: the log's lines, and whether foreign code has run."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.ran: dict[str, bool] = {}
        self.began = 0.0  # when all arrangements were there

    def note(self, arrangement: Arrangement, place: Place, lines: list[str]) -> None:
        self.lines[arrangement.name] = lines
        self.ran[arrangement.name] = place.marker.exists()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the other user can reach."""
    with tempfile.TemporaryDirectory(prefix="glupy-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def outcomes(folder: Path, library: Path, trusted_xattrs: None) -> Outcomes:
    """One mount with a volume for each module that imports later, and a start for each other."""
    outcomes = Outcomes()
    with Host(folder, library) as host:
        import_later(host, outcomes)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            numbers = range(len(AT_START))
            list(threads.map(start, [host] * len(numbers), numbers, [outcomes] * len(numbers)))
    return outcomes


def import_later(host: Host, outcomes: Outcomes) -> None:
    volfile = host.posix()
    places = []
    for number, each in enumerate(IN_ONE):
        place = Place(host.directory / f"later-{number}")
        places.append(place)
        each.make(place)
        place.write("__init__.py", PROBE.replace("ACTION", each.action))
        options: dict[str, Option] = {"module-name": "probe", "module-path": place.modules}
        options["strict-modes"] = place.strict
        volfile.add(f"later-{number}", host.glupy, options)
    outcomes.began = max(path.stat().st_ctime for path in host.directory.rglob("*"))
    try:
        with host.mount(volfile) as mount:
            (mount.path / "go").mkdir()
            mount.log.known.append("0-later-")
    finally:
        for place in places:
            place.close()
    for number, (each, place) in enumerate(zip(IN_ONE, places, strict=True)):
        outcomes.note(each, place, said(mount.log, f"later-{number}"))


def start(host: Host, number: int, outcomes: Outcomes) -> None:
    each = AT_START[number]
    place = Place(host.directory / f"start-{number}")
    each.make(place)
    options = {"module-name": "start", "module-path": str(place.path)}
    volfile = host.posix(f"brick-{number}").add("foreign", host.glupy, options)
    status, log = host.mount_command(volfile, f"daemon-{number}")
    log.checked = False
    lines = said(log, "foreign")
    outcomes.note(each, place, lines if status else ["it has started", *lines])


def said(log: Log, volume: str) -> list[str]:
    return [line.message for line in log.lines() if line.domain == f"0-{volume}"]


def test_nothing_is_written(outcomes: Outcomes, folder: Path) -> None:
    """No bytecode beside sources; storage/posix has set the umask to 0 by then."""
    assert outcomes.lines
    written = [
        path for path in folder.glob("later-*/**/*.pyc") if path.stat().st_ctime > outcomes.began
    ]
    assert not written
    places = [*folder.glob("later-*"), *folder.glob("start-*")]
    caches = {path for place in places for path in place.rglob("__pycache__")}
    assert len(caches) == sum("cache" in each.name for each in TABLE)  # those of the table


@pytest.mark.parametrize("arrangement", TABLE, ids=[each.name for each in TABLE])
def test_arrangement(outcomes: Outcomes, arrangement: Arrangement) -> None:
    """It does not run, and the log says why; what is right does."""
    assert not outcomes.ran[arrangement.name]
    lines = outcomes.lines[arrangement.name]
    assert any(re.search(arrangement.says, line) for line in lines), lines
    assert "it has started" not in lines


# -- what is beside the module-path ------------------------------------------------------------

SITES = """
import json, site, sys
folders = site.getsitepackages()
try:
    import planted
    found = planted.WORD
except Exception as error:
    found = str(error)
print(json.dumps([found, sys.dont_write_bytecode, folders, sys.path]))
raise SystemExit
"""


def failing_start(host: Host, name: str, prepare: str = "true") -> tuple[list[object], Log]:
    """What the module above says, in mounts of its own that a shell's command has prepared."""
    options: dict[str, Option] = {"module-name": "sites", "module-path": host.write(sites=SITES)}
    path, log = host.directory / f"{name}.vol", Log(host.directory / f"{name}.log")
    path.write_text(str(host.posix().add("sites", host.glupy, options)))
    mnt = host.directory / f"{name}-mnt"
    mnt.mkdir()
    command = (
        f"{prepare} && exec glusterfs --no-daemon --volfile={path} --log-file={log.path} {mnt}"
    )
    status = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command],
        env=host.reports.environment(), timeout=DEADLINE, check=False,
    ).returncode  # fmt: skip
    assert status
    return json.loads(next(line for line in said(log, "sites") if line.startswith("["))), log


def test_installed_modules(host: Host) -> None:
    """Folders of installed modules that others can write to are not searched; nor what .pth
    files say that are others', or that leads to others. Modules are looked at one by one.
    """
    (found, no_bytecode, folders, _), _ = failing_start(host, "as-it-is")
    assert (found, no_bytecode) == ("No module named 'planted'", True)
    assert isinstance(folders, list)
    site = next(path for path in folders if Path(path).is_dir())
    place = Place(host.directory / "place")
    scratch = place.folder / "scratch"
    scratch.mkdir()
    (scratch / "planted.py").write_text(GOOD)
    (scratch / "theirs.pth").write_text(f"import sys; open({str(place.marker)!r}, 'w')\n")
    os.chown(scratch / "theirs.pth", USER, USER)
    (scratch / "of-root.pth").write_text(f"{place.home}\n{place.modules}\n")
    bind = f"mount --bind {scratch} {site}"

    (found, _, _, path), log = failing_start(host, "right", bind)
    assert found == "good"
    assert isinstance(path, list)
    assert str(place.modules) in path
    assert str(place.home) not in path
    assert log.find(rf"W .*{site}/theirs.pth belongs to user 12345: nothing is imported from there")
    assert log.find(f"I .*{place.home} belongs to user 12345: nothing is imported from there")

    os.chown(scratch / "planted.py", USER, USER)
    (found, *_), _ = failing_start(host, "module", bind)
    assert str(found).startswith(f"{site}/planted.py belongs to user 12345; chmod or chown it")
    os.chown(scratch / "planted.py", 0, 0)

    scratch.chmod(0o2775)
    (found, _, _, path), log = failing_start(host, "staff", bind)
    assert found == "No module named 'planted'"
    assert isinstance(path, list)
    assert site not in path
    assert log.find(
        rf"W .*{site} is writable by others \(mode 2775\): nothing is imported from there"
    )
    assert not place.marker.exists()


PROGRAM = """
import ctypes, os, sys

glfs = ctypes.CDLL("libgfapi.so.0")
glfs.glfs_new.restype = ctypes.c_void_p
volfile, log, home = sys.argv[1:]
fs = ctypes.c_void_p(glfs.glfs_new(b"volume"))
assert glfs.glfs_set_volfile(fs, volfile.encode()) == 0
assert glfs.glfs_set_logging(fs, log.encode(), 7) == 0
assert glfs.glfs_init(fs) == 0
assert glfs.glfs_mkdir(fs, b"/go", 0o755) == 0
sys.path.insert(0, home)
import helper
print(helper.WORD, os.path.exists(helper.__cached__))
"""


def test_python_program(host: Host) -> None:
    """In a program's own interpreter only a volume's modules are looked at, one for each volume."""
    place = Place(host.directory / "place")
    place.theirs("helper.py", GOOD)
    place.write(
        "__init__.py", PROBE.replace("ACTION", "return importlib.import_module('.sub', __name__)")
    )
    place.write("sub.py", owner=USER)
    with host.serve(host.posix()) as brick:
        volfile = brick.client(Volfile(), "client")
        for name in ("one", "two"):
            options: dict[str, Option] = {"module-name": "probe", "module-path": place.modules}
            volfile.add(name, host.glupy, options)
        path, log = host.directory / "program.vol", Log(host.directory / "program.log")
        path.write_text(str(volfile))
        environment = host.reports.environment()
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, path, log.path, place.home], env=environment,
            check=True, timeout=60, capture_output=True, text=True,
        )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[-1] == "good True"
    assert len(lines) == 3
    for line in lines[:2]:
        assert re.search(r"LoadError .*/sub.py belongs to user 12345", line)
    assert not place.marker.exists()
    assert not (place.package / "__pycache__").exists()


# What is so in a process that is not root's: a program with libgfapi, say.
USERS = """
import sys
sys.path.insert(0, "")
import trust
for path in sys.argv[1:]:
    try:
        print(trust.read(path).decode())
    except trust.UntrustedError as error:
        print(error)
"""


def test_another_user() -> None:
    """A user's process takes what is root's or the user's own, and nobody else's."""
    with tempfile.TemporaryDirectory(prefix="glupy-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(ROOT / "python/glupy/trust.py", folder)
        files = [
            ("own", USER, 0o600),
            ("root", 0, 0o644),
            ("nobody", NOBODY, 0o644),
            ("group", USER, 0o664),
            ("pipe", USER, 0o600),
            ("folder", USER, 0o755),
        ]
        for file, owner, mode in files:
            path = folder / file
            if file == "pipe":
                os.mkfifo(path)
            elif file == "folder":
                path.mkdir()
            else:
                path.write_text(f"that of {file}")
            os.chown(path, owner, owner)
            path.chmod(mode)
        (folder / "endless").symlink_to("endless")
        paths = [folder / file for file, _, _ in files]
        done = subprocess.run(
            [PYTHON, "-c", USERS, *paths, folder / "own/none", folder / "endless"],
            cwd=folder, user=USER, group=USER, extra_groups=[], check=True, timeout=60,
            capture_output=True, text=True,
        )  # fmt: skip
    assert done.stdout.replace(f"{name}/", "").splitlines() == [
        "that of own",
        "that of root",
        f"nobody belongs to user {NOBODY}",
        "group is writable by others (mode 664)",
        "pipe is not a file",
        "folder is a folder, not a file",
        "own is not a folder",
        "endless leads through too many links",
    ]


# What a process of root's takes while it, or one of its threads, is another user.
FOR_A_WHILE = """
import ctypes, os, platform, sys, threading
sys.path.insert(0, "")
import trust

user, file = int(sys.argv[1]), sys.argv[2]

def look():
    try:
        print(trust.read(file).decode())
    except trust.UntrustedError as error:
        print(error)

for ids in ((0, user, 0), (user, user, 0), (0, user, user)):
    os.setresuid(*ids)
    look()
    os.setresuid(0, 0, 0)

def as_the_user():
    number = {"x86_64": 117, "aarch64": 147}[platform.machine()]  # setresuid, of this thread only
    assert ctypes.CDLL(None).syscall(number, user, user, user) == 0
    look()

thread = threading.Thread(target=as_the_user)
thread.start()
thread.join()
os.setresuid(user, user, user)
look()
"""


def test_a_user_for_a_while() -> None:
    """Who may be root again takes nothing of the user's; nor does one of root's threads."""
    with tempfile.TemporaryDirectory(prefix="glupy-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(ROOT / "python/glupy/trust.py", folder)
        own = folder / "own"
        own.write_text("that of the user")
        os.chown(own, USER, USER)
        done = subprocess.run(
            [PYTHON, "-c", FOR_A_WHILE, str(USER), own],
            cwd=folder, check=True, timeout=60, capture_output=True, text=True,
        )  # fmt: skip
    refused = f"{own} belongs to user {USER}"
    assert done.stdout.splitlines() == [refused] * 4 + ["that of the user"]


# -- races -------------------------------------------------------------------------------------

EXCHANGE = """
import ctypes, signal, sys
exchange = ctypes.CDLL(None).renameat2
count = 0
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print(count)))
print("at it", flush=True)
while not exchange(-100, b"one", -100, b"other", 2):
    count += 1
"""


@contextlib.contextmanager
def exchanging(folder: Path) -> Iterator[None]:
    """The other user exchanges `one` and `other` in a folder, again and again; says how often."""
    loop = subprocess.Popen(
        [PYTHON, "-c", EXCHANGE], cwd=folder, user=USER, group=USER, extra_groups=[],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert loop.stdout is not None
    assert loop.stdout.readline() == b"at it\n"
    try:
        yield
        assert loop.poll() is None, "the exchange has failed"
    finally:
        loop.terminate()
        print(f"{int(loop.stdout.read())} exchanges in {folder.name}")
        loop.wait()
        loop.stdout.close()


def fill(folder: Path, text: str, owner: int) -> None:
    """A folder with a module of root's or of the other user's."""
    folder.mkdir()
    (folder / "start.py").write_text(text)
    for path in (folder, folder / "start.py"):
        os.chown(path, owner, owner)


def racing(place: Place) -> dict[str, str]:
    """Folders that show now a module of root's, now one of the other user's: by name."""
    mine, evil = "raise RuntimeError('of root')\n", f"{place.evil}raise SystemExit\n"
    fill(place.home / "one", mine, 0)
    fill(place.home / "other", evil, USER)
    return {
        "in a home": str(place.home / "one"),
        "through a link": str(place.modules),
        "in a sticky folder": str(place.folder / "sticky/one"),
    }


def prepare(place: Place) -> dict[str, str]:
    paths = racing(place)
    (place.modules / "start.py").symlink_to(place.home / "one/start.py")
    sticky = place.folder / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)
    fill(place.folder / "of-root", "raise RuntimeError('of root')\n", 0)
    (sticky / "one").symlink_to(place.folder / "of-root")
    fill(sticky / "other", f"{place.evil}raise SystemExit\n", USER)
    os.chown(sticky / "one", USER, USER, follow_symlinks=False)
    return paths


def test_start_races(host: Host) -> None:
    """A module that is exchanged all the time while volumes start: never the user's runs.

    Nor root's: it lies where the user decides what is there.
    """
    place = Place(host.directory / "place")
    paths = prepare(place)
    ways = list(paths)

    def start(number: int) -> tuple[str, list[str]]:
        way = ways[number % len(ways)]
        name = host.directory / f"race-{number}"
        volfile = host.posix("brick").add(
            "race", host.glupy, {"module-name": "start", "module-path": paths[way]}
        )
        Path(f"{name}.vol").write_text(str(volfile))
        name.mkdir()
        status = subprocess.run(
            ["glusterfs", "--no-daemon", f"--volfile={name}.vol", f"--log-file={name}.log", name],
            env=host.reports.environment(), timeout=DEADLINE, check=False,
        ).returncode  # fmt: skip
        assert status
        return way, said(Log(Path(f"{name}.log")), "race")

    with exchanging(place.home), exchanging(place.folder / "sticky"):
        with ThreadPoolExecutor(AT_ONCE) as threads:
            results = list(threads.map(start, range(RACES)))
    outcomes = Counter(way for way, lines in results if any(REFUSED.search(x) for x in lines))
    print(f"{RACES} starts; refused: {dict(outcomes)}; run: {place.marker.exists()}")
    assert not place.marker.exists()
    assert sum(outcomes.values()) == RACES, [x for x in results if not REFUSED.search(str(x))]


REFUSED = re.compile("module start: (the link )?/.* belongs to user 12345; chmod or chown")

IMPORTS = """
import importlib, importlib.util, runpy, sys
from pathlib import Path
from gluster import Translator

FILE = str(Path(__file__).parent / "start.py")
WAYS = [
    lambda: importlib.import_module(".start", __name__),
    lambda: importlib.util.spec_from_file_location("start", FILE).loader.load_module("start"),
    lambda: runpy.run_path(FILE),
]

class xlator(Translator):
    def mkdir_fop(self, frame, this, loc, *rest):
        outcomes = {}
        for i in range(COUNT * len(WAYS)):
            try:
                WAYS[i % 3]()
                outcome = "loaded"
            except BaseException as error:
                outcome = type(error).__name__
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            sys.modules.pop(__name__ + ".start", None)
        print(outcomes)
        frame.wind()
"""


def test_import_races(host: Host) -> None:
    """The same with a module that is loaded while requests are served."""
    place = Place(host.directory / "place")
    paths = prepare(place)
    count = 14 * RACES  # by each way
    host.deadline += RACES
    volfile = host.posix()
    for number, path in enumerate(paths.values()):
        package = place.modules / f"imports{number}"
        package.mkdir()
        (package / "__init__.py").write_text(IMPORTS.replace("COUNT", str(count)))
        (package / "start.py").symlink_to(f"{path}/start.py")
        options: dict[str, Option] = {"module-name": package.name, "module-path": place.modules}
        volfile.add(f"race-{number}", host.glupy, options)
    with host.mount(volfile) as mount:
        with exchanging(place.home), exchanging(place.folder / "sticky"):
            (mount.path / "go").mkdir()
        print(f"{3 * count} loads by each of {len(paths)} volumes; run: {place.marker.exists()}")
        assert not place.marker.exists()
        for number in range(len(paths)):
            errors = ("LoadError", "UntrustedError", "PermissionError")
            assert said(mount.log, f"race-{number}") == [str(dict.fromkeys(errors, count))]
