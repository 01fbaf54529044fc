"""Builds Glupy for every GlusterFS that Debian carries, and tests it in Debians of its own.

    matrix.py FOLDER [SUITE...]

The development packages of each suite's GlusterFS are fetched into FOLDER by apt, with lists
and a state that are there, too: what is installed here stays as it is. fops.yaml is held
against their headers, glupy.so is built with them, and what it wants of libglusterfs must be
in theirs. For the SUITEs that are named, a Debian is made in FOLDER (see chroot.sh), that
GlusterFS is installed in it, and the end-to-end tests run there.

What was fetched and built is kept for the next time; remove FOLDER to begin anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic

SUITES = ("bullseye", "bookworm", "trixie", "forky")
PACKAGES = ("libglusterfs-dev", "libglusterfs0")
MIRROR = os.environ.get("MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ROOT = Path(__file__).resolve().parent.parent

# How glupy's build says that it does not want a GlusterFS.
REFUSAL = re.compile(r"error: glupy@\S+ (the headers are those of GlusterFS \d+: Glupy needs .*)")

# Runs in the chroot, as make does on any machine. The arguments are what has cargo build with
# another GlusterFS: the outcome must be refused there.
IN_CHROOT = """
command -v make >/dev/null || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends make >/dev/null
}
export CARGO_TARGET_DIR=/root/target PYTHONDONTWRITEBYTECODE=1
make all
env "$@" PYO3_PYTHON=/usr/bin/python3 cargo build --locked --release --package glupy
GLUPY_OTHER=/root/other/release/libglupy.so make pytest
"""


class CommandError(Exception):
    """A command that failed; has its output."""


@dataclass
class Gluster:
    """The GlusterFS of a Debian suite."""

    suite: str
    folder: Path
    results: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def tree(self) -> Path:
        """Where its packages are unpacked."""
        return self.folder / "tree"

    @property
    def package_file(self) -> Path:
        [file] = self.tree.glob("usr/lib/*/pkgconfig/glusterfs-api.pc")
        return file

    @property
    def version(self) -> str:
        # GlusterFS calls the version of its interface 7 and its own.
        match = re.search(r"^Version: 7\.(.*)$", self.package_file.read_text(), re.M)
        assert match, self.package_file
        return match[1]

    @property
    def series(self) -> str:
        return self.version.split(".")[0]

    @property
    def library(self) -> Path:
        """What was built for it."""
        return self.folder / "target/release/libglupy.so"

    def settings(self, tree: Path, target: Path) -> dict[str, str]:
        """What has cargo build with it, when it is in that tree."""
        return {
            "GLUPY_INCLUDE": str(tree / "usr/include"),
            "PKG_CONFIG_PATH": str(tree / self.package_file.parent.relative_to(self.tree)),
            "PKG_CONFIG_SYSROOT_DIR": str(tree),
            "CARGO_TARGET_DIR": str(target),
        }


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> str:
    """The output of a command, both streams; in a file while it runs, if wanted."""
    with log.open("w+") if log else TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output.seek(0)
        text = output.read()
    if done.returncode:
        raise CommandError(text)
    return text


# -- the packages -----------------------------------------------------------------------


def apt(folder: Path) -> list[str | Path]:
    """apt-get with lists of these suites, and without a look at what is installed."""
    empty, status = folder / "empty", folder / "status"
    for path in (folder / "lists/partial", folder / "archives/partial", empty):
        path.mkdir(parents=True, exist_ok=True)
    status.touch()
    sources = folder / "sources.list"
    sources.write_text(
        "".join(f"deb [signed-by={KEYRING}] {MIRROR} {suite} main\n" for suite in SUITES)
    )
    settings = {
        "Dir::State": folder,
        "Dir::State::status": status,
        "Dir::Cache": folder,
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": empty,
        "Dir::Etc::PreferencesParts": empty,
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "APT::Sandbox::User": "root",  # the folder may be one that only its owner can enter
    }
    return ["apt-get", "-qq", *(f"--option={key}={value}" for key, value in settings.items())]


def fetch(folder: Path) -> list[Gluster]:
    """Fetch and unpack what is not there yet."""
    all_of_them = [Gluster(suite, folder / suite) for suite in SUITES]
    lacking = [gluster for gluster in all_of_them if not gluster.tree.exists()]
    if lacking:
        print("Fetching", *(gluster.suite for gluster in lacking), flush=True)
        command = apt(folder / "apt")
        run([*command, "update"])
    for gluster in lacking:
        part = gluster.folder / "part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        names = [f"{package}/{gluster.suite}" for package in PACKAGES]
        # It downloads into the current folder.
        run(["env", f"--chdir={part}", *command, "download", *names])
        for package in part.glob("*.deb"):
            run(["dpkg-deb", "--extract", package, part / "tree"])
        (part / "tree").rename(gluster.tree)
        shutil.rmtree(part)
    return all_of_them


# -- what is done with each ---------------------------------------------------------------


def verify(gluster: Gluster) -> str:
    """Hold the schema against the headers."""
    run(["cargo", "codegen", "verify", "--headers", gluster.tree / "usr/include"])
    return "yes"


def build(gluster: Gluster) -> str:
    """Build glupy.so, and look whether libglusterfs has all that it wants."""
    command: list[str | Path] = ["cargo", "build", "--locked", "--release", "--package", "glupy"]
    try:
        run(command, gluster.settings(gluster.tree, gluster.folder / "target"))
    except CommandError as failure:
        if refusal := REFUSAL.search(str(failure)):
            gluster.notes.append(refusal[1])
            return "refused"
        raise
    if lacking := lacking_symbols(gluster):
        raise CommandError(f"not in its libglusterfs: {', '.join(sorted(lacking))}")
    return "yes"


def lacking_symbols(gluster: Gluster) -> set[str]:
    linked = re.findall(r"(/\S+) \(0x", run(["ldd", gluster.library]))
    offering = [Path(path) for path in linked if "/libglusterfs.so" not in path]
    offering.append(gluster.package_file.parent.parent / "libglusterfs.so")
    offered = set[str]().union(*(symbols("--defined-only", path) for path in offering))
    return symbols("--undefined-only", gluster.library) - offered


def symbols(which: str, library: Path) -> set[str]:
    """Names without their versions, and without those that may be missing (weak: w)."""
    lines = [line.split() for line in run(["nm", "--dynamic", which, library]).splitlines()]
    return {words[-1].split("@")[0] for words in lines if words[-2] != "w"}


def mount(gluster: Gluster, all_of_them: list[Gluster]) -> str:
    """Run the end-to-end tests in a Debian that has this GlusterFS; `mounting.log` grows."""
    others = [o for o in all_of_them if o.series != gluster.series and o.library.exists()]
    if not others:
        raise CommandError("no glupy.so for another GlusterFS, which the tests want, was built")
    settings = others[-1].settings(Path("/mnt"), Path("/root/other"))
    assignments = [f"{key}={value}" for key, value in settings.items()]
    output = run(
        [ROOT / "tools/chroot.sh", gluster.folder / "system", gluster.suite,
         "sh", "-ec", IN_CHROOT, "sh", *assignments],
        {"MNT": str(others[-1].tree)},
        log=gluster.folder / "mounting.log",
    )  # fmt: skip
    gluster.notes.append(output.splitlines()[-1].strip("= "))
    return "yes"


def attempt(column: str, action: Callable[..., str], gluster: Gluster, *arguments: object) -> None:
    """Fill a cell of the table."""
    print(f"GlusterFS {gluster.version}: {action.__name__} ...", end=" ", flush=True)
    begin = monotonic()
    try:
        gluster.results[column] = action(gluster, *arguments)
    except CommandError as failure:
        gluster.results[column] = "NO"
        log = gluster.folder / f"{column}.log"
        log.write_text(str(failure))
        gluster.notes.append(f"not {column}: {log}")
    print(f"{gluster.results[column]}, {monotonic() - begin:.0f} s", flush=True)


def main(folder: Path, mounting: list[str]) -> int:
    if unknown := set(mounting) - set(SUITES):
        print("no suites:", *unknown, file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    all_of_them = fetch(folder)
    for gluster in all_of_them:
        attempt("verified", verify, gluster)
        attempt("built", build, gluster)
    for gluster in all_of_them:
        if gluster.suite in mounting:
            attempt("mounted", mount, gluster, all_of_them)
    print()
    print(f"{'GlusterFS':12}{'Debian':12}{'verified':10}{'built':10}mounted")
    for gluster in all_of_them:
        cells = [gluster.results.get(column, "-") for column in ("verified", "built", "mounted")]
        print(f"{gluster.version:12}{gluster.suite:12}{cells[0]:10}{cells[1]:10}{cells[2]}")
    print()
    for gluster in all_of_them:
        for note in gluster.notes:
            print(f"{gluster.version}: {note}")
    wanted = [gluster for gluster in all_of_them if gluster.results["built"] != "refused"]
    return any("NO" in gluster.results.values() for gluster in wanted)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
