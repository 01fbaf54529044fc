//! `cargo codegen verify`, as a packager runs it. (Arguments: see `verify_mutations.rs`.)

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{codegen, repository};
use serde_json::Value;

fn verify(dir: &Path, more: &[&str]) -> Output {
    let dir = dir.to_str().unwrap();
    codegen(
        &repository(),
        &[&["verify", "--headers", dir], more].concat(),
    )
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Replaces texts in a header, each of which stands there once.
fn edit(dir: &Path, header: &str, changes: &[(&str, &str)]) {
    let path = dir.join("glusterfs").join(header);
    let mut text = fs::read_to_string(&path).unwrap();
    for (old, new) in changes {
        assert_eq!(text.matches(old).count(), 1, "{header}: {old}");
        text = text.replacen(old, new, 1);
    }
    fs::write(path, text).unwrap();
}

#[test]
fn the_schema_is_as_the_installed_headers_say() {
    let Some(installed) = common::installed() else {
        return;
    };
    let output = verify(&installed, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let version = common::version(&installed);
    let start = format!("fops.yaml is as the headers of GlusterFS {version} in ");
    assert!(stdout(&output).starts_with(&start), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");

    let output = verify(&installed, &["--format", "json"]);
    assert!(output.status.success());
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(json["glusterfs"], version.to_string());
    assert_eq!(json["differences"], serde_json::json!([]));
    assert_eq!(json["left_out"], serde_json::json!([]));
}

/// Everything but arguments, which have tests of their own: a change, and the lines that a
/// difference names for it, in the schema and in the headers.
#[test]
fn what_differs_is_named_with_both_lines() {
    let Some(installed) = common::installed() else {
        return;
    };
    let copy = common::copy(&installed);
    let dir = copy.path();
    edit(
        dir,
        "xlator.h",
        &[
            (
                "    fop_stat_t stat;\n    fop_readlink_t readlink;\n",
                "    fop_readlink_t readlink;\n    fop_stat_t stat;\n",
            ),
            (
                "    fop_mkdir_cbk_t mkdir_cbk;\n    fop_unlink_cbk_t unlink_cbk;\n",
                "    fop_unlink_cbk_t unlink_cbk;\n    fop_mkdir_cbk_t mkdir_cbk;\n",
            ),
            (
                "typedef int32_t (*fop_rmdir_t)",
                "typedef int (*fop_rmdir_t)",
            ),
            (
                "typedef int32_t (*fop_rmdir_cbk_t)",
                "typedef int64_t (*fop_rmdir_cbk_t)",
            ),
            (
                "    cbk_fdclose_t fdclosedir;\n",
                "    cbk_fdclose_t fdshut;\n",
            ),
            (
                "typedef size_t (*cbk_fdctx_size_t)(xlator_t *this, fd_t *fd)",
                "typedef uint32_t (*cbk_fdctx_size_t)(xlator_t *this, fd_t *file)",
            ),
            (
                "    dumpop_inode_t inode;\n    dumpop_fd_t fd;\n",
                "    dumpop_fd_t fd;\n    dumpop_inode_t inode;\n",
            ),
            (
                "#define GF_SET_ATTR_UID 0x2\n",
                "#define GF_SET_ATTR_USER 0x2\n",
            ),
        ],
    );
    edit(
        dir,
        "glusterfs-fops.h",
        &[
            ("    GF_FOP_MKNOD = 0 + 3,\n", "    GF_FOP_MKNOD = 103,\n"),
            (
                "    GF_FOP_SYMLINK = 0 + 7,\n",
                "    GF_FOP_SOFTLINK = 0 + 7,\n",
            ),
            (
                "    GF_SEEK_HOLE = 1,\n",
                "    GF_SEEK_HOLE = 2,\n    GF_SEEK_END = 3,\n",
            ),
            ("    F_RESLK_LCKW = 200 + 1,\n", "    F_RESLK_LCKW = 300,\n"),
        ],
    );
    edit(
        dir,
        "iatt.h",
        &[
            ("struct iatt {\n", "struct iatt {\n    uint64_t ia_new;\n"),
            (
                "#define IATT_UID 0x0000000000000008U\n",
                "#define IATT_UID 0x8000U\n#define IATT_NEW 0x10000U\n",
            ),
        ],
    );
    edit(
        dir,
        "glusterfs.h",
        &[("    off_t l_len;\n", "    uint64_t l_len;\n")],
    );
    let version = common::version(&installed).to_string();
    let output = verify(dir, &["--format", "json", "--gluster-version", &version]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(json["glusterfs"], version);
    let line = |place: &Value| {
        let path = repository().join(place["file"].as_str().unwrap());
        let text = fs::read_to_string(path).unwrap();
        let number = place["line"].as_u64().unwrap() as usize;
        text.lines().nth(number - 1).unwrap().trim().to_owned()
    };
    let mut actual: Vec<_> = json["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let kind = one["kind"].as_str().unwrap().to_owned();
            let subject = one["subject"].as_str().unwrap().to_owned();
            (kind, subject, line(&one["schema"]), line(&one["header"]))
        })
        .collect();
    let expected = [
        (
            "fop-index",
            "fops.stat.index",
            "index: 1",
            "fop_stat_t stat;",
        ),
        (
            "fop-cbk-slot",
            "fops.stat.cbk",
            "stat:",
            "fop_stat_cbk_t stat_cbk;",
        ),
        (
            "fop-index",
            "fops.readlink.index",
            "index: 2",
            "fop_readlink_t readlink;",
        ),
        (
            "fop-cbk-slot",
            "fops.readlink.cbk",
            "readlink:",
            "fop_readlink_cbk_t readlink_cbk;",
        ),
        (
            "fop-number",
            "fops.mknod.index",
            "index: 3",
            "GF_FOP_MKNOD = 103,",
        ),
        (
            "fop-cbk-slot",
            "fops.mkdir.cbk",
            "mkdir:",
            "fop_mkdir_cbk_t mkdir_cbk;",
        ),
        (
            "fop-cbk-slot",
            "fops.unlink.cbk",
            "unlink:",
            "fop_unlink_cbk_t unlink_cbk;",
        ),
        (
            "result-type",
            "fops.rmdir",
            "rmdir:",
            "typedef int (*fop_rmdir_t)(call_frame_t *frame, xlator_t *this, loc_t *loc,",
        ),
        (
            "result-type",
            "fops.rmdir.cbk",
            "rmdir:",
            "typedef int64_t (*fop_rmdir_cbk_t)(call_frame_t *frame, void *cookie,",
        ),
        (
            "fop-number",
            "fops.symlink.gf_fop",
            "symlink:",
            "enum glusterfs_fop_t {",
        ),
        (
            "result-type",
            "callbacks.fdctxsize",
            "returns: size_t",
            "typedef uint32_t (*cbk_fdctx_size_t)(xlator_t *this, fd_t *file);",
        ),
        (
            "argument-name",
            "callbacks.fdctxsize.args.fd",
            "- fd: fd_t *",
            "typedef uint32_t (*cbk_fdctx_size_t)(xlator_t *this, fd_t *file);",
        ),
        (
            "hook-gone",
            "callbacks.fdclosedir",
            "fdclosedir:",
            "struct xlator_cbks {",
        ),
        (
            "hook-new",
            "callbacks.fdshut",
            "fdclose:",
            "cbk_fdclose_t fdshut;",
        ),
        ("hook-order", "dumpops", "inode:", "dumpop_fd_t fd;"),
        (
            "field-new",
            "structures.iatt.ia_new",
            "iatt:",
            "uint64_t ia_new;",
        ),
        (
            "field-type",
            "structures.gf_flock.l_len",
            "- l_len: {type: off_t, doc: Number of bytes; 0 means up to the end of the file.}",
            "uint64_t l_len;",
        ),
        (
            "value-number",
            "enums.IattFlags.IATT_UID",
            "- IATT_UID: {value: 0x8, doc: ia_uid is valid.}",
            "#define IATT_UID 0x8000U",
        ),
        (
            "value-new",
            "enums.IattFlags.IATT_NEW",
            "- IATT_GFID: {value: 0x1000, doc: ia_gfid is valid.}",
            "#define IATT_NEW 0x10000U",
        ),
        (
            "value-gone",
            "enums.SetAttr.GF_SET_ATTR_UID",
            "- GF_SET_ATTR_UID: {value: 0x2, doc: User.}",
            "#define GF_SET_ATTR_MODE 0x1",
        ),
        (
            "value-new",
            "enums.SetAttr.GF_SET_ATTR_USER",
            "- GF_ATTR_MTIME_NOW: {value: 0x100, python: MTIME_NOW, doc: \"The brick's clock gives the time of change.\"}",
            "#define GF_SET_ATTR_USER 0x2",
        ),
        (
            "value-number",
            "enums.SeekWhat.GF_SEEK_HOLE",
            "- GF_SEEK_HOLE: {value: 1, doc: The next hole.}",
            "GF_SEEK_HOLE = 2,",
        ),
        (
            "value-new",
            "enums.SeekWhat.GF_SEEK_END",
            "- GF_SEEK_HOLE: {value: 1, doc: The next hole.}",
            "GF_SEEK_END = 3,",
        ),
        (
            "value-number",
            "enums.LkCmd.F_RESLK_LCKW",
            "- F_RESLK_LCKW: {value: 201, doc: Reserve the lock; wait when it is held.}",
            "F_RESLK_LCKW = 300,",
        ),
    ];
    let mut expected: Vec<_> = expected
        .map(|(kind, subject, schema, header)| {
            (kind.into(), subject.into(), schema.into(), header.into())
        })
        .to_vec();
    actual.sort();
    expected.sort();
    assert_eq!(actual, expected);

    // The same for people: rustc's form, once with its text as a whole.
    let output = verify(dir, &["--gluster-version", &version]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    let report = stderr(&output);
    let dir = dir.display();
    assert!(
        report.ends_with(&format!(
            "\n24 differences between fops.yaml and GlusterFS {version} ({dir})\n"
        )),
        "{report}"
    );
    let title = "error[fop-number]: GF_FOP_MKNOD is 103 in the headers\n";
    let start = report.find(title).expect(&report) + title.len();
    let one: Vec<_> = report[start..]
        .lines()
        .take(11)
        .map(str::trim_end)
        .collect();
    let place = |line: &str, of: &str| line.trim_start().starts_with(of);
    assert!(
        place(one[0], "--> fops.yaml:")
            && place(one[5], &format!("::: {dir}/glusterfs/glusterfs-fops.h:")),
        "{report}"
    );
    assert!(
        one[2].ends_with("|     index: 3") && one[3].ends_with("^ here 3"),
        "{report}"
    );
    assert!(
        one[7].ends_with("|     GF_FOP_MKNOD = 103,") && one[8].ends_with("^^^^^^^^^^^^ there 103"),
        "{report}"
    );
}

/// The same the other way round: what the headers can not say is changed in the schema.
#[test]
fn what_only_the_schema_says_is_named_with_its_line() {
    let Some(installed) = common::installed() else {
        return;
    };
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("fops.yaml");
    let mut text = common::schema_text();
    let entry = |fop: &str, text: &str| {
        let start = text.find(&format!("\n  {fop}:\n")).unwrap() + 1;
        let end = start + text[start..].find("\n\n").unwrap() + 2;
        text[start..end].to_owned()
    };
    // They change places.
    let (stat, readlink) = (entry("stat", &text), entry("readlink", &text));
    text = text.replacen(
        &format!("{stat}{readlink}"),
        &format!("{readlink}{stat}"),
        1,
    );
    for (old, new) in [
        (
            "      - ia_ino: {",
            "      - ia_more: {type: uint64_t, doc: More.}\n      - ia_ino: {",
        ),
        (
            "    c_type: struct gf_lease\n",
            "    c_type: struct gf_leash\n",
        ),
        (
            "  struct gf_lease *: {",
            "  struct gf_leash *: {kind: pointer, python: Lease, ctypes: c_void_p, doc: Lacks.}\n  struct gf_lease *: {",
        ),
        (
            "GF_SEEK_HOLE: {value: 1,",
            "GF_SEEK_HOLE: {value: 1, since: \"99.0\",",
        ),
        (
            "IA_IFSOCK: {value: 7,",
            "IA_IFSOCK: {value: 7, until: \"9.9\",",
        ),
        (
            "IATT_GFID: {value: 0x1000,",
            "IATT_GFID: {value: 0x1000, until: \"9.9\",",
        ),
        ("  dev_t: {kind: u64,", "  dev_t: {kind: u32,"),
        (
            "      - inode: inode_t *\n      - linked_inode: inode_t *\n",
            "      - linked_inode: inode_t *\n      - inode: inode_t *\n",
        ),
    ] {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text = text.replacen(old, new, 1);
    }
    // A type that the headers lack, and all that has it.
    text = text.replace("entrylk_cmd", "entrylk_kind");
    fs::write(&path, &text).unwrap();
    let schema = ["--schema", path.to_str().unwrap(), "--format", "json"];
    let output = verify(&installed, &schema);
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let differences = json["differences"].as_array().unwrap().iter();
    let line = |place: &Value| {
        let Some(file) = place["file"].as_str() else {
            return "nowhere".to_owned();
        };
        let number = place["line"].as_u64().unwrap() as usize;
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().nth(number.max(1) - 1).unwrap_or_default();
        line.trim().to_owned()
    };
    let mut actual: Vec<_> = differences
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            let (schema, header) = (line(&one["schema"]), line(&one["header"]));
            (text("kind"), text("subject"), schema, header)
        })
        .collect();
    actual.sort();
    let expected = [
        (
            "argument-order",
            "callbacks.ictxmerge.args",
            "- linked_inode: inode_t *",
            "typedef void (*cbk_ictxmerge_t)(xlator_t *this, fd_t *fd, inode_t *inode,",
        ),
        (
            "argument-type",
            "fops.entrylk.args.cmd",
            "- cmd: {type: entrylk_kind, doc: \"What to do (EntrylkCmd).\"}",
            "const char *basename, entrylk_cmd cmd,",
        ),
        (
            "argument-type",
            "fops.fentrylk.args.cmd",
            "- cmd: {type: entrylk_kind, doc: \"What to do (EntrylkCmd).\"}",
            "const char *basename, entrylk_cmd cmd,",
        ),
        (
            "enum-gone",
            "enums.EntrylkCmd",
            "c_type: entrylk_kind",
            "nowhere",
        ),
        (
            "field-gone",
            "structures.iatt.ia_more",
            "- ia_more: {type: uint64_t, doc: More.}",
            "struct iatt {",
        ),
        ("fop-order", "fops.stat", "stat:", "fop_stat_t stat;"),
        (
            "structure-gone",
            "structures.gf_lease",
            "c_type: struct gf_leash",
            "nowhere",
        ),
        (
            "type-kind",
            "types.dev_t",
            "dev_t: {kind: u32, python: int, ctypes: c_uint64}",
            "nowhere",
        ),
        (
            "value-version",
            "enums.IaType.IA_IFSOCK",
            "- IA_IFSOCK: {value: 7, until: \"9.9\", doc: Socket.}",
            "IA_IFSOCK",
        ),
        (
            "value-version",
            "enums.IattFlags.IATT_GFID",
            "- IATT_GFID: {value: 0x1000, until: \"9.9\", doc: ia_gfid is valid.}",
            "#define IATT_GFID 0x0000000000001000U",
        ),
        (
            "value-version",
            "enums.SeekWhat.GF_SEEK_HOLE",
            "- GF_SEEK_HOLE: {value: 1, since: \"99.0\", doc: The next hole.}",
            "GF_SEEK_HOLE = 1,",
        ),
    ]
    .map(|(kind, subject, schema, header)| {
        (kind.into(), subject.into(), schema.into(), header.into())
    });
    assert_eq!(actual, expected);
}

/// What a version does not have yet, or not any more, is no difference; the opposite is one.
#[test]
fn since_and_until_are_held_against_the_headers() {
    let Some(installed) = common::installed() else {
        return;
    };
    let copy = common::copy(&installed);
    // As in GlusterFS 5: nothing behind namelink.
    let path = copy.path().join("glusterfs/xlator.h");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.contains(" copy_file_range"));
    fs::write(
        &path,
        lines.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();

    let kinds = |version: &str| {
        let output = verify(
            copy.path(),
            &["--format", "json", "--gluster-version", version],
        );
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let differences = json["differences"].as_array().unwrap().clone();
        let fops = differences
            .iter()
            .filter(|one| one["subject"].as_str().unwrap().starts_with("fops."));
        let kinds: Vec<_> = fops
            .map(|one| {
                format!(
                    "{} {}",
                    one["kind"].as_str().unwrap(),
                    one["subject"].as_str().unwrap()
                )
            })
            .collect();
        (kinds, json["left_out"].clone())
    };
    assert_eq!(
        kinds("5.0"),
        (vec![], serde_json::json!(["copy_file_range"]))
    );
    assert_eq!(
        kinds("6.0"),
        (
            vec!["fop-gone fops.copy_file_range".into()],
            serde_json::json!([])
        )
    );
    let (early, left_out) = kinds("3.12");
    let too_early = ["put", "icreate", "namelink"].map(|fop| format!("fop-version fops.{fop}"));
    assert_eq!(
        (early, left_out),
        (too_early.to_vec(), serde_json::json!(["copy_file_range"]))
    );
}

#[test]
fn an_unknown_fop_is_reported_with_its_place() {
    let Some(installed) = common::installed() else {
        return;
    };
    let copy = common::copy(&installed);
    let typedefs = "typedef int32_t (*fop_frobnicate_t)(call_frame_t *frame, xlator_t *this, loc_t *loc);
typedef int32_t (*fop_frobnicate_cbk_t)(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret, int32_t op_errno);

struct xlator_fops {";
    edit(
        copy.path(),
        "xlator.h",
        &[
            ("struct xlator_fops {", typedefs),
            (
                "    fop_copy_file_range_t copy_file_range;\n",
                "    fop_copy_file_range_t copy_file_range;\n    fop_frobnicate_t frobnicate;\n",
            ),
        ],
    );
    let output = verify(copy.path(), &[]);
    let report = stderr(&output);
    assert!(
        report.starts_with("error[fop-new]: the schema has no fop frobnicate\n"),
        "{report}"
    );
    assert!(
        report.contains("^^^^^^^^^^^^^^^ expected behind this; `cargo codegen import` writes it"),
        "{report}"
    );
    assert!(
        report.contains("^^^^^^^^^^ there it is number 59"),
        "{report}"
    );
    assert!(report.contains("\n1 difference between "), "{report}");
}

#[test]
fn what_can_not_be_read_is_named() {
    // Nothing of GlusterFS is there.
    let empty = tempfile::tempdir().unwrap();
    let output = verify(empty.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "error: GlusterFS's headers are not in {}: there is no glusterfs/xlator.h; it should \
             be the folder that holds `glusterfs/`, such as /usr/include (Debian: \
             libglusterfs-dev)\n",
            empty.path().display()
        )
    );
    // Some are.
    fs::create_dir(empty.path().join("glusterfs")).unwrap();
    fs::write(empty.path().join("glusterfs/xlator.h"), "").unwrap();
    let error = stderr(&verify(empty.path(), &[]));
    assert!(
        error.starts_with(&format!(
            "error: {} has not all of GlusterFS's headers: glusterfs/stack.h, ",
            empty.path().display()
        )),
        "{error}"
    );

    let Some(installed) = common::installed() else {
        return;
    };
    // One that others include: the installed one must not stand in for it.
    let copy = common::copy(&installed);
    fs::remove_file(copy.path().join("glusterfs/iatt.h")).unwrap();
    let error = stderr(&verify(copy.path(), &[]));
    assert!(
        error.contains("GlusterFS's headers: glusterfs/iatt.h is missing;"),
        "{error}"
    );

    // There are no fops in them.
    let copy = common::copy(&installed);
    edit(
        copy.path(),
        "xlator.h",
        &[(
            "struct xlator_fops {\n",
            "struct xlator_fops {\n};\nstruct other_fops {\n",
        )],
    );
    let error = stderr(&verify(copy.path(), &[]));
    assert!(
        error.contains("`struct xlator_fops` has no fops: these are no headers of GlusterFS"),
        "{error}"
    );

    let copy = common::copy(&installed);
    edit(
        copy.path(),
        "iatt.h",
        &[("struct iatt {\n", "#include <no/such.h>\nstruct iatt {\n")],
    );
    let error = stderr(&verify(copy.path(), &[]));
    assert!(
        error.contains("error: GlusterFS's headers include no/such.h, not found (Debian: "),
        "{error}"
    );

    let copy = common::copy(&installed);
    edit(
        copy.path(),
        "iatt.h",
        &[("struct iatt {\n", "struct iatt {\n    no_such_t x;\n")],
    );
    let error = stderr(&verify(copy.path(), &[]));
    assert!(
        error.contains("error: clang can not read the headers: "),
        "{error}"
    );
    assert!(error.contains("unknown type name 'no_such_t'"), "{error}");

    let copy = common::copy(&installed);
    edit(
        copy.path(),
        "globals.h",
        &[("#define GD_OP_VERSION_MAX ", "#define GD_OP_VERSION_TOP ")],
    );
    let error = stderr(&verify(copy.path(), &[]));
    assert!(
        error.contains(
            "is not known: there is no glusterfs-api.pc beside them; say --gluster-version\n"
        ),
        "{error}"
    );
}
