//! What the sequences among the handles have in common.

use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

use crate::convert;

/// The element at an index, or a list of those in a slice.
///
/// # Errors
/// `TypeError` for what is neither, `IndexError`; what `get` raises.
pub fn item<'py>(
    class: &str,
    index: &Bound<'py, PyAny>,
    len: usize,
    get: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(slice) = index.cast::<PySlice>() {
        let chosen = slice.indices(len as isize)?;
        let list = PyList::empty(index.py());
        for i in 0..chosen.slicelength as isize {
            list.append(get((chosen.start + i * chosen.step) as usize)?)?;
        }
        return Ok(list.into_any());
    }
    let number = index.extract::<isize>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(index.py()) {
            out_of_range(class, index, len)
        } else if error.is_instance_of::<PyTypeError>(index.py()) {
            convert::wrong_type(index, "int or slice", || format!("{class}: index"))
        } else {
            error
        }
    })?;
    let at = if number < 0 {
        number + len as isize
    } else {
        number
    };
    let at = usize::try_from(at).ok().filter(|at| *at < len);
    get(at.ok_or_else(|| out_of_range(class, index, len))?)
}

fn out_of_range(class: &str, index: &Bound<'_, PyAny>, len: usize) -> PyErr {
    let index = convert::shown(index);
    PyIndexError::new_err(format!("{class}: index {index} of {len}"))
}
