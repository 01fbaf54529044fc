//! Keys whose values GlusterFS's translators take for something without a look at the length
//! (`keys` of fops.yaml): what Python stores under one of them is that.

use std::ffi::CStr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::generated::keys::{FIRST, NAMES, PATTERNS};

/// A key, or a pattern of keys.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What stands between the asterisks of a pattern.
    pub parts: &'static [&'static str],
    /// What its value must be.
    pub holds: Holds,
    /// The type of a translator that takes it for that.
    pub xlator: &'static str,
}

/// What a value must be.
#[derive(Debug)]
pub enum Holds {
    /// As many bytes as one of these.
    Size(&'static [usize]),
    /// As many bytes or less.
    Max(usize),
    /// A structure: its type, its class in Python and its size.
    Struct(&'static str, &'static str, usize),
    /// Text that ends in NUL.
    String,
    /// Nothing that Python can make: it has lengths or numbers in it that belong to others.
    Internal,
}

/// Whether a value that Python has made may be stored under a name.
///
/// # Errors
/// `ValueError` when it would not be what a translator takes it for.
pub fn check(name: &CStr, value: &[u8]) -> PyResult<()> {
    let name = name.to_bytes();
    match find(name) {
        Some(key) if !key.holds.is(value) => {
            let why = refusal(key, name, value);
            Err(PyValueError::new_err(format!("Dict: {why}")))
        }
        _ => Ok(()),
    }
}

/// Why a value does not have the size that callers take it for in an answer, if it has not. With
/// some keys a request asks, by a number; one that comes back in an answer would be read as what was
/// asked for.
pub fn misfit(name: &CStr, value: &[u8]) -> Option<String> {
    let name = name.to_bytes();
    let key = find(name)?;
    let is_wrong = !matches!(key.holds, Holds::Internal) && !key.holds.is(value);
    is_wrong.then(|| refusal(key, name, value))
}

/// Whether a name is one of GlusterFS's own.
pub fn is_known(name: &CStr) -> bool {
    find(name.to_bytes()).is_some()
}

fn find(name: &[u8]) -> Option<&'static Key> {
    // Most names are `user.something`.
    if !name.first().is_some_and(|first| FIRST.contains(first)) {
        return None;
    }
    match NAMES.binary_search_by(|key| key.name.as_bytes().cmp(name)) {
        Ok(at) => Some(&NAMES[at]),
        Err(_) => PATTERNS.iter().find(|key| fits(key.parts, name)),
    }
}

/// Whether the parts of a pattern stand in a name, in their order.
fn fits(parts: &[&str], name: &[u8]) -> bool {
    let [first, middle @ .., last] = parts else {
        return false;
    };
    let rest = name.strip_prefix(first.as_bytes());
    let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(last.as_bytes())) else {
        return false;
    };
    middle.iter().all(|part| {
        let at = rest
            .windows(part.len())
            .position(|bytes| bytes == part.as_bytes());
        at.map(|at| rest = &rest[at + part.len()..]).is_some()
    })
}

impl Holds {
    fn is(&self, value: &[u8]) -> bool {
        match self {
            Holds::Size(sizes) => sizes.contains(&value.len()),
            Holds::Max(size) => value.len() <= *size,
            Holds::Struct(_, _, size) => value.len() == *size,
            Holds::String => value.last() == Some(&0),
            Holds::Internal => false,
        }
    }
}

fn refusal(key: &Key, name: &[u8], value: &[u8]) -> String {
    let (name, xlator, len) = (String::from_utf8_lossy(name), key.xlator, value.len());
    let why = match key.holds {
        Holds::Size(sizes) => {
            let all: Vec<String> = sizes.iter().map(usize::to_string).collect();
            let (all, one) = (all.join(" or "), sizes[0]);
            format!(
                "holds {all} bytes of GlusterFS's own ({xlator}), not {len}; bytes({one}) asks \
                 for it"
            )
        }
        Holds::Max(size) => format!("holds {size} bytes at most ({xlator}), not {len}"),
        Holds::Struct(c_type, class, size) => format!(
            "holds a {c_type} of GlusterFS's own ({xlator}), {size} bytes, not {len}; give \
             {class}(...)"
        ),
        Holds::String => format!(
            "holds a string of GlusterFS's own ({xlator}), which ends in NUL; give a str, not \
             bytes without"
        ),
        Holds::Internal => format!(
            "is GlusterFS's own ({xlator}), with lengths that nobody else can make right; pass \
             it on as it came, or delete it"
        ),
    };
    format!("\"{name}\" {why}")
}
