"""What `make install` puts where, and what glupy.so wants from the process that loads it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from glusterfs import Host, xlator_dir
from sanitizer import unsuited

ROOT = Path(__file__).resolve().parent.parent


def make(*arguments: str, library: Path) -> str:
    """Run make with the library under test in the place of the built one."""
    target = library.parent / "target"
    (target / "release").mkdir(parents=True, exist_ok=True)
    built = target / "release" / "libglupy.so"
    if not built.exists():
        built.symlink_to(library)
    command = ["make", "--no-print-directory", "-C", str(ROOT), *arguments]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    environment.pop("MAKEFLAGS", None)
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_install(tmp_path: Path, library: Path) -> None:
    """One file, in the folder that this GlusterFS looks into; uninstall removes it."""
    root = tmp_path / "a b"
    make("install", f"DESTDIR={root}", library=library)
    installed = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    expected = root / str(xlator_dir()).lstrip("/") / "features" / "glupy.so"
    assert installed == [expected]
    assert expected.read_bytes() == library.read_bytes()
    make("uninstall", f"DESTDIR={root}", library=library)
    assert not expected.exists()


def symbols(*arguments: str | Path) -> set[str]:
    """Names that nm prints, without their versions."""
    output = subprocess.run(
        ["nm", "-D", *arguments], check=True, capture_output=True, text=True
    ).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines()}


def linked(library: Path) -> list[Path]:
    """The libraries that the loader finds for it."""
    output = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
    assert "not found" not in output
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", output)]


@unsuited("its runtime is not linked, but preloaded")
def test_undefined_symbols(library: Path) -> None:
    """GlusterFS loads with RTLD_NOW: each function that is called must be exported somewhere."""
    wanted = symbols("--undefined-only", library)
    weak = {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__"}
    offered = set().union(*(symbols("--defined-only", path) for path in linked(library)))
    assert wanted - offered - weak == set()


def test_exported_symbols(library: Path) -> None:
    """The loader's entry is the whole interface."""
    assert symbols("--defined-only", "--extern-only", library) == {"xlator_api"}


def test_stays_loaded(library: Path) -> None:
    """The code below Python's threads is never unmapped."""
    output = subprocess.run(
        ["readelf", "--dynamic", library], check=True, capture_output=True, text=True
    ).stdout
    assert re.search(r"Flags:.*\bNODELETE\b", output)


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME"])
def test_environment_is_ignored(host: Host, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A root daemon does not run what somebody's environment points to."""
    modules = host.write(
        fine="""
        import sys
        from gluster import Translator

        class xlator(Translator):
            pass

        print(sys.path)
    """
    )
    monkeypatch.setenv(variable, str(host.brick("elsewhere")))
    volfile = host.posix()
    volfile.add("glupy", host.glupy, {"module-name": "fine", "module-path": modules})
    with host.mount(volfile) as mount:
        (mount.path / "file").touch()
    assert not mount.log.find(r"0-glupy: .*elsewhere")
    assert mount.log.find(r"0-glupy: \['")
