//! Values of options, read by GlusterFS's own functions. None for what is not one.

use pyo3::prelude::*;

use crate::gf;
use crate::marshal::c_string;

/// `on`, `yes`, `true`, `enable`, `1`, and their contraries.
#[pyfunction]
pub fn parse_bool(text: &str) -> Option<bool> {
    read(text, |text, value| {
        // SAFETY: a live string and a place for the result, as in the others here.
        unsafe { gf::gf_string2boolean(text, value) }
    })
}

/// A number of bytes: `64MB`.
#[pyfunction]
pub fn parse_size(text: &str) -> Option<u64> {
    read(text, |text, value| {
        // SAFETY: as above.
        unsafe { gf::gf_string2bytesize_uint64(text, value) }
    })
}

/// A number of seconds: `10s`, `5min`, `2hr`.
#[pyfunction]
pub fn parse_time(text: &str) -> Option<i64> {
    read(text, |text, value| {
        // SAFETY: as above.
        unsafe { gf::gf_string2time(text, value) }
    })
}

/// A percentage: `50%`, `12.5`.
#[pyfunction]
pub fn parse_percent(text: &str) -> Option<f64> {
    read(text, |text, value| {
        // SAFETY: as above.
        unsafe { gf::gf_string2percent(text, value) }
    })
}

/// A whole number, as strtoll reads it: `10`, `-10`, `0x10`.
#[pyfunction]
pub fn parse_int(text: &str) -> Option<i64> {
    read(text, |text, value: *mut i64| {
        // SAFETY: as above; the end lies in the string. libglusterfs does the same
        // in a function that it does not export.
        unsafe {
            let mut end = std::ptr::null_mut();
            *libc::__errno_location() = 0;
            *value = libc::strtoll(text, &raw mut end, 0);
            let whole = !std::ptr::eq(end, text) && *end == 0;
            if whole && *libc::__errno_location() == 0 {
                0
            } else {
                -1
            }
        }
    })
}

fn read<T: Default>(
    text: &str,
    function: impl FnOnce(*const libc::c_char, *mut T) -> i32,
) -> Option<T> {
    let text = c_string(text);
    let mut value = T::default();
    (function(text.as_ptr(), &raw mut value) == 0).then_some(value)
}
