//! The errno of a failure: callers take one without an errno for a success.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The kernel refuses larger ones from FUSE, and the caller hangs.
const MAX: i32 = 511;

/// `op_ret` and `op_errno` of an answer.
pub type Status = (i32, i32);

/// Whether it is one that callers take for a failure, and hear of.
pub fn is_errno(op_errno: i32) -> bool {
    (1..=MAX).contains(&op_errno)
}

/// The errno of an answer for which none is given: that of the one that came, if both are
/// failures, or both are successes.
pub fn unless_given(op_ret: i32, came: Option<Status>) -> i32 {
    let alike = came.filter(|came| (came.0 < 0) == (op_ret < 0));
    alike.map_or(0, |came| came.1)
}

/// Checks the errno of an answer that Python gives, in the place of one that came or not. A
/// failure that came may be passed on with what it has, as without Glupy: features/locks
/// answers some locks with -1 and 0, and programs count on getting them.
///
/// # Errors
/// `ValueError` that says what is missing.
pub fn check(function: &str, (op_ret, op_errno): Status, came: Option<Status>) -> PyResult<()> {
    let is_passed_on = came.is_some_and(|came| came.0 < 0 && came.1 == op_errno);
    if op_ret >= 0 || is_errno(op_errno) || is_passed_on {
        return Ok(());
    }
    let why = match op_errno {
        0 => format!(
            "; without one its caller would take the failure (op_ret {op_ret}) for a success"
        ),
        _ => String::new(),
    };
    Err(PyValueError::new_err(format!(
        "{function}: errno {op_errno} is not 1 to {MAX}{why}: give op_errno, such as errno.EIO"
    )))
}
