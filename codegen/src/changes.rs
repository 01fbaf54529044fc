//! What changed between the headers of two GlusterFS versions.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use similar::{Algorithm, ChangeTag, capture_diff_slices};

use crate::headers::model::{Function, Headers, Hooks, Place, Structure};

/// A change.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// What changed: `fop`, `callback`, `dumpop`, `enum`, `constant` or `structure`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// What it was; None when it is new.
    pub old: Option<Side>,
    /// What it is; None when it is gone.
    pub new: Option<Side>,
}

/// One side of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// What the headers say, a line each.
    pub lines: Vec<String>,
    /// Where: `file:line:column`.
    pub place: Place,
}

/// Everything of which the two say something else. What lies elsewhere than in GlusterFS's
/// own headers is left out.
pub fn compare(old: &Headers, new: &Headers) -> Vec<Change> {
    let mut changes = Vec::new();
    let sections: [(&'static str, Describe); 6] = [
        ("fop", fops),
        ("callback", |headers| hooks(&headers.callbacks)),
        ("dumpop", |headers| hooks(&headers.dumpops)),
        ("enum", enums),
        ("constant", constants),
        ("structure", structures),
    ];
    for (what, describe) in sections {
        let (mut before, after) = (describe(old), describe(new));
        for (name, side) in after {
            let was = before.remove(&name);
            if was.as_ref().map(|was| &was.lines) != Some(&side.lines) {
                changes.push(Change {
                    what,
                    name,
                    old: was,
                    new: Some(side),
                });
            }
        }
        for (name, side) in before {
            changes.push(Change {
                what,
                name,
                old: Some(side),
                new: None,
            });
        }
    }
    changes
}

/// The things of one sort, by name.
type Sides = BTreeMap<String, Side>;

type Describe = fn(&Headers) -> Sides;

fn side(place: &Place, lines: Vec<String>) -> Side {
    Side {
        lines,
        place: place.clone(),
    }
}

/// What stands in front of an argument, below the line of its function.
const ARGUMENT: &str = "  ";

fn signature(what: &str, function: &Function) -> Vec<String> {
    let first = format!("{what}: {}", function.returns);
    let args = function
        .args
        .iter()
        .map(|arg| format!("{ARGUMENT}{}: {}", arg.name, arg.c_type));
    [first].into_iter().chain(args).collect()
}

fn fops(headers: &Headers) -> Sides {
    let fops = headers.fops.iter().map(|fop| {
        let mut lines = vec![format!("number {}", fop.index)];
        lines.extend(signature("call", &fop.call));
        if let Some(back) = &fop.back {
            lines.extend(signature("callback", &back.function));
        }
        (fop.name.clone(), side(&fop.place, lines))
    });
    fops.collect()
}

fn hooks(hooks: &Hooks) -> Sides {
    let slots = hooks.slots.iter().enumerate().map(|(index, slot)| {
        let mut lines = vec![format!("number {}", index + 1)];
        lines.extend(signature("call", &slot.function));
        (slot.name.clone(), side(&slot.place, lines))
    });
    slots.collect()
}

fn enums(headers: &Headers) -> Sides {
    let own = headers
        .enums
        .iter()
        .filter(|(_, item)| headers.is_own(&item.place));
    let enums = own.map(|(name, item)| {
        let values = item.values.iter();
        let lines = values.map(|(name, value)| format!("{name} = {}", value.number));
        (name.clone(), side(&item.place, lines.collect()))
    });
    enums.collect()
}

fn constants(headers: &Headers) -> Sides {
    let of_enums = |name: &String| {
        let mut enums = headers.enums.values();
        enums.any(|item| item.values.iter().any(|(other, _)| other == name))
    };
    let own = headers
        .constants
        .iter()
        .filter(|(name, value)| headers.is_own(&value.place) && !of_enums(name));
    let constants = own.map(|(name, value)| {
        let lines = vec![value.number.to_string()];
        (name.clone(), side(&value.place, lines))
    });
    constants.collect()
}

fn structures(headers: &Headers) -> Sides {
    let tables = ["xlator_fops", "xlator_cbks", "xlator_dumpops"];
    let own = headers.structures.iter().filter(|(name, structure)| {
        headers.is_own(&structure.place) && structure.size > 0 && !tables.contains(&name.as_str())
    });
    own.map(|(_, structure)| {
        (
            named(&structure.c_type),
            side(&structure.place, layout(structure)),
        )
    })
    .collect()
}

/// bindgen's names of what has none.
fn named(text: &str) -> String {
    text.replace("__bindgen_ty_", " anonymous_")
        .replace("__bindgen_anon_", "anonymous_")
}

fn layout(structure: &Structure) -> Vec<String> {
    let mut lines = vec![format!("{} bytes", structure.size)];
    for field in &structure.fields {
        let line = named(&format!("{}: {}", field.arg.name, field.arg.c_type));
        lines.push(match field.offset {
            Some(offset) => format!("{line}{OFFSET}{offset}"),
            None => line,
        });
    }
    lines
}

/// What stands in front of a field's offset.
const OFFSET: &str = " @ ";

/// For people: what is new and gone, and a diff of what is there in both.
pub fn text(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let title = match change.name.contains(' ') {
            true => change.name.clone(), // struct X
            false => format!("{} {}", change.what, change.name),
        };
        match (&change.old, &change.new) {
            (None, Some(new)) => block(&mut text, &format!("new: {title}"), '+', new),
            (Some(old), None) => block(&mut text, &format!("gone: {title}"), '-', old),
            (Some(old), Some(new)) => {
                let _ = writeln!(
                    text,
                    "changed: {title}\n  {}\n  {}",
                    at(&old.place),
                    at(&new.place)
                );
                differences(&mut text, &old.lines, &new.lines);
            }
            (None, None) => {}
        }
        text += "\n";
    }
    text
}

/// Lines that are new or gone, those of a function below its own line. Of fields that only
/// moved, how many.
fn differences(text: &mut String, old: &[String], new: &[String]) {
    let bare = |line: &String| line.split(OFFSET).next().unwrap_or_default().to_owned();
    let before: Vec<_> = old.iter().map(bare).collect();
    let after: Vec<_> = new.iter().map(bare).collect();
    let (mut function, mut told) = (None, None);
    let mut moved = 0;
    for operation in capture_diff_slices(Algorithm::Myers, &before, &after) {
        for change in operation.iter_changes(&before, &after) {
            let line = change.value();
            if !line.starts_with(ARGUMENT) {
                function = Some(line.clone());
            }
            let sign = match change.tag() {
                ChangeTag::Insert => '+',
                ChangeTag::Delete => '-',
                ChangeTag::Equal => {
                    let places = change.old_index().zip(change.new_index());
                    moved += usize::from(places.is_some_and(|(was, is)| old[was] != new[is]));
                    continue;
                }
            };
            if line.starts_with(ARGUMENT) && told != function {
                let _ = writeln!(text, "     {}", function.as_deref().unwrap_or_default());
            }
            told.clone_from(&function);
            let _ = writeln!(text, "    {sign}{line}");
        }
    }
    match moved {
        0 => {}
        1 => *text += "    1 of the other fields has moved\n",
        moved => {
            let _ = writeln!(text, "    {moved} of the other fields have moved");
        }
    }
}

fn block(text: &mut String, title: &str, sign: char, side: &Side) {
    let _ = writeln!(text, "{title}\n  {}", at(&side.place));
    for line in &side.lines {
        let _ = writeln!(text, "    {sign}{line}");
    }
}

fn at(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}
