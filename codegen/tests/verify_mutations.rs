//! Every argument of every fop and callback, renamed, retyped, removed or swapped with
//! another one, in the headers and in the schema: `verify` names exactly that, on both sides.
//! What is expected is worked out here from the texts, by means of our own.

mod common;

use std::fs;
use std::ops::Range;
use std::path::Path;

use codegen::headers;
use codegen::model::Model;
use codegen::schema::{Param, Schema};
use codegen::verify::{Difference, Kind, verify};
use common::line;

/// A function type in the text of a header.
struct Typedef {
    /// Where its name stands.
    name: Range<usize>,
    /// Where its arguments stand.
    args: Vec<Range<usize>>,
}

/// The typedef of a function in a header in which no argument is a function.
fn typedef(text: &str, name: &str) -> Typedef {
    let start = text.find(&format!("(*{name})(")).unwrap() + 2;
    let open = start + name.len() + 1;
    let close = open + text[open..].find(')').unwrap();
    let mut args = Vec::new();
    let mut at = open + 1;
    for piece in text[at..close].split(',') {
        let lead = piece.len() - piece.trim_start().len();
        args.push(at + lead..at + piece.trim_end().len());
        at += piece.len() + 1;
    }
    Typedef {
        name: start..start + name.len(),
        args,
    }
}

/// `struct iatt *buf` as `struct iatt *` and `buf`.
fn split(arg: &str) -> (&str, &str) {
    let at = arg.rfind([' ', '*']).unwrap() + 1;
    (&arg[..at], &arg[at..])
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Rename,
    Retype,
    Remove,
    Swap,
}

const CHANGES: [Change; 4] = [Change::Rename, Change::Retype, Change::Remove, Change::Swap];

/// What `verify` should say.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    kind: Kind,
    subject: String,
    schema_line: usize,
    header_line: usize,
}

/// The lines of fops.yaml.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn fop(&self, fop: &str) -> usize {
        line(self.0, self.0.find(&format!("\n  {fop}:\n")).unwrap() + 1)
    }

    /// That of an argument; of the fop, for those that every fop has.
    fn arg(&self, fop: &str, section: &str, arg: &str) -> usize {
        let start = self.0.find(&format!("\n  {fop}:\n")).unwrap();
        let start = start + self.0[start..].find(&format!("\n    {section}:")).unwrap() + 1;
        let rest = self.0[start..].split('\n').enumerate().skip(1);
        let mut own = rest.take_while(|(_, line)| line.starts_with("      - "));
        let found = own.find(|(_, line)| line.starts_with(&format!("      - {arg}:")));
        found.map_or_else(|| self.fop(fop), |(index, _)| line(self.0, start) + index)
    }
}

/// Changes a function's argument in a header; what `verify` should say of it, but for the
/// header's line, which is known when all changes are made. None when it has no such argument.
fn change(
    text: &mut String,
    lines: &Lines<'_>,
    fop: &str,
    section: &str,
    at: usize,
    change: Change,
) -> Option<Expected> {
    let back = if section == "cbk" { "_cbk" } else { "" };
    let found = typedef(text, &format!("fop_{fop}{back}_t"));
    let range = found.args.get(at)?.clone();
    let (ty, name) = split(&text[range.clone()]);
    let (ty, name) = (ty.to_owned(), name.to_owned());
    let subject = format!("fops.{fop}.{section}");
    let (kind, subject) = match change {
        Change::Rename => {
            text.replace_range(range, &format!("{ty}{name}_x"));
            (Kind::ArgumentName, format!("{subject}.{name}"))
        }
        Change::Retype => {
            let other = match ty.as_str() {
                "void *" => "char *",
                ty if ty.ends_with('*') => "void *",
                "int32_t " => "int ",
                _ => "int32_t ",
            };
            text.replace_range(range, &format!("{other}{name}"));
            (Kind::ArgumentType, format!("{subject}.{name}"))
        }
        Change::Remove => {
            let end = found.args.get(at + 1).map_or(range.end, |next| next.start);
            let start = match at {
                0 => range.start,
                _ if end == range.end => found.args[at - 1].end,
                _ => range.start,
            };
            text.replace_range(start..end, "");
            (Kind::ArgumentGone, format!("{subject}.{name}"))
        }
        Change::Swap => {
            let next = found.args.get(at + 1)?.clone();
            let (first, second) = (
                text[range.clone()].to_owned(),
                text[next.clone()].to_owned(),
            );
            text.replace_range(next, &first);
            text.replace_range(range, &second);
            (Kind::ArgumentOrder, subject)
        }
    };
    Some(Expected {
        kind,
        subject,
        schema_line: lines.arg(fop, section, &name),
        header_line: 0,
    })
}

/// The line of what was changed, in the text with all changes.
fn header_line(text: &str, fop: &str, section: &str, at: usize, change: Change) -> usize {
    let back = if section == "cbk" { "_cbk" } else { "" };
    let found = typedef(text, &format!("fop_{fop}{back}_t"));
    match change {
        Change::Remove => line(text, found.name.start),
        _ => line(text, found.args[at].end),
    }
}

fn found(difference: &Difference, schema: &str) -> Expected {
    Expected {
        kind: difference.kind,
        subject: difference.subject.clone(),
        schema_line: line(schema, difference.schema.start),
        header_line: difference.header.line,
    }
}

/// One change per function and run: each is the only one in its function.
#[test]
fn in_the_headers() {
    let Some(installed) = common::installed() else {
        return;
    };
    let version = common::version(&installed);
    let text = common::schema_text();
    let (_, schema, model) = common::load(&text);
    let original = fs::read_to_string(installed.join("glusterfs/xlator.h")).unwrap();
    let runs: Vec<(Change, usize)> = (0..15)
        .flat_map(|at| CHANGES.map(|change| (change, at)))
        .collect();
    // Two threads: the runs are most of what the tests of this crate take.
    let half = runs.len().div_ceil(2);
    let made: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = runs
            .chunks(half)
            .map(|runs| {
                let (original, text, schema, model, installed) =
                    (&original, &text, &schema, &model, &installed);
                scope.spawn(move || {
                    let copy = common::copy(installed);
                    let run = |&(change, at)| {
                        run(
                            copy.path(),
                            original,
                            text,
                            schema,
                            model,
                            version,
                            change,
                            at,
                        )
                    };
                    runs.iter().map(run).sum::<usize>()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    // Each of a function's arguments is renamed, retyped, removed and, but for the last one,
    // swapped with the next.
    let headers = headers::load(&installed, &Model::default(), None).unwrap();
    let known = |name: &str| model.fops.iter().any(|fop| fop.name == name);
    let fops = headers.fops.iter().filter(|fop| known(&fop.name));
    let functions: Vec<_> = fops
        .flat_map(|fop| [&fop.call, &fop.back.as_ref().unwrap().function])
        .collect();
    assert_eq!(functions.len(), 2 * 54);
    let expected: usize = functions
        .iter()
        .map(|function| 4 * function.args.len() - 1)
        .sum();
    assert_eq!(made, expected);
}

/// Changes one argument of every function that has so many; answers how many there are.
#[expect(clippy::too_many_arguments, reason = "what all runs share")]
fn run(
    copy: &Path,
    original: &str,
    text: &str,
    schema: &Schema,
    model: &Model,
    version: codegen::names::Version,
    kind: Change,
    at: usize,
) -> usize {
    let mut header = original.to_owned();
    let mut expected = Vec::new();
    for fop in &model.fops {
        for section in ["args", "cbk"] {
            if let Some(one) = change(&mut header, &Lines(text), &fop.name, section, at, kind) {
                expected.push((fop.name.as_str(), section, one));
            }
        }
    }
    if expected.is_empty() {
        return 0;
    }
    let mut expected: Vec<Expected> = expected
        .into_iter()
        .map(|(fop, section, one)| Expected {
            header_line: header_line(&header, fop, section, at, kind),
            ..one
        })
        .collect();
    fs::write(copy.join("glusterfs/xlator.h"), &header).unwrap();
    // Only the tables of functions are read: that takes half the time.
    let headers = headers::load(copy, &Model::default(), Some(version)).unwrap();
    let report = verify(schema, model, &headers, version);
    let differences = report.differences.iter();
    let mut actual: Vec<_> = differences
        .filter(|difference| difference.subject.starts_with("fops."))
        .map(|difference| found(difference, text))
        .collect();
    actual.sort();
    expected.sort();
    let made = expected.len();
    if let Some(wrong) = actual
        .iter()
        .zip(&expected)
        .find(|(actual, expected)| actual != expected)
    {
        panic!("{kind:?} of argument {at}: {wrong:?}");
    }
    assert_eq!(actual.len(), made, "{kind:?} of argument {at}");
    made
}

/// Every argument alone, and every pair of arguments of a function.
#[test]
fn in_the_schema() {
    let Some(installed) = common::installed() else {
        return;
    };
    let version = common::version(&installed);
    let text = common::schema_text();
    let (_, schema, model) = common::load(&text);
    let headers = headers::load(&installed, &model, None).unwrap();
    let check = |fop: usize,
                 section: &str,
                 change: &dyn Fn(&mut Vec<Param>),
                 kind: Kind,
                 arg: &str,
                 what: &str| {
        let mut changed = schema.clone();
        let name = changed.fops[fop].0.value.clone();
        change(params(&mut changed, fop, section));
        let differences = verify(&changed, &model, &headers, version).differences;
        let [one] = differences.as_slice() else {
            panic!("{what} {arg} of {name}.{section}: {differences:?}");
        };
        assert_eq!(one.kind, kind, "{what} {arg} of {name}.{section}: {one:?}");
        assert!(
            one.subject.starts_with(&format!("fops.{name}.{section}")),
            "{one:?}"
        );
        assert!(
            one.header.line > 0 && one.header.file.ends_with("xlator.h"),
            "{one:?}"
        );
        one.clone()
    };
    let mut made = 0;
    for fop in 0..schema.fops.len() {
        for section in ["args", "cbk"] {
            let all = params(&mut schema.clone(), fop, section).len();
            let name = |at: usize| {
                params(&mut schema.clone(), fop, section)[at]
                    .name
                    .value
                    .clone()
            };
            let types: Vec<_> = params(&mut schema.clone(), fop, section)
                .iter()
                .map(|param| param.ty.as_ref().unwrap().value.clone())
                .collect();
            for at in 0..all {
                let arg = name(at);
                let schema_line = Lines(&text).arg(&schema.fops[fop].0.value, section, &arg);
                let one = check(
                    fop,
                    section,
                    &|params| params[at].name.value += "_x",
                    Kind::ArgumentName,
                    &arg,
                    "renamed",
                );
                assert_eq!(line(&text, one.schema.start), schema_line);
                let retype =
                    |params: &mut Vec<Param>| params[at].ty.as_mut().unwrap().value += " *";
                let one = check(fop, section, &retype, Kind::ArgumentType, &arg, "retyped");
                assert_eq!(line(&text, one.schema.start), schema_line);
                let one = check(
                    fop,
                    section,
                    &|params| drop(params.remove(at)),
                    Kind::ArgumentNew,
                    &arg,
                    "removed",
                );
                assert!(one.message.contains(&format!("`{arg}`")));
                made += 3;
                for other in at + 1..all {
                    let what = format!("swapped with {}", name(other));
                    let one = check(
                        fop,
                        section,
                        &|params| params.swap(at, other),
                        Kind::ArgumentOrder,
                        &arg,
                        &what,
                    );
                    assert!(one.schema_says.contains(&arg), "{one:?}");
                    // Types alone can not tell these.
                    made += 1 + usize::from(types[at] == types[other]);
                }
            }
        }
    }
    assert!(made > 1000, "only {made} changes: are these all fops?");
}

fn params<'a>(schema: &'a mut Schema, fop: usize, section: &str) -> &'a mut Vec<Param> {
    let fop = &mut schema.fops[fop].1;
    if section == "cbk" {
        &mut fop.cbk
    } else {
        &mut fop.args
    }
}
