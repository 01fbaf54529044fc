//! bindgen's types as C spells them.

use std::collections::HashSet;

use crate::model::Kind;

/// Numbers: bindgen's name, C's name, and the kind that holds them.
const NUMBERS: &[(&str, &str, Kind)] = &[
    ("i16", "int16_t", Kind::I16),
    ("i32", "int32_t", Kind::I32),
    ("u32", "uint32_t", Kind::U32),
    ("i64", "int64_t", Kind::I64),
    ("u64", "uint64_t", Kind::U64),
    ("usize", "size_t", Kind::U64),
    ("isize", "ssize_t", Kind::I64),
    ("c_short", "short", Kind::I16),
    ("c_int", "int", Kind::I32),
    ("c_uint", "unsigned int", Kind::U32),
    ("c_long", "long", Kind::I64),
    ("c_ulong", "unsigned long", Kind::U64),
    ("c_longlong", "long long", Kind::I64),
    ("c_ulonglong", "unsigned long long", Kind::U64),
];

/// What is too small, or no number, for the kinds.
const OTHERS: &[(&str, &str)] = &[
    ("i8", "int8_t"),
    ("u8", "uint8_t"),
    ("u16", "uint16_t"),
    ("c_char", "char"),
    ("c_schar", "signed char"),
    ("c_uchar", "unsigned char"),
    ("c_ushort", "unsigned short"),
    ("c_void", "void"),
    ("bool", "bool"),
    ("f32", "float"),
    ("f64", "double"),
    // bindgen's own: what bitfields lie in.
    ("__BindgenBitfieldUnit", BITFIELDS),
];

/// What bitfields lie in; C has no name for that.
const BITFIELDS: &str = "bits";

/// A number's name in C and its kind, by either name; None for anything else.
pub fn kind(name: &str) -> Option<(&'static str, Kind)> {
    NUMBERS
        .iter()
        .find(|(rust, c, _)| *rust == name || *c == name)
        .map(|(_, c, kind)| (*c, *kind))
}

/// What Rust calls a number of any size, by its name in C.
pub fn rust(c_type: &str) -> Option<&'static str> {
    let numbers = NUMBERS.iter().map(|(rust, c, _)| (*rust, *c));
    let mut all = numbers.chain(OTHERS.iter().copied());
    let (rust, _) = all.find(|(_, c)| *c == c_type && is_number(c))?;
    Some(match rust {
        "c_char" => "std::ffi::c_char",
        "c_schar" => "i8",
        "c_uchar" => "u8",
        "c_short" => "i16",
        "c_ushort" => "u16",
        "c_int" => "i32",
        "c_uint" => "u32",
        "c_long" | "c_longlong" => "i64",
        "c_ulong" | "c_ulonglong" => "u64",
        other => other,
    })
}

/// Whether it is a number of any size, by its name in C.
pub fn is_number(c_type: &str) -> bool {
    let other = OTHERS.iter().any(|(_, c)| *c == c_type && c_type != "void");
    other || kind(c_type).is_some()
}

/// Spells types as C does.
#[derive(Debug, Default)]
pub struct Speller {
    /// The names that stand behind `struct`, `union` or `enum` in C.
    pub structs: HashSet<String>,
    /// (see `structs`)
    pub unions: HashSet<String>,
    /// (see `structs`)
    pub enums: HashSet<String>,
}

impl Speller {
    /// `*mut iatt` as `struct iatt *`.
    pub fn spell(&self, ty: &syn::Type) -> String {
        match ty {
            syn::Type::Path(path) => match path.path.segments.last() {
                Some(last) if last.ident == "Option" => function(last).map_or_else(
                    || "?".into(),
                    |function| {
                        let inputs = function.inputs.iter().map(|input| self.spell(&input.ty));
                        let inputs = inputs.collect::<Vec<_>>().join(", ");
                        format!("{} (*)({inputs})", self.result(function))
                    },
                ),
                // An array without a length at the end of a structure.
                Some(last) if last.ident == "__IncompleteArrayField" => match argument(last) {
                    Some(element) => format!("{} []", self.spell(element)),
                    None => "?".into(),
                },
                Some(last) => self.name(&last.ident.to_string()),
                None => "?".into(),
            },
            syn::Type::Ptr(pointer) => {
                let target = self.spell(&pointer.elem);
                match (pointer.const_token.is_some(), target.ends_with('*')) {
                    (true, true) => format!("{target}const *"),
                    (true, false) => format!("const {target} *"),
                    (false, true) => format!("{target}*"),
                    (false, false) => format!("{target} *"),
                }
            }
            syn::Type::Array(array) => {
                let len = match &array.len {
                    syn::Expr::Lit(syn::ExprLit {
                        lit: syn::Lit::Int(len),
                        ..
                    }) => len.base10_digits().to_owned(),
                    _ => "?".into(),
                };
                format!("{} [{len}]", self.spell(&array.elem))
            }
            _ => "?".into(),
        }
    }

    /// What a function returns.
    pub fn result(&self, function: &syn::TypeBareFn) -> String {
        match &function.output {
            syn::ReturnType::Default => "void".into(),
            syn::ReturnType::Type(_, ty) => self.spell(ty),
        }
    }

    /// A type's name in C.
    pub fn name(&self, rust: &str) -> String {
        if let Some((c, _)) = kind(rust) {
            return c.to_owned();
        }
        if let Some((_, c)) = OTHERS.iter().find(|(name, _)| *name == rust) {
            return (*c).to_owned();
        }
        let name = c_name(rust);
        let tags = [
            ("struct ", &self.structs),
            ("union ", &self.unions),
            ("enum ", &self.enums),
        ];
        match tags.iter().find(|(_, names)| names.contains(rust)) {
            Some((tag, _)) => format!("{tag}{name}"),
            None => name,
        }
    }
}

/// The function type in `Option<unsafe extern "C" fn(...)>`.
pub fn function(option: &syn::PathSegment) -> Option<&syn::TypeBareFn> {
    match argument(option)? {
        syn::Type::BareFn(function) => Some(function),
        _ => None,
    }
}

/// The type `T` in `Name<T>`.
fn argument(name: &syn::PathSegment) -> Option<&syn::Type> {
    let syn::PathArguments::AngleBracketed(arguments) = &name.arguments else {
        return None;
    };
    match arguments.args.first()? {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// A name as C has it: bindgen puts `_` behind a word of Rust's.
pub fn c_name(name: &str) -> String {
    match name.strip_suffix('_') {
        Some(word) if syn::parse_str::<syn::Ident>(word).is_err() => word.to_owned(),
        _ => name.to_owned(),
    }
}
