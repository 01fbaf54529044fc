//! The end of an interpreter that is a Python program's (libgfapi). Python ends threads that want
//! the GIL from then on, by `pthread_exit`, which unwinds their stacks; but a stack on which Rust
//! calls Python can not be unwound so, and the process would abort. Such threads stop for good
//! instead, as from Python 3.14 on all do. (PyO3 stops those that want the GIL for Rust.)

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Python is no more.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Has the end noticed.
///
/// # Errors
/// Why that can not be.
pub fn watch() -> Result<(), String> {
    extern "C" fn ended() {
        ENDED.store(true, Ordering::Relaxed);
    }
    // SAFETY: the function is never unloaded (see build.rs).
    match unsafe { ffi::Py_AtExit(Some(ended)) } {
        0 => Ok(()),
        _ => Err("no more functions can be called when Python ends".to_owned()),
    }
}

/// Whether there is no Python any more.
#[inline]
pub fn has_ended() -> bool {
    ENDED.load(Ordering::Relaxed)
}

/// Stops this thread: the process is about to end.
pub fn stop() -> ! {
    loop {
        thread::park();
    }
}

/// Stops the thread when its stack is unwound.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        if !thread::panicking() {
            stop();
        }
    }
}

/// Runs `f`, which calls Python by a function that may unwind, and does not panic.
#[inline(always)]
pub fn stopping<R>(f: impl FnOnce() -> R) -> R {
    let stop = Stop;
    let result = f();
    mem::forget(stop);
    result
}

unsafe extern "C-unwind" {
    fn PyObject_Call(
        callable: *mut ffi::PyObject,
        args: *mut ffi::PyObject,
        kwargs: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyIter_Send(
        iterator: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult;
}

/// The arguments of a call.
pub trait Arguments<'py>:
    IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error: Into<PyErr>>
{
}

impl<'py, T> Arguments<'py> for T where
    T: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error: Into<PyErr>>
{
}

/// Calls a function of Python's.
///
/// # Errors
/// What it raises.
pub fn call<'py>(
    callable: &Bound<'py, PyAny>,
    args: impl Arguments<'py>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = callable.py();
    let args = args.into_pyobject(py).map_err(Into::into)?;
    let kwargs = kwargs.map_or(ptr::null_mut(), Bound::as_ptr);
    let (callable, args) = (callable.as_ptr(), args.as_ptr());
    // SAFETY: live objects; the result is a new reference, or NULL with an exception.
    unsafe {
        let result = stopping(|| PyObject_Call(callable, args, kwargs));
        Bound::from_owned_ptr_or_err(py, result)
    }
}

/// Goes on with a coroutine, as `PyIter_Send`.
///
/// # Safety
/// As for that.
pub unsafe fn send(
    coroutine: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: by contract.
    stopping(|| unsafe { PyIter_Send(coroutine, value, result) })
}
