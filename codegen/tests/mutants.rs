//! A change of any template or emitter is a diff in a committed file, and one more output is
//! one more file and one more line: seen on a changed copy of this crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What emitters share, a change in each, and what `check` must show of it.
const SHARED: &[(&str, &str, &str, &str)] = &[
    (
        "emit/mod.rs",
        "; do not edit.",
        "; mutated mod.",
        "mutated mod",
    ),
    (
        "emit/rust.rs",
        "\" {text}\"",
        "\" {text} mutated rust\"",
        "mutated rust",
    ),
    (
        "emit/template.rs",
        "\"\\\"{}\\\"\"",
        "\"\\\"{} mutated template\\\"\"",
        "mutated template",
    ),
    (
        "describe.rs",
        "Never NULL.",
        "mutated describe.",
        "mutated describe",
    ),
];

/// A whole emitter.
const ADDED: &str = "
//! `docs/names.txt`: the names of the fops.

use super::Error;
use crate::model::Model;

/// One per line.
pub fn emit(model: &Model) -> Result<String, Error> {
    Ok(model.fops.iter().map(|fop| format!(\"{}\\n\", fop.name)).collect())
}
";

/// `cargo codegen check`, under a name that no other program here has.
const CHECK: &str = r#"
use codegen::{diagnostics::Source, emit, sink};

fn main() {
    let root = std::path::PathBuf::from(std::env::args_os().nth(1).unwrap());
    let source = Source::new("fops.yaml", std::fs::read(root.join("fops.yaml")).unwrap());
    let outputs = emit::emit(&codegen::load(&source).unwrap()).unwrap();
    print!("{}", sink::check(&root, &outputs).unwrap().unwrap());
}
"#;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
}

fn names(folder: &Path, ending: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    let names = names.filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()));
    names.collect()
}

/// Replaces the only or all occurrences of a text in a file, which must be there.
fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{}: no {from}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// A copy of the crate with everything changed.
fn mutated(tree: &Path) {
    let _ = fs::remove_dir_all(tree); // from the last run
    fs::create_dir_all(tree).unwrap();
    let repository = repository();
    let workspace = fs::read_to_string(repository.join("Cargo.toml")).unwrap();
    let alone = workspace.replace("\"codegen\", \"codegen/fuzz\", \"glupy\"", "\"codegen\"");
    assert_ne!(alone, workspace);
    fs::write(tree.join("Cargo.toml"), alone).unwrap();
    fs::copy(repository.join("Cargo.lock"), tree.join("Cargo.lock")).unwrap();
    let codegen = tree.join("codegen");
    fs::create_dir_all(codegen.join("examples")).unwrap();
    // Under another name, or cargo would take it for the crate itself.
    let manifest = fs::read_to_string(repository.join("codegen/Cargo.toml")).unwrap();
    let renamed = manifest.replacen("name = \"codegen\"", "name = \"mutants\"", 1);
    assert_ne!(renamed, manifest);
    let library = "\n[lib]\nname = \"codegen\"\n";
    fs::write(codegen.join("Cargo.toml"), renamed + library).unwrap();
    fs::write(codegen.join("examples/mutated_check.rs"), CHECK).unwrap();
    copy(&repository.join("codegen/src"), &codegen.join("src"));
    copy(&repository.join("templates"), &tree.join("templates"));
    fs::create_dir_all(tree.join("docs")).unwrap();
    fs::copy(
        repository.join("docs/locs.json"),
        tree.join("docs/locs.json"),
    )
    .unwrap();

    for name in names(&tree.join("templates"), ".jinja") {
        let path = tree.join("templates").join(format!("{name}.jinja"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text + "mutated template " + &name + "\n").unwrap();
    }
    let emit = codegen.join("src/emit");
    for name in names(&emit, ".rs") {
        let path = emit.join(format!("{name}.rs"));
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("\npub fn emit(") && name != "mod" {
            let text = text.replace("\npub fn emit(", "\nfn unchanged(")
                + "pub fn emit(model: &crate::model::Model) -> Result<String, super::Error> {"
                + &format!("    unchanged(model).map(|text| text + \"mutated emitter {name}\\n\")")
                + "}";
            fs::write(path, text).unwrap();
        } else {
            let file = format!("emit/{name}.rs");
            let known = SHARED.iter().any(|(path, ..)| *path == file);
            assert!(
                known,
                "{file} is no emitter: say in SHARED how to change it"
            );
        }
    }
    for (file, from, to, _) in SHARED {
        replace(&codegen.join("src").join(file), from, to);
    }
    fs::write(emit.join("names.rs"), ADDED).unwrap();
    replace(
        &emit.join("mod.rs"),
        "outputs! {\n",
        "outputs! {\n    \"docs/names.txt\" => names,\n",
    );
}

/// What the changed generator says of the files of this repository: their diffs by path.
fn diffs() -> BTreeMap<String, String> {
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    mutated(&tree);
    let program = Path::new(env!("CARGO_BIN_EXE_codegen"));
    let output = Command::new(env!("CARGO"))
        .args(["run", "-q", "--offline", "--example", "mutated_check", "--"])
        .arg(repository())
        .current_dir(tree.join("codegen"))
        // What the crate depends on has been compiled there.
        .env("CARGO_TARGET_DIR", program.ancestors().nth(2).unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let report = String::from_utf8(output.stdout).unwrap();
    let diffs = report.split("\n+++ b/").skip(1);
    let diffs = diffs.map(|diff| diff.split_once('\n').unwrap());
    diffs
        .map(|(path, diff)| (path.to_owned(), diff.to_owned()))
        .collect()
}

#[test]
fn every_change_of_a_template_or_an_emitter_is_a_diff_in_a_committed_file() {
    let source = fs::read_to_string(repository().join("codegen/src/emit/mod.rs")).unwrap();
    let table = source
        .split_once("outputs! {\n")
        .unwrap()
        .1
        .split_once("\n}")
        .unwrap()
        .0;
    let outputs: Vec<(&str, &str)> = table
        .lines()
        .map(|line| {
            line.trim()
                .trim_end_matches(',')
                .split_once(" => ")
                .unwrap()
        })
        .map(|(path, emitter)| (path.trim_matches('"'), emitter))
        .collect();
    assert!(outputs.len() >= 8);

    let diffs = diffs();
    for (path, emitter) in &outputs {
        assert!(repository().join(path).is_file(), "{path} is committed");
        let diff = diffs
            .get(*path)
            .unwrap_or_else(|| panic!("{path} does not differ"));
        assert!(
            diff.contains(&format!("\n+mutated emitter {emitter}\n")),
            "{diff}"
        );
        assert!(diff.contains("; mutated mod."), "{diff}");
    }
    let shown = |text: &str| diffs.values().any(|diff| diff.contains(text));
    for template in names(&repository().join("templates"), ".jinja") {
        assert!(
            shown(&format!("\n+mutated template {template}\n")),
            "{template}"
        );
    }
    for (file, .., text) in SHARED {
        assert!(shown(text), "{file}");
    }

    // The added output.
    assert_eq!(diffs.len(), outputs.len() + 1);
    assert!(diffs["docs/names.txt"].contains("\n+lookup\n"));
}
