"""Has Python's own loaders look at who can change what they load.

For an interpreter of Glupy's own. It does not matter who finds a file, and for which name:
what is run of it is what `trust` has opened.
"""

from __future__ import annotations

import _io
import errno
import io
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    ExtensionFileLoader,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import CodeType, ModuleType
from typing import BinaryIO

from glupy import roots, trust

#: Loads a library, whosever it is.
create_module = ExtensionFileLoader.create_module

_get_bytecode = SourcelessFileLoader.get_code

WAY_OUT = "chmod or chown it, or set `option strict-modes off`"


def install() -> None:
    """Does so from now on."""
    # Sources, the bytecode beside them, archives, .pth files, and what runpy runs (PEP 578).
    _io.open_code = io.open_code = _open_code
    for loader, method in (
        (SourceFileLoader, _path_stats),
        (SourcelessFileLoader, _get_code),
        (SourcelessFileLoader, _get_data),
        (ExtensionFileLoader, _create_module),
    ):
        setattr(loader, method.__name__[1:], method)


def _open(path: str) -> BinaryIO:
    """Opens a file that is to run; UntrustedError says who can change it."""
    try:
        return os.fdopen(trust.open_file(path), "rb")
    except trust.UntrustedError as error:
        cause = error.__cause__
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, path) from None
        root = roots.of_caller(sys._getframe())
        if root is None or root.is_strict or path.endswith(tuple(BYTECODE_SUFFIXES)):
            raise trust.UntrustedError(f"{error}; {WAY_OUT}") from None
    return open(path, "rb")


def _open_code(path: str) -> BinaryIO:
    """Instead of `io.open_code`: fails as an open does, so that who can do without the file does.

    Bytecode is done without, for one: then its source is compiled.
    """
    try:
        return _open(path)
    except trust.UntrustedError as error:
        raise PermissionError(errno.EACCES, str(error)) from None


def _path_stats(loader: SourceFileLoader, path: str) -> dict[str, float]:
    """Of a source. It is looked at also when its bytecode runs: that was made of it."""
    with _open(path) as file:
        status = os.fstat(file.fileno())
    return {"mtime": status.st_mtime, "size": status.st_size}


def _get_code(loader: SourcelessFileLoader, name: str) -> CodeType | None:
    """Of bytecode without a source; the module imp has a get_data of its own."""
    _open(loader.path).close()
    return _get_bytecode(loader, name)


def _get_data(loader: SourcelessFileLoader, path: str) -> bytes:
    with _open(path) as file:
        return file.read()


def _create_module(loader: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
    """Of a library, which the linker opens by its name, to find others beside it.

    It opens the same: what passes here lies where nobody else can put another in its place.
    """
    _open(str(spec.origin)).close()
    return create_module(loader, spec)
