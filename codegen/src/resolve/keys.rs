//! Checks `keys:`.

use super::Resolver;
use crate::model::{Holds, Key, fits};
use crate::names::is_xlator_type;
use crate::schema::{self, Named, Text};
use crate::yaml::At;

/// Values have less than that.
const LIMIT: i64 = 1 << 20;

/// Words of which a key has one.
const WORDS: &str = "`size`, `max`, `struct`, `string` or `internal`";

impl Resolver<'_, '_> {
    pub(super) fn keys(
        &mut self,
        keys: &Named<schema::Key>,
        structures: &Named<schema::Structure>,
    ) -> Vec<Key> {
        self.keys_apart(keys);
        let resolve = |(name, raw): &(Text, schema::Key)| {
            self.key_name(name);
            Some(Key {
                name: name.value.clone(),
                holds: self.holds(name, raw, structures)?,
                xlator: self.key_xlator(raw.xlator.as_ref()),
                doc: self.doc(raw.doc.as_ref()),
            })
        };
        keys.iter().filter_map(resolve).collect()
    }

    /// A name that a pattern is for, too, and a pattern behind one that takes all of it, would
    /// have two meanings.
    fn keys_apart(&mut self, keys: &Named<schema::Key>) {
        for (index, (name, _)) in keys.iter().enumerate() {
            let others = keys.iter().enumerate().filter(|(other, (text, _))| {
                let is_before = *other < index || !name.value.contains('*');
                *other != index && is_before && text.value.contains('*')
            });
            let mut others = others.map(|(_, (text, _))| text);
            // The same text twice is reported as such.
            let taken =
                |other: &&Text| other.value != name.value && fits(&other.value, &name.value);
            if let Some(other) = others.find(taken) {
                let message = format!("`{}` is one of `{}`", name.value, other.value);
                self.error(&name.span, message, "expected a key that no pattern is for")
                    .related(&other.span, "the pattern");
            }
        }
    }

    fn key_name(&mut self, name: &Text) {
        let fits = |c: char| c.is_ascii_graphic() && !"\"'\\`|".contains(c);
        // The runtime looks at the first character first.
        if !name.value.chars().all(fits) || name.value.starts_with('*') || name.value.is_empty() {
            let message = format!("`{}` can not be a key", name.value);
            let expected =
                "expected visible ASCII without quotes, bars and backslashes, and no `*` first";
            self.error(&name.span, message, expected);
        } else if name.value.contains("**") {
            let message = format!("`{}` can not be a key", name.value);
            self.error(&name.span, message, "expected one `*` at a place");
        }
    }

    fn holds(
        &mut self,
        name: &Text,
        raw: &schema::Key,
        structures: &Named<schema::Structure>,
    ) -> Option<Holds> {
        if raw.said != 1 {
            let message = format!("what the key `{}` holds is not clear", name.value);
            self.error(&name.span, message, format!("expected one of {WORDS}"));
            return None;
        }
        if let Some(sizes) = &raw.size {
            return self.key_sizes(name, sizes);
        }
        if let Some(max) = &raw.max {
            return self.key_size(max).map(Holds::Max);
        }
        if let Some(text) = &raw.structure {
            return self.key_structure(text, structures);
        }
        let is_true = [
            (&raw.string, Holds::String),
            (&raw.internal, Holds::Internal),
        ];
        let (word, holds) = is_true.into_iter().find(|(word, _)| word.is_some())?;
        let word = word.as_ref()?;
        if !word.value {
            let expected = "expected `true`, or another word in its place";
            self.error(&word.span, "`false` says nothing here", expected);
        }
        Some(holds)
    }

    fn key_sizes(&mut self, name: &Text, sizes: &[At<i64>]) -> Option<Holds> {
        if sizes.is_empty() {
            let message = format!("the key `{}` has no size", name.value);
            self.error(&name.span, message, "expected one or more numbers of bytes");
        }
        for (size, before) in sizes.iter().skip(1).zip(sizes) {
            if size.value <= before.value {
                let message = format!("{} stands behind {}", size.value, before.value);
                self.error(&size.span, message, "expected them in order, each once");
            }
        }
        let sizes: Option<Vec<u32>> = sizes.iter().map(|size| self.key_size(size)).collect();
        sizes.map(Holds::Size)
    }

    fn key_size(&mut self, size: &At<i64>) -> Option<u32> {
        let number = u32::try_from(size.value).ok();
        let number = number.filter(|_| (1..LIMIT).contains(&size.value));
        if number.is_none() {
            let message = format!("no value has {} bytes", size.value);
            let expected = format!("expected a number from 1 to {}", LIMIT - 1);
            self.error(&size.span, message, expected);
        }
        number
    }

    fn key_structure(&mut self, text: &Text, all: &Named<schema::Structure>) -> Option<Holds> {
        let c_types = || all.iter().filter_map(|(_, raw)| raw.c_type.as_ref());
        let is_it = |raw: &&schema::Structure| {
            let c_type = raw.c_type.as_ref();
            c_type.is_some_and(|c_type| c_type.value == text.value)
        };
        let Some(found) = all.iter().map(|(_, raw)| raw).find(is_it) else {
            let names: Vec<&str> = c_types().map(|text| text.value.as_str()).collect();
            let message = format!("there is no structure `{}`", text.value);
            let expected = "expected the `c_type` of one of those under `structures`";
            self.error(&text.span, message, expected)
                .suggest(&text.value, names);
            return None;
        };
        Some(Holds::Struct {
            c_type: text.value.clone(),
            python: found.python.as_ref()?.value.clone(),
        })
    }

    fn key_xlator(&mut self, text: Option<&Text>) -> String {
        let Some(text) = text else {
            return String::new();
        };
        if !is_xlator_type(&text.value) {
            let message = format!("`{}` is no type of translator", text.value);
            let expected = "expected one as in a volfile: `features/shard`";
            self.error(&text.span, message, expected);
        }
        text.value.clone()
    }
}
