"""The parts of the old technique that depend on fops: C, and Python for ctypes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from course.generate import BACK, CALL, Fop, Param, signature

# What ctypes has in place of each kind of argument.
CTYPES = {
    "i32": "c_int", "u32": "c_uint", "i64": "c_long", "u64": "c_ulong", "count": "c_int",
    "str": "c_char_p", "loc": "POINTER(loc_t)", "inode": "POINTER(inode_t)",
    "fd": "POINTER(fd_t)", "iatt": "POINTER(iatt_t)", "dict": "POINTER(dict_t)",
    "iovec": "POINTER(iovec_t)", "iobref": "POINTER(iobref_t)",
    "dirents": "POINTER(gf_dirent_t)",
}  # fmt: skip
# What a handler that reads does; other structures are opaque to ctypes here.
READS = {"loc": "{0}.contents.name", "iatt": "{0}.contents.ia_size"}

C = """
void
set_fop_{name}(xlator_t *this, fop_{name}_t handler)
{{
    ((old_t *)this->private)->fop_{name} = handler;
}}

void
set_cbk_{name}(xlator_t *this, fop_{name}_cbk_t handler)
{{
    ((old_t *)this->private)->cbk_{name} = handler;
}}

static int32_t
old_{name}_cbk({back})
{{
    old_t *old = this->private;
    PyGILState_STATE state;

    if (!old->cbk_{name}) {{
        STACK_UNWIND_STRICT({name}, frame, op_ret, op_errno{reply});
        return 0;
    }}
    state = PyGILState_Ensure();
    old->cbk_{name}(frame, cookie, this, op_ret, op_errno{reply});
    PyGILState_Release(state);
    return 0;
}}

static int32_t
old_{name}({call})
{{
    old_t *old = this->private;
    PyGILState_STATE state;

    if (!old->fop_{name}) {{
        STACK_WIND(frame, old_{name}_cbk, FIRST_CHILD(this),
                   FIRST_CHILD(this)->fops->{name}{args});
        return 0;
    }}
    state = PyGILState_Ensure();
    old->fop_{name}(frame, this{args});
    PyGILState_Release(state);
    return 0;
}}

void
wind_{name}({wind})
{{
    xlator_t *child = xl ? xl : FIRST_CHILD(frame->this);

    STACK_WIND(frame, old_{name}_cbk, child, child->fops->{name}{args});
}}

void
unwind_{name}({back})
{{
    STACK_UNWIND_STRICT({name}, frame, op_ret, op_errno{reply});
}}
"""


def c_source(fops: Sequence[Fop]) -> str:
    """old.inc."""

    def names(params: Iterable[Param]) -> str:
        return "".join(f", {p.name}" for p in params)

    text = "typedef struct {\n"
    for f in fops:
        text += f"    fop_{f.name}_t fop_{f.name};\n    fop_{f.name}_cbk_t cbk_{f.name};\n"
    text += "} old_t;\n"
    for f in fops:
        text += C.format(
            name=f.name,
            call=signature(CALL, f.args),
            back=signature(BACK, f.cbk_args),
            wind=signature("call_frame_t *frame, xlator_t *xl", f.args),
            args=names(f.args),
            reply=names(f.cbk_args),
        )
    table = "".join(f"    .{f.name} = old_{f.name},\n" for f in fops)
    return f"{text}\nstatic struct xlator_fops old_fops = {{\n{table}}};\n"


PYTHON = """
from ctypes import *

class call_frame_t(Structure): pass
class xlator_t(Structure): pass
class inode_t(Structure): pass
class fd_t(Structure): pass
class dict_t(Structure): pass
class iobref_t(Structure): pass
class gf_dirent_t(Structure): pass

class loc_t(Structure):
    _fields_ = [("path", c_char_p), ("name", c_char_p), ("inode", c_void_p),
                ("parent", c_void_p), ("gfid", c_ubyte * 16), ("pargfid", c_ubyte * 16)]

class iatt_t(Structure):
    _fields_ = [("ia_flags", c_ulong), ("ia_ino", c_ulong), ("ia_dev", c_ulong),
                ("ia_rdev", c_ulong), ("ia_size", c_ulong)]

class iovec_t(Structure):
    _fields_ = [("iov_base", c_void_p), ("iov_len", c_size_t)]

dl = None

def use(path):
    global dl
    if dl is None:
        dl = CDLL(path)
        for name, args in FUNCTIONS.items():
            function = getattr(dl, name)
            function.restype = None
            function.argtypes = args
"""


def python_source(fops: Sequence[Fop]) -> str:
    """The module that old.so loads: classes Fop, FopRead, Both and BothRead."""

    def types(params: Iterable[Param], head: str) -> str:
        return ", ".join([head, *(CTYPES[p.kind] for p in params)])

    call = "POINTER(call_frame_t), POINTER(xlator_t)"
    back = "POINTER(call_frame_t), c_void_p, POINTER(xlator_t), c_int, c_int"
    text = PYTHON + "\nFUNCTIONS = {}\n"
    for f in fops:
        text += f"{f.name}_fop_t = CFUNCTYPE(c_int, {types(f.args, call)})\n"
        text += f"{f.name}_cbk_t = CFUNCTYPE(c_int, {types(f.cbk_args, back)})\n"
        text += f"FUNCTIONS['set_fop_{f.name}'] = [POINTER(xlator_t), {f.name}_fop_t]\n"
        text += f"FUNCTIONS['set_cbk_{f.name}'] = [POINTER(xlator_t), {f.name}_cbk_t]\n"
        text += f"FUNCTIONS['wind_{f.name}'] = [{types(f.args, call)}]\n"
        text += f"FUNCTIONS['unwind_{f.name}'] = [{types(f.cbk_args, back)}]\n"
    for name in ("Fop", "FopRead", "Both", "BothRead"):
        read = name.endswith("Read")
        text += f"\nclass {name}:\n    def __init__(self, this, path):\n        use(path)\n"
        text += "        this = cast(this, POINTER(xlator_t))\n        self.kept = []\n"
        methods = ""
        for f in fops:
            directions = [("fop", f.args), ("cbk", f.cbk_args)][: 2 if "Both" in name else 1]
            for direction, params in directions:
                names = [p.name for p in params]
                full = ["frame", "this", *names]
                body = f"dl.wind_{f.name}({', '.join(['frame', 'POINTER(xlator_t)()', *names])})"
                if direction == "cbk":
                    full = ["frame", "cookie", "this", "op_ret", "op_errno", *names]
                    body = f"dl.unwind_{f.name}({', '.join(full)})"
                text += (
                    f"        self.kept.append({f.name}_{direction}_t(self.{f.name}_{direction}))\n"
                    f"        dl.set_{direction}_{f.name}(this, self.kept[-1])\n"
                )
                methods += f"\n    def {f.name}_{direction}({', '.join(['self', *full])}):\n"
                for p in params:
                    if read and p.kind in READS:
                        methods += f"        {READS[p.kind].format(p.name)}\n"
                methods += f"        {body}\n        return 0\n"
        text += methods
    return text
