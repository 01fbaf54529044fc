"""A GlusterFS that has two more fops: from its headers to a translator that intercepts them."""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from course.harness import DEFINES

from glusterfs import Host, Process, Volfile
from workspace import ROOT, Workspace

INVENTED = ROOT / "tests/invented"

# The new fops take slots that the installed GlusterFS has and never uses: its tables have no
# room for more.
XLATOR_H = {
    "struct xlator_fops {": '#include "glusterfs/invented.h"\nstruct xlator_fops {',
    "void *releasedir_placeholder;": "fop_frobnicate_t frobnicate;",
    "void *releasedir_placeholder_cbk;": "fop_frobnicate_cbk_t frobnicate_cbk;",
    "fop_compound_t compound;": "fop_twist_t twist;",
    "fop_compound_cbk_t compound_cbk;": "fop_twist_cbk_t twist_cbk;",
}
FOPS_H = {"GF_FOP_RELEASEDIR": "GF_FOP_FROBNICATE", "GF_FOP_COMPOUND": "GF_FOP_TWIST"}

TRANSLATOR = """
    import ctypes
    import errno
    import threading
    import time

    from gluster import GF_FOP_FROBNICATE, Translator, frobnicate_cbk_t, frobnicate_unwind, gf_frob

    assert GF_FOP_FROBNICATE == 43
    assert frobnicate_cbk_t.argtypes[5] == ctypes.POINTER(gf_frob)

    def later(wind):
        # When the call that brought the request has returned.
        threading.Timer(0.2, wind).start()

    class xlator(Translator):
        def frobnicate_fop(self, frame, this, loc, frob, mode, xdata):
            assert (loc.path, frob.name, xdata) == ("/a/file", b"frob", None)
            assert (frob.inner.x, frob.inner.y) == (3, -7)
            frob.cookie += 1                       # a copy: without effect
            if mode:
                later(frame.wind)
            else:
                frob.attr.ia_size += 1
                frame.wind(frob=frob)

        def frobnicate_cbk(self, frame, cookie, this, op_ret, op_errno, frob, buf, xdata):
            changed = gf_frob(frob.cookie + 1000, name=b"python", attr=frob.attr)
            changed.inner = frob.inner
            # Nobody has said what may be NULL in it.
            for values in ((None, buf, None), (changed, None, None)):
                try:
                    frobnicate_unwind(frame, 0, 0, *values)
                except ValueError as error:
                    print("refused:", error)
            frame.unwind(frob=changed)

        def twist_fop(self, frame, this, mode, deep, data, xdata):
            assert deep.contents.text == b"deeper"
            assert ctypes.string_at(data, 1) == b"*"
            def wind():
                try:
                    frame.wind()
                except ValueError as error:
                    print("refused:", error)
                    frame.unwind(-1, errno.ESTALE)
            if mode:
                later(wind)
            else:
                wind()

        def twist_cbk(self, frame, cookie, this, op_ret, op_errno, deep, xdata):
            assert deep.contents.frob
            print("twisted:", deep.contents.text)
            frame.unwind()
"""


# A pointer to what nobody can keep: seen in time, too late, and passed on too late.
LATE = """
    from gluster import Translator, sleep

    class xlator(Translator):
        def frobnicate_fop(self, frame, this, *args):
            frame.wind()  # the installed GlusterFS has no default for it

        async def twist_fop(self, frame, this, mode, deep, data, xdata):
            reply = await frame.wind(deep=deep)
            if mode:
                await sleep(0.1)
                try:
                    print(reply.deep)
                except ValueError as error:
                    print("refused:", error)
            else:
                assert reply.deep.contents.text == b"eeper"
            return reply
"""


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    """A copy of the sources, built against headers with two more fops.

    Their entries are imported, with nothing filled in.
    """
    with closing(Workspace()) as workspace:
        headers = workspace.headers()
        (headers / "glusterfs/invented.h").write_text((INVENTED / "invented.h").read_text())
        workspace.change("include/glusterfs/xlator.h", XLATOR_H)
        workspace.change("include/glusterfs/glusterfs-fops.h", FOPS_H)

        proposed = codegen(workspace, "import")
        assert re.findall(r"^\+  (\w+):$", proposed, re.M) == ["frobnicate", "twist"]
        assert codegen(workspace, "import", "--write").startswith(
            "wrote fops.yaml: frobnicate, twist; new types: "
            "struct gf_frob *, frob_mode_t, struct deep *, const void *\n"
        )
        assert codegen(workspace, "import").startswith("fops.yaml has every fop of GlusterFS ")
        assert codegen(workspace, "verify").startswith("fops.yaml is as the headers of GlusterFS ")
        todo = re.findall(r"^warning: (.*)\n +--> (\S+):\d+:\d+$", workspace.generate(), re.M)
        assert todo == [("this doc is still to be written", "fops.yaml")] * 2
        assert "left out" not in workspace.build(headers)
        yield workspace


def codegen(workspace: Workspace, *command: str) -> str:
    """What `cargo codegen` says of the copy and its headers."""
    headers = ["--headers", str(workspace.path / "include")]
    done = subprocess.run(
        ["cargo", "codegen", "--root", str(workspace.path), *command, *headers],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def run(workspace: Workspace, tmp_path: Path, translator: str) -> tuple[list[str], Process]:
    """What the parent gets for its requests, with that translator between it and the child."""
    invented = tmp_path / "invented.so"
    include = [f"-I{workspace.path / 'include'}", f"-I{workspace.path / 'include/glusterfs'}"]
    subprocess.run(
        ["gcc", "-g", "-Wall", "-Werror", *DEFINES, *include, "-fPIC", "-shared",
         str(INVENTED / "invented.c"), "-o", str(invented), "-lglusterfs"],
        check=True,
    )  # fmt: skip
    host = Host(tmp_path, workspace.library(tmp_path))
    c_type = str(Path(host.glupy).with_name("invented"))
    result = tmp_path / "result"
    volfile = Volfile()
    volfile.add("child", c_type, {"result": result}, on=())  # GlusterFS wants an option
    modules = host.write(twofold=translator)
    volfile.add("glupy", host.glupy, {"module-name": "twofold", "module-path": modules})
    volfile.add("parent", c_type, {"result": result})
    with Process(host, "process", volfile, ["glusterfs"]) as process:
        process.popen.wait(timeout=60)
    return result.read_text().splitlines(), process


def test_new_fops_reach_python(workspace: Workspace, tmp_path: Path) -> None:
    """A Python translator intercepts them; a C child implements them."""
    answers, process = run(workspace, tmp_path, TRANSLATOR)
    assert answers == [
        # now: cookie 21 of the copy, and its size one larger; both and a name by the child
        "frobnicate 0 0 1042 3 -7 python 1008 0",
        "twist 42 0 eeper",
        # later: as it came, from a copy of the runtime's
        "frobnicate 0 0 1040 3 -7 python 1007 1",
        f"twist -1 {errno.ESTALE} -",
    ]
    process.log.expect(
        r"refused: frobnicate_unwind: an answer with op_ret 0 must carry frob, which is None",
        r"refused: frobnicate_unwind: an answer with op_ret 0 must carry buf, which is None",
        r"twisted: b'eeper'",
        r"refused: frame\.wind: deep, a struct deep \*, was C's, and only while the handler ran",
    )
    assert not process.complaints()


def test_what_nobody_can_keep_never_reaches_c(workspace: Workspace, tmp_path: Path) -> None:
    """A pointer whose memory is C's, asked for and passed on when that may be gone."""
    answers, process = run(workspace, tmp_path, LATE)
    assert answers == [
        "frobnicate 0 0 40 3 -7 frob 1007 0",
        "twist 42 0 eeper",
        "frobnicate 0 0 40 3 -7 frob 1007 1",
        f"twist -1 {errno.EIO} -",
    ]
    process.log.expect(
        r"refused: this request: deep, a struct deep \*, was C's",
        r"E .*glupy: deep, a struct deep \*, is gone: the request fails",
    )
    assert not process.complaints()
