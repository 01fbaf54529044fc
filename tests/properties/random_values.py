"""Random values of every type: made in Python, seen by C and by Python again."""

from __future__ import annotations

import array
import ctypes
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from course.values import FLOCK, IATT, STATVFS
from hypothesis import strategies as st

import gluster
from gluster import (
    FOPS,
    Dict,
    DictType,
    Dirent,
    Dirents,
    Flock,
    Gfid,
    Iatt,
    IaType,
    Iovec,
    Lease,
    Loc,
    LockList,
    Statvfs,
)
from properties.asking import Json, Stage, equal, forall, numpy


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
# A Dirent's name has at most 255 bytes.
ENTRY_NAMES = NAMES.filter(lambda name: len(os.fsencode(name)) <= 255)
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


# -- the properties -------------------------------------------------------------------------


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
    if "size" in request:
        request["size"] = 4096 - request["size"] % 1024  # more is refused, and less than the answer
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


def known(gfid: bytes, inode: Any) -> bytes:
    """A loc's gfid, which is its inode's where it has none of its own."""
    return gfid if any(gfid) or inode is None else bytes(inode.gfid)


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
    filled = known(value, stage.root)
    equal((seen.down["loc"]["gfid"], seen.down["loc"]["pargfid"]), (filled.hex(), value.hex()))
    equal((seen.request["loc"].gfid, seen.request["loc"].pargfid), (Gfid(filled), gfid))


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
    all_known = known(gfid, inode), known(pargfid, parent)

    def same(loc: Loc, path: str | None, name: str | None) -> None:
        equal((raw_text(loc.path), raw_text(loc.name)), (raw_text(path), raw_text(name)))
        equal((loc.gfid.bytes, loc.pargfid.bytes), all_known)
        equal((loc.inode, loc.parent), (inode, parent))

    same(loc, path, last)
    copy = loc.copy()
    same(copy, path, last)
    assert copy == loc
    if has_inode:
        seen = stage.ask("access", {"loc": loc})
        said = seen.down["loc"]
        went = ("/", "") if path is None and last is None else (path, last)
        equal((said["path"], said["name"]), tuple(map(raw_text, went)))
        equal((said["gfid"], said["pargfid"]), tuple(each.hex() for each in all_known))
        same(seen.request["loc"], *went)
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
        st.sampled_from(["a", "b", "c", "é\udcff", "trusted x.y\n", "=&%"]),
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
    lambda data: numpy.frombuffer(data, numpy.uint8),
    lambda data: numpy.frombuffer(data, numpy.uint8).repeat(2)[::2],
]
PARTS = st.lists(st.tuples(st.sampled_from(BUFFERS), st.binary(max_size=5000)), max_size=6)


@forall(PARTS.filter(bool), PARTS, st.booleans(), examples=[([(bytes, b"")], [], True)])
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


def followed(values: dict[str, Any]) -> dict[str, Any]:
    """An entry without inode has nothing that callers follow to one."""
    if values["inode"]:
        return values
    stat = values["d_stat"]
    if stat["ia_type"] == IaType.IFREG:
        stat = stat | {"ia_type": IaType.INVAL}
    return values | {"dict": None, "d_stat": stat}


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "d_name": ENTRY_NAMES,
            "d_ino": U64,
            "d_off": U64.filter(bool),
            "d_type": U32,
            "d_stat": IATTS,
            "dict": st.one_of(DICTS, st.none()),
            "inode": st.booleans(),
        }
    ).map(followed),
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
        pairs = data.draw(st.none() | DICTS) if values["inode"] else None
        values |= {"d_name": data.draw(ENTRY_NAMES), "dict": pairs}
        one.d_name = values["d_name"]
        one.dict = None if values["dict"] is None else Dict(values["dict"])
        one.d_off = values["d_off"] = data.draw(U64.filter(bool))
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
