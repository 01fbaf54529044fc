//! YAML as a tree in which every value knows where it stands.
//!
//! Serde's derived structs stop at the first thing that they do not understand. A tree
//! never does, so [`crate::schema`] can go on and report everything in one run.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use crate::diagnostics::{Diagnostics, Source, Span};

/// A larger schema is refused unread. Ours has some 40 KiB.
const MAX_BYTES: usize = 4 << 20;

/// Something and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// The thing itself.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// A value of a YAML document.
pub type Node = At<Value>;

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Str(String),
    /// `[...]` or lines with dashes.
    List(Vec<Node>),
    /// `{...}` or lines with colons; a key that stands twice is in here twice.
    Map(Vec<(At<String>, Node)>),
}

impl Value {
    /// What it is, in an error.
    pub fn describe(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Str(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads a document; what stops the reader is reported.
pub fn parse(source: &Source, diagnostics: &mut Diagnostics) -> Option<Node> {
    if let Some(offset) = source.not_utf8 {
        diagnostics.error(&(offset..offset), "this file is not UTF-8", "the first byte that is not");
        return None;
    }
    if source.text.len() > MAX_BYTES {
        let message = format!("this file has {} bytes", source.text.len());
        diagnostics.error(&(0..0), message, format!("a schema has at most {MAX_BYTES}"));
        return None;
    }
    let options = serde_yaml::options! {
        // What stands twice is reported by whoever reads the mapping.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        // `no`, `on` and the like are names.
        strict_booleans: true,
        with_snippet: false,
        emit_comments: false,
    };
    match serde_yaml::from_str_with_options::<serde_yaml::Spanned<Raw>>(&source.text, options) {
        Ok(raw) => Some(node(raw, &source.text)),
        Err(error) => {
            let span = error.location().map_or(0..0, |location| span(&location, &source.text));
            // The library ends some messages with the position, which the snippet shows.
            let text = error.without_snippet().to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            diagnostics.error(&span, format!("this is not YAML: {text}"), "noticed here");
            None
        }
    }
}

/// [`Value`] as serde reads it, with the library's locations.
enum Raw {
    Leaf(Value),
    List(Vec<serde_yaml::Spanned<Raw>>),
    Map(Vec<(serde_yaml::Spanned<String>, serde_yaml::Spanned<Raw>)>),
}

fn node(raw: serde_yaml::Spanned<Raw>, text: &str) -> Node {
    let start = span(&raw.referenced, text);
    match raw.value {
        Raw::Leaf(value) => At { value, span: start },
        Raw::List(items) => {
            let items: Vec<_> = items.into_iter().map(|item| node(item, text)).collect();
            let end = items.last().map_or(start.end, |last| last.span.end);
            At { value: Value::List(items), span: start.start..end.max(start.start) }
        }
        Raw::Map(entries) => {
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| {
                    let span = span(&key.referenced, text);
                    (At { value: key.value, span }, node(value, text))
                })
                .collect();
            let end = entries.last().map_or(start.end, |(key, last)| last.span.end.max(key.span.end));
            At { value: Value::Map(entries), span: start.start..end.max(start.start) }
        }
    }
}

fn span(location: &serde_yaml::Location, text: &str) -> Span {
    let offset = |bytes: Option<u64>| bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let span = location.span();
    let start = offset(span.byte_offset()).unwrap_or(0).min(text.len());
    let end = start.saturating_add(offset(span.byte_len()).unwrap_or(0)).min(text.len());
    start..end
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        // A number beyond i64 is no valid number anywhere in a schema.
        Ok(Raw::Leaf(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Str(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
