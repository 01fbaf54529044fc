//! YAML as a tree in which every value knows where it stands.
//!
//! Made from the parser's events and not by serde: a derived struct stops at the first thing
//! that it does not understand. A tree never does, so [`crate::schema`] can go on and report
//! everything in one run.

use granit_parser::{Event, Parser, ScalarStyle};

use crate::advice::{Failure, unreadable};
use crate::diagnostics::{Diagnostics, Source, Span};

/// A larger schema is refused unread. Ours has some 60 KiB.
const MAX_BYTES: usize = 1 << 20;

/// Lists and mappings inside each other. Ours has 7.
const MAX_DEPTH: usize = 32;

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
    /// A whole number of more than 64 bits.
    Large,
    /// Another number.
    Float,
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
            Value::Int(_) => "a number",
            Value::Large => "a number this large",
            Value::Float => "a number with a fraction",
            Value::Str(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads a document. What stops the reader is reported.
pub fn parse(source: &Source, diagnostics: &mut Diagnostics) -> Option<Node> {
    if let Some(offset) = source.not_utf8 {
        diagnostics
            .error(
                &(offset..offset),
                "this file is not UTF-8",
                "the first byte that is not",
            )
            .help("save it as UTF-8");
        return None;
    }
    if source.text.len() > MAX_BYTES {
        let message = format!("this file has {} bytes", source.text.len());
        diagnostics.error(
            &(0..0),
            message,
            format!("a schema has at most {MAX_BYTES}"),
        );
        return None;
    }
    let mut builder = Builder {
        text: &source.text,
        open: Vec::new(),
        root: None,
    };
    let options = granit_parser::options! { emit_comments: false };
    for event in Parser::new_from_str_with_options(&source.text, options) {
        let failure = match event {
            Ok((event, span)) => {
                let span = span.byte_range().unwrap_or_default();
                builder.event(event, span).err()
            }
            Err(error) => {
                let offset = error.marker().byte_offset().unwrap_or_default();
                Some(unreadable(&source.text, offset, &error.info()))
            }
        };
        if let Some(failure) = failure {
            let error = diagnostics.error(&failure.span, failure.message, failure.expected);
            if let Some(help) = failure.help {
                error.help(help);
            }
            return None;
        }
    }
    Some(builder.root.unwrap_or(At {
        value: Value::Null,
        span: 0..0,
    }))
}

/// Puts events together. The innermost open list or mapping is the last one.
struct Builder<'t> {
    text: &'t str,
    open: Vec<Open>,
    root: Option<Node>,
}

/// A list or mapping whose end has not come yet, and where it starts.
struct Open {
    start: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    /// The entries, and the key of the one to come.
    Map(Vec<(At<String>, Node)>, Option<At<String>>),
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Failure> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(Failure::new(
                span,
                "this is a second document",
                "a schema is one",
            )),
            Event::Alias(_) => Err(Failure::new(
                span,
                "an alias can not stand here",
                "expected the value itself",
            )),
            Event::Scalar(.., Some(_))
            | Event::SequenceStart(.., Some(_))
            | Event::MappingStart(.., Some(_)) => Err(self.tagged(span.start)),
            Event::SequenceStart(..) => self.start(&span, Items::List(Vec::new())),
            Event::MappingStart(..) => self.start(&span, Items::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(span.end),
            Event::Scalar(text, style, ..) => self.scalar(&text, style, span),
            // The starts and ends of the document.
            _ => Ok(()),
        }
    }

    fn start(&mut self, span: &Span, items: Items) -> Result<(), Failure> {
        if let Some(Open {
            items: Items::Map(_, None),
            ..
        }) = self.open.last()
        {
            return Err(Failure::new(
                span.clone(),
                "only text can be a key",
                "expected `name: ...`",
            ));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(Failure::new(
                span.clone(),
                "this is too deep for a schema",
                format!("expected at most {MAX_DEPTH} lists and mappings inside each other"),
            ));
        }
        self.open.push(Open {
            start: span.start,
            items,
        });
        Ok(())
    }

    /// `!!str 27` would have to be heeded, and a schema needs none. `value` is where the
    /// value starts that comes after the tag.
    fn tagged(&self, value: usize) -> Failure {
        let before = self.text[..value].trim_end();
        let start = before.rfind([' ', '\n', '[', '{', ',']);
        let start = start.map_or(0, |at| at + 1);
        let span = if before[start..].starts_with('!') {
            start..before.len()
        } else {
            value..value
        };
        Failure::new(span, "a tag can not stand here", "expected the value alone")
            .help("text that begins with an exclamation mark needs quotes")
    }

    fn end(&mut self, end: usize) -> Result<(), Failure> {
        let Some(Open { start, items }) = self.open.pop() else {
            return Ok(());
        };
        let (value, last) = match items {
            Items::List(items) => {
                let last = items.last().map(|item| item.span.end);
                (Value::List(items), last)
            }
            Items::Map(entries, _) => {
                let last = entries
                    .last()
                    .map(|(key, value)| value.span.end.max(key.span.end));
                (Value::Map(entries), last)
            }
        };
        // The end of indented lines is only noticed at the start of the next ones.
        let end = last.unwrap_or(end).max(start);
        self.add(At {
            value,
            span: start..end,
        });
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Failure> {
        if let Some(Open {
            items: Items::Map(_, key @ None),
            ..
        }) = self.open.last_mut()
        {
            *key = Some(At {
                value: text.to_owned(),
                span,
            });
        } else {
            let value = if style == ScalarStyle::Plain {
                plain(text)
            } else {
                Value::Str(text.to_owned())
            };
            self.add(At { value, span });
        }
        Ok(())
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open {
                items: Items::List(items),
                ..
            }) => items.push(node),
            Some(Open {
                items: Items::Map(entries, key),
                ..
            }) => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                }
            }
        }
    }
}

/// What text without quotes means, after the core schema of YAML 1.2.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    if let Some(number) = number {
        return Value::Int(number);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Value::Large;
    }
    // Rust's floats are YAML's, but for words such as `inf` and `nan`.
    if text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit()) {
        return Value::Float;
    }
    Value::Str(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        let source = Source::new("test", text.as_bytes().to_vec());
        let mut diagnostics = Diagnostics::default();
        let node = parse(&source, &mut diagnostics);
        assert!(
            diagnostics.no_errors(),
            "{}",
            diagnostics.render(&source, false)
        );
        node.unwrap().value
    }

    #[test]
    fn plain_text_has_a_type_and_quoted_text_has_none() {
        for (text, value) in [
            ("~", Value::Null),
            ("true", Value::Bool(true)),
            ("no", Value::Str("no".into())),
            ("-13", Value::Int(-13)),
            ("0x100", Value::Int(256)),
            ("10.3", Value::Float),
            ("nan", Value::Str("nan".into())),
            ("loc_t *", Value::Str("loc_t *".into())),
            ("\"10.3\"", Value::Str("10.3".into())),
            ("'7'", Value::Str("7".into())),
        ] {
            assert_eq!(read(text), value, "{text}");
        }
    }

    #[test]
    fn every_value_knows_its_place() {
        let text = "fops:\n  lookup: {args: [é, b]}\n";
        let Value::Map(entries) = read(text) else {
            panic!()
        };
        assert_eq!(&text[entries[0].0.span.clone()], "fops");
        let Value::Map(fops) = &entries[0].1.value else {
            panic!()
        };
        assert_eq!(&text[fops[0].0.span.clone()], "lookup");
        let Value::Map(keys) = &fops[0].1.value else {
            panic!()
        };
        let Value::List(items) = &keys[0].1.value else {
            panic!()
        };
        assert_eq!(&text[items[0].span.clone()], "é");
        assert_eq!(&text[items[1].span.clone()], "b");
    }
}
