"""Compiles sources; those that are written for the original Glupy so that they find it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType
from typing import TypeVar

N = TypeVar("N", bound=ast.AST)

#: What the original could be imported as. Its first versions were the module ``gluster`` itself.
_NAMES = ("gluster.glupy", "gluster_glupy")


def compiled(source: bytes, path: str, original: bool | None) -> tuple[CodeType, bool]:
    """The code of a source, and whether it is written for the original.

    ``original`` is what the volume's option says. Without it that is found out: such a source
    imports ``gluster.glupy``, or takes ``dl`` from ``gluster``, by its name or with all others.
    """
    tree: bytes | ast.Module = source
    # To look closer takes as long again as to compile it.
    if original or (original is None and (b"dl" in source or b"glupy" in source)):
        tree = ast.parse(source, path)
        original = original or _is_for_original(tree)
        if original:
            _rename_imports(tree)
    return compile(tree, path, "exec", dont_inherit=True), bool(original)


def _is_for_original(tree: ast.Module) -> bool:
    modules = {alias.name for node in _all(tree, ast.Import) for alias in node.names}
    for node in _all(tree, ast.ImportFrom):
        if node.level == 0:
            modules.add(f"{node.module}")
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    # `from gluster import *`, and `from gluster import dl, ...`
    in_gluster = "gluster.dl" in modules or ("gluster.*" in modules and _lacks_dl(tree))
    return in_gluster or not modules.isdisjoint(_NAMES)


def _lacks_dl(tree: ast.Module) -> bool:
    """Whether it uses a name `dl` that it has not made."""
    uses = [node.ctx for node in _all(tree, ast.Name) if node.id == "dl"]
    made = {node.name for node in _all(tree, ast.FunctionDef)}
    made |= {node.arg for node in _all(tree, ast.arg)}
    made |= {alias.asname or alias.name for alias in _all(tree, ast.alias)}
    return bool(uses) and all(isinstance(use, ast.Load) for use in uses) and "dl" not in made


def _rename_imports(tree: ast.Module) -> None:
    """What the original had in ``gluster`` is in ``gluster.glupy``."""
    for node in _all(tree, ast.ImportFrom):
        of_gluster = node.module == "gluster" and any(n.name in ("*", "dl") for n in node.names)
        if node.level == 0 and (of_gluster or node.module in _NAMES):
            node.module = _NAMES[0]


def _all(tree: ast.Module, kind: type[N]) -> Iterator[N]:
    return (node for node in ast.walk(tree) if isinstance(node, kind))
