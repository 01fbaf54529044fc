"""gluster.pyi says of the native classes what they are, no more and no less."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import _gluster

import gluster
from properties.asking import Stage, check

STUB = Path(__file__).parents[2] / "python/gluster.pyi"
# What Python's protocols call; every class has other names with underscores.
PROTOCOLS = {
    f"__{name}__"
    for name in (
        "len", "getitem", "setitem", "delitem", "contains", "iter", "bytes", "bool", "eq", "hash",
    )
}  # fmt: skip


def members(node: ast.ClassDef) -> dict[str, list[ast.FunctionDef]]:
    """The names of a class in the stub; a property may have two definitions."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            found.setdefault(item.name, []).append(item)
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found.setdefault(item.target.id, [])
    return found


def decorated(function: ast.FunctionDef, word: str) -> bool:
    return any(word in ast.unparse(decorator) for decorator in function.decorator_list)


def native(cls: type) -> set[str]:
    """The names that a class has at run time, those of protocols as far as they mean something."""
    names = {name for name in vars(cls) if not name.startswith("_")}
    for name in PROTOCOLS & set(vars(cls)):
        if name not in ("__eq__", "__hash__") or "__eq__" in vars(cls):
            names.add(name)
    return names


def parameters(function: ast.FunctionDef) -> list[tuple[str, bool]]:
    """Names, and whether they may be left out; without self."""
    a = function.args
    plain = [*a.posonlyargs, *a.args]
    optional = [False] * (len(plain) - len(a.defaults)) + [True] * len(a.defaults)
    found = [(arg.arg, may) for arg, may in zip(plain, optional, strict=True)]
    if not decorated(function, "staticmethod"):
        found = found[1:]
    if a.vararg:
        found.append(("*" + a.vararg.arg, True))
    found += [
        (arg.arg, default is not None)
        for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True)
    ]
    if a.kwarg:
        found.append(("**" + a.kwarg.arg, True))
    return found


def signature(function: Any) -> list[tuple[str, bool]]:
    marks: dict[object, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    return [
        (
            marks.get(p.kind, "") + p.name,
            p.kind in marks or p.default is not inspect.Parameter.empty,
        )
        for p in inspect.signature(function).parameters.values()
        if p.name not in ("self", "slf", "cls")
    ]


def writable(instance: Any, name: str) -> bool:
    """Whether the property has a setter, which refuses what it is given."""
    try:
        setattr(instance, name, object())
    except AttributeError:
        return False
    except TypeError:
        return True
    return True


def differences(stage: Stage) -> Iterator[str]:
    tree = ast.parse(STUB.read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    instances = {
        type(value).__name__: value
        for value in (
            stage.frame, stage.root, stage.fd, stage.root.table, gluster.Gfid(bytes(16)),
            gluster.Loc(), gluster.Iatt(), gluster.Dict(), gluster.Dirent("a"), gluster.Dirents(),
            gluster.Iovec(b""), gluster.Iovec(b"").iobref, gluster.Flock(), gluster.Lease(),
            gluster.Statvfs(), gluster.LockList(),
        )
    }  # fmt: skip
    for name, cls in vars(_gluster).items():
        if (
            not isinstance(cls, type)
            or issubclass(cls, BaseException)
            or name in ("Handle", "Buffer")
        ):
            continue
        if name not in classes:
            yield f"{name}: not in the stub"
            continue
        stub = members(classes[name])
        has = native(cls)
        if cls is gluster.Reply:
            has.remove("replace")  # the stub has it in each fop's class, with its values
        unhashable = cls.__hash__ is None
        if unhashable != ("__hash__" in stub and not stub["__hash__"]):
            yield f"{name}.__hash__ is {cls.__hash__}"
        told = {n for n in stub if not n.startswith("_") or n in PROTOCOLS} - {"__hash__"}
        if issubclass(cls, Sequence):
            has.add("__iter__")  # by __getitem__ and __len__
            has -= set(vars(Sequence)) - told  # which the stub inherits
        for missing in has - {"__hash__"} - told:
            yield f"{name}.{missing}: not in the stub"
        inherited = {n for n in told - has if hasattr(cls.__base__, n)}
        for missing in told - has - inherited:
            yield f"{name}.{missing}: only in the stub"
        if not inspect.getdoc(cls):
            yield f"{name}: no docstring"
        for member in sorted(told & has - PROTOCOLS):
            definitions = stub[member]
            if not definitions:
                continue
            attribute = vars(cls)[member]
            is_property = inspect.isdatadescriptor(attribute)
            if is_property != decorated(definitions[0], "property"):
                yield f"{name}.{member}: property in one of both"
            elif is_property:
                settable = any(decorated(d, ".setter") for d in definitions)
                if name in instances and settable != writable(instances[name], member):
                    yield f"{name}.{member}: {'no ' if settable else ''}setter"
            elif parameters(definitions[0]) != signature(getattr(cls, member)):
                yield (
                    f"{name}.{member}{inspect.signature(getattr(cls, member))}:"
                    f" {ast.unparse(definitions[0].args)} in the stub"
                )
            if not (getattr(cls, member).__doc__ or "").strip() and not is_property:
                yield f"{name}.{member}: no docstring"
        if issubclass(cls, gluster.Reply):
            continue  # its constructor looks at the fop's values itself
        if "__init__" in stub:
            has_signature = signature(cls)
            if has_signature[-1:] != [("**fields", True)]:  # a keyword for each field
                if has_signature != parameters(stub["__init__"][0]):
                    yield f"{name}{inspect.signature(cls)}: another __init__ in the stub"
            else:
                keywords = [n for n, _ in parameters(stub["__init__"][0])][1:]
                fields = [n for n in told & has if n not in PROTOCOLS | {"copy"}]
                if name in instances:  # what only tells can not be given
                    fields = [n for n in fields if writable(instances[name], n)]
                if sorted(keywords) != sorted(fields):
                    yield f"{name}: fields {set(keywords) ^ set(fields)}"
        elif name in instances and name not in ("Frame", "Inode", "InodeTable", "Fd", "Iobref"):
            yield f"{name}: no __init__ in the stub"

    top = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            top.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            top |= {alias.asname for alias in node.names if alias.asname}
    public = {name for name in top if not name.startswith("_")}
    exported = set(vars(gluster)["__all__"])
    for name in exported - public:
        yield f"{name}: in gluster.__all__, not in the stub"
    for name in public - exported:
        if name.rpartition("_")[0] not in gluster.FOPS and not name.endswith(("_fop_t", "_cbk_t")):
            yield f"{name}: in the stub, not in gluster.__all__"
    for name in exported:
        if not hasattr(gluster, name):
            yield f"{name}: in gluster.__all__ only"
        elif hasattr(builtins, name):
            yield f"{name}: hides what Python has"


@check
def stubs_are_right(stage: Stage) -> None:
    found = list(differences(stage))
    assert not found, "\n".join(["", *found])
