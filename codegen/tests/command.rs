//! The command, on a copy of the tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const OUTPUTS: &[&str] = &[
    "glupy/src/generated/mod.rs",
    "glupy/src/generated/fops.rs",
    "glupy/src/generated/hooks.rs",
    "glupy/src/generated/structs.rs",
    "glupy/src/generated/keys.rs",
    "python/gluster.py",
    "python/gluster.pyi",
    "docs/fops.md",
    "docs/generated-code.md",
];

/// The three layers that know every fop: Rust, Python and the documentation.
const LAYERS: &[&str] = &[
    "glupy/src/generated/fops.rs",
    "python/gluster.py",
    "python/gluster.pyi",
    "docs/fops.md",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema() -> String {
    fs::read_to_string(repository().join("fops.yaml")).unwrap()
}

/// A folder with a schema and nothing else.
fn tree(schema: &str) -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("fops.yaml"), schema).unwrap();
    tree
}

fn codegen(root: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_codegen"))
        .arg("--root")
        .arg(root)
        .args(args)
        .output()
        .unwrap()
}

fn ok(root: &Path, args: &[&str]) -> String {
    let output = codegen(root, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {stderr}");
    assert_eq!(stderr, "");
    String::from_utf8(output.stdout).unwrap()
}

/// What still says TODO is told, and is no error.
#[test]
fn a_todo_that_is_left_is_a_warning() {
    let text = schema().replace(
        "doc: Read the attributes of the inode at a location.",
        "doc: \"TODO: say what it does.\"",
    );
    let tree = tree(&text);
    for command in ["generate", "check"] {
        let output = codegen(tree.path(), &[command]);
        assert!(output.status.success(), "{command}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.starts_with("warning: this doc is still to be written\n"),
            "{stderr}"
        );
        assert!(stderr.ends_with("\n1 warning in fops.yaml\n"), "{stderr}");
    }
    assert!(ok(tree.path(), &["fops", "stat"]).contains("TODO"));
}

/// Wherever it comes from: a schema, a name of a file, a word of the command line.
#[test]
fn nothing_that_is_printed_steers_the_terminal() {
    let odd = "x\r\u{1b}[31m\u{202e}\u{9b}y";
    let tree = tree(&schema());
    let file = tree.path().join(odd);
    let file = file.to_str().unwrap();
    fs::write(file, format!("fops:\n  \"{odd}\": 1\n# `{odd}")).unwrap();
    for args in [
        &["check", "--schema", file][..],
        &["check", "--schema", &format!("{file}{odd}")],
        &["fops", odd],
        &["verify", "--headers", file],
        &["diff", "--headers", file, "--headers", file],
    ] {
        let text = fails(tree.path(), args);
        let steers = |c: char| codegen::diagnostics::unseen(c) && c != '\n';
        assert!(!text.contains(steers), "{args:?}: {text:?}");
    }
}

fn fails(root: &Path, args: &[&str]) -> String {
    let output = codegen(root, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    String::from_utf8(output.stderr).unwrap()
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn the_generated_files_of_this_repository_are_up_to_date() {
    assert_eq!(ok(&repository(), &["check"]), "");
}

#[test]
fn everything_can_be_deleted_and_generated_again() {
    let tree = tree(&schema());
    let report = fails(tree.path(), &["check"]);
    assert!(
        report
            .ends_with("\n9 files are not as fops.yaml says; mend with: cargo codegen generate\n")
    );
    let written: String = OUTPUTS
        .iter()
        .map(|path| format!("wrote {path}\n"))
        .collect();
    assert_eq!(ok(tree.path(), &["generate"]), written);
    assert_eq!(ok(tree.path(), &["check"]), "");
    for path in OUTPUTS {
        let text = read(tree.path(), path);
        assert_eq!(text, read(&repository(), path), "{path}");
        assert!(
            text.lines()
                .next()
                .unwrap()
                .contains("cargo codegen generate"),
            "{path}"
        );
    }
}

#[test]
fn only_what_differs_is_written() {
    let tree = tree(&schema());
    ok(tree.path(), &["generate"]);
    assert_eq!(ok(tree.path(), &["generate"]), "");
    fs::write(tree.path().join("docs/fops.md"), "mine\n").unwrap();
    assert_eq!(ok(tree.path(), &["generate"]), "wrote docs/fops.md\n");
}

#[test]
fn check_shows_what_differs_and_writes_nothing() {
    let tree = tree(&schema());
    ok(tree.path(), &["generate"]);
    let path = tree.path().join("docs/fops.md");
    let changed = fs::read_to_string(&path)
        .unwrap()
        .replacen("# The fops\n", "# Fops\n", 1);
    fs::write(&path, &changed).unwrap();
    let report = fails(tree.path(), &["check"]);
    assert!(
        report.starts_with("--- a/docs/fops.md\n+++ b/docs/fops.md\n"),
        "{report}"
    );
    assert!(report.contains("\n-# Fops\n+# The fops\n"), "{report}");
    assert!(
        report.ends_with("\n1 file is not as fops.yaml says; mend with: cargo codegen generate\n")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), changed);
}

#[test]
fn check_names_line_ends_that_look_alike() {
    let tree = tree(&schema());
    ok(tree.path(), &["generate"]);
    let path = tree.path().join("docs/fops.md");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    let report = fails(tree.path(), &["check"]);
    assert_eq!(
        report,
        "docs/fops.md: its lines end in CR LF, not in LF\n\n\
         1 file is not as fops.yaml says; mend with: cargo codegen generate\n"
    );
}

#[test]
fn a_schema_without_an_end_is_refused() {
    let report = fails(&repository(), &["check", "--schema", "/dev/zero"]);
    assert!(
        report.starts_with("error: can not read /dev/zero: it has more than 16777216 bytes; name"),
        "{report}"
    );
}

#[test]
fn a_broken_schema_writes_nothing() {
    let broken = schema()
        .replace("kind: inode,", "kind: inod,")
        .replace("glusterfs: \"10.3\"", "glusterfs: ten");
    let tree = tree(&broken);
    for command in ["generate", "check", "model", "fops"] {
        let errors = fails(tree.path(), &[command]);
        assert!(
            errors.contains("error: `inod` is no kind\n  --> fops.yaml:"),
            "{errors}"
        );
        assert!(errors.contains("help: did you mean `inode`?"), "{errors}");
        assert!(
            errors.ends_with("2 errors in fops.yaml; nothing was written\n"),
            "{errors}"
        );
    }
    assert_eq!(
        fs::read_dir(tree.path()).unwrap().count(),
        1,
        "only the schema is there"
    );
}

/// All files below a folder, with what is in them.
fn everything(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap_or_default();
                files.push((path, bytes));
            }
        }
    }
    files.sort();
    files
}

/// Neither into an empty tree nor over what was generated before.
#[test]
fn no_broken_schema_writes_anything() {
    let tree = tree(&schema());
    ok(tree.path(), &["generate"]);
    let before = everything(tree.path());
    let fixtures = repository().join("codegen/tests/fixtures/schema-errors");
    for case in fs::read_dir(fixtures).unwrap() {
        let broken = case.unwrap().path().join("fops.yaml");
        let schema = ["--schema", broken.to_str().unwrap(), "generate"];
        let errors = fails(tree.path(), &schema);
        assert!(errors.ends_with("; nothing was written\n"), "{errors}");
        assert!(
            everything(tree.path()) == before,
            "{} wrote something",
            broken.display()
        );
    }
}

/// When one of the files can not be written, the others are not, either.
#[test]
fn all_files_are_written_or_none() {
    let tree = tree(&schema());
    ok(tree.path(), &["generate"]);
    for path in OUTPUTS {
        fs::write(tree.path().join(path), "old\n").unwrap();
    }
    let docs = tree.path().join("docs");
    fs::remove_dir_all(&docs).unwrap();
    // There is no folder to write into, and none can be made.
    std::os::unix::fs::symlink("/nowhere/docs", &docs).unwrap();
    let before = everything(tree.path());
    let error = fails(tree.path(), &["generate"]);
    let start = format!("error: can not write {}/fops.md: ", docs.display());
    assert!(error.starts_with(&start), "{error}");
    assert!(everything(tree.path()) == before);

    // There is something else in its place.
    fs::remove_file(&docs).unwrap();
    fs::write(&docs, "no folder\n").unwrap();
    let before = everything(tree.path());
    let error = fails(tree.path(), &["generate"]);
    let start = format!("error: can not read {}/fops.md: ", docs.display());
    assert!(error.starts_with(&start), "{error}");
    assert!(everything(tree.path()) == before);
}

#[test]
fn a_schema_that_can_not_be_read_is_named_with_the_way_out() {
    let tree = tempfile::tempdir().unwrap();
    let folder = tree.path().to_str().unwrap();
    let way_out = "name the schema with --schema FILE, or with --root DIR the folder that holds \
                   fops.yaml\n";
    assert_eq!(
        fails(tree.path(), &["generate"]),
        format!(
            "error: can not read {folder}/fops.yaml: No such file or directory (os error 2); {way_out}"
        )
    );
    assert_eq!(
        fails(tree.path(), &["--schema", folder, "generate"]),
        format!("error: can not read {folder}: Is a directory (os error 21); {way_out}")
    );
    // Nowhere in a tree.
    let output = Command::new(env!("CARGO_BIN_EXE_codegen"))
        .arg("check")
        .current_dir(tree.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "error: can not read ./fops.yaml: No such file or directory (os error 2); {way_out}"
        )
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_model_is_json() {
    let json: serde_json::Value = serde_json::from_str(&ok(&repository(), &["model"])).unwrap();
    let fops = json["fops"].as_array().unwrap();
    assert_eq!(fops.len(), 54);
    let pairs = |params: &serde_json::Value| -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let params = params.as_array().unwrap().iter();
        params
            .map(|param| (text(&param["name"]), text(&param["c_type"])))
            .collect()
    };
    let owned = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(name, c_type)| ((*name).into(), (*c_type).into()))
            .collect()
    };
    let lookup = fops.iter().find(|fop| fop["name"] == "lookup").unwrap();
    assert_eq!(
        pairs(&lookup["args"]),
        owned(&[("loc", "loc_t *"), ("xdata", "dict_t *")])
    );
    assert_eq!(
        pairs(&lookup["cbk_args"]),
        owned(&[
            ("inode", "inode_t *"),
            ("buf", "struct iatt *"),
            ("xdata", "dict_t *"),
            ("postparent", "struct iatt *"),
        ])
    );
    let readv = fops.iter().find(|fop| fop["name"] == "readv").unwrap();
    assert_eq!(
        readv["cbk_args"][0]["vector"],
        serde_json::json!({"length": 1, "owner": 3})
    );
    assert_eq!(readv["gf_fop"], "READ");
    assert_eq!(json["callbacks"].as_array().unwrap().len(), 11);
    assert_eq!(json["dumpops"].as_array().unwrap().len(), 11);
    let find = |name: &str| fops.iter().find(|fop| fop["name"] == name).unwrap();
    assert_eq!(
        pairs(&find("copy_file_range")["args"])[1],
        ("off_in".into(), "off64_t".into())
    );
    assert_eq!(find("rchecksum")["cbk_args"][1]["size"], 32);
}

#[test]
fn fops_are_told_to_people() {
    let list = ok(&repository(), &["fops"]);
    assert_eq!(list.lines().count(), 54);
    assert!(
        list.contains("\nlookup           Find a name in a directory"),
        "{list}"
    );
    assert_eq!(
        ok(&repository(), &["fops", "rchecksum"]),
"\
rchecksum: Have the brick compute checksums of a range of an open file.
  number   GF_FOP_RCHECKSUM = 37
  when     Replicate's self-heal finds out which parts of two copies differ.
  op_ret   0 in a success, -1 in a failure

  arguments, after frame and this:
    fd      fd_t *    Fd    The open file. Never NULL.
    offset  off_t     int   First byte.
    len     int32_t   int   How many bytes.
    xdata   dict_t *  Dict  Further wishes, by key, to whoever below knows them.

  callback values, after frame, cookie, this, op_ret and op_errno:
    weak_checksum    uint32_t   int    rsync's rolling checksum.
    strong_checksum  uint8_t *  bytes  SHA-256, or MD5 and zeros when the brick's option fips-mode-rchecksum is off; 32 bytes. Not NULL in a success.
    xdata            dict_t *   Dict   What those below add, by key.
"
    );
    assert_eq!(
        fails(&repository(), &["fops", "lokup"]),
        "error: there is no fop lokup; did you mean lookup?\n"
    );
}

/// With a vector, and an argument whose name is a keyword of Rust's.
const INVENTED: &str = "
  frobnicate:
    doc: Turn a file inside out.
    index: 59
    since: \"12.0\"
    args:
      - loc: loc_t *
      - match: int32_t
      - xdata: dict_t *
    cbk:
      - vector: {type: struct iovec *, length: count}
      - count: int32_t
      - xdata: dict_t *

# `struct xlator_cbks`";

#[test]
fn an_invented_fop_appears_in_every_layer() {
    let tree = tree(&schema().replacen("\n# `struct xlator_cbks`", INVENTED, 1));
    ok(tree.path(), &["generate"]);
    let rust = read(tree.path(), LAYERS[0]);
    assert!(rust.contains("#[cfg(fop_frobnicate)]\npub mod frobnicate {"));
    assert!(rust.contains("#[cfg(fop_frobnicate)]\n    &frobnicate::FOP,"));
    assert!(rust.contains("gf::fop_frobnicate_cbk_t"));
    assert!(rust.contains("type Args = (*mut gf::loc_t, i32, *mut gf::dict_t);"));
    assert!(rust.contains(".vector(1, None)"));
    let python = read(tree.path(), "python/gluster.py");
    // The decorators are there for any GlusterFS, so that a handler for a fop that it lacks is
    // refused with a reason; what winds and unwinds only where the fop is.
    for name in [
        "frobnicate_fop_t",
        "frobnicate_cbk_t",
        "    frobnicate_wind",
        "    frobnicate_unwind",
    ] {
        assert!(python.contains(&format!("\n{name} = ")), "{name}");
    }
    assert!(python.contains("GF_FOP_FROBNICATE = GfFop.FROBNICATE"));
    let stubs = read(tree.path(), "python/gluster.pyi");
    assert!(
        stubs.contains(
            "def frobnicate_wind(frame: Frame, loc: _Loc, match: int, xdata: Dict | None, "
        )
    );
    let docs = read(tree.path(), "docs/fops.md");
    assert!(docs.contains("\n## frobnicate\n\nTurn a file inside out.\n\n`GF_FOP_FROBNICATE` = 59; since GlusterFS 12.0.\n"));
}

#[test]
fn a_deleted_fop_vanishes_from_every_layer() {
    let schema = schema();
    let start = schema.find("\n  rchecksum:").unwrap();
    let end = start + schema[start..].find("\n\n").unwrap();
    let tree = tree(&format!("{}{}", &schema[..start], &schema[end..]));
    ok(tree.path(), &["generate"]);
    for layer in LAYERS {
        assert!(read(&repository(), layer).contains("rchecksum"));
        let left = read(tree.path(), layer);
        assert!(!left.to_lowercase().contains("rchecksum"), "{layer}");
    }
    assert_eq!(ok(tree.path(), &["fops"]).lines().count(), 53);
}

/// An author must not need the C headers.
#[test]
fn every_argument_and_value_is_described() {
    let json: serde_json::Value = serde_json::from_str(&ok(&repository(), &["model"])).unwrap();
    for fop in json["fops"].as_array().unwrap() {
        let name = fop["name"].as_str().unwrap();
        assert_ne!(fop["when"], "", "{name}");
        for list in ["args", "cbk_args"] {
            for param in fop[list].as_array().unwrap() {
                assert_ne!(param["doc"], "", "{name}: {}", param["name"]);
            }
        }
    }
}

/// Nor the stubs: fields and constants are where the arguments that have them are.
#[test]
fn every_field_and_constant_is_described_beside_the_fops() {
    let json: serde_json::Value = serde_json::from_str(&ok(&repository(), &["model"])).unwrap();
    let docs = read(&repository(), "docs/fops.md");
    let section = |title: &str| {
        let (_, rest) = docs.split_once(&format!("\n### {title}\n")).expect(title);
        rest.split("\n#").next().unwrap()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let list = |value: &serde_json::Value| value.as_array().unwrap().clone();
    for structure in list(&json["structures"]) {
        let section = section(&text(&structure["python"]));
        for field in [list(&structure["fields"]), list(&structure["derived"])].concat() {
            let (name, doc) = (text(&field["name"]), text(&field["doc"]));
            let row = section
                .lines()
                .find(|row| row.starts_with(&format!("| `{name}` |")));
            assert!(
                row.expect(&name).ends_with(&format!("| {doc} |")),
                "{row:?}"
            );
        }
    }
    for item in list(&json["enums"]) {
        let section = section(&text(&item["name"]));
        for value in list(&item["values"]) {
            let (name, doc) = (text(&value["name"]), text(&value["doc"]));
            let row = section
                .lines()
                .find(|row| row.starts_with(&format!("| `{name}` |")));
            let row = row.expect(&name);
            assert!(row.contains(&doc), "{row}");
            assert!(
                row.contains(&format!("`{}`", text(&value["member"]))),
                "{row}"
            );
        }
    }
    // What an argument's text has in brackets is one of them.
    let mut named = 0;
    for fop in list(&json["fops"]) {
        for param in [list(&fop["args"]), list(&fop["cbk_args"])].concat() {
            let doc = text(&param["doc"]);
            let name = doc
                .split_once('(')
                .and_then(|(_, rest)| rest.split_once(')'));
            let Some((name, _)) = name else { continue };
            if name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric) {
                section(name);
                named += 1;
            }
        }
    }
    assert!(named > 10, "{named}");
}
