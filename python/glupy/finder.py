"""Finds the modules that glupy.so carries, before those that are installed."""

from __future__ import annotations

import marshal
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER
from types import ModuleType

import _gluster

#: The modules with submodules: those that are carried, and installed ones such as
#: GlusterFS's own gluster.cliutils.
_PACKAGES = {"gluster", "glupy"}


class Finder(MetaPathFinder, Loader):
    """A finder and loader of ``import``: runs a module when it is imported first."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to load a module; None for one that is not carried."""
        if name not in _gluster.sources:
            return None
        origin = f"<glupy.so>/{name.replace('.', '/')}.py"
        spec = ModuleSpec(name, self, origin=origin)
        spec.has_location = True
        if name in _PACKAGES:
            spec.submodule_search_locations = list(pkgutil.extend_path([], name))
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leaves it to ``import``."""

    def exec_module(self, module: ModuleType) -> None:
        """Runs a module."""
        magic, bytecode = _split(_gluster.bytecode[module.__name__])
        if magic == MAGIC_NUMBER:
            code = marshal.loads(bytecode)
        else:  # another Python than the one that it was built with
            code = compile(_gluster.sources[module.__name__], str(module.__file__), "exec")
        exec(code, module.__dict__)

    def get_source(self, name: str) -> str:
        """The text of a module, for tracebacks."""
        return _gluster.sources[name]


def _split(bytecode: bytes) -> tuple[bytes, bytes]:
    """The number of the Python that can read it, and the rest."""
    length = len(MAGIC_NUMBER)
    return bytecode[:length], bytecode[length:]


def install() -> None:
    """Lets ``import`` find them."""
    sys.meta_path.insert(0, Finder())
