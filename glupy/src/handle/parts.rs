//! Handles of what is in another handle's object: the inode of a loc, the entries of a
//! listing. As long as that one is borrowed they are, too, so that to look at them takes
//! no reference and no copy; what Python keeps of them becomes its own when the handler
//! has returned.

use pyo3::prelude::*;

use super::{Handle, HandleClass, Raw, base, borrow, erased, read, settle};
use crate::call::Loan;
use crate::gil;
use crate::here::Here;

/// The handle of the part that `find` leads to; None for NULL.
///
/// # Errors
/// `ReferenceError` when the volume is gone.
pub fn part<P: HandleClass, T: HandleClass>(
    of: &Bound<'_, P>,
    find: impl Fn(&P::C) -> *mut T::C,
) -> PyResult<Option<Py<T>>> {
    if read(of, &find)?.is_null() {
        return Ok(None);
    }
    let unused = match base(of).take_unused_part::<T>(of.py()) {
        Some(part) => part,
        None => blank::<T>(of.py())?,
    };
    // From here on no Python runs, which might change what there is to find.
    match read(of, &find)? {
        raw if raw.is_null() => Ok(None),
        raw => base(of).lend(unused, raw).map(Some),
    }
}

/// Handles of all the parts that `find` leads to.
///
/// # Errors
/// `ReferenceError` when the volume is gone.
pub fn parts<P: HandleClass, T: HandleClass, I: Iterator<Item = *mut T::C>>(
    of: &Bound<'_, P>,
    find: impl Fn(&P::C) -> I,
) -> PyResult<Vec<Py<T>>> {
    let count = read(of, &find)?.count();
    let blanks: Vec<_> = (0..count)
        .map(|_| blank::<T>(of.py()))
        .collect::<PyResult<_>>()?;
    // As in `part`.
    let all = read(of, &find)?;
    blanks
        .into_iter()
        .zip(all)
        .map(|(blank, raw)| base(of).lend(blank, raw))
        .collect()
}

/// A handle of nothing, which Python does not see. To make it may run Python.
fn blank<T: HandleClass>(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let nothing = Raw::new(std::ptr::null_mut::<T::C>());
    borrow(py, T::class(), nothing, None, Loan::NONE).map(|handle| handle.into_bound(py))
}

impl Handle {
    /// Makes an unused handle that of a part of this one's object. No Python runs.
    fn lend<T: HandleClass>(&self, part: Bound<'_, PyAny>, raw: *mut T::C) -> PyResult<Py<T>> {
        let py = part.py();
        // SAFETY: made by `blank`, or taken from the parts.
        let common = unsafe { erased(&part) };
        common.raw.set(py, Raw::new(raw));
        common.instance.set(py, self.instance(py));
        common.loan.store(py, self.loan(py));
        if self.is_lent_here(py) {
            // SAFETY: `push` runs no Python.
            unsafe {
                self.parts
                    .with(py, |parts| parts.push(part.clone().unbind()));
            }
        } else {
            // SAFETY: a part of an object that is owned, or still lent.
            unsafe { common.own_live(py, Raw::new(raw)) }?;
        }
        // SAFETY: as above.
        Ok(unsafe { part.cast_into_unchecked::<T>() }.unbind())
    }

    /// Whether the object is lent to what runs here, for as long as that does.
    fn is_lent_here(&self, py: Python<'_>) -> bool {
        self.is_lent(py) && self.loan(py).covers(py, Here::now())
    }

    /// The handle of one of the parts that were asked for last, if it is of this class and
    /// nobody has it any more: a loop that asks a thousand times, and still has the last
    /// one when it asks for the next, needs no thousand handles.
    fn take_unused_part<'py, T: HandleClass>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        const LAST: usize = 2;
        let is_unused = |part: &Py<PyAny>| {
            // SAFETY: parts are handles.
            let class = unsafe { erased(part.bind(py)) }.class;
            gil::refcount(part) == 1
                && !gil::has_weak_references(part)
                && std::ptr::eq(class, T::class())
        };
        // SAFETY: runs no Python.
        let part = unsafe {
            self.parts.with(py, |parts| {
                let last = parts.iter().rev().take(LAST);
                let at = last.map(is_unused).position(|unused| unused)?;
                Some(parts.remove(parts.len() - 1 - at))
            })
        }?;
        let part = part.into_bound(py);
        // SAFETY: as above.
        let common = unsafe { erased(&part) };
        common.end_parts(py);
        common.reset(py);
        Some(part)
    }

    /// Ends the borrow of the parts: what Python has kept becomes its own owner.
    pub(super) fn end_parts(&self, py: Python<'_>) {
        // The vector keeps its memory: `pop` instead of `take`.
        // SAFETY: `pop` runs no Python.
        while let Some(part) = unsafe { self.parts.with(py, Vec::pop) } {
            settle(part.into_bound(py));
        }
    }
}
