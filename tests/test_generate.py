"""Fops come and go by `fops.yaml` alone, and the compiler holds it against the headers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from course.check import ROUNDS, check_record, complete
from course.harness import Graph, build

from compare import coverage, same, same_noise
from glusterfs import Host, xlator_dir
from workspace import ROOT, BuildError, Workspace

# What is made of each fop: the layer's file, and what stands there for fop X.
LAYERS = {
    "glupy/src/generated/fops.rs": ["pub mod X {", "&X::FOP"],
    "python/gluster.py": ["\nX_fop_t = handler(", "    X_wind = ", "    X_unwind = "],
    "python/gluster.pyi": ["def X_wind(frame: Frame, ", "def X_unwind(frame: Frame, "],
    "docs/fops.md": ["\n## X\n", "def X_fop(self, frame, this, "],
}


XLATOR_H = "include/glusterfs/xlator.h"


def entry(workspace: Workspace, fop: str) -> str:
    """What fops.yaml says of a fop."""
    match = re.search(rf"^  {fop}:\n(    .*\n)+\n?", workspace.read("fops.yaml"), re.M)
    assert match
    return match[0]


def compiled(library: Path) -> set[str]:
    """The fops that have their row in a library."""
    command = ["nm", "--demangle", str(library)]
    symbols = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r" glupy::generated::fops::(\w+)::FOP$", symbols, re.M))


def every_fop() -> set[str]:
    return {fop.name for fop in build().fops}


# -- the schema -------------------------------------------------------------------------

INVENTED = """
  frobnicate:
    doc: Turn a part of an open file inside out.
    index: NUMBER
    op_ret: bytes
    args:
      - fd: fd_t *
      - vector: {type: struct iovec *, length: count, owner: iobref}
      - count: int32_t
      - offset: off_t
      - iobref: struct iobref *
      - key: const char *
      - xdata: dict_t *
    cbk:
      - prebuf: struct iatt *
      - xdata: dict_t *
"""
INVENTED_IN_C = """
typedef int32_t (*fop_frobnicate_t)(call_frame_t *frame, xlator_t *this, fd_t *fd,
                                    struct iovec *vector, int32_t count, off_t offset,
                                    struct iobref *iobref, const char *key, dict_t *xdata);
typedef int32_t (*fop_frobnicate_cbk_t)(call_frame_t *frame, void *cookie, xlator_t *this,
                                        int32_t op_ret, int32_t op_errno, struct iatt *prebuf,
                                        dict_t *xdata);
"""


def test_a_new_fop_is_an_entry(workspace: Workspace) -> None:
    """An entry for a fop that the headers have brings it into every layer, and into the library.

    No process runs that library: the installed GlusterFS knows nothing of the fop, and its
    tables have no room for it.
    """
    headers = workspace.headers()
    table = workspace.read(XLATOR_H).partition("struct xlator_fops {")[2].partition("stat_cbk;")[0]
    workspace.change(XLATOR_H, {
        "struct xlator_fops {": INVENTED_IN_C + "struct xlator_fops {\n",
        " fop_stat_cbk_t stat_cbk;": " fop_frobnicate_t frobnicate;\n fop_stat_cbk_t stat_cbk;",
        " copy_file_range_cbk;": " copy_file_range_cbk;\n fop_frobnicate_cbk_t frobnicate_cbk;",
    })  # fmt: skip
    new = INVENTED.replace("NUMBER", str(table.count(";") + 1))
    after = "\n# `struct xlator_cbks`"
    workspace.change("fops.yaml", {after: new + after})

    workspace.generate()
    assert "left out" not in workspace.build(headers)

    for layer, texts in LAYERS.items():
        for text in texts:
            assert text.replace("X", "frobnicate") in workspace.read(layer), layer
    assert compiled(workspace.built) == every_fop() | {"frobnicate"}
    # the Python side travels in the library
    assert workspace.read("python/gluster.py").encode() in workspace.built.read_bytes()


# Python that wants to see the fop that was deleted: by its name, and by its decorator.
REFUSED = """
    from gluster import Translator
    class xlator(Translator):
        def zerofill_fop(self, frame, this, *args):
            frame.wind()
"""
MISSING = """
    from gluster import Translator, zerofill_fop_t
    class xlator(Translator):
        pass
"""


def test_a_deleted_entry_is_a_fop_less(
    workspace: Workspace, tmp_path: Path, trusted_xattrs: None
) -> None:
    """Without its entry, a fop is in no layer, and on a real GlusterFS it passes Python by."""
    gone = "zerofill"
    workspace.change("fops.yaml", {entry(workspace, gone): ""})

    workspace.generate()
    workspace.build()

    # Prose of other entries may mention it, and is taken out sentence by sentence.
    schema = workspace.read("fops.yaml")
    prose = re.findall(rf"^    (?:doc|when|reply): (.*{gone}.*)$", schema, re.M)
    for layer in LAYERS:
        text = workspace.read(layer)
        for sentence in prose:
            text = text.replace(sentence, "")
        assert re.findall(rf"\w*{gone}\w*", text, re.I) == [], layer
    assert compiled(workspace.built) == every_fop() - {gone}

    with Host(tmp_path, workspace.library(tmp_path)) as host:
        graph = Graph(host).leaf()
        record = graph.record("glupy")
        # `course.py` has handlers for all fops that there are; the driver winds GlusterFS's.
        result = graph.glupy("glupy", style="short", record=record).run("course")
        complete(result, ROUNDS)
        check_record(record, "fop", "cbk", skip=gone)

        modules = host.write(refused=REFUSED, missing=MISSING)
        for module, expected in [
            ("refused", rf"E .*refused.*: there is no fop {gone}"),
            ("missing", rf"E .*missing.*cannot import name '{gone}_fop_t'"),
        ]:
            volfile = host.posix()
            volfile.add("glupy", host.glupy, {"module-name": module, "module-path": modules})
            status, log = host.mount_command(volfile, module)
            assert status != 0
            assert log.find(expected)
            log.checked = False  # GlusterFS's own words on a volume that does not start


# -- the headers ------------------------------------------------------------------------


def test_a_fop_that_the_headers_lack_is_left_out(workspace: Workspace) -> None:
    """Headers of an older GlusterFS: the build says what it leaves out.

    No process runs that library: its table is shorter than the installed GlusterFS's.
    """
    lacking = "copy_file_range"  # the table's last, so that the others keep their places
    headers = workspace.headers()
    there = re.findall(
        rf"typedef int32_t \(\*fop_{lacking}_(?:cbk_)?t\)\([^;]*;"
        rf"| fop_{lacking}_(?:cbk_)?t {lacking}(?:_cbk)?;",
        workspace.read(XLATOR_H),
    )
    assert len(there) == 4
    workspace.change(XLATOR_H, dict.fromkeys(there, ""))

    said = workspace.build(headers)

    assert re.findall("left out: (.*)", said) == [f"these GlusterFS headers have no fop {lacking}"]
    assert compiled(workspace.built) == every_fop() - {lacking}


# Python that wants the fop that is left out: by its name, by its decorator, by what winds it.
HANDLER = """
    from gluster import FOPS, MISSING_FOPS, Translator
    assert list(MISSING_FOPS) == ["copy_file_range"] and len(FOPS) == 53
    class xlator(Translator):
        def copy_file_range_fop(self, frame, this, *args):
            frame.wind()
"""
DECORATED = """
    from gluster import Translator, copy_file_range_cbk_t
    class xlator(Translator):
        @copy_file_range_cbk_t
        def copied(self, frame, cookie, this, op_ret, op_errno, *answer):
            frame.unwind()
"""
WOUND = """
    from gluster import Translator, copy_file_range_wind
    class xlator(Translator):
        pass
"""


def test_a_fop_that_glusterfs_lacks(
    workspace: Workspace, tmp_path: Path, trusted_xattrs: None
) -> None:
    """What is left out passes Python by, and a translator that wants it is refused.

    The installed GlusterFS runs this library, so its tables keep their length: what is cut
    from the headers is the fop's name.
    """
    lacking = "copy_file_range"
    headers = workspace.headers()
    workspace.change(XLATOR_H, {
        f" fop_{lacking}_t {lacking};": " void *cut;",
        f" fop_{lacking}_cbk_t {lacking}_cbk;": " void *cut_cbk;",
    })  # fmt: skip
    assert f"these GlusterFS headers have no fop {lacking}" in workspace.build(headers)

    with Host(tmp_path, workspace.library(tmp_path)) as host:
        with host.mount(host.posix("plain-brick"), "plain") as plain:
            expected = coverage(plain.path)
        volfile = host.posix()
        volfile.add("glupy", host.glupy, {
            "module-name": "passthrough",
            "module-path": host.copy(ROOT / "tests/translators/passthrough.py"),
            "record": host.directory / "seen",
        })  # fmt: skip
        with host.mount(volfile) as mount:
            same(expected, coverage(mount.path))
        same_noise([plain.log], [mount.log])
        assert any("copy_file_range" in line for line in expected)
        seen = (host.directory / "seen").read_text().splitlines()
        assert sum(line.endswith(" known") for line in seen) == 53
        assert {"lookup fop", "lookup cbk", "writev fop"} <= set(seen)

        modules = host.write(handler=HANDLER, decorated=DECORATED, wound=WOUND)
        version = re.escape(xlator_dir().parent.name)
        no_such_fop = rf"GlusterFS {version} has no fop {lacking}, which came with GlusterFS 6.0"
        for module, expectation in [
            ("handler", rf"handler: copy_file_range_fop \(handler.py:5\): {no_such_fop}"),
            ("decorated", rf"decorated: copied \(decorated.py:4\): {no_such_fop}"),
            ("wound", rf"wound does not load: .*wound.py:2: ImportError: .*: {no_such_fop}"),
        ]:
            volfile = host.posix()
            volfile.add("glupy", host.glupy, {"module-name": module, "module-path": modules})
            status, log = host.mount_command(volfile, module)
            assert status != 0
            assert log.find(rf"E .*0-glupy: module {expectation}"), log.text()
            log.checked = False  # GlusterFS's own words on a volume that does not start


@pytest.mark.parametrize(
    "wrongs",
    [
        [
            ("rchecksum", "len: {type: int32_t", "len: {type: off_t",
             "call: call::<This, Args, gf::fop_rchecksum_t>(),"),
            ("readlink", "path: {type: const char *, within: size", "path: {type: inode_t *",
             "back: back::<This, Reply, gf::fop_readlink_cbk_t>(),"),
        ],
        # Rust 1.85 computes nothing where types differ.
        [
            ("seek", "index: 50", "index: 52",
             "index: slot(52, offset_of!(gf::xlator_fops, seek)),"),
        ],
    ],
    ids=["types", "index"],
)  # fmt: skip
def test_what_differs_from_the_headers_does_not_compile(
    workspace: Workspace, wrongs: list[tuple[str, str, str, str]]
) -> None:
    """The compiler's errors show each fop of which the schema says something else."""
    for fop, right, wrong, _ in wrongs:
        old = entry(workspace, fop)
        assert old.count(right) == 1
        workspace.change("fops.yaml", {old: old.replace(right, wrong)})

    workspace.generate()
    with pytest.raises(BuildError) as failure:
        workspace.build()

    for *_, line in wrongs:
        assert line in str(failure.value)


# -- nobody else names a fop ------------------------------------------------------------

# Hand-written Rust names a fop when its code has
#   * the name as a string of its own: "lookup", c"lookup";
#   * a name of GlusterFS's or Glupy's that is made with it, in a string too: GF_FOP_X, fop_X_t,
#     fop_X_cbk_t, X_fop, X_cbk, X_wind, X_unwind;
#   * a field of the fops table: xlator_fops, X or fops.X;
#   * anything of the generated module but its TABLE: fops::X;
#   * the name as any other word, unless it is one of these words, which mean something else.
# Comments may say what they like.
OTHER_MEANINGS = {
    "create": "Fd.create, which makes an fd",
    "link": "an element of a list, and what a linker does",
    "lookup": "of a key in a dict",
    "open": "a request that is not answered yet",
    "setattr": "PyO3's: sets an attribute of a Python object",
    "stat": "the attributes in a directory entry",
}
# The callbacks' part of the table begins with stat's: that is how long the fops' part is.
LENGTH_OF_THE_TABLE = "offset_of!(gf::xlator_fops, stat_cbk)"


def fops_named(rust: str) -> Iterator[str]:
    """The fops that Rust code names, each with the line."""
    x = f"({'|'.join(sorted(every_fop()))})"
    named = re.compile(
        rf'"{x}"'
        rf"|\b(?:GF_FOP_(?i:{x})|fop_{x}(?:_cbk)?(?:_t)?)\b"
        rf"|\b{x}_(?:fop|cbk|wind|unwind)(?:_t)?\b"
        rf"|\bxlator_fops,\s*{x}\b|\bfops\)?\s*\.\s*{x}\b"
        rf"|\bfops::(?!TABLE\b)"
        rf"|\b{x}\b"
    )
    for line in re.sub(r"//.*", "", rust).splitlines():
        for match in named.finditer(line.replace(LENGTH_OF_THE_TABLE, "")):
            if match[0] not in OTHER_MEANINGS:
                yield f"{match[0]}: {line.strip()}"


@pytest.mark.parametrize(
    "line",
    [
        'if fop.name == "lookup" {',
        'c"open"',
        "gf::GF_FOP_LINK",
        "const X: gf::fop_lookup_cbk_t = None;",
        'module.getattr("stat_wind")',
        "offset_of!(gf::xlator_fops, open)",
        "(*(*xl).fops).open = None;",
        "generated::fops::link::FOP",
        "use fops::{lookup};",
        "if fop.index == readdirp {",
    ],
)
def test_the_rule_finds(line: str) -> None:
    assert list(fops_named(line))


@pytest.mark.parametrize(
    "line",
    [
        "frame.open.get(py) > 0  // open, lookup_fop",
        "unsafe { link(head, element, (*head).next) }",
        "for fop in crate::generated::fops::TABLE {",
        "self.fops.len()",
    ],
)
def test_the_rule_leaves(line: str) -> None:
    assert not list(fops_named(line))


def test_no_fop_is_named_in_hand_written_rust() -> None:
    """What differs between fops is data in fops.yaml."""
    glupy = ROOT / "glupy"
    sources = [*glupy.glob("build/*.rs"), *glupy.glob("src/**/*.rs")]
    sources = [path for path in sources if "generated" not in path.parts]
    assert len(sources) > 20
    assert [f"{path}: {name}" for path in sources for name in fops_named(path.read_text())] == []
