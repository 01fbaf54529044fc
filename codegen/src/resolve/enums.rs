//! Enums, constants and names that are gone.

use super::{Resolver, values};
use crate::model::{Alias, Enum, EnumValue};
use crate::names::not_a_name;
use crate::schema::{self, Named, Text};

impl<'s> Resolver<'s, '_> {
    pub(super) fn enum_(&mut self, name: &Text, raw: &schema::Enum) -> Enum {
        let prefix = raw.prefix.as_ref().map_or("", |text| text.value.as_str());
        let values: Vec<_> = raw
            .values
            .iter()
            .map(|(name, value)| self.enum_value(name, value, prefix))
            .collect();
        self.unique(
            "the member",
            values.iter().zip(&raw.values).map(|(value, (name, raw))| {
                (
                    value.member.clone(),
                    raw.python.as_ref().map_or(&name.span, |text| &text.span),
                )
            }),
        );
        if values.is_empty() {
            self.error(
                &name.span,
                format!("the enum `{}` has no values", name.value),
                "expected at least one",
            );
        }
        Enum {
            name: self.name(name, "an enum"),
            c_type: raw.c_type.as_ref().map(|text| text.value.clone()),
            doc: self.doc(raw.doc.as_ref()),
            flag: raw.flag.as_ref().is_some_and(|flag| flag.value),
            prefix: prefix.to_owned(),
            left_out: self::values(&raw.left_out),
            values,
        }
    }

    fn enum_value(&mut self, name: &Text, raw: &schema::EnumValue, prefix: &str) -> EnumValue {
        let member = match &raw.python {
            Some(text) => self.name(text, "a member"),
            None => {
                let member = name
                    .value
                    .strip_prefix(prefix)
                    .unwrap_or(&name.value)
                    .to_owned();
                // The C name itself is checked below.
                if not_a_name(&name.value).is_none() && not_a_name(&member).is_some() {
                    self.error(
                        &name.span,
                        format!("`{member}` can not be the name of a member"),
                        "expected `python: ...` for this value",
                    );
                }
                member
            }
        };
        let (since, until) = self.versions(name, raw.since.as_ref(), raw.until.as_ref());
        if member == "mro" || member.starts_with('_') {
            let place = raw.python.as_ref().unwrap_or(name);
            self.error(
                &place.span,
                format!("`{member}` can not be the name of a member"),
                "expected a name that Python's enums do not keep for themselves",
            );
        }
        EnumValue {
            name: self.name(name, "a constant"),
            member,
            since,
            until,
            value: raw.value.as_ref().map_or(0, |value| value.value),
            doc: self.doc(raw.doc.as_ref()),
        }
    }

    /// All constants share one Python module.
    pub(super) fn enum_names(&mut self, enums: &'s Named<schema::Enum>) {
        let names = enums
            .iter()
            .flat_map(|(_, raw)| &raw.values)
            .map(|(name, _)| name);
        self.unique(
            "the constant",
            names.map(|name| (name.value.clone(), &name.span)),
        );
    }

    pub(super) fn alias(&mut self, old: &Text, new: &Text) -> Alias {
        if old.value == new.value {
            self.error(
                &old.span,
                format!("`{}` is an alias of itself", old.value),
                "expected another name",
            );
        }
        Alias {
            old: self.name(old, "an alias"),
            new: self.name(new, "what an alias means"),
        }
    }
}
