//! C types that the schema does not have yet.

use crate::headers::ctype;
use crate::headers::model::Headers;
use crate::model::{Class, Kind, Model};

/// The schema's types, and those that were added.
#[derive(Debug, Clone)]
pub struct Types<'a> {
    model: &'a Model,
    headers: &'a Headers,
    /// Spelling and entry of each new one.
    pub new: Vec<(String, String)>,
}

impl<'a> Types<'a> {
    pub fn new(model: &'a Model, headers: &'a Headers) -> Self {
        Types {
            model,
            headers,
            new: Vec::new(),
        }
    }

    /// Makes sure that there is an entry for the type of an argument.
    ///
    /// # Errors
    ///
    /// When no kind can hold it.
    pub fn add(&mut self, name: &str, c_type: &str) -> Result<(), String> {
        if self.new.iter().any(|(spelling, _)| spelling == c_type) {
            return Ok(());
        }
        let none = || format!("no kind can hold the argument `{name}`, a `{c_type}`");
        if let Some(known) = self.model.types.iter().find(|ty| ty.spelling == c_type) {
            return match known.kind.class() {
                Class::Number | Class::Pointer => Ok(()),
                Class::FieldNumber | Class::Field => Err(none()),
            };
        }
        let (kind, python, ctypes) = match c_type.strip_suffix('*') {
            Some(target) => self.pointer(target.trim_end()),
            None => number(self.headers, c_type).ok_or_else(none)?,
        };
        let entry = format!(
            "{{kind: {}, python: {python}, ctypes: {ctypes}}}",
            kind.name()
        );
        self.new.push((c_type.to_owned(), entry));
        Ok(())
    }

    fn pointer(&self, target: &str) -> (Kind, String, String) {
        let name = target.trim_start_matches("const ");
        let Some(structure) = self.headers.find_structure(name) else {
            return (Kind::Pointer, "Any".into(), "c_void_p".into());
        };
        let class = structure.class.clone();
        let ctypes = format!("POINTER({class})");
        match self.headers.is_plain(name) {
            true => (Kind::Struct, class, ctypes),
            false => (Kind::Pointer, "Any".into(), ctypes),
        }
    }
}

/// Kind, Python type and ctypes type of a number.
fn number(headers: &Headers, c_type: &str) -> Option<(Kind, String, String)> {
    let (_, kind) = ctype::kind(headers.number(c_type)?)?;
    let ctypes = match kind {
        Kind::I32 => "c_int32",
        Kind::U32 => "c_uint32",
        Kind::I64 => "c_int64",
        Kind::U64 => "c_uint64",
        _ => return None,
    };
    Some((kind, "int".into(), ctypes.into()))
}
