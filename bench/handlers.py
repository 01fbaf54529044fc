"""Translators as people write them, for some fops: their source, made from the model.

The text is written as by hand, with a name for each argument: `*args` would cost more.
"""

from __future__ import annotations

from collections.abc import Iterable

from course.generate import Fop, Param

# What a handler that reads does with an argument: one field, one key, one byte, all names.
READS = {
    "loc": "{0}.name",
    "inode": "{0}.ia_type",
    "fd": "{0}.flags",
    "iatt": "{0}.ia_size",
    "dict": "len({0})",
    "iovec": "{0}[0][0]",
    "dirents": "for entry in {0}: entry.d_name",
}
# What is intercepted, in which form, and whether what comes is read.
CLASSES = ("Nothing", "Fop", "FopLong", "FopRead", "Both", "BothLong", "BothRead")
COROUTINES = ("Coroutine", "CoroutineRead")


def _reads(params: Iterable[Param], prefix: str = "") -> list[str]:
    return [READS[p.kind].format(prefix + p.name) for p in params if p.kind in READS]


def _method(name: str, params: Iterable[str], body: Iterable[str], start: str = "def") -> str:
    lines = [f"    {start} {name}({', '.join(params)}):", *(f"        {line}" for line in body)]
    return "\n".join(lines) + "\n"


def _fop(fop: Fop, long: bool, read: bool) -> str:
    names = [p.name for p in fop.args]
    wind = f"{fop.name}_wind({', '.join(['frame', *names])})" if long else "frame.wind()"
    body = [*(_reads(fop.args) if read else []), wind]
    return _method(f"{fop.name}_fop", ["self", "frame", "this", *names], body)


def _cbk(fop: Fop, long: bool, read: bool) -> str:
    names = [p.name for p in fop.cbk_args]
    values = ", ".join(["frame", "op_ret", "op_errno", *names])
    unwind = f"{fop.name}_unwind({values})" if long else "frame.unwind()"
    body = [*(_reads(fop.cbk_args) if read else []), unwind]
    taken = ["self", "frame", "cookie", "this", "op_ret", "op_errno", *names]
    return _method(f"{fop.name}_cbk", taken, body)


def _coroutine(fop: Fop, read: bool) -> str:
    names = [p.name for p in fop.args]
    body = ["return await frame.wind()"]
    if read:
        body = [
            *_reads(fop.args), "reply = await frame.wind()", *_reads(fop.cbk_args, "reply."),
            "return reply",
        ]  # fmt: skip
    return _method(f"{fop.name}_fop", ["self", "frame", "this", *names], body, "async def")


def source(fops: Iterable[Fop], coroutines: bool) -> str:
    """A module with a class for each of CLASSES, and, if told, of COROUTINES."""
    fops = list(fops)
    imported = ["Translator", *(f"{f.name}_{way}" for f in fops for way in ("wind", "unwind"))]
    parts = [f"from gluster import {', '.join(imported)}\n"]
    for name in (*CLASSES, *(COROUTINES if coroutines else ())):
        long, read = name.endswith("Long"), name.endswith("Read")
        methods = []
        if name.startswith(("Fop", "Both")):
            methods += [_fop(f, long, read) for f in fops]
        if name.startswith("Both"):
            methods += [_cbk(f, long, read) for f in fops]
        if name.startswith("Coroutine"):
            methods += [_coroutine(f, read) for f in fops]
        parts.append(f"class {name}(Translator):\n" + ("\n".join(methods) or "    pass\n"))
    return "\n\n".join(parts)
