"""Where installed modules are imported from: site-packages that others can not change.

For an interpreter of Glupy's own, which is started without them.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable
from typing import Union

import _gluster

from glupy import loaders, log, trust

Path = Union[str, "os.PathLike[str]"]


def install() -> None:
    """Adds the folders to ``sys.path``, as Python does itself."""
    library = os.path.dirname(os.__file__)
    why = _refusal(library)
    if why:
        # Whoever can change that needs no other way: a developer's own Python.
        _tell(log.INFO, f"{why}: what Python itself is made of can be changed by others")
        site.main()
        return
    loaders.install()
    folders, add_package = site.getsitepackages, site.addpackage

    def own_folders(prefixes: Iterable[str] | None = None) -> list[str]:
        return [each for each in folders(prefixes) if os.path.isdir(each) and _is_own(each)]

    def add_own_package(sitedir: Path, name: Path, known_paths: set[str] | None) -> set[str] | None:
        """A .pth file: its lines are folders, and code that runs at once."""
        if not _is_own(os.path.join(sitedir, name)):
            return known_paths
        before = len(sys.path)
        known_paths = add_package(sitedir, name, known_paths)
        sys.path[before:] = [each for each in sys.path[before:] if _is_own(each)]
        return known_paths

    site.getsitepackages, site.addpackage = own_folders, add_own_package
    try:
        site.main()
    finally:
        site.getsitepackages, site.addpackage = folders, add_package


def _is_own(path: str) -> bool:
    why = _refusal(path)
    if why:
        # That of Debian's which the group staff may change is mostly empty.
        is_empty = os.path.isdir(path) and not os.listdir(path)
        text = f"{why}: nothing is imported from there; chmod or chown it if you trust it"
        _tell(log.INFO if is_empty else log.WARNING, text)
    return not why


def _refusal(path: str) -> str:
    """Who can change a folder or file; "" if nobody else can."""
    try:
        if os.path.isdir(path):
            trust.check_folder(path)
        else:
            os.close(trust.open_file(path))
    except trust.UntrustedError as error:
        return str(error)
    return ""


def _tell(level: int, text: str) -> None:
    _gluster.log(level, "glupy", 0, "glupy", text, "")
