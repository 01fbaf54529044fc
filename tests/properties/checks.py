"""What is checked of values that are made in Python; runs inside a glusterfs process.

A check gets a `Stage`: `ask` makes a request at `above`, which passes the witness and is
answered by `below`, and tells what each of them has seen. Names that begin with "random_"
are properties, checked by hypothesis with values of its choice.
"""

from __future__ import annotations

import array
import ctypes
import errno
import gc
import json
import os
import stat
import struct
import sys
import threading
import types
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gluster
from course.values import FLOCK, IATT, STATVFS
from gluster import (
    FOPS,
    Dict,
    DictType,
    Dirent,
    Dirents,
    Fd,
    Flock,
    Frame,
    Gfid,
    Iatt,
    IaType,
    Inode,
    Iovec,
    Lease,
    Loc,
    LockList,
    Statvfs,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

Json = Any
CHECKS: dict[str, Callable[[Stage], dict[str, Any]]] = {}
CURRENT: list[Stage] = []


def run(name: str, frame: Frame, loc: Loc, witness: str) -> dict[str, Any]:
    """What a check has to report; an exception if it fails."""
    stage = Stage(frame, loc, witness)
    CURRENT[:] = [stage]
    try:
        return CHECKS[name](stage)
    finally:
        CURRENT.clear()


def serving() -> Stage | None:
    """The check whose request this is."""
    stage = CURRENT[0] if CURRENT else None
    return stage if stage and stage.thread == threading.get_ident() else None


# -- requests -------------------------------------------------------------------------------


@dataclass
class Seen:
    """One request, as everybody has seen it."""

    request: dict[str, Any]  # by `below`
    answer: dict[str, Any]  # by `above`
    op_ret: int
    op_errno: int
    down: Json  # by the witness
    up: Json


class Stage:
    """Makes requests of the frame that a lookup has left here."""

    def __init__(self, frame: Frame, loc: Loc, witness: str) -> None:
        self.thread = threading.get_ident()
        self.frame = frame
        self.loc = loc
        assert loc.parent is not None
        self.root: Inode = loc.parent
        self.fd = Fd.anonymous(self.root)
        self.witness = ctypes.CDLL(witness)
        self.witness.witness_said.restype = ctypes.c_char_p
        self.witness.witness_passed.restype = ctypes.c_int64
        self.reply: dict[str, Any] = {}
        self.reply_op_ret: int | None = None
        self.request: dict[str, Any] = {}
        self.refused: Exception | None = None
        self.shared = Dict()

    def default(self, arg: gluster.Arg) -> Any:
        """Any value of a type."""
        kind = arg.python.split(" ")[0]
        values: dict[str, Callable[[], Any]] = {
            "int": lambda: 0,
            "str": lambda: "text",
            "bytes": lambda: bytes(32),
            "Loc": lambda: Loc("/name", inode=self.root, parent=self.root),
            "Inode": lambda: self.root,
            "Fd": lambda: self.fd,
            "Iovec": lambda: Iovec(b"data"),
            "Iatt": Iatt,
            "Dict": Dict,
            "Flock": Flock,
            "Lease": Lease,
            "Statvfs": Statvfs,
            "Dirents": Dirents,
            "LockList": LockList,
        }
        return values[kind]() if kind in values else None

    def arguments(self, fop: gluster.Fop, given: dict[str, Any]) -> list[Any]:
        values = {a.name: given.get(a.name, self.default(a)) for a in fop.args}
        vectors = [v for v in values.values() if isinstance(v, Iovec)]
        if vectors and "count" not in given:
            values["count"] = len(vectors[0])
        return [values[a.name] for a in fop.args]

    def ask(
        self,
        name: str,
        request: dict[str, Any] | None = None,
        reply: dict[str, Any] | None = None,
        op_ret: int | None = None,
        look: bool = True,
    ) -> Seen:
        """Make a request; `reply` is what `below` answers, `op_ret` counted unless given."""
        fop = FOPS[name]
        self.reply, self.reply_op_ret, self.refused = reply or {}, op_ret, None
        self.witness.witness_watch(look)
        wind = getattr(gluster, f"{name}_wind")
        wind(self.frame, *self.arguments(fop, request or {}), cookie=self)
        self.witness.witness_sweep()
        down, up = (self.witness.witness_said(i) for i in (0, 1)) if look else (b"0", b"0")
        answer, self.answer = self.answer, ()
        asked, self.request = self.request, {}
        return Seen(
            asked,
            {a.name: v for a, v in zip(fop.cbk_args, answer, strict=True)},
            *self.status,
            json.loads(down or b"null"),
            json.loads(up or b"null"),
        )

    def serve(self, fop: gluster.Fop, frame: Frame, values: tuple[Any, ...]) -> None:
        """Answers, for `below`."""
        self.request = {a.name: v for a, v in zip(fop.args, values, strict=True)}
        vector = any(a.python.startswith("Iovec") for a in fop.cbk_args)
        reply = {
            a.name: self.reply.get(a.name, self.default(a))
            for a in fop.cbk_args
            if a.name in self.reply or not (vector and a.name in ("count", "iobref"))
        }
        try:
            if self.reply_op_ret is None:
                frame.unwind(**reply)
            else:
                frame.unwind(self.reply_op_ret, 0, **reply)
        except (TypeError, ValueError, OverflowError) as error:
            self.refused = error
            frame.unwind(-1, errno.EDOM)

    def answered(
        self, fop: gluster.Fop, op_ret: int, op_errno: int, values: tuple[Any, ...]
    ) -> None:
        """Takes the answer, for `above`."""
        self.status = op_ret, op_errno
        self.answer: tuple[Any, ...] = values


def check(function: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
    """Registers a check under its name."""

    def report(stage: Stage) -> dict[str, Any]:
        return function(stage) or {}

    CHECKS[function.__name__] = report
    return function


def forall(
    *strategies: st.SearchStrategy[Any], examples: Iterable[tuple[Any, ...]] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a property of random values."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def report(stage: Stage) -> dict[str, Any]:
            count = 0

            def once(values: tuple[Any, ...]) -> None:
                nonlocal count
                count += 1
                function(stage, *values)

            test = given(st.tuples(*strategies))(once)
            for values in examples:
                test = example(values)(test)
            settings(
                max_examples=150,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )(test)()
            return {"examples": count}

        CHECKS[function.__name__] = report
        return function

    return register


def equal(got: Any, expected: Any) -> None:
    assert got == expected, f"{got!r}, not {expected!r}"


# -- random values, and how C keeps them ----------------------------------------------------


def integers(size: int, signed: bool) -> st.SearchStrategy[int]:
    bits = 8 * size
    if signed:
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    return st.integers(0, (1 << bits) - 1)


U32, U64 = integers(4, False), integers(8, False)
I64 = integers(8, True)
GFIDS = st.binary(min_size=16, max_size=16)
# What a file name, a key or a string can be: any bytes but NUL.
STRINGS = st.one_of(st.text(st.characters(codec="utf-8")).map(os.fsencode), st.binary()).map(
    lambda raw: os.fsdecode(raw.replace(b"\0", b""))
)
KEYS = STRINGS.filter(bool)
NAMES = STRINGS.map(lambda text: text.replace("/", "")).filter(bool)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))


def fields(table: list[tuple[str, int, bool]]) -> dict[str, st.SearchStrategy[Any]]:
    return {name: integers(size, signed) for name, size, signed in table}


IATTS = st.fixed_dictionaries(
    fields(IATT)
    | {"ia_gfid": GFIDS, "ia_type": st.sampled_from(IaType), "ia_prot": st.integers(0, 0o7777)}
)
STATVFSES = st.fixed_dictionaries(fields(STATVFS))
FLOCKS = st.fixed_dictionaries(fields(FLOCK) | {"l_owner": st.binary(max_size=1024)})
LEASES = st.fixed_dictionaries(
    {
        "cmd": U32,
        "lease_type": U32,
        "lease_flags": U32,
        "lease_id": st.binary(min_size=16, max_size=16),
    }
)
PLAIN_VALUES = st.one_of(
    st.binary(max_size=300),
    STRINGS,
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_subnormal=False),
    GFIDS.map(Gfid),
    IATTS.map(lambda values: Iatt(**values)),
)
DICTS = st.dictionaries(KEYS, PLAIN_VALUES, max_size=8)


def raw(table: list[tuple[str, int, bool]], values: dict[str, Any]) -> dict[str, str]:
    """Numbers as they are in memory."""
    return {
        name: int(values[name]).to_bytes(size, "little", signed=signed).hex()
        for name, size, signed in table
    }


def raw_iatt(values: dict[str, Any]) -> dict[str, str]:
    # suid, sgid, sticky; then read, write, exec of owner, group, other: from bit 0 up
    bits = [values["ia_prot"] >> 11 - i & 1 for i in range(12)]
    prot = bytes(sum(bits[3 * n + i] << i for i in range(3)) for n in range(4))
    return raw(IATT, values) | {
        "ia_gfid": values["ia_gfid"].hex(),
        "ia_type": int(values["ia_type"]).to_bytes(4, "little").hex(),
        "ia_prot": prot.hex(),
    }


def raw_flock(values: dict[str, Any]) -> dict[str, Any]:
    return {"fields": raw(FLOCK, values), "l_owner": values["l_owner"].hex()}


def raw_lease(values: dict[str, Any]) -> dict[str, str]:
    numbers = [(name, 4, False) for name in ("cmd", "lease_type", "lease_flags")]
    return raw(numbers, values) | {"lease_id": values["lease_id"].hex()}


def raw_text(text: str | None) -> str | None:
    return None if text is None else os.fsencode(text).hex()


def attributes(value: Any, names: Iterable[str]) -> dict[str, Any]:
    """What Python reads of a structure; gfids as bytes."""
    read = {name: getattr(value, name) for name in names}
    return {name: v.bytes if isinstance(v, Gfid) else v for name, v in read.items()}


def iatt_of(iatt: Iatt) -> dict[str, Any]:
    return attributes(iatt, [*(name for name, *_ in IATT), "ia_gfid", "ia_type", "ia_prot"])


def pair_of(value: Any) -> tuple[int, str | None, Any]:
    """Type, bytes and what a typed function reads of a dict's value; None: look elsewhere."""
    if isinstance(value, Gfid):
        return DictType.GFUUID, value.bytes.hex(), value.bytes.hex()
    if isinstance(value, Iatt):
        return DictType.IATT, None, raw_iatt(iatt_of(value))
    if isinstance(value, int):
        text = b"%d\0" % value
        kind = DictType.INT if value < 1 << 63 else DictType.UINT
        return kind, text.hex(), int(value)
    if isinstance(value, float):
        return DictType.DOUBLE, None, value
    if isinstance(value, str):
        return DictType.STR, os.fsencode(value).hex() + "00", raw_text(value)
    return DictType.PTR, bytes(value).hex(), None


def same_dict(said: Json, expected: dict[str, Any]) -> None:
    """The witness's view of a dict."""
    pairs = {key: rest for key, *rest in said["pairs"][1:]}
    equal(set(pairs), {os.fsencode(key).hex() for key in expected})
    for key, value in expected.items():
        kind, data, typed = pair_of(value)
        got_kind, got_data, got_typed = pairs[os.fsencode(key).hex()]
        if isinstance(typed, float):
            got_typed = float.fromhex(got_typed)
        equal((got_kind, got_typed), (int(kind), typed))
        assert data in (None, got_data), (key, value, got_data)


def normal(values: dict[str, Any]) -> dict[bytes, Any]:
    """With strings as bytes: "\\udcc3\\udca9" and "é" are the same name."""
    return {
        os.fsencode(key): (str, os.fsencode(value)) if isinstance(value, str) else value
        for key, value in values.items()
    }


# -- properties -----------------------------------------------------------------------------


def scalars(args: Iterable[gluster.Arg]) -> Iterator[tuple[str, st.SearchStrategy[Any], int]]:
    """The numbers and strings among arguments, with their size in C."""
    for a in args:
        if a.python.startswith("str"):
            yield a.name, STRINGS, 0
        elif a.python == "int" and a.name != "count":
            signed = a.ctype(-1).value < 0
            yield a.name, integers(ctypes.sizeof(a.ctype), signed), ctypes.sizeof(a.ctype)


@forall(st.sampled_from(sorted(FOPS)), st.data())
def random_numbers_and_strings(stage: Stage, name: str, data: st.DataObject) -> None:
    fop = FOPS[name]
    request = {n: data.draw(s, n) for n, s, _ in scalars(fop.args)}
    reply = {n: data.draw(s, n) for n, s, _ in scalars(fop.cbk_args)}
    counted = fop.op_ret == "bytes" and any(a.python.startswith("str") for a in fop.cbk_args)
    seen = stage.ask(name, request, reply)
    assert stage.refused is None, stage.refused
    for asked, described, view in (
        (request, seen.down, seen.request),
        (reply, seen.up, seen.answer),
    ):
        for n, value in asked.items():
            if isinstance(value, str):
                equal(described[n], raw_text(value))
                equal(os.fsencode(view[n]), os.fsencode(value))
                if counted:
                    equal(seen.op_ret, len(os.fsencode(value)))
            else:
                equal((described[n], view[n]), (value, value))


@forall(GFIDS)
def random_gfid(stage: Stage, value: bytes) -> None:
    gfid, twin = Gfid(value), uuid.UUID(bytes=value)
    for form in (value, twin, str(twin), str(twin).upper(), twin.hex, gfid):
        made = Gfid(form)
        assert made == gfid
        assert hash(made) == hash(gfid)
        equal((made.bytes, bytes(made), str(made)), (value, value, str(twin)))
        equal(repr(made), f"Gfid('{twin}')")
    assert bool(gfid) is any(value)
    assert gfid != value
    assert eval(repr(gfid)) == gfid
    seen = stage.ask("access", {"loc": Loc("/x", inode=stage.root, gfid=gfid, pargfid=twin)})
    equal((seen.down["loc"]["gfid"], seen.down["loc"]["pargfid"]), (value.hex(), value.hex()))
    equal((seen.request["loc"].gfid, seen.request["loc"].pargfid), (gfid, gfid))


@forall(IATTS)
def random_iatt(stage: Stage, values: dict[str, Any]) -> None:
    made, field_by_field = Iatt(**values), Iatt()
    for name, value in values.items():
        setattr(field_by_field, name, value)
    assert made == field_by_field == Iatt(made) == made.copy()
    equal(iatt_of(made), values)
    seen = stage.ask(
        "setattr", {"stbuf": made}, {"preop_stbuf": made, "postop_stbuf": field_by_field}
    )
    equal(seen.down["stbuf"], raw_iatt(values))
    equal((seen.up["preop_stbuf"], seen.up["postop_stbuf"]), (raw_iatt(values),) * 2)
    equal(iatt_of(seen.request["stbuf"]), values)
    equal(iatt_of(seen.answer["postop_stbuf"]), values)
    # another one changed leaves this one alone
    copy = made.copy()
    copy.ia_size ^= 1
    assert copy != made
    made.st_mode = made.st_mode
    equal(iatt_of(made), values)


@forall(
    st.one_of(PATHS, st.none(), STRINGS), st.one_of(NAMES, st.none()), GFIDS, GFIDS,
    st.booleans(), st.booleans(), NAMES,
)  # fmt: skip
def random_loc(
    stage: Stage,
    path: str | None,
    name: str | None,
    gfid: bytes,
    pargfid: bytes,
    has_inode: bool,
    has_parent: bool,
    new_name: str,
) -> None:
    inode = stage.root if has_inode else None
    parent = stage.root if has_parent else None
    if path is not None:
        name = None
    loc = Loc(path, name=name, inode=inode, parent=parent, gfid=gfid, pargfid=pargfid)
    last = os.fsdecode(os.fsencode(path).rpartition(b"/")[2]) if path is not None else name

    def same(loc: Loc, path: str | None, name: str | None) -> None:
        equal((raw_text(loc.path), raw_text(loc.name)), (raw_text(path), raw_text(name)))
        equal((loc.gfid.bytes, loc.pargfid.bytes), (gfid, pargfid))
        equal((loc.inode, loc.parent), (inode, parent))

    same(loc, path, last)
    copy = loc.copy()
    same(copy, path, last)
    assert copy == loc
    if has_inode:
        seen = stage.ask("access", {"loc": loc})
        said = seen.down["loc"]
        equal((said["path"], said["name"]), (raw_text(path), raw_text(last)))
        equal((said["gfid"], said["pargfid"]), (gfid.hex(), pargfid.hex()))
        same(seen.request["loc"], path, last)
    copy.name = new_name
    same(loc, path, last)
    renamed = None
    if path is not None:
        renamed = os.fsdecode(os.path.join(os.fsencode(path).rpartition(b"/")[0], b""))
        if "/" in path:
            renamed = path.rpartition("/")[0] + "/"
        renamed += new_name
    same(copy, renamed, new_name)
    assert copy != loc or (raw_text(new_name) == raw_text(last))
    repr(copy)


@forall(DICTS, DICTS)
def random_dict(stage: Stage, down: dict[str, Any], up: dict[str, Any]) -> None:
    made = Dict(down)
    seen = stage.ask("stat", {"xdata": made}, {"xdata": Dict(up)})
    same_dict(seen.down["xdata"], down)
    same_dict(seen.up["xdata"], up)
    for got, expected in ((seen.request["xdata"], down), (seen.answer["xdata"], up)):
        equal(normal(dict(got)), normal(expected))
        equal(len(got), len(normal(expected)))
        # written again as it is read, nothing changes, not even a type
        types = {key: got.type(key) for key in got}
        for key in got:
            got[key] = got[key]
        equal({key: got.type(key) for key in got}, types)
        equal(normal(dict(got)), normal(expected))
    copy = made.copy()
    assert copy == made
    copy["added"] = 1
    assert "added" not in made or "added" in down
    repr(copy)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["set", "del", "pop", "pop default", "update", "setdefault", "clear", "copy", "popitem"]
        ),
        st.sampled_from(["a", "b", "c", "é\udcff", "trusted.x y\n", "=&%"]),
        PLAIN_VALUES,
        st.dictionaries(st.sampled_from("abcd"), PLAIN_VALUES, max_size=3),
    ),
    max_size=20,
)


@forall(OPERATIONS)
def random_dict_operations(stage: Stage, operations: list[tuple[str, str, Any, Any]]) -> None:
    """A Dict does what a dict does."""

    def outcome(action: Callable[[], Any]) -> Any:
        try:
            return action()
        except KeyError:
            return KeyError

    made, model = Dict(), dict[str, Any]()
    for what, key, value, several in operations:
        if what == "set":
            made[key] = model[key] = value
            if isinstance(value, int) and not isinstance(made[key], int):
                model[key] = float(value)  # it was a float, and stays one
        elif what == "del":
            equal(outcome(lambda: made.__delitem__(key)), outcome(lambda: model.__delitem__(key)))  # noqa: B023
        elif what == "pop":
            equal(outcome(lambda: made.pop(key)), outcome(lambda: model.pop(key)))  # noqa: B023
        elif what == "pop default":
            equal(made.pop(key, value), model.pop(key, value))
        elif what == "update":
            for each in several:
                made.pop(each, None)
            made.update(several)
            model.update(several)
        elif what == "setdefault":
            equal(made.setdefault(key, value), model.setdefault(key, value))
        elif what == "clear":
            made.clear()
            model.clear()
        elif what == "popitem" and model:
            taken, its_value = made.popitem()
            equal(model.pop(taken), its_value)
        else:
            made = made.copy()
        equal(made.get(key, "none"), model.get(key, "none"))
        equal(key in made, key in model)
        equal(normal(dict(made)), normal(model))
        equal(sorted(map(os.fsencode, made.keys())), sorted(map(os.fsencode, model)))
        assert made == model
        assert len(made) == len(made.items()) == len(made.values()) == len(list(made)) == len(model)


BUFFERS: list[Callable[[bytes], Any]] = [
    bytes,
    bytearray,
    memoryview,
    lambda data: memoryview(bytearray(data)),
    lambda data: array.array("B", data),
    lambda data: memoryview(b"".join(bytes([b, 0]) for b in data))[::2],
]
try:
    import numpy
except ImportError:
    pass
else:
    BUFFERS += [
        lambda data: numpy.frombuffer(data, numpy.uint8),
        lambda data: numpy.frombuffer(data, numpy.uint8).repeat(2)[::2],
    ]
PARTS = st.lists(st.tuples(st.sampled_from(BUFFERS), st.binary(max_size=5000)), max_size=6)


@forall(PARTS, PARTS, st.booleans(), examples=[([(bytes, b"")], [], True)])
def random_iovec(stage: Stage, down: Any, up: Any, as_list: bool) -> None:
    sent = [data for _, data in down]
    made = Iovec([form(data) for form, data in down])
    equal((len(made), made.nbytes), (len(sent), sum(map(len, sent))))
    stage.ask("writev", {"vector": made})
    answer = [form(data) for form, data in up]
    answered = [data for _, data in up]
    seen = stage.ask("writev", {"vector": made})
    equal(seen.down["vector"], [data.hex() for data in sent])
    equal(seen.down["count"], len(sent))
    equal([bytes(part) for part in seen.request["vector"]], sent)
    seen = stage.ask("readv", reply={"vector": answer if as_list else Iovec(answer)})
    assert stage.refused is None, stage.refused
    equal(seen.op_ret, sum(map(len, answered)))
    equal(seen.up["vector"], [data.hex() for data in answered])
    equal(seen.up["iobref"]["used"], 1)
    got = seen.answer["vector"]
    equal([bytes(got[i]) for i in range(len(got))], answered)
    equal(bytes(got), b"".join(answered))
    if answered:
        equal(bytes(got[-1]), answered[-1])
        assert got[0].readonly
    # a single buffer is an iovec, too
    if up:
        seen = stage.ask("readv", reply={"vector": answer[0]})
        equal(seen.up["vector"], [answered[0].hex()])


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "d_name": NAMES,
            "d_ino": U64,
            "d_off": U64,
            "d_type": U32,
            "d_stat": IATTS,
            "dict": st.one_of(DICTS, st.none()),
            "inode": st.booleans(),
        }
    ),
    max_size=5,
)


def entry(stage: Stage, values: dict[str, Any]) -> Dirent:
    values = dict(values)
    return Dirent(
        values.pop("d_name"),
        d_stat=Iatt(**values.pop("d_stat")),
        dict=None if values["dict"] is None else Dict(values["dict"]),
        inode=stage.root if values["inode"] else None,
        **{name: values[name] for name in ("d_ino", "d_off", "d_type")},
    )


def same_entry(said: Json, seen: Dirent, values: dict[str, Any]) -> None:
    name = os.fsencode(values["d_name"])
    equal((said["d_name"], said["d_len"]), (name.hex(), len(name)))
    equal((os.fsencode(seen.d_name), seen.d_len), (name, len(name)))
    for field in ("d_ino", "d_off", "d_type"):
        equal((said[field], getattr(seen, field)), (values[field],) * 2)
    equal(said["d_stat"], raw_iatt(values["d_stat"]))
    equal(iatt_of(seen.d_stat), values["d_stat"])
    if values["dict"] is None:
        assert said["dict"] is None
        assert seen.dict is None
    else:
        same_dict(said["dict"], values["dict"])
        assert seen.dict is not None
        equal(normal(dict(seen.dict)), normal(values["dict"]))
    equal((said["inode"] is not None, seen.inode is not None), (values["inode"],) * 2)


@forall(ENTRIES, st.booleans(), st.data())
def random_dirents(
    stage: Stage, listing: list[dict[str, Any]], as_list: bool, data: st.DataObject
) -> None:
    made = [entry(stage, values) for values in listing]
    seen = stage.ask("readdirp", reply={"entries": made if as_list else Dirents(made)})
    assert stage.refused is None, stage.refused
    got = seen.answer["entries"]
    equal((seen.op_ret, len(got), len(seen.up["entries"])), (len(listing),) * 3)
    for said, one, again, values in zip(
        seen.up["entries"], got, map(got.__getitem__, range(len(got))), listing, strict=True
    ):
        same_entry(said, one, values)
        same_entry(said, again, values)
        same_entry(said, one.copy(), values)
    # fewer, changed and more of them
    kept = [i for i in range(len(listing)) if data.draw(st.booleans(), f"keep {i}")]
    changed = [got[i] for i in kept] + [entry(stage, values) for values in listing[:1]]
    expected = [dict(listing[i]) for i in kept] + [dict(values) for values in listing[:1]]
    for one, values in zip(changed, expected, strict=True):
        values |= {"d_name": data.draw(NAMES), "dict": data.draw(st.none() | DICTS)}
        one.d_name = values["d_name"]
        one.dict = None if values["dict"] is None else Dict(values["dict"])
        one.d_off = values["d_off"] = data.draw(U64)
    seen = stage.ask("readdirp", reply={"entries": changed})
    for said, one, values in zip(seen.up["entries"], seen.answer["entries"], expected, strict=True):
        same_entry(said, one, values)


@forall(FLOCKS)
def random_flock(stage: Stage, values: dict[str, Any]) -> None:
    made = Flock(**values)
    seen = stage.ask("lk", {"flock": made}, {"flock": made.copy()})
    equal((seen.down["flock"], seen.up["flock"]), (raw_flock(values),) * 2)
    equal(attributes(seen.request["flock"], values), values)
    equal(attributes(seen.answer["flock"], values), values)
    assert seen.answer["flock"] == made == Flock(made)


@forall(LEASES)
def random_lease(stage: Stage, values: dict[str, Any]) -> None:
    made = Lease(**values)
    seen = stage.ask("lease", {"lease": made}, {"lease": made.copy()})
    equal((seen.down["lease"], seen.up["lease"]), (raw_lease(values),) * 2)
    equal(attributes(seen.answer["lease"], values), values)
    assert seen.answer["lease"] == made == Lease(made)


@forall(STATVFSES)
def random_statvfs(stage: Stage, values: dict[str, Any]) -> None:
    made = Statvfs(**values)
    seen = stage.ask("statfs", reply={"buf": made})
    equal(seen.up["buf"], raw(STATVFS, values))
    equal(attributes(seen.answer["buf"], values), values)
    assert seen.answer["buf"] == made == Statvfs(made)


LOCKS = st.lists(st.tuples(FLOCKS, st.one_of(st.none(), STRINGS), U32), max_size=4)


@forall(LOCKS, st.booleans())
def random_locklist(stage: Stage, locks: list[Any], as_list: bool) -> None:
    made = [(Flock(**flock), client, flags) for flock, client, flags in locks]
    expected = [[raw_flock(flock), raw_text(client), flags] for flock, client, flags in locks]
    down = stage.ask("setactivelk", {"locklist": made if as_list else LockList(made)})
    up = stage.ask("getactivelk", reply={"locklist": made if as_list else LockList(made)})
    equal((down.down["locklist"], up.up["locklist"]), (expected, expected))
    equal(up.op_ret, len(locks))
    got = up.answer["locklist"]
    equal(len(got), len(locks))
    for (flock, client, flags), (values, given_client, given_flags) in zip(got, locks, strict=True):
        equal(attributes(flock, values), values)
        equal((raw_text(client), flags), (raw_text(given_client), given_flags))


@forall(st.binary(min_size=32, max_size=32), U32)
def random_checksum(stage: Stage, strong: bytes, weak: int) -> None:
    seen = stage.ask("rchecksum", reply={"strong_checksum": strong, "weak_checksum": weak})
    equal((seen.up["strong_checksum"], seen.up["weak_checksum"]), (strong.hex(), weak))
    equal((seen.answer["strong_checksum"], seen.answer["weak_checksum"]), (strong, weak))


# -- the rest of what values can do ---------------------------------------------------------


def refuses(error: type[Exception], text: str, action: Callable[[], Any]) -> None:
    """The action raises exactly this, and the message has the text."""
    try:
        value = action()
    except Exception as raised:
        assert type(raised) is error, f"{type(raised).__name__}: {raised}, not {error.__name__}"
        assert text in str(raised), f"{str(raised)!r} has no {text!r}"
    else:
        raise AssertionError(f"no {error.__name__} ({text}): {value!r}")


@check
def gfid_forms(stage: Stage) -> None:
    a, b = Gfid("00000000-0000-0000-0000-000000000001"), Gfid(bytes(15) + b"\1")
    assert a == b
    assert len({a, b, Gfid(bytes(16))}) == 2
    assert not Gfid(bytes(16))
    assert a
    assert {a: 1}[b] == 1
    assert uuid.UUID(str(a)).bytes == bytes(a)
    assert stage.root.gfid == a


@check
def iatt_from_stat(stage: Stage) -> None:
    for path in (".", "/dev/null", "/proc/self/exe", sys.executable):
        for result in (os.stat(path), os.lstat(path)):
            iatt = Iatt(result)
            equal(iatt.st_mode, result.st_mode)
            equal(iatt.ia_prot, stat.S_IMODE(result.st_mode))
            for name in ("ino", "dev", "nlink", "uid", "gid", "size", "blksize"):
                equal(getattr(iatt, f"ia_{name}"), getattr(result, f"st_{name}"))
            equal(iatt.ia_rdev, os.major(result.st_rdev) << 32 | os.minor(result.st_rdev))
            for name in ("atime", "mtime", "ctime"):
                seconds = getattr(iatt, f"ia_{name}") * 10**9 + getattr(iatt, f"ia_{name}_nsec")
                equal(seconds, getattr(result, f"st_{name}_ns"))
            assert iatt.ia_blocks == min(result.st_blocks, -(-result.st_size // 512))
            assert Iatt(result, ia_size=7, st_mode=0o100644).ia_size == 7
    iatt = Iatt(st_mode=stat.S_IFLNK | 0o4751)
    equal((iatt.ia_type, iatt.ia_prot), (IaType.IFLNK, 0o4751))
    iatt.st_mode = stat.S_IFDIR | 0o1777
    equal((iatt.ia_type, iatt.ia_prot), (IaType.IFDIR, 0o1777))
    iatt.ia_prot = 0o640
    equal(iatt.st_mode, stat.S_IFDIR | 0o640)
    attributes = {name: getattr(result, name) for name in dir(result) if name.startswith("st_")}
    early = types.SimpleNamespace(**attributes | {"st_mtime_ns": -1})
    equal((Iatt(early).ia_mtime, Iatt(early).ia_mtime_nsec), (-1, 999_999_999))


@check
def loc_of_a_name(stage: Stage) -> None:
    """In a directory that is there, found through GlusterFS."""
    directory = Loc.child(stage.loc.parent, "directory")
    equal(
        (directory.path, directory.name, directory.parent), ("/directory", "directory", stage.root)
    )
    assert not directory.gfid
    assert directory.inode is not None
    assert not directory.inode.gfid
    equal(directory.pargfid, stage.root.gfid)
    CURRENT.clear()  # `below` passes these on to the brick
    seen = stage.ask("lookup", {"loc": directory})
    equal((seen.op_ret, seen.answer["buf"].ia_type), (0, IaType.IFDIR))
    inode = directory.inode.link(stage.root, "directory", seen.answer["buf"])
    assert inode is not None
    equal((inode.gfid, inode.ia_type), (seen.answer["buf"].ia_gfid, IaType.IFDIR))
    assert inode.table.find(inode.gfid) == inode
    assert inode.table.find(str(inode.gfid)) == inode
    assert inode.table.find(uuid.uuid4()) is None
    assert inode.table.root == stage.root
    assert inode.table == stage.root.table
    equal(
        (inode.parent(), inode.path(), inode.path("a")), (stage.root, "/directory", "/directory/a")
    )
    for parent in (inode, Loc("/directory", inode=inode)):
        for name in ("file", "missing", "é\udcff"):
            child = Loc.child(parent, name)
            equal((child.path, child.name), (f"/directory/{name}", name))
            equal((child.parent, child.pargfid), (inode, inode.gfid))
            seen = stage.ask("lookup", {"loc": child})
            if name == "file":
                equal((seen.op_ret, seen.answer["buf"].ia_size), (0, 7))
            else:
                equal((seen.op_ret, seen.op_errno), (-1, errno.ENOENT))
    child.name = "file"
    equal((child.path, child.name), ("/directory/file", "file"))
    seen = stage.ask("lookup", {"loc": child})
    equal(seen.op_ret, 0)
    assert Loc.child(stage.loc.parent, "x", inode).inode == inode
    unknown = Inode.new(stage.root.table)
    equal((Loc.child(unknown, "name").path, unknown.path(), unknown.parent()), (None, None, None))
    equal(Loc.child(unknown, "name").name, "name")


@check
def dict_types(stage: Stage) -> None:
    """A value is of the type that was asked for, and stays so."""
    d = Dict(a=1, b="text")
    equal((d.type("a"), d.type("b")), (DictType.INT, DictType.STR))
    values: list[tuple[DictType, Any, Any]] = [
        (DictType.INT, -5, 7),
        (DictType.UINT, 5, 7),
        (DictType.UINT, (1 << 64) - 1, 0),
        (DictType.DOUBLE, 2.5, -0.0),
        (DictType.DOUBLE, 3, 4),
        (DictType.STR, "a", "bé\udcff"),
        (DictType.STR_OLD, b"old\0", b"new"),
        (DictType.PTR, b"\0\1", bytearray(b"other")),
        (DictType.UNKNOWN, b"", b"x"),
        (DictType.GFUUID, uuid.uuid4(), Gfid(bytes(16))),
        (DictType.IATT, Iatt(ia_size=1), Iatt(ia_size=2)),
        (DictType.MDATA, bytes(56), bytes(range(56))),
    ]
    for kind, first, second in values:
        try:
            d.set("key", first, kind)
        except ValueError:
            assert kind == DictType.MDATA, kind  # the size is the build's
            size = int(str(sys.exc_info()[1]).split()[-2])
            first = bytes(size)
            second = bytes(range(size))
            d.set("key", first, kind)
        equal(d.type("key"), kind)
        d["key"] = second
        equal(d.type("key"), kind)
        if isinstance(second, bytearray):
            second = bytes(second)
        equal(d["key"], second)
        assert type(d["key"]) is not bool
        d["key"] = d["key"]
        equal((d.type("key"), d["key"]), (kind, second))
    d["flag"] = True
    equal((d["flag"], d.type("flag")), (1, DictType.INT))
    copied, updated = d.copy(), Dict(d)
    updated.update([("pair", 1)], word="x")
    for other in (copied, updated):
        equal({key: other.type(key) for key in d}, {key: d.type(key) for key in d})
    equal((updated["pair"], updated["word"]), (1, "x"))
    copied["a"] = "changed"
    equal(d["a"], 1)
    equal(d.raw("a"), b"1\0")
    assert d.raw("missing") is None
    refuses(KeyError, "missing", lambda: d["missing"])
    refuses(KeyError, "missing", lambda: d.type("missing"))
    # with its old type a value would not fit
    d.set("key", 5, DictType.UINT)
    d["key"] = -5
    equal((d.type("key"), d["key"]), (DictType.INT, -5))
    d["key"] = "text"
    equal((d.type("key"), d["key"]), (DictType.STR, "text"))
    d["key"] = b"bytes"
    equal((d.type("key"), d["key"]), (DictType.PTR, b"bytes"))


@check
def iovec_forms(stage: Stage) -> None:
    words = array.array("H", [1, 2, 3])
    forms: list[tuple[Any, list[bytes]]] = [
        (b"", [b""]),
        ([], []),
        ((), []),
        (b"one", [b"one"]),
        ([b"a", bytearray(b"b"), memoryview(b"c")], [b"a", b"b", b"c"]),
        (words, [words.tobytes()]),
        ((bytes([n]) for n in range(3)), [b"\0", b"\1", b"\2"]),
        (Iovec([b"x", b"yz"]), [b"x", b"yz"]),
        (bytes(3 << 20), [bytes(3 << 20)]),
    ]
    if "numpy" in globals():
        grid = numpy.arange(12, dtype=numpy.int32).reshape(3, 4)
        forms += [
            (grid, [grid.tobytes()]),
            (grid.T, [grid.T.tobytes()]),
            ([grid], [grid.tobytes()]),
        ]
    for form, expected in forms:
        made = Iovec(form)
        equal([bytes(part) for part in made], expected)
        equal(
            (len(made), made.nbytes, bytes(made)),
            (len(expected), len(b"".join(expected)), b"".join(expected)),
        )
        assert made.iobref is not None
        assert made.iobref.size >= made.nbytes
        repr(made)


@check
def views_stay_valid(stage: Stage) -> None:
    """Of a request's data and of an answer's, when both are long gone."""
    kept = []
    for i in range(200):
        data = struct.pack("<I", i) * 1000
        seen = stage.ask("writev", {"vector": Iovec([data, data])}, look=False)
        kept += [(seen.request["vector"][0], data), (seen.request["vector"][1][4:8], data[4:8])]
        seen = stage.ask("readv", reply={"vector": data}, look=False)
        kept.append((seen.answer["vector"][0], data))
    del seen
    gc.collect()
    for view, data in kept:
        assert view.readonly
        assert bytes(view) == data
    refuses(TypeError, "writable", lambda: (ctypes.c_char * 4).from_buffer(kept[0][0].obj))
    refuses(TypeError, "read-only", lambda: kept[0][0].__setitem__(0, 1))


@check
def dirents_changed(stage: Stage) -> None:
    listing = Dirents(
        [Dirent("a", d_ino=1), Dirent("b", d_ino=2, inode=stage.root), Dirent("c", d_ino=0)]
    )
    equal([e.d_name for e in listing if e.d_ino], ["a", "b"])
    entries = list(listing)
    entries[0].d_name = "é" * 100
    entries[1].d_stat = Iatt(ia_size=5)
    entries[1].inode = None
    entries[2].dict = Dict(x=1)
    entries.append(Dirent("d"))
    equal([e.d_name for e in listing], ["a", "b", "c"])
    assert listing[1].inode == stage.root
    seen = stage.ask("readdirp", reply={"entries": entries})
    got = seen.answer["entries"]
    equal([e.d_name for e in got], ["é" * 100, "b", "c", "d"])
    equal(
        (got[0].d_len, got[1].d_stat.ia_size, got[1].inode, got[2].dict), (200, 5, None, {"x": 1})
    )
    assert got[-1].d_name == "d"
    refuses(IndexError, "4", lambda: got[4])
    refuses(IndexError, "-5", lambda: got[-5])
    seen = stage.ask("readdirp", reply={"entries": []})
    equal((seen.op_ret, seen.up["entries"]), (0, []))


@check
def op_ret_is_counted(stage: Stage) -> None:
    """And must be right where it is given."""
    cases: list[tuple[str, dict[str, Any], int]] = [
        ("readv", {"vector": [b"abc", b"de"]}, 5),
        ("readv", {"vector": []}, 0),
        ("readlink", {"path": "é"}, 2),
        ("readdir", {"entries": [Dirent("a"), Dirent("b")]}, 2),
        ("readdirp", {"entries": Dirents([Dirent("a")])}, 1),
        ("getactivelk", {"locklist": [(Flock(), "x", 0)]}, 1),
    ]
    for name, reply, count in cases:
        for op_ret in (None, count):
            seen = stage.ask(name, reply=reply, op_ret=op_ret)
            equal((stage.refused, seen.op_ret, seen.up["op_ret"]), (None, count, count))
        for op_ret in (count + 1, count + 1000):
            seen = stage.ask(name, reply=reply, op_ret=op_ret)
            equal((seen.op_ret, seen.op_errno), (-1, errno.EDOM))
            assert type(stage.refused) is ValueError, stage.refused
            assert f"op_ret is {op_ret}" in str(stage.refused), stage.refused
    data = Iovec(b"abc")
    for reply in ({"vector": data, "count": 2}, {"vector": None, "count": 1},
                  {"vector": data, "iobref": Iovec(b"x").iobref}):  # fmt: skip
        stage.ask("readv", reply=reply)
        assert type(stage.refused) is ValueError, (reply, stage.refused)
    stage.ask("readv", reply={"vector": data, "count": 1, "iobref": data.iobref})
    assert stage.refused is None


@check
def inodes(stage: Stage) -> None:
    table = stage.root.table
    made = Inode.new(table)
    other = table.new()
    assert made != other
    assert made == made
    assert len({made, other}) == 2
    assert not made.gfid
    gfid = uuid.uuid4()
    file = Iatt(ia_gfid=gfid, st_mode=stat.S_IFREG | 0o644)
    linked = made.link(stage.root, "linked\udcff", file)
    assert linked == made
    equal((linked.gfid, linked.ia_type), (Gfid(gfid), IaType.IFREG))
    equal((linked.parent(), linked.path()), (stage.root, "/linked\udcff"))
    assert table.find(gfid) == linked
    # a second one of the same gfid: the table's own stands for the file
    assert other.link(None, None, file) == linked
    for error, text, action in (
        (ValueError, "not a directory", lambda: other.link(linked, "name", file)),
        (ValueError, "belong together", lambda: other.link(stage.root, None, file)),
        (ValueError, "belong together", lambda: other.link(None, "name", file)),
        (ValueError, "ia_gfid", lambda: table.new().link(stage.root, "name", Iatt())),
        (ValueError, "name", lambda: other.link(stage.root, "a/b", file)),
        (ValueError, "name", lambda: other.link(stage.root, "", file)),
        (ValueError, "NUL", lambda: other.link(stage.root, "a\0b", file)),
        (TypeError, "name", lambda: other.link(stage.root, 5, file)),
    ):
        refuses(error, text, action)
    repr(linked)


@check
def fds(stage: Stage) -> None:
    anonymous = Fd.anonymous(stage.root)
    assert anonymous.is_anonymous
    assert anonymous.inode == stage.root
    fd = Fd.create(stage.root, os.O_RDWR | os.O_APPEND, pid=77)
    equal((fd.flags, fd.pid, fd.is_anonymous), (os.O_RDWR | os.O_APPEND, 77, False))
    assert fd != anonymous
    equal(Fd.create(stage.root, 0).pid, 0)
    assert len({fd, anonymous, fd}) == 2
    seen = stage.ask("fstat", {"fd": fd})
    equal((seen.down["fd"]["flags"], seen.down["fd"]["pid"]), (os.O_RDWR | os.O_APPEND, 77))
    assert seen.request["fd"] == fd
    repr(fd)


@check
def kept_values_are_unchanged(stage: Stage) -> None:
    """What was given to a request does not change with what it was made of."""
    iatt, loc, flock = Iatt(ia_size=1), Loc("/a", inode=stage.root), Flock(l_len=1)
    seen = stage.ask("setattr", {"stbuf": iatt, "loc": loc}, {"preop_stbuf": iatt})
    lock = stage.ask("lk", {"flock": flock})
    iatt.ia_size, loc.path, flock.l_len = 2, "/b", 2
    equal(seen.request["stbuf"].ia_size, 1)
    equal((seen.request["loc"].path, seen.request["loc"].name), ("/a", "a"))
    equal((seen.answer["preop_stbuf"].ia_size, lock.request["flock"].l_len), (1, 1))
    seen.request["stbuf"].ia_size = 3
    equal((iatt.ia_size, seen.answer["preop_stbuf"].ia_size), (2, 1))
    # a Dict is shared
    shared = Dict(a=1)
    seen = stage.ask("stat", {"xdata": shared})
    shared["a"] = 2
    equal(seen.request["xdata"]["a"], 2)


# -- wrong values ---------------------------------------------------------------------------


def wrong(arg: gluster.Arg, needed: bool) -> Iterator[tuple[type[Exception], Any]]:
    """Values that an argument can not have, and what is raised."""
    kind = arg.python.split(" ")[0]
    for value in (
        (object(), 1.5, [1]) if kind != "Iovec" else (object(), 1.5, [1], "text", [b"x", "y"])
    ):
        yield TypeError, value
    if kind == "int":
        yield TypeError, "5"
        yield TypeError, None
        bits = 8 * ctypes.sizeof(arg.ctype)
        signed = arg.ctype(-1).value < 0
        yield OverflowError, 1 << bits - signed
        yield OverflowError, -1 - (signed << bits - 1)
        yield OverflowError, 10**5000
    elif kind == "str":
        yield TypeError, 5
        yield ValueError, "a\0b"
        yield ValueError, b"\0"
    elif kind == "bytes":
        yield TypeError, "x" * 32
        yield ValueError, bytes(31)
    elif kind not in ("Iovec", "Dirents", "LockList"):
        yield TypeError, "text"
        yield TypeError, Iatt if kind != "Iatt" else Loc
        yield TypeError, Iatt() if kind != "Iatt" else Loc()
    else:
        yield TypeError, 5
    if needed and kind != "int":
        yield ValueError, None


@check
def now_wrong_requests(stage: Stage) -> dict[str, Any]:
    """In a handler: each raises, the request can then still be answered."""
    tried, passed = 0, stage.witness.witness_passed()
    for name, fop in FOPS.items():
        wind = getattr(gluster, f"{name}_wind")
        vector = any(a.python.startswith("Iovec") for a in fop.args)
        for i, arg in enumerate(fop.args):
            if vector and arg.name == "count":
                continue
            for error, value in wrong(arg, needed="None" not in arg.python):
                arguments = stage.arguments(fop, {})
                arguments[i] = value
                refuses(error, f"{name}_wind: {arg.name}", lambda: wind(stage.frame, *arguments))  # noqa: B023
                tried += 1
    data = Iovec([b"a", b"b"])
    for count in (0, 1, 3, -1):
        refuses(
            ValueError,
            f"writev_wind: count is {count}",
            lambda: gluster.writev_wind(stage.frame, stage.fd, data, count, 0, 0, None, None),  # noqa: B023
        )
    frame = stage.frame
    for error, text, action in (
        (TypeError, "frame.wind: no argument colour", lambda: frame.wind(colour=1)),
        (TypeError, "frame.wind: loc must be Loc", lambda: frame.wind(loc="x")),
        (TypeError, "frame.wind: xdata must be Dict", lambda: frame.wind(xdata={})),
        (ValueError, "frame.wind: loc", lambda: frame.wind(loc=None)),
        (TypeError, "child", lambda: frame.wind(child=1)),
        (TypeError, "frame.unwind: op_ret", lambda: frame.unwind("x")),
        (OverflowError, "frame.unwind: op_errno", lambda: frame.unwind(-1, 1 << 31)),
        (ValueError, "errno 0", lambda: frame.unwind(-1, 0)),
        (ValueError, "errno 512", lambda: frame.unwind(-1, 512)),
        (ValueError, "inode", lambda: frame.unwind(0, 0)),
        (TypeError, "buf must be Iatt", lambda: frame.unwind(0, 0, inode=stage.root, buf=1)),
    ):
        refuses(error, text, action)
    equal(stage.witness.witness_passed(), passed)
    assert "pending" in repr(frame)
    return {"tried": tried}


@check
def wrong_answers(stage: Stage) -> dict[str, Any]:
    tried = 0
    for name, fop in FOPS.items():
        vector = any(a.python.startswith("Iovec") for a in fop.cbk_args)
        for arg in fop.cbk_args:
            if vector and arg.name in ("count", "iobref"):
                continue
            for error, value in wrong(arg, needed=False):
                seen = stage.ask(name, reply={arg.name: value}, look=False)
                equal((seen.op_ret, seen.op_errno), (-1, errno.EDOM))
                assert type(stage.refused) is error, (name, arg.name, value, stage.refused)
                assert f"frame.unwind: {arg.name}" in str(stage.refused), (name, stage.refused)
                tried += 1
    return {"tried": tried}


@check
def wrong_constructors(stage: Stage) -> dict[str, Any]:
    d, iatt, loc, entry = Dict(), Iatt(), Loc("/a"), Dirent("a")
    table = stage.root.table
    big = 10**5000
    rows: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (TypeError, "Gfid", lambda: Gfid(5)),
        (TypeError, "Gfid", lambda: Gfid(None)),
        (ValueError, "Gfid", lambda: Gfid("x")),
        (ValueError, "Gfid", lambda: Gfid(b"x")),
        (ValueError, "Gfid", lambda: Gfid("\udcff" * 32)),
        (ValueError, "Gfid", lambda: Gfid("+f" * 16)),
        (ValueError, "Gfid", lambda: Gfid("0-" * 16 + "0" * 16)),
        (ValueError, "Gfid", lambda: Gfid("é" * 16)),
        (TypeError, "Iatt", lambda: Iatt(5)),
        (TypeError, "ia_siz", lambda: Iatt(ia_siz=5)),
        (TypeError, "Iatt.ia_size", lambda: Iatt(ia_size="5")),
        (TypeError, "Iatt.ia_size", lambda: Iatt(ia_size=5.0)),
        (OverflowError, "Iatt.ia_size", lambda: Iatt(ia_size=-1)),
        (OverflowError, "Iatt.ia_size", lambda: Iatt(ia_size=big)),
        (OverflowError, "Iatt.ia_size", lambda: setattr(iatt, "ia_size", 1 << 64)),
        (OverflowError, "Iatt.ia_uid", lambda: setattr(iatt, "ia_uid", 1 << 32)),
        (OverflowError, "Iatt.ia_atime", lambda: setattr(iatt, "ia_atime", 1 << 63)),
        (OverflowError, "Iatt.ia_prot", lambda: setattr(iatt, "ia_prot", 0o10000)),
        (OverflowError, "Iatt.st_mode", lambda: setattr(iatt, "st_mode", 1 << 16)),
        (TypeError, "Iatt.st_mode", lambda: setattr(iatt, "st_mode", None)),
        (ValueError, "Iatt.ia_gfid", lambda: setattr(iatt, "ia_gfid", b"short")),
        (TypeError, "Iatt.ia_gfid", lambda: setattr(iatt, "ia_gfid", 5)),
        (TypeError, "Flock.l_type", lambda: Flock(l_type=None)),
        (OverflowError, "Flock.l_type", lambda: Flock(l_type=1 << 15)),
        (OverflowError, "Flock.l_pid", lambda: Flock(l_pid=1 << 31)),
        (ValueError, "Flock.l_owner", lambda: Flock(l_owner=bytes(1025))),
        (TypeError, "Flock.l_owner", lambda: Flock(l_owner="x")),
        (ValueError, "Lease.lease_id", lambda: Lease(lease_id=b"x")),
        (OverflowError, "Lease.cmd", lambda: Lease(cmd=-1)),
        (OverflowError, "Statvfs.f_bsize", lambda: Statvfs(f_bsize=-1)),
        (TypeError, "Statvfs", lambda: Statvfs(iatt)),
        (TypeError, "Loc.path", lambda: Loc(5)),
        (ValueError, "Loc.path", lambda: Loc("a\0b")),
        (ValueError, "Loc.name", lambda: setattr(loc, "name", "a/b")),
        (ValueError, "Loc.name", lambda: setattr(loc, "name", "")),
        (ValueError, "Loc.name", lambda: setattr(loc, "name", "a\0")),
        (TypeError, "Loc.name", lambda: setattr(loc, "name", 5)),
        (ValueError, "last part", lambda: Loc("/a/b", name="c")),
        (TypeError, "Loc.inode", lambda: Loc("/a", inode=5)),
        (TypeError, "Loc.parent", lambda: setattr(loc, "parent", stage.fd)),
        (ValueError, "Loc.gfid", lambda: setattr(loc, "gfid", b"x")),
        (TypeError, "Loc.pargfid", lambda: setattr(loc, "pargfid", None)),
        (TypeError, "Loc.child: parent", lambda: Loc.child(5, "x")),
        (TypeError, "Loc.child: parent", lambda: Loc.child(loc, "x")),
        (TypeError, "Loc.child: name", lambda: Loc.child(stage.root, 5)),
        (ValueError, "Loc.child: name", lambda: Loc.child(stage.root, "")),
        (ValueError, "Loc.child: name", lambda: Loc.child(stage.root, "a/b")),
        (ValueError, "Loc.child: name", lambda: Loc.child(stage.root, "a\0")),
        (TypeError, "Loc.inode", lambda: Loc.child(stage.root, "x", 5)),
        (TypeError, "Dict['k']", lambda: d.__setitem__("k", None)),
        (TypeError, "Dict['k']", lambda: d.__setitem__("k", [1])),
        (TypeError, "Dict['k']", lambda: d.__setitem__("k", {})),
        (OverflowError, "Dict['k']", lambda: d.__setitem__("k", 1 << 64)),
        (OverflowError, "Dict['k']", lambda: d.__setitem__("k", -1 << 64)),
        (OverflowError, "Dict['k']", lambda: d.__setitem__("k", big)),
        (ValueError, "NUL", lambda: d.__setitem__("k", "a\0b")),
        (ValueError, "key", lambda: d.__setitem__("a\0b", 1)),
        (ValueError, "key", lambda: d.__setitem__("", 1)),
        (ValueError, "key", lambda: d.__getitem__("a\0")),
        (TypeError, "key", lambda: d.__getitem__(5)),
        (TypeError, "Dict: source", lambda: Dict(5)),
        (TypeError, "Dict: source", lambda: Dict([1])),
        (OverflowError, "Dict['k']", lambda: d.set("k", -1, DictType.UINT)),
        (TypeError, "Dict['k']", lambda: d.set("k", "x", DictType.INT)),
        (TypeError, "Dict['k']", lambda: d.set("k", "x", DictType.DOUBLE)),
        (OverflowError, "Dict['k']", lambda: d.set("k", 1 << 2000, DictType.DOUBLE)),
        (TypeError, "Dict['k']", lambda: d.set("k", b"x", DictType.STR)),
        (ValueError, "Dict['k']", lambda: d.set("k", b"x", DictType.GFUUID)),
        (TypeError, "Dict['k']", lambda: d.set("k", b"x", DictType.IATT)),
        (ValueError, "Dict['k']", lambda: d.set("k", b"x", DictType.MDATA)),
        (ValueError, "type", lambda: d.set("k", b"x", 10)),
        (TypeError, "type", lambda: d.set("k", b"x", "INT")),
        (TypeError, "pop", lambda: d.pop("k", 1, 2)),
        (KeyError, "empty", d.popitem),
        (KeyError, "k", lambda: d.pop("k")),
        (KeyError, "k", lambda: d.__delitem__("k")),
        (TypeError, "Iovec: data", lambda: Iovec(5)),
        (TypeError, "Iovec: data", lambda: Iovec("text")),
        (TypeError, "Iovec: data", lambda: Iovec([b"x", 5])),
        (ZeroDivisionError, "", lambda: Iovec(bytes([1 // n]) for n in (1, 0))),
        (IndexError, "1", lambda: Iovec(b"x")[1]),
        (TypeError, "Dirent.d_name", lambda: Dirent(5)),
        (TypeError, "Dirent.d_name", lambda: Dirent(None)),
        (ValueError, "Dirent.d_name", lambda: Dirent("a\0")),
        (ValueError, "Dirent.d_name", lambda: Dirent("a/b")),
        (OverflowError, "Dirent.d_ino", lambda: Dirent("a", d_ino=-1)),
        (OverflowError, "Dirent.d_off", lambda: Dirent("a", d_off=1 << 64)),
        (TypeError, "Dirent.d_type", lambda: Dirent("a", d_type="x")),
        (TypeError, "Dirent.d_stat", lambda: Dirent("a", d_stat=loc)),
        (TypeError, "Dirent.dict", lambda: Dirent("a", dict={})),
        (TypeError, "Dirent.inode", lambda: setattr(entry, "inode", loc)),
        (TypeError, "Dirents: entries", lambda: Dirents(5)),
        (TypeError, "Dirents: entries", lambda: Dirents(["a"])),
        (TypeError, "LockList: locks", lambda: LockList([1])),
        (TypeError, "LockList: locks", lambda: LockList([(iatt, "x", 0)])),
        (TypeError, "LockList: locks: client", lambda: LockList([(Flock(), 5, 0)])),
        (OverflowError, "LockList: locks: flags", lambda: LockList([(Flock(), "x", -1)])),
        (TypeError, "flags", lambda: Fd.create(stage.root, "x")),
        (OverflowError, "flags", lambda: Fd.create(stage.root, 1 << 31)),
        (OverflowError, "pid", lambda: Fd.create(stage.root, 0, -1)),
        (TypeError, "Fd.create: inode", lambda: Fd.create(5, 0)),
        (TypeError, "Fd.anonymous: inode", lambda: Fd.anonymous(None)),
        (TypeError, "Inode.new: table", lambda: Inode.new(stage.root)),
        (TypeError, "Inode.link: parent", lambda: stage.root.link(table, "x", iatt)),
        (TypeError, "Inode.link: iatt", lambda: stage.root.link(None, None, None)),
        (TypeError, "gfid", lambda: table.find(5)),
        (ValueError, "gfid", lambda: table.find("x")),
        (TypeError, "name", lambda: stage.root.path(5)),
        (ValueError, "name", lambda: stage.root.path("a/b")),
    ]
    for n, (error, text, action) in enumerate(rows):
        try:
            refuses(error, text, action)
        except AssertionError as problem:
            raise AssertionError(f"row {n}, line {action.__code__.co_firstlineno}") from problem
    assert iatt == Iatt()
    assert loc == Loc("/a")
    assert len(d) == 0
    return {"tried": len(rows)}


# -- everything is given back ---------------------------------------------------------------

ROUNDS = 100_000


class Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip


def in_use() -> dict[str, int]:
    """Memory and objects."""
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Mallinfo
    info = libc.mallinfo2()
    return {
        "malloc": info.uordblks + info.hblkhd,
        "resident": 4096 * int(Path("/proc/self/statm").read_text().split()[1]),
        "blocks": sys.getallocatedblocks(),
        "objects": len(gc.get_objects()),
    }


# What may be more: pools that GlusterFS and Python keep, but not a byte for each round.
MOST = {"malloc": 64 << 10, "resident": 4 << 20, "blocks": 500, "objects": 200}


def given_back(once: Callable[[Stage], Callable[[], object]]) -> None:
    """Registers rounds of making, passing on and dropping values of one kind."""

    def report(stage: Stage) -> dict[str, Any]:
        def references() -> list[int]:
            seen = stage.ask("fstat", {"fd": stage.fd, "xdata": shared})
            fd, xdata = seen.down["fd"], seen.down["xdata"]
            return [fd["refs"], fd["inode"]["refs"], xdata["refs"]]

        shared = Dict(shared=1)
        stage.shared = shared
        action = once(stage)
        for _ in range(2000):
            action()
        counted, before = references(), in_use()
        for _ in range(ROUNDS):
            action()
        equal(references(), counted)
        after = in_use()
        more = {name: after[name] - before[name] for name in before}
        assert all(more[name] <= MOST[name] for name in more), more
        return {"rounds": ROUNDS, "more": more}

    CHECKS[once.__name__] = report


@given_back
def given_back_iatt(stage: Stage) -> Callable[[], object]:
    result = os.stat(".")

    def action() -> None:
        iatt = Iatt(result, ia_size=5)
        copy = iatt.copy()
        copy.ia_gfid = stage.root.gfid
        copy.st_mode = 0o100644
        assert copy != iatt
        stage.ask("setattr", {"stbuf": copy}, {"preop_stbuf": iatt}, look=False)

    return action


@given_back
def given_back_gfid(stage: Stage) -> Callable[[], object]:
    twin = uuid.uuid4()
    forms = [twin, str(twin), twin.bytes]

    def action() -> None:
        assert len({Gfid(form) for form in forms}) == 1
        assert stage.root.table.find(twin) is None
        try:
            Gfid("wrong")
        except ValueError:
            pass

    return action


@given_back
def given_back_loc(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        loc = Loc("/a/b", inode=stage.root, parent=stage.root, gfid=stage.root.gfid)
        copy = loc.copy()
        copy.name = "c"
        copy.path = None
        copy.name = "d"
        loc.parent = None
        child = Loc.child(stage.root, "name", stage.root)
        assert child != copy
        stage.ask("access", {"loc": loc}, look=False)

    return action


@given_back
def given_back_dict(stage: Stage) -> Callable[[], object]:
    values = {"a": 1, "b": "text", "c": b"bytes", "d": 2.5, "e": Gfid(bytes(16)), "f": Iatt()}

    def action() -> None:
        made = Dict(values)
        copy = made.copy()
        copy["a"] = "other"
        del copy["b"]
        assert copy.pop("c") == b"bytes"
        copy.update(made)
        made.clear()
        stage.ask("stat", {"xdata": copy}, {"xdata": stage.shared}, look=False)

    return action


@given_back
def given_back_iovec(stage: Stage) -> Callable[[], object]:
    data = bytes(5000)

    def action() -> None:
        made = Iovec([data, data])
        view = made[1]
        seen = stage.ask("writev", {"vector": made}, look=False)
        assert len(view) == len(seen.request["vector"][0])
        seen = stage.ask("readv", reply={"vector": [data]}, look=False)
        assert seen.answer["vector"][0][0] == 0

    return action


@given_back
def given_back_dirents(stage: Stage) -> Callable[[], object]:
    iatt = Iatt()

    def action() -> None:
        entry = Dirent("name", d_stat=iatt, dict=stage.shared, inode=stage.root)
        entry.d_name = "other"
        entry.dict = None
        entry.dict = stage.shared
        entry.inode = stage.root
        try:
            Dirents([entry, 5])
        except TypeError:
            pass
        seen = stage.ask("readdirp", reply={"entries": [entry, entry]}, look=False)
        assert seen.answer["entries"][1].d_name == "other"

    return action


@given_back
def given_back_flock(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        flock = Flock(l_owner=b"owner")
        copy = flock.copy()
        copy.l_len = 5
        stage.ask("lk", {"flock": flock}, {"flock": copy}, look=False)

    return action


@given_back
def given_back_locklist(stage: Stage) -> Callable[[], object]:
    flock = Flock()

    def action() -> None:
        locks = LockList([(flock, "client", 1), (flock, None, 2)])
        try:
            LockList([(flock, "client", 1), 5])
        except TypeError:
            pass
        seen = stage.ask("getactivelk", reply={"locklist": locks}, look=False)
        assert seen.answer["locklist"][0][1] == "client"

    return action


@given_back
def given_back_objects(stage: Stage) -> Callable[[], object]:
    def action() -> None:
        inode = Inode.new(stage.root.table)
        assert inode.path() is None
        assert stage.root.path() == "/"
        assert stage.root.parent() is None
        fd = Fd.create(stage.root, 0)
        seen = stage.ask("fstat", {"fd": fd, "xdata": stage.shared}, look=False)
        assert seen.request["fd"] == fd
        assert Fd.anonymous(stage.root).inode == stage.root

    return action
