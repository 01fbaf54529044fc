//! `cargo codegen import` and `diff`, with headers that have fops which no GlusterFS has.
//! (Built and run: see `tests/test_import.py`.)

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use ::codegen::model::Kind;
use common::codegen;
use tempfile::TempDir;

const TYPES: &str = "\
struct gf_frob {
    uint64_t cookie;
    uuid_t gfid;
    struct iatt attr[2];
};
typedef struct _deep {
    char *text;
    struct gf_frob frob;
} deep_t;
struct unknown;
typedef struct { int32_t length; char text[]; } open_end_t;
typedef enum { FROB_A, FROB_B } frob_mode_t;
typedef unsigned long frob_time_t;
";

const BACK: &str =
    "call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret, int32_t op_errno";

/// Name, arguments, callback values.
const FOPS: &[(&str, &str, &str)] = &[
    (
        "frobnicate",
        "loc_t *loc, struct gf_frob *frob, frob_mode_t mode, frob_time_t when, dict_t *xdata",
        ", struct gf_frob *frob, struct iatt *buf, dict_t *xdata",
    ),
    (
        "twist",
        "fd_t *fd, struct iovec *vector, int32_t count, struct iobref *iobref, deep_t *deep, \
         const void *data, uint8_t *bytes, dict_t **dicts",
        ", uint8_t *strong_checksum, struct iovec *loose, struct unknown *unknown, open_end_t *end",
    ),
    ("bare", "", ""),
    ("by_value", "struct gf_frob frob", ""),
    ("real", "double factor", ""),
    ("import", "loc_t *loc", ""),
    (
        "many",
        "int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k",
        "",
    ),
    ("taken", "fd_t *child", ""),
];

/// Puts the fops behind the last one, but for the first, which takes a slot that is empty.
fn invent(dir: &Path) {
    let path = dir.join("glusterfs/xlator.h");
    let mut text = fs::read_to_string(&path).unwrap();
    let mut typedefs = TYPES.to_owned();
    for (name, args, back) in FOPS {
        let comma = if args.is_empty() { "" } else { ", " };
        typedefs += &format!(
            "typedef int32_t (*fop_{name}_t)(call_frame_t *frame, xlator_t *this{comma}{args});\n\
             typedef int32_t (*fop_{name}_cbk_t)({BACK}{back});\n"
        );
    }
    let slots = |end: &str| -> String {
        FOPS[1..]
            .iter()
            .map(|(name, ..)| format!("    fop_{name}{end}_t {name}{end};\n"))
            .collect()
    };
    for (old, new) in [
        (
            "struct xlator_fops {\n",
            format!("{typedefs}struct xlator_fops {{\n"),
        ),
        (
            "    void *releasedir_placeholder;\n",
            "    fop_frobnicate_t frobnicate;\n".into(),
        ),
        (
            "    void *releasedir_placeholder_cbk;\n",
            "    fop_frobnicate_cbk_t frobnicate_cbk;\n".into(),
        ),
        (
            "    fop_copy_file_range_t copy_file_range;\n",
            format!("    fop_copy_file_range_t copy_file_range;\n{}", slots("")),
        ),
        (
            "    fop_copy_file_range_cbk_t copy_file_range_cbk;\n",
            format!(
                "    fop_copy_file_range_cbk_t copy_file_range_cbk;\n{}",
                slots("_cbk")
            ),
        ),
    ] {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text = text.replacen(old, &new, 1);
    }
    fs::write(path, text).unwrap();

    let path = dir.join("glusterfs/glusterfs-fops.h");
    let text = fs::read_to_string(&path).unwrap();
    let numbers = FOPS[1..].iter().enumerate().map(|(index, (name, ..))| {
        // Some names of numbers are not those of the slots.
        let name = if *name == "twist" {
            "TWISTV".into()
        } else {
            name.to_uppercase()
        };
        format!("    GF_FOP_{name} = {},\n", 59 + index)
    });
    let numbers: String = numbers.collect();
    let text = text.replacen(
        "    GF_FOP_MAXVALUE",
        &format!("{numbers}    GF_FOP_MAXVALUE"),
        1,
    );
    fs::write(path, text.replace("GF_FOP_RELEASEDIR", "GF_FOP_FROBNICATE")).unwrap();
}

/// A copy of the headers with the fops, and a folder with the schema.
fn invented() -> Option<(TempDir, TempDir, PathBuf)> {
    let installed = common::installed()?;
    let copy = common::copy(&installed);
    invent(copy.path());
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("fops.yaml"), common::schema_text()).unwrap();
    Some((copy, tree, installed))
}

const NEW_TYPES: &str = "
  # From `cargo codegen import`.
  struct gf_frob *: {kind: struct, python: gf_frob, ctypes: POINTER(gf_frob)}
  frob_mode_t: {kind: u32, python: int, ctypes: c_uint32}
  frob_time_t: {kind: u64, python: int, ctypes: c_uint64}
  deep_t *: {kind: pointer, python: Any, ctypes: POINTER(deep_t)}
  const void *: {kind: pointer, python: Any, ctypes: c_void_p}
  dict_t **: {kind: pointer, python: Any, ctypes: c_void_p}
  struct unknown *: {kind: pointer, python: Any, ctypes: POINTER(unknown)}
  open_end_t *: {kind: pointer, python: Any, ctypes: POINTER(open_end_t)}
";

const NEW_FOPS: [&str; 3] = [
    "
  # From the headers of 12.0 by `cargo codegen import`: doc, op_ret and what may be
  # NULL are to be filled in.
  frobnicate:
    doc: \"TODO: say what it does.\"
    index: 43
    since: \"12.0\"
    args:
      - loc: loc_t *
      - frob: struct gf_frob *
      - mode: frob_mode_t
      - when: frob_time_t
      - xdata: dict_t *
    cbk:
      - frob: struct gf_frob *
      - buf: struct iatt *
      - xdata: dict_t *
",
    "
  # From the headers of 12.0 by `cargo codegen import`: doc, op_ret and what may be
  # NULL are to be filled in.
  twist:
    doc: \"TODO: say what it does.\"
    index: 59
    gf_fop: TWISTV
    since: \"12.0\"
    args:
      - fd: fd_t *
      - vector: {type: struct iovec *, length: count, owner: iobref}
      - count: int32_t
      - iobref: struct iobref *
      - deep: deep_t *
      - data: const void *
      - bytes: {type: uint8_t *, kind: pointer}
      - dicts: dict_t **
    cbk:
      - strong_checksum: {type: uint8_t *, size: 32}
      - loose: {type: struct iovec *, kind: pointer}
      - unknown: struct unknown *
      - end: open_end_t *
",
    "
  # From the headers of 12.0 by `cargo codegen import`: doc, op_ret and what may be
  # NULL are to be filled in.
  bare:
    doc: \"TODO: say what it does.\"
    index: 60
    since: \"12.0\"
    args: []
    cbk: []
",
];

/// Puts a text behind another one, which stands there once.
fn behind(text: &mut String, place: &str, new: &str) {
    assert_eq!(text.matches(place).count(), 1, "{place}");
    *text = text.replacen(place, &format!("{place}{new}"), 1);
}

#[test]
fn what_the_schema_lacks_is_added_and_nothing_else_is_touched() {
    let Some((copy, tree, _)) = invented() else {
        return;
    };
    let dir = copy.path().to_str().unwrap();
    let import = |more: &[&str]| {
        let args = ["import", "--headers", dir, "--gluster-version", "12.0"];
        codegen(tree.path(), &[&args, more].concat())
    };
    let original = common::schema_text();
    let schema = || fs::read_to_string(tree.path().join("fops.yaml")).unwrap();

    let mut expected = original.clone();
    behind(
        &mut expected,
        "# all 16, zeros too; the array has no name in C\n",
        NEW_TYPES,
    );
    let readdirp =
        "\n  # Oddities: no location and no xdata, in neither direction; a volfile server's fop.\n";
    assert_eq!(expected.matches(readdirp).count(), 1);
    expected = expected.replacen(readdirp, &format!("{}{readdirp}", NEW_FOPS[0]), 1);
    behind(
        &mut expected,
        "postbuf_dst: {type: struct iatt *, doc: \"Attributes of the target afterwards.\"}\n      - xdata: dict_t *\n    times: [ctime, mtime]\n",
        &NEW_FOPS[1..].concat(),
    );

    let refused = "\
error: no entry for by_value: no kind can hold the argument `frob`, a `struct gf_frob`
error: no entry for real: no kind can hold the argument `factor`, a `double`
error: no entry for import: the name of the fop `import` can not be used: expected a name that is no keyword of Python
error: no entry for many: it has 11 arguments, the runtime has room for 10
error: no entry for taken: every fop has an argument `child` already
";
    let shown = import(&[]);
    assert_eq!(String::from_utf8(shown.stderr).unwrap(), refused);
    assert_eq!(shown.status.code(), Some(1));
    assert_eq!(schema(), original, "nothing is written");
    let diff = similar::TextDiff::from_lines(&original, &expected);
    let diff = diff
        .unified_diff()
        .header("a/fops.yaml", "b/fops.yaml")
        .to_string();
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), diff);

    let written = import(&["--write"]);
    assert_eq!(String::from_utf8(written.stderr).unwrap(), refused);
    let said = String::from_utf8(written.stdout).unwrap();
    assert!(
        said.starts_with(
            "wrote fops.yaml: frobnicate, twist, bare; new types: struct gf_frob *, frob_mode_t, "
        ),
        "{said}"
    );
    assert_eq!(schema(), expected);

    // What was imported is a schema, which the generator takes.
    let generated = codegen(tree.path(), &["generate"]);
    assert!(
        generated.status.success(),
        "{}",
        String::from_utf8_lossy(&generated.stderr)
    );
    let rust = fs::read_to_string(tree.path().join("glupy/src/generated/fops.rs")).unwrap();
    for text in [
        "type Args = (*mut gf::loc_t, *mut gf::gf_frob, u32, u64, *mut gf::dict_t);",
        ".structure(\"gf_frob\", plain_size::<gf::gf_frob, *mut gf::gf_frob>())",
        "*const std::ffi::c_void,\n        *mut u8,\n        *mut *mut gf::dict_t,",
        ".structure(\"deep_t\", 0)",
    ] {
        assert!(rust.contains(text), "{text}");
    }

    let again = import(&["--write"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "");
    assert_eq!(schema(), expected);
}

/// What `import` writes of GlusterFS's own fops asks for whatever the schema asks for.
#[test]
fn an_imported_entry_is_as_safe_as_a_written_one() {
    let Some(installed) = common::installed() else {
        return;
    };
    let text = common::schema_text();
    let (head, rest) = text.split_once("\ndocs:\n").unwrap();
    let (_, rest) = rest.split_once("\nleft_out: ").unwrap();
    let (middle, rest) = rest.split_once("\n  readlink:\n").unwrap();
    let (_, tail) = rest.split_once("\n# `struct xlator_cbks`").unwrap();
    let tree = tempfile::tempdir().unwrap();
    let bare = format!("{head}\nleft_out: {middle}\n\n# `struct xlator_cbks`{tail}");
    fs::write(tree.path().join("fops.yaml"), bare).unwrap();
    let dir = installed.to_str().unwrap();
    let output = codegen(tree.path(), &["import", "--headers", dir, "--write"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let imported = fs::read_to_string(tree.path().join("fops.yaml")).unwrap();
    let (_, _, imported) = common::load(&imported);
    let (_, _, written) = common::load(&text);
    let mut compared = 0;
    for fop in &imported.fops {
        let own = written
            .fops
            .iter()
            .find(|own| own.name == fop.name)
            .unwrap();
        let pairs = fop.args.iter().zip(&own.args);
        for (param, own) in pairs.chain(fop.cbk_args.iter().zip(&own.cbk_args)) {
            assert_eq!(param.name, own.name, "{}", fop.name);
            assert!(param.required || !own.required, "{}.{}", fop.name, own.name);
            assert_eq!(param.vector, own.vector, "{}.{}", fop.name, own.name);
            assert_eq!(param.ty.kind, own.ty.kind, "{}.{}", fop.name, own.name);
            compared += usize::from(own.required);
        }
        let carried = own.cbk_args.iter().any(|param| {
            let kinds = [Kind::Iovec, Kind::Dirents, Kind::Locklist];
            kinds.contains(&param.ty.kind)
        });
        assert!(!carried || fop.op_ret == own.op_ret, "{}", fop.name);
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn a_schema_that_has_everything_is_left_alone() {
    let Some(installed) = common::installed() else {
        return;
    };
    let dir = installed.to_str().unwrap();
    let output = codegen(&common::repository(), &["import", "--headers", dir]);
    assert!(output.status.success());
    let version = common::version(&installed);
    let expected = format!("fops.yaml has every fop of GlusterFS {version} ({dir})\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn two_versions_are_compared() {
    let Some((copy, _tree, installed)) = invented() else {
        return;
    };
    let path = copy.path().join("glusterfs/xlator.h");
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replacen(
            "#define GF_SET_ATTR_UID 0x2\n",
            "#define GF_SET_ATTR_UID 0x4000\n",
            1,
        )
        .replacen(
            "(*cbk_fdclose_t)(xlator_t *this, fd_t *fd)",
            "(*cbk_fdclose_t)(xlator_t *this, fd_t *fd, int why)",
            1,
        )
        .replacen("    dumpop_eh_t history;\n", "", 1);
    fs::write(&path, text).unwrap();
    let path = copy.path().join("glusterfs/iatt.h");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replacen(
            "    uint64_t ia_dev; ",
            "    uint64_t ia_new;\n    uint64_t ia_dev; ",
            1,
        ),
    )
    .unwrap();

    let (old, new) = (installed.to_str().unwrap(), copy.path().to_str().unwrap());
    let args = ["diff", "--headers", old, "--headers", new];
    let output = codegen(&common::repository(), &args);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let titles: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .collect();
    let expected = [
        "new: fop bare",
        "new: fop by_value",
        "new: fop frobnicate",
        "new: fop import",
        "new: fop many",
        "new: fop real",
        "new: fop taken",
        "new: fop twist",
        "changed: callback fdclose",
        "changed: callback fdclosedir",
        "gone: dumpop history",
        "changed: enum glusterfs_fop_t",
        "changed: constant GF_SET_ATTR_UID",
        "changed: struct iatt",
        "new: struct gf_frob",
    ];
    for title in expected {
        assert!(titles.contains(&title), "{title}: {text}");
    }
    let block = |title: &str| -> Vec<&str> {
        let rest = &text[text.find(&format!("{title}\n")).unwrap()..];
        rest.lines()
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("    "))
            .collect()
    };
    assert_eq!(
        block("new: fop bare"),
        [
            "    +number 60",
            "    +call: int32_t",
            "    +  frame: call_frame_t *",
            "    +  this: xlator_t *",
            "    +callback: int32_t",
            "    +  frame: call_frame_t *",
            "    +  cookie: void *",
            "    +  this: xlator_t *",
            "    +  op_ret: int32_t",
            "    +  op_errno: int32_t",
        ]
    );
    assert_eq!(
        block("changed: callback fdclose"),
        ["     call: void", "    +  why: int"]
    );
    assert_eq!(
        block("changed: constant GF_SET_ATTR_UID"),
        ["    -2", "    +16384"]
    );
    assert_eq!(
        block("changed: struct iatt"),
        [
            "    -152 bytes",
            "    +160 bytes",
            "    +ia_new: uint64_t",
            "    21 of the other fields have moved",
        ]
    );
    let count = titles.len() - 1;
    assert!(
        titles[count].starts_with(&format!("{count} changes from GlusterFS ")),
        "{text}"
    );

    let output = codegen(
        &common::repository(),
        &[args.as_slice(), &["--format", "json"]].concat(),
    );
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["changes"].as_array().unwrap().len(), count);
    assert_eq!(json["old"]["headers"], old);
    let history = json["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["name"] == "history")
        .unwrap();
    assert_eq!(
        (history["what"].as_str(), &history["new"]),
        (Some("dumpop"), &serde_json::Value::Null)
    );
    assert_eq!(
        history["old"]["lines"],
        serde_json::json!(["number 11", "call: int32_t", "  this: xlator_t *"])
    );

    let same = codegen(
        &common::repository(),
        &["diff", "--headers", old, "--headers", old],
    );
    assert!(
        String::from_utf8(same.stdout)
            .unwrap()
            .starts_with("0 changes from ")
    );
    let one = codegen(&common::repository(), &["diff", "--headers", old]);
    assert_eq!(one.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(one.stderr).unwrap(),
        "error: expected two folders, --headers OLD --headers NEW, not 1\n"
    );
}

/// An argument goes from a call whose callback has one that is just the same; two of one type
/// change places; a structure is sorted anew.
#[test]
fn a_change_of_arguments_is_told_with_what_it_is_in() {
    let Some(installed) = common::installed() else {
        return;
    };
    let copy = common::copy(&installed);
    let edit = |header: &str, changes: &[(&str, &str)]| {
        let path = copy.path().join("glusterfs").join(header);
        let mut text = fs::read_to_string(&path).unwrap();
        for (old, new) in changes {
            assert_eq!(text.matches(old).count(), 1, "{old}");
            text = text.replacen(old, new, 1);
        }
        fs::write(path, text).unwrap();
    };
    let mut typedefs = String::new();
    for (name, args) in [
        ("stat", "loc_t *loc"),
        (
            "mknod",
            "loc_t *loc, mode_t umask, dev_t rdev, mode_t mode, dict_t *xdata",
        ),
    ] {
        typedefs += &format!(
            "typedef int32_t (*new_{name}_t)(call_frame_t *frame, xlator_t *this, {args});\n"
        );
    }
    edit(
        "xlator.h",
        &[
            (
                "struct xlator_fops {\n",
                &format!("{typedefs}struct xlator_fops {{\n"),
            ),
            ("    fop_stat_t stat;\n", "    new_stat_t stat;\n"),
            ("    fop_mknod_t mknod;\n", "    new_mknod_t mknod;\n"),
        ],
    );
    edit(
        "glusterfs.h",
        &[(
            "    off_t l_start;\n    off_t l_len;\n",
            "    off_t l_len;\n    off_t l_start;\n",
        )],
    );
    let (old, new) = (installed.to_str().unwrap(), copy.path().to_str().unwrap());
    let args = ["diff", "--headers", old, "--headers", new];
    let output = codegen(&common::repository(), &args);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("  /") && !line.is_empty())
        .collect();
    let expected = [
        "changed: fop mknod",
        "     call: int32_t",
        "    +  umask: mode_t",
        "    +  rdev: dev_t",
        "    -  rdev: dev_t",
        "    -  umask: mode_t",
        "changed: fop stat",
        "     call: int32_t",
        "    -  xdata: dict_t *",
        "changed: struct gf_flock",
        "    +l_len: off_t",
        "    -l_len: off_t",
        "    1 of the other fields has moved",
    ];
    assert_eq!(lines[..lines.len() - 1], expected, "{text}");
}
