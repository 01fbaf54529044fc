//! Broken schemas and the exact text of the errors: a folder per case in
//! `fixtures/schema-errors`, with `fops.yaml` and `stderr`.

use std::fs;
use std::path::{Path, PathBuf};

use codegen::diagnostics::Source;

const BLESS: &str = "BLESS=1 cargo test -p codegen --test schema_errors";

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-errors");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_broken_schema_has_its_error_text() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = String::new();
    let cases = cases();
    assert!(
        cases.len() >= 20,
        "only {} cases: is this the right folder?",
        cases.len()
    );
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let source = Source::new("fops.yaml", fs::read(case.join("fops.yaml")).unwrap());
        let actual = match codegen::load(&source) {
            Ok(_) => "no error".to_owned(),
            Err(errors) => errors.render(&source, false),
        };
        let golden = case.join("stderr");
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if actual != expected && bless {
            fs::write(golden, actual).unwrap();
        } else if actual != expected {
            let diff = similar::TextDiff::from_lines(&expected, &actual);
            wrong += &diff
                .unified_diff()
                .header(&format!("{name}/stderr"), "now")
                .to_string();
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nIf the new texts are right: {BLESS}"
    );
}

/// Whatever is cut out of a schema, the answer is errors and not a panic.
#[test]
fn a_damaged_schema_never_panics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fops.yaml");
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let load = |text: String| {
        let source = Source::new("fops.yaml", text.into_bytes());
        if let Err(errors) = codegen::load(&source) {
            assert!(errors.render(&source, false).contains("error: "));
        }
    };
    for at in (0..lines.len()).step_by(41) {
        let mut without = lines.clone();
        without.remove(at);
        load(without.concat());
        load(lines[..at].concat());
        let mut indented = lines.clone();
        indented.insert(at, "   ");
        load(indented.concat());
    }
}

#[test]
fn a_huge_file_is_refused() {
    let source = Source::new("fops.yaml", vec![b'#'; 5 << 20]);
    let errors = codegen::load(&source).unwrap_err().render(&source, false);
    assert!(
        errors.starts_with("error: this file has 5242880 bytes\n"),
        "{errors:.300}"
    );
}
