//! How C types cross: `types:`, and what an argument's `type` and `kind` say.

use super::Resolver;
use crate::model::{CType, Class, Kind};
use crate::names::not_a_name;
use crate::schema::{self, Named, Text};

impl<'s> Resolver<'s, '_> {
    pub(super) fn types(&mut self, types: &'s Named<schema::Type>) {
        for (spelling, raw) in types {
            let mut ty = CType {
                spelling: spelling.value.clone(),
                ..CType::default()
            };
            let kind = raw
                .kind
                .as_ref()
                .and_then(|kind| self.word(kind, "kind", Kind::ALL));
            ty.kind = kind.unwrap_or_default();
            if let Some(expected) = not_a_c_type(&spelling.value, kind.map(Kind::class)) {
                let message = format!("`{}` is no type of C", spelling.value);
                self.error(&spelling.span, message, expected);
            } else if let Some(word) = &raw.kind {
                self.kind_fits(spelling, word, ty.kind);
            }
            if let Some(python) = &raw.python {
                ty.python = self.name(python, "a Python type");
            }
            if let Some(ctypes) = &raw.ctypes {
                let inner = ctypes
                    .value
                    .strip_prefix("POINTER(")
                    .and_then(|rest| rest.strip_suffix(')'));
                if not_a_name(inner.unwrap_or(&ctypes.value)).is_some() {
                    let message = format!("`{}` is no ctypes type", ctypes.value);
                    self.error(&ctypes.span, message, "expected a name, or POINTER(name)");
                }
                ty.ctypes.clone_from(&ctypes.value);
            }
            ty.doc = self.doc(raw.doc.as_ref());
            self.types.insert(&spelling.value, kind.map(|_| ty));
        }
    }

    /// Whether the runtime would find behind such a pointer what the kind says.
    fn kind_fits(&mut self, spelling: &Text, word: &Text, kind: Kind) {
        let types = kind.of_types();
        // Of its width in C, but a type of its own in Rust, which holds any number.
        let number = match spelling.value.as_str() {
            "size_t" => Some(Kind::U64),
            "ssize_t" => Some(Kind::I64),
            _ => None,
        };
        let expected = match (types, number) {
            ([], Some(number)) if kind != number => format!("expected {}", number.name()),
            ([_, ..], _) if !types.contains(&spelling.value.as_str()) => {
                format!("expected it for `{}` only", types.join("` and `"))
            }
            _ => return,
        };
        let message = format!("the kind of `{}` can not be {}", spelling.value, word.value);
        self.error(&word.span, message, expected);
    }

    /// Looks up a C type that may stand in a place for `classes`.
    pub(super) fn ctype(&mut self, name: Option<&Text>, place: &str, classes: &[Class]) -> CType {
        let Some(name) = name else {
            return CType::default();
        };
        let Some(ty) = self.types.get(name.value.as_str()) else {
            let mut known: Vec<_> = self.types.keys().copied().collect();
            known.sort_unstable(); // a HashMap's order is not the same twice
            self.error(
                &name.span,
                format!("there is no type `{}`", name.value),
                "expected one of those under `types`",
            )
            .help("a C type that is new here gets a line of its own under `types`")
            .suggest(&name.value, known);
            return CType::default();
        };
        let Some(ty) = ty.clone() else {
            return CType::default();
        };
        if !classes.contains(&ty.kind.class()) {
            let message = format!("`{}` can not be the type of {place}", name.value);
            self.error(
                &name.span,
                message,
                format!("its kind is {}", ty.kind.name()),
            );
        }
        ty
    }

    /// `kind: pointer` of an argument, where its type's kind does not fit.
    pub(super) fn opaque(&mut self, text: &Text, ty: &mut CType) {
        if text.value != Kind::Pointer.name() || ty.kind.class() != Class::Pointer {
            let message = format!("the kind of an argument can not be {}", text.value);
            self.error(
                &text.span,
                message,
                "expected `pointer`, for the type of a pointer",
            );
        }
        ty.kind = Kind::Pointer;
        ty.python = "Any".into();
    }
}

/// Why a text is not how the headers spell a type that crosses as such a class.
fn not_a_c_type(text: &str, class: Option<Class>) -> Option<&'static str> {
    let (words, stars) = match text.split_once(" *") {
        Some((words, stars)) => (words, Some(stars)),
        None => (text, None),
    };
    let array = words
        .strip_suffix(']')
        .and_then(|words| words.split_once(" ["));
    let (words, length) = array.filter(|_| stars.is_none()).unwrap_or((words, "0"));
    let word = words.strip_prefix("const ").unwrap_or(words);
    let tags = ["struct ", "union ", "enum "];
    let word = tags
        .iter()
        .find_map(|tag| word.strip_prefix(tag))
        .unwrap_or(word);
    const NUMBERS: &[&str] = &["unsigned", "signed", "long", "short", "int", "char"];
    let number = words.split(' ').all(|word| NUMBERS.contains(&word));
    let pointer = stars.map(|stars| stars.replace("const *", "*"));
    if !(number
        || syn::parse_str::<syn::Ident>(word).is_ok_and(|name| name == word && word.is_ascii()))
        || length.is_empty()
        || !length.bytes().all(|byte| byte.is_ascii_digit())
        || !pointer.unwrap_or_default().bytes().all(|byte| byte == b'*')
    {
        return Some("expected a spelling such as `int`, `struct iatt *` or `char [16]`");
    }
    match (class, stars) {
        (Some(Class::Pointer), None) => Some("expected an asterisk: its kind is a pointer"),
        (Some(Class::Number | Class::FieldNumber), Some(_)) => {
            Some("expected no asterisk: its kind is a number")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelt_as_c_does() {
        for text in [
            "int",
            "unsigned long",
            "struct iatt *",
            "const char *",
            "char *const *",
            "const struct x **",
            "char [16]",
            "gf_dirent_t *",
        ] {
            assert_eq!(not_a_c_type(text, None), None, "{text}");
        }
        for text in [
            "",
            " ",
            "*",
            "int*",
            "int  *",
            "int * *",
            "struct",
            "struct a b *",
            "char [x] *",
            "char []",
            "fn *",
            "a\n",
            "int *x",
            "1",
            "é *",
            "int *const",
        ] {
            assert!(not_a_c_type(text, None).is_some(), "{text}");
        }
    }
}
