//! What values of a schema can look like: mappings whose keys are known, names, lists, text. What has
//! another shape is reported with its place.

use std::collections::HashMap;

use super::{Named, Text};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, closest};
use crate::names::not_a_name;
use crate::yaml::{At, Node, Value};

/// Keys with a list that may be empty, but not left out.
const LISTS: &[&str] = &["args", "cbk", "fields"];

/// A mapping that is read key by key, and complains about what is left.
pub(super) struct Mapping<'n, 'd> {
    what: String,
    place: Span,
    pub(super) entries: &'n [(Text, Node)],
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
    diagnostics: &'d mut Diagnostics,
}

impl<'n, 'd> Mapping<'n, 'd> {
    /// `place` is where missing keys are reported.
    pub(super) fn new(
        node: &'n Node,
        place: &Span,
        what: impl Into<String>,
        diagnostics: &'d mut Diagnostics,
    ) -> Option<Self> {
        let what = what.into();
        let Value::Map(entries) = &node.value else {
            wrong_shape(
                node,
                place,
                &format!("`key: value` lines for {what}"),
                diagnostics,
            );
            return None;
        };
        twice(entries, &what, diagnostics);
        Some(Mapping {
            what,
            place: place.clone(),
            entries,
            known: Vec::new(),
            missing: Vec::new(),
            diagnostics,
        })
    }

    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let (key, node) = self.entries.iter().find(|(name, _)| name.value == key)?;
        if node.value == Value::Null {
            wrong_shape(node, &key.span, "a value", self.diagnostics);
            return None;
        }
        read(node, self.diagnostics)
    }

    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        if !self.entries.iter().any(|(name, _)| name.value == key) {
            self.missing.push(key);
        }
        self.optional(key, read)
    }

    /// Reports the keys that nobody asked for, and those that are missing.
    pub(super) fn finish(mut self) {
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| !self.known.contains(&key.value.as_str()))
        {
            let message = format!("{} can have no `{}`", self.what, key.value);
            let names: Vec<_> = self.known.iter().map(|name| format!("`{name}`")).collect();
            self.diagnostics
                .error(
                    &key.span,
                    message,
                    format!("expected one of {}", names.join(", ")),
                )
                .suggest(&key.value, self.known.iter().copied());
            // What is misspelt is not missing too.
            let meant = closest(&key.value, self.known.iter().copied());
            self.missing.retain(|key| Some(*key) != meant);
        }
        for key in self.missing {
            let message = format!("{} has no `{key}`", self.what);
            let expected = format!("expected `{key}: ...` in here");
            let error = self.diagnostics.error(&self.place, message, expected);
            if LISTS.contains(&key) {
                error.help(format!("write `{key}: []` when there are none"));
            }
        }
    }
}

fn twice(entries: &[(Text, Node)], what: &str, diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<&str, &Span> = HashMap::new();
    for (key, _) in entries {
        if let Some(first) = seen.get(key.value.as_str()) {
            let message = format!("`{}` stands twice in {what}", key.value);
            diagnostics
                .error(&key.span, message, "the second one")
                .related(first, "the first one");
        } else {
            seen.insert(&key.value, &key.span);
        }
    }
}

fn wrong_shape<'d>(
    node: &Node,
    place: &Span,
    expected: &str,
    diagnostics: &'d mut Diagnostics,
) -> &'d mut Diagnostic {
    let expected = format!("expected {expected}");
    if node.value == Value::Null {
        // What is not there has no place of its own.
        diagnostics.error(place, "there is nothing in here", expected)
    } else {
        let message = format!("{} can not stand here", node.value.describe());
        diagnostics.error(&node.span, message, expected)
    }
}

/// A mapping whose keys are names.
pub(super) fn named<T>(
    node: &Node,
    what: &str,
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(&Text, &Node, &mut Diagnostics) -> Option<T>,
) -> Option<Named<T>> {
    let Value::Map(entries) = &node.value else {
        let expected = format!("`name: ...` lines for {what}");
        let error = wrong_shape(node, &node.span, &expected, diagnostics);
        if let Value::List(_) = node.value {
            error.help("begin the lines without a dash");
        }
        return None;
    };
    twice(entries, what, diagnostics);
    let mut result = Vec::new();
    for (name, node) in entries {
        if let Some(value) = read(name, node, diagnostics) {
            result.push((name.clone(), value));
        }
    }
    Some(result)
}

/// A list whose items are `name: ...`, one each.
pub(super) fn listed<T>(
    node: &Node,
    what: &str,
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(&Text, &Node, &mut Diagnostics) -> Option<T>,
) -> Option<Named<T>> {
    let Value::List(items) = &node.value else {
        let expected = format!("a list, {what} per line: `- name: ...`");
        let error = wrong_shape(node, &node.span, &expected, diagnostics);
        if let Value::Map(_) = node.value {
            error.help("begin each line with a dash and a space");
        }
        return None;
    };
    let mut result = Vec::new();
    for item in items {
        match &item.value {
            Value::Map(entries) if entries.len() == 1 => {
                let (name, node) = &entries[0];
                if let Some(value) = read(name, node, diagnostics) {
                    result.push((name.clone(), value));
                }
            }
            value => {
                let expected = format!("{what}: `name: ...`, one per line");
                let error = wrong_shape(item, &node.span, &expected, diagnostics);
                if let Some((ty, name)) = declaration(value) {
                    error.help(format!("not as in C: `- {name}: {ty}`"));
                }
            }
        }
    }
    Some(result)
}

/// The type and the name in `loc_t *loc`.
fn declaration(value: &Value) -> Option<(&str, &str)> {
    let Value::Str(text) = value else { return None };
    let start = text.rfind([' ', '*'])? + 1;
    let (ty, name) = text.split_at(start);
    (not_a_name(name).is_none()).then_some((ty.trim(), name))
}

pub(super) fn texts(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<Text>> {
    let Value::List(items) = &node.value else {
        wrong_shape(node, &node.span, "a list of names: `[a, b]`", diagnostics);
        return None;
    };
    Some(
        items
            .iter()
            .filter_map(|item| text(item, diagnostics))
            .collect(),
    )
}

pub(super) fn text(node: &Node, diagnostics: &mut Diagnostics) -> Option<Text> {
    match &node.value {
        Value::Str(value) => {
            return Some(At {
                value: value.clone(),
                span: node.span.clone(),
            });
        }
        Value::Int(_) | Value::Float | Value::Large | Value::Bool(_) => {
            let message = format!("{} can not stand here", node.value.describe());
            diagnostics
                .error(&node.span, message, "expected text")
                .help("put it in quotes");
        }
        _ => {
            wrong_shape(node, &node.span, "text", diagnostics);
        }
    }
    None
}

pub(super) fn int(node: &Node, diagnostics: &mut Diagnostics) -> Option<At<i64>> {
    if let Value::Int(value) = node.value {
        return Some(At {
            value,
            span: node.span.clone(),
        });
    }
    wrong_shape(node, &node.span, "a whole number", diagnostics);
    None
}

pub(super) fn boolean(node: &Node, diagnostics: &mut Diagnostics) -> Option<At<bool>> {
    if let Value::Bool(value) = node.value {
        return Some(At {
            value,
            span: node.span.clone(),
        });
    }
    let error = wrong_shape(node, &node.span, "`true` or `false`", diagnostics);
    if let Value::Str(text) = &node.value {
        match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => error.help("write `true`, without quotes"),
            "false" | "no" | "off" => error.help("write `false`, without quotes"),
            _ => error,
        };
    }
    None
}
