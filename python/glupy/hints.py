"""What a translator has probably not meant, said once in the log when it starts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import CodeType

import _gluster

from glupy import log
from glupy.translator import Method

#: Methods that are called for what has a context, and whose context that is.
_OF_CONTEXTS = {"forget": "inode.ctx", "release": "fd.ctx", "releasedir": "fd.ctx"}


def give(module: str, volume: str, methods: list[Method]) -> None:
    """Says of each method that will never be called why not."""
    mine = [method for method in methods if method.name in _OF_CONTEXTS]
    if not mine or any("ctx" in _names(code) for code in _codes(module)):
        return
    for method in mine:
        context = _OF_CONTEXTS[method.name]
        text = (
            f"{method.place} is called for what has a context, and nothing here sets {context}: "
            "it will not be called"
        )
        _gluster.log(log.WARNING, method.file, method.line, method.name, text, volume)


def _codes(module: str) -> Iterator[CodeType]:
    """The code of all functions and methods of a module and its submodules."""
    for name, loaded in list(sys.modules.items()):
        if name != module and not name.startswith(module + "."):
            continue
        for value in list(vars(loaded).values()):
            if not inspect.isclass(value):
                yield from _code(value)
                continue
            for each in list(vars(value).values()):
                yield from _code(getattr(each, "__func__", each))


def _code(function: object) -> Iterator[CodeType]:
    if callable(function):
        code = getattr(inspect.unwrap(function), "__code__", None)
        if isinstance(code, CodeType):
            yield from _nested(code)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _names(code: CodeType) -> tuple[object, ...]:
    """What it has as attributes, or as their names for ``setattr``."""
    return code.co_names + code.co_consts
