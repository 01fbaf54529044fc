"""What C and what ctypes say of a structure: sizes, offsets, bitfields.

`program()` writes a C program out of the Python structures. Its output has the same form
as `layout()`, which asks ctypes: a line for each fact.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Structure = type[ctypes.Structure] | type[ctypes.Union]


@dataclass(frozen=True)
class Member:
    """A member at any depth that C can name: `stats[0].total` of `xlator_t`."""

    path: str
    offset: int
    ctype: Any
    bits: int | None = None

    @property
    def sized(self) -> bool:
        """A bitfield has no size of its own, and an array of any length has none."""
        return self.bits is None and ctypes.sizeof(self.ctype) > 0


def structures(module: ModuleType) -> dict[str, Structure]:
    """The structures that have a name in C and members that ctypes knows, by this name."""
    found = {}
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, ctypes.Structure | ctypes.Union):
            name = re.fullmatch(r"The C (?:structure|union) `(.+)`\.", value.__doc__ or "")
            fields: Any = getattr(value, "_fields_", [])
            if name and fields and fields[0][0] != "memory":
                found[name[1]] = value
    return found


def members(structure: Structure, path: str = "", offset: int = 0) -> Iterator[Member]:
    """The members, and those of members whose structure has no name in C."""
    anonymous = getattr(structure, "_anonymous_", ())
    fields: Any = structure._fields_
    for name, ctype, *bits in fields:
        at = offset + getattr(structure, name).offset
        if name in anonymous:
            yield from members(ctype, path, at)
            continue
        yield Member(path + name, at, ctype, bits[0] if bits else None)
        element: Any = ctype
        index = ""
        while issubclass(element, ctypes.Array):
            element, index = element._type_, f"{index}[0]"
        if "without a name" in (element.__doc__ or ""):
            yield from members(element, f"{path}{name}{index}.", at)


def layout(name: str, structure: Structure) -> Iterator[str]:
    """The facts, as ctypes has them."""
    yield f"{name}: {ctypes.sizeof(structure)} {ctypes.alignment(structure)}"
    for member in members(structure):
        if member.bits is None:
            size = ctypes.sizeof(member.ctype) if member.sized else "-"
            yield f"{name}.{member.path}: {member.offset} {size}"


def bitfields(structure: Structure) -> list[Member]:
    """The bitfields at any depth."""
    return [member for member in members(structure) if member.bits is not None]


def program(module: ModuleType) -> str:
    """A C program that prints the same facts, and memory with each bitfield set alone."""
    lines = []
    for name, structure in structures(module).items():
        lines.append(f'printf("{name}: %zu %zu\\n", sizeof({name}), _Alignof({name}));')
        for member in members(structure):
            path = member.path
            if member.bits is not None:
                lines.append(
                    f"{{ {name} all; memset(&all, 0, sizeof all); all.{path} = -1;"
                    f' print_bytes("{name}.{path}", &all, sizeof all); }}'
                )
                continue
            size, value = "-", ""
            if member.sized:
                size, value = "%zu", f", sizeof((({name} *)0)->{path})"
            lines.append(
                f'printf("{name}.{path}: %zu {size}\\n", offsetof({name}, {path}){value});'
            )
    body = "\n    ".join(lines)
    return f"""\
#include "gf.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void print_bytes(const char *what, const void *memory, size_t size)
{{
    printf("%s: ", what);
    for (size_t i = 0; i < size; i++)
        printf("%02x", ((const unsigned char *)memory)[i]);
    printf("\\n");
}}

int main(void)
{{
    {body}
    return 0;
}}
"""
