//! Many names and values that are put into a dict at once.

use std::collections::HashMap;
use std::ffi::{CStr, CString};

use pyo3::prelude::*;

use super::change::change;
use super::members::{self, Held, Kept, Own};
use super::value::{Shape, Value};
use super::{Dict, c_key, encode, no_memory, pairs, pointer};

/// Names and values that are to be put in, all at once: a dict looks through all its names
/// for each one that is set, which takes seconds when there are ten thousands.
pub struct Filling<'a, 'py> {
    dict: &'a Bound<'py, Dict>,
    /// What the names had that are there, and have from then on.
    known: HashMap<CString, Shape>,
    values: Vec<(CString, Held)>,
}

impl<'a, 'py> Filling<'a, 'py> {
    /// Of nothing yet.
    pub fn new(dict: &'a Bound<'py, Dict>) -> PyResult<Self> {
        let known = pairs(dict)?.into_iter();
        Ok(Filling {
            dict,
            known: known.map(|(key, value)| (key, value.shape())).collect(),
            values: Vec::new(),
        })
    }

    /// A value of Python's.
    pub fn store(&mut self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = c_key(key)?;
        let (kind, bytes) = encode(key, &name, value, None, self.known.get(&name).copied())?;
        let value = members::new_value(kind, &bytes).ok_or_else(no_memory)?;
        self.known.insert(name.clone(), (kind, bytes.len()));
        self.values.push((name, value));
        Ok(())
    }

    /// The values of another dict.
    pub fn put_all(&mut self, other: &Bound<'_, Dict>) -> PyResult<()> {
        let from = pointer(other)?;
        // SAFETY: a live dict has live members.
        let kept: Option<Vec<_>> = unsafe {
            members::with(from, |members| {
                let kept = members.iter().rev().filter_map(|(key, data)| {
                    let name = CStr::from_ptr(*key).to_owned();
                    match members::keep(*data) {
                        Some(Kept::Value(value)) => Some(Some((name, value))),
                        Some(Kept::Lost) => None,
                        None => Some(None),
                    }
                });
                kept.collect()
            })
        };
        for (name, value) in kept.ok_or_else(no_memory)? {
            // SAFETY: a live value.
            let shape = unsafe { Value::of(value.get()) }.shape();
            self.known.insert(name.clone(), shape);
            self.values.push((name, value));
        }
        Ok(())
    }

    /// Puts them in.
    pub fn end(self) -> PyResult<()> {
        let Filling { dict, values, .. } = self;
        if values.is_empty() {
            return Ok(());
        }
        let fill = |own: &Own<'_>| {
            let mut names = own.names();
            values
                .iter()
                .try_for_each(|(name, value)| match names.insert(name.clone()) {
                    true => own.add(name, value),
                    false => own.set(name, value),
                })
        };
        change(dict, fill)?.ok_or_else(no_memory)
    }
}
