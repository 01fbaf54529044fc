//! Structures and their fields.

use super::Resolver;
use crate::model::{Class, Derived, Field, Structure};
use crate::schema::{self, Named, Text};

impl<'s> Resolver<'s, '_> {
    pub(super) fn structure(&mut self, name: &Text, raw: &schema::Structure) -> Structure {
        let fields = &raw.fields;
        let names = fields
            .iter()
            .map(|(name, _)| name)
            .chain(raw.derived.iter().map(|(name, _)| name));
        self.unique(
            "the field",
            names.map(|name| (name.value.clone(), &name.span)),
        );
        Structure {
            name: self.name(name, "a structure"),
            c_type: raw
                .c_type
                .as_ref()
                .map_or(String::new(), |text| text.value.clone()),
            python: raw
                .python
                .as_ref()
                .map_or(String::new(), |text| self.name(text, "a class")),
            doc: self.doc(raw.doc.as_ref()),
            fields: fields
                .iter()
                .map(|(name, field)| Field {
                    name: self.name(name, "a field"),
                    ty: self.ctype(
                        field.ty.as_ref(),
                        "a field",
                        &[Class::Number, Class::FieldNumber, Class::Field],
                    ),
                    doc: self.doc(field.doc.as_ref()),
                })
                .collect(),
            derived: raw
                .derived
                .iter()
                .map(|(name, derived)| Derived {
                    name: self.name(name, "an attribute"),
                    python: derived
                        .python
                        .as_ref()
                        .map_or(String::new(), |text| self.name(text, "a Python type")),
                    doc: self.doc(derived.doc.as_ref()),
                })
                .collect(),
        }
    }

    /// A structure's class must be the one that its C type has in arguments.
    pub(super) fn structure_classes(&mut self, structures: &'s Named<schema::Structure>) {
        for (_, raw) in structures {
            let (Some(c_type), Some(python)) = (&raw.c_type, &raw.python) else {
                continue;
            };
            let pointer = format!("{} *", c_type.value);
            match self
                .types
                .get(pointer.as_str())
                .map(|ty| ty.as_ref().map(|ty| ty.python.clone()))
            {
                None => {
                    self.error(
                        &c_type.span,
                        format!("there is no type `{pointer}`"),
                        "expected one of those under `types`, without the asterisk",
                    );
                }
                Some(Some(class)) if class != python.value => {
                    let message =
                        format!("`{}` is not what `{pointer}` is in Python", python.value);
                    self.error(&python.span, message, format!("expected {class}"));
                }
                Some(_) => {}
            }
        }
    }
}
