//! From the schema to the model: checks what the schema says and how its parts fit.
//! Never stops at an error, so that one run reports all of them.

mod answers;
mod enums;
mod fops;
mod hooks;
mod keys;
mod params;
mod structures;
mod types;

use std::collections::{HashMap, HashSet};

use crate::diagnostics::{Diagnostic, Diagnostics, Span, unseen};
use crate::model::{CType, Model, Param};
use crate::names::{Version, not_a_name};
use crate::schema::{self, Named, Schema, Text};

/// Arguments that every fop or callback has, and what `X_wind` takes beside arguments.
pub const TAKEN: &[&str] = &["frame", "this", "cookie", "op_ret", "op_errno", "child"];

/// Docs become docstrings and comments.
const NOT_IN_DOCS: &[char] = &['"', '\\'];

/// The runtime holds checksums in this many bytes.
pub const CHECKSUM_SIZE: i64 = 32;

/// As many arguments as the runtime has room for (`MAX_ARGS` in `glupy/src/fop.rs`).
pub const MAX_ARGS: usize = 10;

/// As many values of an answer can be the request's own (`MAX_OWN` in `glupy/src/fop.rs`).
pub const MAX_OWN: usize = 2;

/// `same:` of a callback value that need not be the request's own.
const NOTHING: &str = "nothing";

/// What callback values are called in errors.
const CBK_VALUE: &str = "a callback value";

/// Checks a schema. The model can only be used when nothing was reported.
pub fn resolve(schema: &Schema, diagnostics: &mut Diagnostics) -> Model {
    let mut resolver = Resolver {
        diagnostics,
        types: HashMap::new(),
        nullable: schema
            .nullable
            .iter()
            .map(|name| name.value.as_str())
            .collect(),
        docs: &schema.docs,
    };
    resolver.types(&schema.types);
    resolver.nullable_names(schema);
    let fops = || schema.fops.iter().map(|(_, fop)| fop);
    let args = fops().flat_map(|fop| &fop.args);
    resolver.shared_docs("an argument", &schema.docs.args, args);
    let cbk = fops().flat_map(|fop| &fop.cbk);
    resolver.shared_docs("a callback value", &schema.docs.cbk, cbk);
    let model = Model {
        glusterfs: resolver
            .version(schema.glusterfs.as_ref())
            .unwrap_or_default(),
        types: schema
            .types
            .iter()
            .filter_map(|(name, _)| resolver.types[name.value.as_str()].clone())
            .collect(),
        left_out: values(&schema.left_out),
        fops: schema
            .fops
            .iter()
            .map(|(name, fop)| resolver.fop(name, fop))
            .collect(),
        callbacks: schema
            .callbacks
            .iter()
            .map(|(name, hook)| resolver.hook(name, hook))
            .collect(),
        dumpops: schema
            .dumpops
            .iter()
            .map(|(name, hook)| resolver.hook(name, hook))
            .collect(),
        structures: schema
            .structures
            .iter()
            .map(|(name, item)| resolver.structure(name, item))
            .collect(),
        keys: resolver.keys(&schema.keys, &schema.structures),
        enums: schema
            .enums
            .iter()
            .map(|(name, item)| resolver.enum_(name, item))
            .collect(),
        aliases: schema
            .aliases
            .iter()
            .map(|(old, new)| resolver.alias(old, new))
            .collect(),
    };
    resolver.fop_numbers(&schema.fops, &model);
    resolver.enum_names(&schema.enums);
    resolver.structure_classes(&schema.structures);
    model
}

struct Resolver<'s, 'd> {
    diagnostics: &'d mut Diagnostics,
    /// None for a type whose kind is not known: it has been reported already.
    types: HashMap<&'s str, Option<CType>>,
    nullable: HashSet<&'s str>,
    docs: &'s schema::Docs,
}

impl<'s> Resolver<'s, '_> {
    fn error(
        &mut self,
        span: &Span,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.error(span, message, expected)
    }

    /// Reports all but the first of those that have the same key.
    fn unique<'a>(&mut self, what: &str, items: impl IntoIterator<Item = (String, &'a Span)>) {
        let mut seen: HashMap<String, &Span> = HashMap::new();
        for (key, span) in items {
            if let Some(first) = seen.get(&key) {
                self.error(
                    span,
                    format!("{what} `{key}` stands twice"),
                    "the second one",
                )
                .related(first, "the first one");
            } else {
                seen.insert(key, span);
            }
        }
    }

    fn name(&mut self, name: &Text, what: &str) -> String {
        if let Some(expected) = not_a_name(&name.value) {
            self.error(
                &name.span,
                format!("`{}` can not be the name of {what}", name.value),
                format!("expected {expected}"),
            );
        }
        name.value.clone()
    }

    fn doc(&mut self, doc: Option<&Text>) -> String {
        let Some(doc) = doc else { return String::new() };
        let text = doc.value.trim();
        if text.is_empty() || text.contains('\n') {
            self.error(
                &doc.span,
                "this doc is not one line",
                "expected one line of text",
            );
        } else if let Some(c) = text.chars().find(|c| unseen(*c) || NOT_IN_DOCS.contains(c)) {
            // It would end the docstring or comment that it stands in, or hide in it.
            self.error(
                &doc.span,
                format!("`{c}` can not stand in a doc"),
                "expected plain text, without double quotes and backslashes",
            );
        } else if text.contains("TODO") {
            self.diagnostics.warning(
                &doc.span,
                "this doc is still to be written",
                "expected what it is, without `TODO`",
            );
        }
        text.to_owned()
    }

    fn version(&mut self, text: Option<&Text>) -> Option<Version> {
        let text = text?;
        let version = text.value.parse().ok();
        if version.is_none() {
            let message = format!("`{}` is no version of GlusterFS", text.value);
            self.error(
                &text.span,
                message,
                "expected two numbers with a dot, such as \"10.3\"",
            );
        }
        version
    }

    /// `since` and `until` of something.
    fn versions(
        &mut self,
        name: &Text,
        since: Option<&Text>,
        until: Option<&Text>,
    ) -> (Option<Version>, Option<Version>) {
        let first = self.version(since);
        let last = self.version(until);
        if let (Some(first), Some(last), Some(text)) = (first, last, until) {
            if last < first {
                self.error(
                    &text.span,
                    format!("`{}` ends before it begins", name.value),
                    format!("expected {first} or later"),
                );
            }
        }
        (first, last)
    }

    /// One of a closed list of words.
    fn word<T: Copy>(&mut self, text: &Text, what: &str, all: &[(&'static str, T)]) -> Option<T> {
        let found = all.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
            self.error(
                &text.span,
                format!("`{}` is no {what}", text.value),
                format!("expected one of {}", names.join(", ")),
            )
            .suggest(&text.value, names);
        }
        found.map(|(_, value)| *value)
    }
}

fn values(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.value.clone()).collect()
}

/// Those that do not say what they are get what `docs` says.
fn described(mut params: Vec<Param>, docs: &Named<Text>) -> Vec<Param> {
    for param in params.iter_mut().filter(|param| param.doc.is_empty()) {
        if let Some((_, doc)) = docs.iter().find(|(name, _)| name.value == param.name) {
            param.doc = doc.value.trim().to_owned();
        }
    }
    params
}
