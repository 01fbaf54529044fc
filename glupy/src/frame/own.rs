//! Values of an answer that are the request's own (`fop.own`).
//!
//! Who opens a file, or looks for one, goes on with the very fd or inode that it has asked with, and
//! takes the one in the answer for that: with another one its references are wrong. An answer may
//! have what the request came with, or what a child has answered with that was asked with it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Frame;
use super::request::Args;
use crate::fop::{Fop, Own, Word};
use crate::words::Words;

impl Frame {
    /// The arguments that the request came with, as long as the GIL is held; None when nobody
    /// has looked at it on its way down.
    pub(super) fn came_with(&self, py: Python<'_>) -> Option<Words> {
        // SAFETY: copies an address.
        unsafe {
            self.args.with(py, |args| match args {
                Args::None => None,
                Args::Borrowed(lent) => lent.words(py),
                Args::Owned(owned) => Some(Words::at(owned.words())),
            })
        }
    }

    /// Whether an answer may carry it.
    fn is_own(&self, py: Python<'_>, i: usize, value: Word) -> bool {
        let came = |words: Words| {
            // SAFETY: the arguments of a request that is not over are alive.
            unsafe { self.fop.own[i].of(words.get(self.fop.args.len())) == value }
        };
        self.own.get(py)[i] == value || self.came_with(py).is_some_and(came)
    }

    /// A child has answered. What it was asked with was the request's own, and so is what it
    /// answers with.
    pub fn note_own(&self, py: Python<'_>, fop: &'static Fop, reply: &[Word]) {
        if fop.own.is_empty() || !std::ptr::eq(fop, self.fop) || self.strays.get(py) {
            return;
        }
        let mut known = self.own.get(py);
        for (known, own) in known.iter_mut().zip(fop.own) {
            let value = reply[own.value];
            if !value.is_null() {
                *known = value;
            }
        }
        self.own.store(py, known);
    }

    /// The first that is not the request's own in a wind: its answer would have another one, too.
    /// From then on what children answer with is not taken for the request's.
    ///
    /// # Safety
    /// The words are arguments of the fop, and alive.
    pub(super) unsafe fn note_strange(
        &self,
        py: Python<'_>,
        fop: &'static Fop,
        words: Words,
    ) -> Option<&'static Own> {
        let is_as_it_came = || self.came_with(py).is_some_and(|came| came.is(words));
        if fop.own.is_empty() || !std::ptr::eq(fop, self.fop) || is_as_it_came() {
            return None;
        }
        // SAFETY: by contract.
        let value = |own: &Own| unsafe { own.of(words.get(fop.args.len())) };
        let mut all = fop.own.iter().enumerate();
        let strange = all.find(|(i, own)| !self.is_own(py, *i, value(own)));
        let (_, strange) = strange?;
        self.strays.store(py, true);
        Some(strange)
    }

    /// Checks an answer that is a success.
    ///
    /// # Errors
    /// `ValueError` that names the value.
    ///
    /// # Safety
    /// The words are values of an answer.
    pub(super) unsafe fn check_own(&self, py: Python<'_>, words: Words) -> PyResult<()> {
        let fop = self.fop;
        for (i, own) in fop.own.iter().enumerate() {
            // SAFETY: by contract.
            let value = unsafe { words.get(fop.reply.len()) }[own.value];
            if !value.is_null() && !self.is_own(py, i, value) {
                let (name, value) = (fop.name, fop.reply[own.value].name);
                return Err(PyValueError::new_err(format!(
                    "{name}: {value} of the answer is not the request's own, which its caller \
                     takes it for: answer with {} of {name}_fop",
                    own.name
                )));
            }
        }
        Ok(())
    }
}
