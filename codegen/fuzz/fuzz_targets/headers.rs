//! What bindgen makes of headers, and a header beside it, damaged: a model that the schema can
//! be held against and whose differences can be shown, or an error. Never a panic.
//!
//! An input is Rust as bindgen writes it, the line `/* header */`, and the text of a header,
//! in which names are looked for where they stand first.

#![no_main]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use codegen::Loaded;
use codegen::diagnostics::Source;
use codegen::headers::parse;
use codegen::headers::read::Read;
use codegen::verify::{report, verify};
use libfuzzer_sys::{Corpus, fuzz_target};

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    let schema = include_bytes!("../corpus/schema/everything.yaml");
    Source::new("fops.yaml", schema.to_vec())
});

/// The reader takes places in files.
static HEADER: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("codegen-fuzz-{}.h", std::process::id())));

/// clang nests no deeper than this; syn, which recurses, has a stack for so much.
const DEPTH: usize = 64;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let text = String::from_utf8_lossy(bytes);
    let (bindings, header) = text.split_once("/* header */\n").unwrap_or((&text, ""));
    let nests = |c: char| "([{<&*!-|".contains(c);
    if bindings.matches(nests).count() > 8 * DEPTH || deepest(bindings) > DEPTH {
        return Corpus::Reject;
    }
    let path = HEADER.display().to_string();
    fs::write(&*HEADER, header).unwrap();
    let words = bindings.split(|c: char| !c.is_alphanumeric() && c != '_');
    let locations: HashMap<_, _> = words
        .enumerate()
        .map(|(index, word)| {
            // One that does not fit is a place, too; one that is not in the file is none.
            let mut invented = index * 7 % (header.len() + 1);
            while !header.is_char_boundary(invented) {
                invented -= 1;
            }
            let offset = header.find(word).unwrap_or(invented);
            (word.to_owned(), (path.clone(), offset))
        })
        .collect();
    let read = Read {
        dir: "/usr/include".into(),
        bindings: bindings.into(),
        locations,
    };
    let headers = parse::parse(&read);
    let _ = fs::remove_file(&*HEADER);
    match headers {
        Ok(headers) => {
            let Loaded { schema, model, .. } = codegen::load_with_places(&SOURCE).unwrap();
            let version = model.glusterfs;
            let differences = verify(&schema, &model, &headers, version);
            report::text(&differences, &SOURCE, &headers, version, true);
            report::json(&differences, &SOURCE, &headers, version);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    Corpus::Keep
});

/// How many brackets are open at most, and how many signs stand together.
fn deepest(text: &str) -> usize {
    let (mut open, mut run, mut deepest) = (0_usize, 0, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' | '<' => open += 1,
            ')' | ']' | '}' | '>' => open = open.saturating_sub(1),
            _ => {}
        }
        run = if c.is_alphanumeric() { 0 } else { run + 1 };
        deepest = deepest.max(open).max(run / 4);
    }
    deepest
}
