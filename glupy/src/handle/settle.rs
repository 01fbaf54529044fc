//! What becomes of a handle when its borrow ends: Python has kept it, or it is used again.

use std::sync::Arc;

use pyo3::prelude::*;

use super::{Owner, erased};
use crate::gil;

/// Uses a handle again that is given by the last who has it; gives it back if Python has
/// kept it, or has a weak reference to it.
pub fn recycle<'py>(handle: Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let py = handle.py();
    // SAFETY: only handles are given to `recycle`.
    let common = unsafe { erased(&handle) };
    common.end_parts(py);
    let object = handle.as_unbound();
    if gil::refcount(object) > 1 || gil::has_weak_references(object) {
        return Some(handle);
    }
    common.reset(py);
    let class = common.class;
    if cfg!(not(Py_3_10)) && handle.get_type_ptr() != (class.type_object)(py) {
        return None; // it is not what it was, whoever did that
    }
    class.pool.give(py, handle.unbind());
    None
}

/// Ends a borrow: a handle that Python kept becomes its own owner, any other is used again.
pub fn settle(handle: Bound<'_, PyAny>) {
    settle_with(handle, None);
}

/// The same, when there may be an owner of what was borrowed already; gives the handle back
/// if Python has kept it.
pub fn settle_with<'py>(
    handle: Bound<'py, PyAny>,
    owner: Option<&Arc<Owner>>,
) -> Option<Bound<'py, PyAny>> {
    let kept = recycle(handle)?;
    // SAFETY: only handles are given to `settle_with`.
    let common = unsafe { erased(&kept) };
    match owner {
        Some(owner) => common.keep_with(kept.py(), owner),
        None => common.keep(kept.py()),
    }
    Some(kept)
}

/// Ends the borrow of a handle that Python has kept: it becomes its own owner.
pub fn keep(handle: Bound<'_, PyAny>) {
    // SAFETY: only handles are given to `keep`.
    unsafe { erased(&handle) }.keep(handle.py());
}
