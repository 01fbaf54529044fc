//! Structures, enums, constants and the sizes of numbers.

use super::{Kind, Verifier};
use crate::diagnostics::Span;
use crate::headers::ctype;
use crate::headers::model::{self as header, Place, Value};
use crate::model::{Class, Enum};
use crate::schema::{self, Text};

impl Verifier<'_> {
    pub(super) fn structures(&mut self) {
        let (schema, headers) = (self.schema, self.headers);
        for (name, raw) in &schema.structures {
            let Some(c_type) = &raw.c_type else { continue };
            match headers.find_structure(&c_type.value) {
                Some(found) => self.structure(name, raw, found),
                None => self.differ(
                    Kind::StructureGone,
                    format!("structures.{}", name.value),
                    format!("the headers have no {}", c_type.value),
                    (&c_type.span, "here it is".into()),
                    (&Place::default(), String::new()),
                ),
            }
        }
    }

    /// By name: the order differs between versions, and nothing depends on it that is not
    /// made from the headers of the build.
    fn structure(&mut self, name: &Text, raw: &schema::Structure, found: &header::Structure) {
        let own = self.headers.is_own(&found.place);
        let c_type = raw.c_type.as_ref().map_or("", |text| &text.value);
        let subject = format!("structures.{}", name.value);
        for field in &raw.fields {
            let mut others = found.fields.iter();
            match others.find(|other| other.arg.name == field.0.value) {
                Some(other) => self.field(&subject, c_type, field, other, own),
                None => self.field_gone(&subject, c_type, &field.0, found),
            }
        }
        // Of the C library's structures only what is written down matters: what else they
        // have differs from one machine to the next.
        let mut place = &name.span;
        for other in found.fields.iter().filter(|_| own) {
            let known = raw
                .fields
                .iter()
                .find(|(name, _)| name.value == other.arg.name);
            match known {
                Some((name, _)) => place = &name.span,
                None => self.field_new(&subject, c_type, place, other),
            }
        }
    }

    fn field(
        &mut self,
        subject: &str,
        of: &str,
        (name, raw): &(Text, schema::Field),
        found: &header::Field,
        own: bool,
    ) {
        let Some(ty) = &raw.ty else { return };
        let number = |c_type: &str| self.headers.number(c_type);
        // The C library's typedefs have more names than one.
        let same =
            !own && number(&ty.value).is_some() && number(&ty.value) == number(&found.arg.c_type);
        if ty.value != found.arg.c_type && !same {
            self.differ(
                Kind::FieldType,
                format!("{subject}.{}", name.value),
                format!(
                    "{} of {of} is a `{}` in the headers",
                    name.value, found.arg.c_type
                ),
                (&ty.span, format!("here `{}`", ty.value)),
                (&found.arg.place, format!("there `{}`", found.arg.c_type)),
            );
        }
    }

    fn field_gone(&mut self, subject: &str, of: &str, name: &Text, found: &header::Structure) {
        self.differ(
            Kind::FieldGone,
            format!("{subject}.{}", name.value),
            format!("{of} has no {} in the headers", name.value),
            (&name.span, "here it is".into()),
            (&found.place, "not in there".into()),
        );
    }

    fn field_new(&mut self, subject: &str, of: &str, place: &Span, found: &header::Field) {
        self.differ(
            Kind::FieldNew,
            format!("{subject}.{}", found.arg.name),
            format!("{of} has a field {} in the headers", found.arg.name),
            (place, "expected near this".into()),
            (&found.arg.place, format!("there `{}`", found.arg.c_type)),
        );
    }

    pub(super) fn enums(&mut self) {
        let (schema, model) = (self.schema, self.model);
        for ((name, raw), item) in schema.enums.iter().zip(&model.enums) {
            match &item.c_type {
                Some(c_type) => self.c_enum(name, raw, item, c_type),
                None => self.constants(name, raw, item),
            }
        }
    }

    fn c_enum(&mut self, name: &Text, raw: &schema::Enum, item: &Enum, c_type: &str) {
        let headers = self.headers;
        let Some(found) = headers.find_enum(c_type) else {
            let span = &raw.c_type.as_ref().unwrap_or(name).span;
            self.differ(
                Kind::EnumGone,
                format!("enums.{}", name.value),
                format!("the headers have no enum {c_type}"),
                (span, "here it is".into()),
                (&Place::default(), String::new()),
            );
            return;
        };
        let find = |name: &str| found.values.iter().find(|(other, _)| other == name);
        self.values(name, raw, item, &found.place, |name| {
            find(name).map(|(_, value)| value)
        });
        let rest = found
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        self.new_values(name, raw, item, rest);
    }

    /// Constants of no C enum: `#define`s, mostly.
    fn constants(&mut self, name: &Text, raw: &schema::Enum, item: &Enum) {
        let headers = self.headers;
        // One that is missing would stand among the others.
        let mut found = item
            .values
            .iter()
            .filter_map(|value| headers.constants.get(&value.name));
        let place = found
            .next()
            .map(|value| value.place.clone())
            .unwrap_or_default();
        self.values(name, raw, item, &place, |name| headers.constants.get(name));
        // Others that are called like these, and GlusterFS's: `IATT_...`.
        let family = headers.constants.iter().filter(|(name, value)| {
            !item.prefix.is_empty()
                && name.starts_with(&item.prefix)
                && headers.is_own(&value.place)
        });
        let family = family.filter(|(name, _)| {
            let others = self
                .model
                .enums
                .iter()
                .filter(|other| other.name != item.name);
            !others
                .flat_map(|other| &other.values)
                .any(|value| value.name == **name)
        });
        let family: Vec<_> = family.map(|(name, value)| (name.as_str(), value)).collect();
        self.new_values(name, raw, item, family.into_iter());
    }

    fn values<'h>(
        &mut self,
        name: &Text,
        raw: &schema::Enum,
        item: &Enum,
        place: &Place,
        find: impl Fn(&str) -> Option<&'h Value>,
    ) {
        for ((text, raw), value) in raw.values.iter().zip(&item.values) {
            let subject = format!("enums.{}.{}", name.value, value.name);
            match (find(&value.name), self.has(value.since, value.until)) {
                (Some(found), true) if found.number == i128::from(value.value) => {}
                (Some(found), true) => self.differ(
                    Kind::ValueNumber,
                    subject,
                    format!("{} is {} in the headers", value.name, found.number),
                    (
                        raw.value.as_ref().map_or(&text.span, |number| &number.span),
                        format!("here {}", value.value),
                    ),
                    (&found.place, format!("there {}", found.number)),
                ),
                (Some(found), false) => {
                    let late = value.since.is_some_and(|since| since > self.version);
                    let range = if late { &raw.since } else { &raw.until };
                    self.differ(
                        Kind::ValueVersion,
                        subject,
                        format!("the headers of {} have {}", self.version, value.name),
                        (
                            &range.as_ref().unwrap_or(text).span,
                            "which this excludes".into(),
                        ),
                        (&found.place, "there it is".into()),
                    );
                }
                (None, true) => self.differ(
                    Kind::ValueGone,
                    subject,
                    format!("the headers have no {}", value.name),
                    (&text.span, format!("expected in {}", self.version)),
                    (place, "not in there".into()),
                ),
                (None, false) => {}
            }
        }
    }

    fn new_values<'h>(
        &mut self,
        name: &Text,
        raw: &schema::Enum,
        item: &Enum,
        found: impl Iterator<Item = (&'h str, &'h Value)>,
    ) {
        let left_out = Self::names(&raw.left_out);
        for (c_name, value) in found {
            let known = item.values.iter().any(|known| known.name == c_name);
            if known || left_out.contains(c_name) {
                continue;
            }
            let last = raw.values.last().map_or(&name.span, |(text, _)| &text.span);
            self.differ(
                Kind::ValueNew,
                format!("enums.{}.{c_name}", name.value),
                format!("the schema's {} has no {c_name}", name.value),
                (
                    last,
                    format!("expected `{c_name}: {{value: {}}}` near this", value.number),
                ),
                (&value.place, format!("there {}", value.number)),
            );
        }
    }

    /// A structure of kind `struct` is copied byte by byte.
    fn plain(&mut self, name: &Text, raw: &schema::Type, spelling: &str) {
        let target = spelling.trim_end_matches([' ', '*']);
        let target = target.trim_start_matches("const ");
        let Some(structure) = self.headers.find_structure(target) else {
            return; // No fop of these headers has it.
        };
        if !self.headers.is_plain(target) {
            self.differ(
                Kind::TypeKind,
                format!("types.{}", name.value),
                format!("{target} has pointers in it in the headers: it can not be copied"),
                (
                    &raw.kind.as_ref().unwrap_or(name).span,
                    "here struct; expected pointer".into(),
                ),
                (&structure.place, "there it is".into()),
            );
        }
    }

    /// The size and sign of the numbers among the types.
    pub(super) fn types(&mut self) {
        let (schema, model) = (self.schema, self.model);
        for (name, raw) in &schema.types {
            let Some(ty) = model.types.iter().find(|ty| ty.spelling == name.value) else {
                continue;
            };
            if ty.kind == crate::model::Kind::Struct {
                self.plain(name, raw, &ty.spelling);
            }
            let numeric = matches!(ty.kind.class(), Class::Number | Class::FieldNumber);
            let plain = self.headers.number(&ty.spelling);
            let kind = plain.and_then(ctype::kind).map(|(_, kind)| kind);
            if let (true, Some(plain), Some(kind)) = (numeric, plain, kind) {
                if kind != ty.kind {
                    self.differ(
                        Kind::TypeKind,
                        format!("types.{}", name.value),
                        format!(
                            "{} is of kind {} in the headers ({plain})",
                            name.value,
                            kind.name()
                        ),
                        (
                            &raw.kind.as_ref().unwrap_or(name).span,
                            format!("here {}", ty.kind.name()),
                        ),
                        (&Place::default(), String::new()),
                    );
                }
            }
        }
    }
}
