//! Broken schemas and the exact text of the errors: a folder per case in
//! `fixtures/schema-errors`, with `fops.yaml` and `stderr`. What is large or binary is made
//! here.

use std::fs;
use std::path::{Path, PathBuf};

use codegen::diagnostics::{Source, unseen};

const BLESS: &str = "BLESS=1 cargo test -p codegen --test schema_errors";

/// The folders in `fixtures/schema-errors`. One more raises it; none is taken away.
const CASES: usize = 105;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-errors");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

fn errors(bytes: impl Into<Vec<u8>>) -> String {
    let source = Source::new("fops.yaml", bytes.into());
    match codegen::load(&source) {
        Ok(_) => "no error".to_owned(),
        Err(errors) => errors.render(&source, false),
    }
}

#[test]
fn every_broken_schema_has_its_error_text() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = String::new();
    let cases = cases();
    assert_eq!(cases.len(), CASES, "CASES must say how many there are");
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let actual = errors(fs::read(case.join("fops.yaml")).unwrap());
        // Each names the place, and none steers the terminal that shows it.
        assert!(actual.contains("error: "), "{name}: {actual}");
        assert!(actual.contains("--> fops.yaml:"), "{name}: {actual}");
        let steers = |c: char| unseen(c) && c != '\n';
        assert!(!actual.contains(steers), "{name}: {actual:?}");
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
fn a_schema_may_have_windows_line_ends_and_a_byte_order_mark() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fops.yaml");
    let text = fs::read_to_string(path).unwrap();
    let load = |text: String| {
        let source = Source::new("fops.yaml", text.into_bytes());
        let model = codegen::load(&source);
        let model = model.unwrap_or_else(|errors| panic!("{}", errors.render(&source, false)));
        serde_json::to_string(&model).unwrap()
    };
    let model = load(text.clone());
    assert_eq!(load(format!("\u{feff}{text}")), model);
    assert_eq!(load(text.replace('\n', "\r\n")), model);
}

#[test]
fn a_file_of_ten_megabytes_is_refused_unread() {
    let mut text = b"fops:\n".to_vec();
    text.extend(b"  lookup: {}\n".iter().cycle().take(10 << 20));
    assert_eq!(
        errors(text),
        "\
error: this file has 10485766 bytes
 --> fops.yaml:1:1
  |
1 | fops:
  | ^ a schema has at most 1048576

1 error in fops.yaml; nothing was written
"
    );
}

#[test]
fn thousands_of_errors_are_told_briefly() {
    let lines = 20_000;
    let wrong: String = (0..lines)
        .map(|line| format!("  f{line}: {line}\n"))
        .collect();
    let nullable: Vec<String> = (0..7_000).map(|name| format!("n{name}")).collect();
    for (text, count) in [
        (
            format!("glusterfs: \"10.3\"\ntypes: {{}}\nfops:\n{wrong}"),
            lines,
        ),
        (
            format!(
                "glusterfs: \"10.3\"\ntypes: {{}}\nfops: {{}}\naliases:\n{}",
                "  a: b\n".repeat(lines)
            ),
            lines - 1,
        ),
        (
            format!(
                "glusterfs: \"10.3\"\ntypes: {{}}\nnullable: [{}]\nfops:\n  x: {{doc: x, index: 1, cbk: [], args: [{}]}}\n",
                nullable.join(", "),
                "{m: t}, ".repeat(7_000)
            ),
            14_010,
        ),
    ] {
        let errors = errors(text);
        assert_eq!(errors.matches("error: ").count(), 100);
        let end = format!(
            "\nand {} more like these\n\n{count} errors in fops.yaml; nothing was written\n",
            count - 100
        );
        assert!(errors.ends_with(&end), "{}", &errors[errors.len() - 300..]);
    }
}

#[test]
fn no_depth_is_too_much_for_the_reader() {
    for (open, close) in [
        ("[", "]"),
        ("{a: ", "}"),
        ("- ", ""),
        ("[{a: ", "}]"),
        ("? ", ""),
    ] {
        for depth in [33, 1000, 100_000] {
            for text in [
                open.repeat(depth),
                open.repeat(depth) + &close.repeat(depth),
            ] {
                let errors = errors(format!("fops: {text}"));
                assert!(
                    errors.starts_with("error: "),
                    "{open} {depth}: {errors:.300}"
                );
                assert!(errors.len() < 2000, "{open} {depth}: {errors:.300}");
            }
        }
    }
}

#[test]
fn what_is_not_utf8_is_told_as_such() {
    let utf16: Vec<u8> = "\u{feff}fops:\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        errors(utf16),
        "\
error: this file is not UTF-8
 --> fops.yaml:1:1
  |
1 | ��f␀o␀p␀s␀:␀
  | ^ the first byte that is not
  |
  = help: save it as UTF-8

1 error in fops.yaml; nothing was written
"
    );
    let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
    assert!(errors(binary).starts_with("error: this file is not UTF-8\n"));
}

#[test]
fn a_nul_is_told_as_such() {
    assert_eq!(
        errors("fops:\n  loo\0kup: {}\n"),
        "\
error: this can not be read: unexpected character: `\\u{0}'
 --> fops.yaml:2:6
  |
2 |   loo␀kup: {}
  |      ^ noticed here
  |
  = help: delete it

1 error in fops.yaml; nothing was written
"
    );
}
