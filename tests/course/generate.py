#!/usr/bin/python3
"""Write the C of the course that depends on the list of fops.

    generate.py MODEL DIRECTORY

MODEL is what `cargo codegen model` prints; into DIRECTORY go

    rows.inc    every fop with its parameters, their kinds and seeds;
                every pair of parameters that a mistake could swap
    driver.inc  a wind and a checking callback per fop (real STACK_WIND)
    leaf.inc    a checking fop and an answer per fop (real STACK_UNWIND_STRICT)
    pass.inc    a C pass-through of both, which can commit each of the swaps
    witness.inc a C pass-through of both, which describes what it sees

No fop is named here: what the schema has is what the course has.
"""

import json
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

# A seed and the few after it belong to one value (a loc has two inodes).
SEEDS_PER_VALUE = 4

SCALARS = {"i32", "u32", "i64", "u64", "count"}


@dataclass(frozen=True)
class Param:
    name: str
    c_type: str
    kind: str
    seed: int

    @property
    def declaration(self) -> str:
        return self.c_type + ("" if self.c_type.endswith("*") else " ") + self.name

    @property
    def scalar(self) -> bool:
        return self.kind in SCALARS


@dataclass(frozen=True)
class Fop:
    name: str
    row: int
    seed: int
    op_ret: str  # status, bytes or entries
    args: tuple[Param, ...]
    cbk_args: tuple[Param, ...]


@dataclass(frozen=True)
class Mutation:
    fop: Fop
    direction: str  # "fop" or "cbk"
    a: int
    b: int


def load(path: Path) -> list[Fop]:
    """The fops of the model, with a seed for everything that needs one."""
    numbers = iter(range(1, 1 << 20))

    def seed() -> int:
        return SEEDS_PER_VALUE * next(numbers)

    def params(raw: list[dict[str, Any]]) -> tuple[Param, ...]:
        lengths = {r["vector"]["length"] for r in raw if r["vector"]}  # by position
        return tuple(
            Param(r["name"], r["c_type"], "count" if i in lengths else r["kind"], seed())
            for i, r in enumerate(raw)
        )

    return [
        Fop(
            f["name"],
            row,
            seed(),
            f["op_ret"],
            params(f["args"]),
            params(f["cbk_args"]),
        )
        for row, f in enumerate(json.loads(path.read_text())["fops"])
    ]


def mutations(fops: list[Fop]) -> list[Mutation]:
    """Every two parameters that can be swapped and still compile."""
    return [
        Mutation(fop, direction, a, b)
        for fop in fops
        for direction, params in (("fop", fop.args), ("cbk", fop.cbk_args))
        for (a, p), (b, q) in combinations(enumerate(params), 2)
        if p.kind == q.kind or (p.scalar and q.scalar)
    ]


def rows_inc(fops: list[Fop]) -> str:
    def params(ps: tuple[Param, ...]) -> str:
        return "{" + ", ".join(f'{{"{p.name}", K_{p.kind.upper()}, {p.seed}}}' for p in ps) + "}"

    rows = "".join(
        f'    {{"{f.name}", SLOT({f.name}), {f.op_ret.upper()}, {f.seed}, '
        f"{{{len(f.args)}, {len(f.cbk_args)}}},\n"
        f"     {{{params(f.args)},\n      {params(f.cbk_args)}}}}},\n"
        for f in fops
    )
    swaps = "".join(
        f"    {{{m.fop.row}, {'DOWN' if m.direction == 'fop' else 'UP'}, {m.a}, {m.b}}},\n"
        for m in mutations(fops)
    )
    return (
        "/* The position in the table is the fop's GF_FOP_ number. */\n"
        "#define SLOT(fop) (offsetof(struct xlator_fops, fop) / sizeof(void *) + 1)\n\n"
        f"const row_t course_rows[] = {{\n{rows}}};\n"
        f"const int course_rows_len = {len(fops)};\n\n"
        f"const mutation_t course_mutations[] = {{\n{swaps}}};\n"
        f"const int course_mutations_len = {len(mutations(fops))};\n"
    )


def signature(head: str, params: tuple[Param, ...]) -> str:
    return ", ".join([head, *(p.declaration for p in params)])


CALL = "call_frame_t *frame, xlator_t *this"
BACK = "call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret, int32_t op_errno"


def values(params: tuple[Param, ...]) -> str:
    """The parameters as they come out of an array of value_t."""
    return "".join(f", v[{i}].{'number' if p.scalar else 'pointer'}" for i, p in enumerate(params))


def checks(fop: Fop, direction: str, params: tuple[Param, ...]) -> str:
    return "".join(
        f"        course_check({fop.row}, {direction}, {i}, "
        f"{'NUMBER' if p.scalar else 'POINTER'}({p.name}));\n"
        for i, p in enumerate(params)
    )


def driver_inc(fops: list[Fop]) -> str:
    text = ""
    for f in fops:
        text += f"""
static int32_t
driver_{f.name}_cbk({signature(BACK, f.cbk_args)})
{{
    if (course_checking) {{
        check_back({f.row}, frame, cookie, this, op_ret, op_errno);
{checks(f, "UP", f.cbk_args)}    }}
    return answered(frame, op_ret, op_errno);
}}

static void
wind_{f.name}(call_frame_t *frame, xlator_t *child, const value_t *v)
{{
    STACK_WIND_COOKIE(frame, driver_{f.name}_cbk, COOKIE({f.row}), child,
                      child->fops->{f.name}{values(f.args)});
}}
"""
    winds = "".join(f"    wind_{f.name},\n" for f in fops)
    return f"{text}\nstatic const wind_t winds[] = {{\n{winds}}};\n"


def leaf_inc(fops: list[Fop]) -> str:
    text = ""
    for f in fops:
        text += f"""
static void
answer_{f.name}(call_frame_t *frame, const list_t *with)
{{
    const value_t *v = with->values;
    STACK_UNWIND_STRICT({f.name}, frame, with->op_ret, with->op_errno{values(f.cbk_args)});
}}

static int32_t
leaf_{f.name}({signature(CALL, f.args)})
{{
    if (course_checking) {{
        course_check_frame({f.row}, DOWN, frame, this);
{checks(f, "DOWN", f.args)}    }}
    return answer({f.row}, frame, answer_{f.name});
}}
"""
    table = "".join(f"    .{f.name} = leaf_{f.name},\n" for f in fops)
    return f"{text}\nstatic struct xlator_fops leaf_fops = {{\n{table}}};\n"


def pass_inc(fops: list[Fop]) -> str:
    swaps = list(enumerate(mutations(fops)))

    def names(params: tuple[Param, ...], swap: tuple[int, int] | None = None) -> str:
        order = [p.name for p in params]
        if swap:
            a, b = swap
            order[a], order[b] = order[b], order[a]
        return "".join(f", {n}" for n in order)

    def body(f: Fop, direction: str, params: tuple[Param, ...], macro: str) -> str:
        cases = "".join(
            f"        case {n}: /* {params[m.a].name} and {params[m.b].name} swapped */\n"
            f"            {macro}{names(params, (m.a, m.b))});\n"
            f"            return 0;\n"
            for n, m in swaps
            if m.fop is f and m.direction == direction
        )
        chosen = f"    switch (course_mutation) {{\n{cases}    }}\n" if cases else ""
        return f"{chosen}    {macro}{names(params)});\n    return 0;\n"

    text = ""
    for f in fops:
        unwind = f"STACK_UNWIND_STRICT({f.name}, frame, op_ret, op_errno"
        child = "FIRST_CHILD(this)"
        wind = f"STACK_WIND(frame, pass_{f.name}_cbk, {child}, {child}->fops->{f.name}"
        text += f"""
static int32_t
pass_{f.name}_cbk({signature(BACK, f.cbk_args)})
{{
{body(f, "cbk", f.cbk_args, unwind)}}}

static int32_t
pass_{f.name}({signature(CALL, f.args)})
{{
{body(f, "fop", f.args, wind)}}}
"""
    table = "".join(f"    .{f.name} = pass_{f.name},\n" for f in fops)
    return f"{text}\nstatic struct xlator_fops pass_fops = {{\n{table}}};\n"


def witness_inc(fops: list[Fop]) -> str:
    def describe(params: tuple[Param, ...]) -> str:
        text = ""
        for p in params:
            text += f'        fputs(", \\"{p.name}\\": ", f);\n'
            if p.scalar:
                form, c_type = ("PRIu64", "uint64_t") if p.kind == "u64" else ("PRId64", "int64_t")
                text += f'        fprintf(f, "%" {form}, ({c_type}){p.name});\n'
            elif p.kind == "iovec":
                length = next(q.name for q in params if q.kind == "count")
                text += f"        say_iovec(f, {p.name}, {length});\n"
            else:
                text += f"        say_{p.kind}(f, {p.name});\n"
        return text

    def names(params: tuple[Param, ...]) -> str:
        return "".join(f", {p.name}" for p in params)

    text = ""
    for f in fops:
        text += f"""
static int32_t
witness_{f.name}_cbk({signature(BACK, f.cbk_args)})
{{
    if (watching) {{
        FILE *f = begin(UP, "{f.name}");
        fprintf(f, ", \\"op_ret\\": %d, \\"op_errno\\": %d", op_ret, op_errno);
{describe(f.cbk_args)}        end(f);
    }}
    STACK_UNWIND_STRICT({f.name}, frame, op_ret, op_errno{names(f.cbk_args)});
    return 0;
}}

static int32_t
witness_{f.name}({signature(CALL, f.args)})
{{
    passed++;
    stack = frame->root;
    if (watching) {{
        FILE *f = begin(DOWN, "{f.name}");
{describe(f.args)}        end(f);
    }}
    STACK_WIND(frame, witness_{f.name}_cbk, FIRST_CHILD(this),
               FIRST_CHILD(this)->fops->{f.name}{names(f.args)});
    return 0;
}}
"""
    table = "".join(f"    .{f.name} = witness_{f.name},\n" for f in fops)
    return f"{text}\nstatic struct xlator_fops witness_fops = {{\n{table}}};\n"


def generate(model: Path, directory: Path) -> list[Fop]:
    fops = load(model)
    for emit in rows_inc, driver_inc, leaf_inc, pass_inc, witness_inc:
        name = emit.__name__.replace("_inc", ".inc")
        text = f"/* Generated by tests/course/generate.py; do not edit. */\n{emit(fops)}"
        path = directory / name
        # Left as it is when it says the same: what is made of it is not made again.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    return fops


if __name__ == "__main__":
    generate(Path(sys.argv[1]), Path(sys.argv[2]))
