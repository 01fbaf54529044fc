//! Entries for fops that the headers have and the schema lacks.
//!
//! The schema's text is added to, never written anew: its comments and its layout stay.

mod types;

use std::fmt::Write;

use crate::diagnostics::Source;
use crate::headers::model::{Arg, Fop, Headers};
use crate::model::Model;
use crate::names::{Version, not_a_name};
use crate::resolve::{CHECKSUM_SIZE, MAX_ARGS, TAKEN};
use crate::schema::{Named, Schema, Text};
use types::Types;

/// What stands in a call before the arguments of its own.
const CALL: usize = 2;

/// The same in a callback.
const BACK: usize = 5;

/// A schema with what it lacked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Its text.
    pub text: String,
    /// The fops that were added.
    pub fops: Vec<String>,
    /// The C types that were added.
    pub types: Vec<String>,
    /// The fops that can not be described, and why.
    pub refused: Vec<(String, String)>,
}

/// Adds an entry for each fop that the schema lacks, and for each C type that these need.
pub fn propose(
    source: &Source,
    schema: &Schema,
    model: &Model,
    headers: &Headers,
    version: Version,
) -> Proposal {
    let mut proposal = Proposal::default();
    let mut types = Types::new(model, headers);
    let mut edits = Edits::default();
    let known = |name: &str| {
        model.fops.iter().any(|fop| fop.name == name)
            || model.left_out.iter().any(|other| other == name)
    };
    for fop in headers.fops.iter().filter(|fop| !known(&fop.name)) {
        let mut more = types.clone();
        match entry(fop, headers, version, &mut more) {
            Ok(entry) => {
                types = more;
                edits.insert(place_of(fop.index, source, schema, model), entry);
                proposal.fops.push(fop.name.clone());
            }
            Err(reason) => proposal.refused.push((fop.name.clone(), reason)),
        }
    }
    if !types.new.is_empty() {
        let mut text = "\n  # From `cargo codegen import`.\n".to_owned();
        for (spelling, entry) in &types.new {
            let _ = writeln!(text, "  {spelling}: {entry}");
            proposal.types.push(spelling.clone());
        }
        edits.insert(end_of(source, &schema.types, schema.types.len() - 1), text);
    }
    proposal.text = edits.apply(&source.text);
    proposal
}

/// Where the fop with that index goes: behind the entry of the last one with a lower index.
fn place_of(index: usize, source: &Source, schema: &Schema, model: &Model) -> usize {
    let before = model
        .fops
        .iter()
        .rposition(|fop| (fop.index as usize) < index);
    match before {
        Some(before) => end_of(source, &schema.fops, before),
        // In front of the first one, which has a name.
        None => schema.fops.first().map_or(source.text.len(), |(name, _)| {
            line_start(&source.text, name)
        }),
    }
}

fn line_start(text: &str, name: &Text) -> usize {
    text[..name.span.start].rfind('\n').map_or(0, |at| at + 1)
}

/// The end of an entry of a mapping: behind its last line that is no comment.
fn end_of<T>(source: &Source, entries: &Named<T>, index: usize) -> usize {
    let text = &source.text;
    let start = line_start(text, &entries[index].0);
    let indent = entries[index].0.span.start - start;
    let mut end = start;
    let mut at = start;
    for (number, line) in text[start..].split_inclusive('\n').enumerate() {
        let content = line.trim();
        let inside = number == 0 || line.len() - line.trim_start().len() > indent;
        if !content.is_empty() && !content.starts_with('#') {
            if !inside {
                break;
            }
            end = at + line.len();
        }
        at += line.len();
    }
    end
}

/// An entry, or why there can be none.
fn entry(
    fop: &Fop,
    headers: &Headers,
    version: Version,
    types: &mut Types<'_>,
) -> Result<String, String> {
    let name = &fop.name;
    usable(name, "the fop")?;
    let back = fop
        .back
        .as_ref()
        .ok_or("the table has no slot for its callback")?;
    let args = params(fop.call.args.get(CALL..), types)?;
    let cbk = params(back.function.args.get(BACK..), types)?;
    let number = headers.find_enum("glusterfs_fop_t").and_then(|numbers| {
        let same = |value: i128| value == fop.index as i128;
        let mut values = numbers
            .values
            .iter()
            .filter(|(_, value)| same(value.number));
        values.find_map(|(name, _)| name.strip_prefix("GF_FOP_"))
    });
    let number = number.ok_or_else(|| format!("no GF_FOP_ number is {}", fop.index))?;
    let mut text = format!(
        "\n  # From the headers of {version} by `cargo codegen import`: doc, op_ret and what may be\n  \
         # NULL are to be filled in.\n  {name}:\n    doc: \"TODO: say what it does.\"\n    \
         index: {}\n",
        fop.index
    );
    if number != name.to_uppercase() {
        let _ = writeln!(text, "    gf_fop: {number}");
    }
    let _ = writeln!(text, "    since: \"{version}\"");
    for (key, params) in [("args", args), ("cbk", cbk)] {
        if params.is_empty() {
            let _ = writeln!(text, "    {key}: []");
        } else {
            let _ = writeln!(text, "    {key}:");
        }
        for param in params {
            let _ = writeln!(text, "      - {param}");
        }
    }
    Ok(text)
}

fn usable(name: &str, what: &str) -> Result<(), String> {
    match not_a_name(name) {
        None => Ok(()),
        Some(expected) => Err(format!(
            "the name of {what} `{name}` can not be used: expected {expected}"
        )),
    }
}

/// Arguments, as they stand in the schema.
fn params(args: Option<&[Arg]>, types: &mut Types<'_>) -> Result<Vec<String>, String> {
    let args = args.ok_or("it has not the arguments that every fop has")?;
    if args.len() > MAX_ARGS {
        return Err(format!(
            "it has {} arguments, the runtime has room for {MAX_ARGS}",
            args.len()
        ));
    }
    args.iter().map(|arg| param(arg, args, types)).collect()
}

fn param(arg: &Arg, siblings: &[Arg], types: &mut Types<'_>) -> Result<String, String> {
    let Arg { name, c_type, .. } = arg;
    usable(name, "the argument")?;
    if TAKEN.contains(&name.as_str()) {
        return Err(format!("every fop has an argument `{name}` already"));
    }
    types.add(name, c_type)?;
    let of = |c_type: &str| siblings.iter().find(|other| other.c_type == c_type);
    Ok(match c_type.as_str() {
        "struct iovec *" => match length(arg, siblings) {
            Some(count) => {
                let owner = of("struct iobref *")
                    .map_or(String::new(), |owner| format!(", owner: {}", owner.name));
                format!("{name}: {{type: {c_type}, length: {}{owner}}}", count.name)
            }
            // Without its length it is but an address.
            None => format!("{name}: {{type: {c_type}, kind: pointer}}"),
        },
        "uint8_t *" if name == "strong_checksum" => {
            format!("{name}: {{type: {c_type}, size: {CHECKSUM_SIZE}}}")
        }
        "uint8_t *" => format!("{name}: {{type: {c_type}, kind: pointer}}"),
        _ => format!("{name}: {c_type}"),
    })
}

/// The argument that counts the parts of a vector, as in every fop that has one.
fn length<'a>(vector: &Arg, siblings: &'a [Arg]) -> Option<&'a Arg> {
    let mut vectors = siblings
        .iter()
        .filter(|other| other.c_type == vector.c_type);
    let first = vectors
        .next()
        .is_some_and(|first| first.name == vector.name);
    let mut numbers = siblings.iter().filter(|other| other.c_type == "int32_t");
    numbers.find(|other| first && other.name == "count")
}

/// Texts to insert, by offset.
#[derive(Default)]
struct Edits(Vec<(usize, String)>);

impl Edits {
    fn insert(&mut self, at: usize, text: String) {
        self.0.push((at, text));
    }

    fn apply(mut self, text: &str) -> String {
        // Stable: what goes to one place stays in order.
        self.0.sort_by_key(|(at, _)| *at);
        let mut result = String::new();
        let mut done = 0;
        for (at, new) in self.0 {
            result += &text[done..at];
            if !result.ends_with('\n') {
                result += "\n";
            }
            result += &new;
            done = at;
        }
        result + &text[done..]
    }
}
