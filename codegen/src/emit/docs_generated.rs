//! `docs/generated-code.md`: what becomes of a fop's entry in the schema.

use minijinja::{Value, context};
use similar::{ChangeTag, TextDiff};

use super::{Emitter, Error, python, python_stubs, rust_fops, template};
use crate::model::{Fop, Model};

/// The first fop that answers with data has a bit of everything: relations, a number of its
/// own, values that must not be NULL.
fn example(model: &Model) -> Option<&Fop> {
    let vector = |fop: &&Fop| fop.cbk_args.iter().any(|param| param.vector.is_some());
    model.fops.iter().find(vector).or(model.fops.first())
}

/// The schema's lines beside those that are there because of them.
pub fn emit(model: &Model) -> Result<String, Error> {
    let files: [(&str, &str, Emitter); 3] = [
        ("glupy/src/generated/fops.rs", "rust", rust_fops::emit),
        ("python/gluster.py", "python", python::emit),
        ("python/gluster.pyi", "python", python_stubs::emit),
    ];
    let example = example(model);
    let mut parts = Vec::new();
    let without = Model {
        fops: model
            .fops
            .iter()
            .filter(|fop| Some(&fop.name) != example.map(|example| &example.name))
            .cloned()
            .collect(),
        ..model.clone()
    };
    for (path, language, emitter) in files {
        let text = added(&emitter(&without)?, &emitter(model)?);
        parts.push(context! { path, language, text });
    }
    let view = context! { fop => example.map(Value::from_serialize), yaml => example.map(|fop| &fop.yaml), parts };
    template::render(
        include_str!("../../../templates/generated-code.md.jinja"),
        view,
    )
}

/// The lines of the second text that the first has not, with a mark between those that do
/// not stand together.
fn added(without: &str, with: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut runs: Vec<Vec<&str>> = Vec::new();
    let mut above = "";
    let diff = TextDiff::from_lines(without, with);
    let changes: Vec<_> = diff.iter_all_changes().collect();
    for run in changes.chunk_by(|a, b| a.tag() == b.tag()) {
        let mut lines: Vec<&str> = run.iter().filter_map(|change| change.as_str()).collect();
        let last = lines.last().copied().unwrap_or_default();
        if run[0].tag() == ChangeTag::Insert {
            // Of `head body head body` either pair is new: show the one that has its head.
            if last == above && indent(last) < indent(lines[0]) {
                lines.rotate_right(1);
            }
            runs.push(lines);
        }
        above = last;
    }
    let texts: Vec<String> = runs.iter().map(|lines| lines.concat()).collect();
    texts.join("...\n").trim_matches('\n').to_owned()
}
