//! What may be a name: identifiers and the keywords of the languages that we generate.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Names that no schema may use, because generated code uses names that begin so.
pub const RESERVED_PREFIX: &str = "_glupy_";

const PYTHON_KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Rust's keywords that not even `r#` makes a name.
const RUST_NEVER: &[&str] = &["self", "Self", "super", "crate", "_"];

/// Why a text can not be a name in all of C, Rust and Python.
pub fn not_a_name(text: &str) -> Option<&'static str> {
    let mut chars = text.chars();
    let start = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !start || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Some("ASCII letters, digits and underscores, not beginning with a digit")
    } else if PYTHON_KEYWORDS.contains(&text) {
        Some("a name that is no keyword of Python")
    } else if RUST_NEVER.contains(&text) {
        Some("a name that Rust does not keep for itself")
    } else if text.starts_with("__") {
        Some("a name that Python does not keep for itself, or mangle")
    } else if text.starts_with(RESERVED_PREFIX) {
        Some("another prefix: generated code uses this one")
    } else {
        None
    }
}

/// Whether it is a type of translator as volfiles have it: `performance/io-threads`.
pub fn is_xlator_type(text: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty() && part.chars().all(fits)
    };
    text.split_once('/')
        .is_some_and(|(class, name)| is_part(class) && is_part(name))
}

/// A version of GlusterFS: `10.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version {
    /// The number before the dot.
    pub major: u32,
    /// The number after it.
    pub minor: u32,
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits {
                part.parse().map_err(drop)
            } else {
                Err(())
            }
        };
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Version {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
