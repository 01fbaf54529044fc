"""Imports what a volume's ``module-path`` has: its module, and the others of a package.

Sources and libraries only, no bytecode, and with ``strict-modes`` nothing that others can
change, whenever it is imported. Modules of other names are not concerned.
"""

from __future__ import annotations

import os.path
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import module_from_spec
from types import CodeType, ModuleType
from typing import Any, ClassVar, NoReturn

from glupy import loaders, roots, sources, trust
from glupy.roots import Root
from glupy.translator import LoadError


def load(name: str, root: Root) -> ModuleType:
    """Runs an instance's module; LoadError says what others can change."""
    top = name.partition(".")[0]
    roots.roots[top] = root
    try:
        if name != top:
            __import__(name)  # after the packages that it is in
            return sys.modules[name]
        # `import` would have threads wait that it starts and that import what belongs to it.
        module = module_from_spec(_spec_of(name, root))
        # Where dataclasses, pickle and the like look a class's module up.
        sys.modules[name] = module
        _Source(name, root.file).exec_module(module)
    except BaseException:
        for each in list(sys.modules):
            if roots.of(each) is root:
                sys.modules.pop(each, None)
        raise
    return module


def _is_strict(name: str) -> bool:
    root = roots.of(name)
    return root is None or root.is_strict


def _open(path: str) -> int:
    try:
        return trust.open_file(path)
    except trust.UntrustedError as error:
        raise LoadError(f"{error}; {loaders.WAY_OUT}") from None


class _Source(SourceFileLoader):
    """Compiles a source; what is compiled is read from the file that was checked."""

    def path_stats(self, path: str) -> NoReturn:
        """Fails: so no bytecode is looked for, and none is written."""
        raise OSError("there is no bytecode beside sources")

    def get_data(self, path: str) -> bytes:
        """What is in the source, or in another file: data may be anybody's."""
        is_checked = path == self.path and _is_strict(self.name)
        with open(_open(path) if is_checked else path, "rb") as file:
            return file.read()

    def source_to_code(  # type: ignore[override]
        self, data: Any, path: Any, **_: Any
    ) -> CodeType:
        """The code of what has been read; notes what is written for the original Glupy."""
        root = roots.of(self.name)
        code, is_original = sources.compiled(data, path, root.original if root else None)
        if is_original:
            roots.originals.add(self.name)
        return code


class _Library(ExtensionFileLoader):
    """Loads a library under the descriptor of the file that was checked.

    Of what else it is linked with, the linker finds nothing beside it.
    """

    #: By device and inode. The linker takes two libraries of one name for the same, so that
    #: no other may have the number.
    _opened: ClassVar[dict[tuple[int, int], int]] = {}

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Has the linker load it."""
        if not _is_strict(self.name):
            return loaders.create_module(self, spec)
        spec.origin = f"/proc/self/fd/{self._descriptor()}"
        try:
            module = loaders.create_module(self, spec)
        finally:
            spec.origin = self.path
        if hasattr(module, "__file__"):
            module.__file__ = self.path
        return module

    def _descriptor(self) -> int:
        file = _open(self.path)
        status = os.fstat(file)
        kept = self._opened.setdefault((status.st_dev, status.st_ino), file)
        if kept != file:
            os.close(file)
        return kept


_LOADERS = (_Library, EXTENSION_SUFFIXES), (_Source, SOURCE_SUFFIXES)


class _NamespacePath(list[str]):
    """The folders of a package without a file; importlib.resources knows it by this name."""

    def __repr__(self) -> str:
        """The name, and the folders."""
        return f"_NamespacePath({super().__repr__()})"


class _Finder(MetaPathFinder):
    """Finds what belongs to a volume's module, in the folders that its package names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to load a module; None for one of another name.

        One that is not there is an ImportError, not None: no other finder may look for it.
        """
        root = roots.of(name)
        if root is None:
            return None
        if name in roots.roots:
            return _spec_of(name, root)
        folders = _NamespacePath()
        for folder in path or ():
            # A new one each time: those of Python remember what was in the folder.
            spec = FileFinder(folder, *_LOADERS).find_spec(name)
            if spec is not None and spec.loader is not None:
                return spec
            if spec is not None:
                folders += spec.submodule_search_locations or []
        if folders:
            return _namespace(name, folders)
        last = name.rpartition(".")[2]
        raise ModuleNotFoundError(
            f"No module named {roots.as_known(name)!r}: no source {last}.py, {last}/__init__.py"
            f" or library {last}{EXTENSION_SUFFIXES[0]} in {', '.join(path or ())}",
            name=name,
        )


def _spec_of(name: str, root: Root) -> ModuleSpec:
    """How to load an instance's module, or the package that this is in."""
    if os.path.isdir(root.file):
        return _namespace(name, _NamespacePath([root.file]))
    folder, file = os.path.split(root.file)
    spec = ModuleSpec(name, _Source(name, root.file), origin=root.file)
    spec.has_location = True
    if file == "__init__.py":
        spec.submodule_search_locations = [folder]
    return spec


def _namespace(name: str, folders: _NamespacePath) -> ModuleSpec:
    """A package without a file."""
    spec = ModuleSpec(name, None)
    spec.submodule_search_locations = folders
    return spec


def install() -> None:
    """Lets ``import`` find them."""
    sys.meta_path.insert(0, _Finder())
