//! The GIL: how a GlusterFS thread takes it, and cells that it protects.

use std::cell::UnsafeCell;
use std::ptr;

use pyo3::ffi;
use pyo3::{Py, Python};

use crate::ending;
use crate::fork;
use crate::here::Here;
use crate::shake;
use crate::turns::Turn;

/// A cell that may be touched by whoever holds the GIL. Values go in and out;
/// no reference leaves, so no Python code can run while one is held.
#[derive(Debug, Default)]
pub struct GilCell<T>(UnsafeCell<T>);

// SAFETY: every access needs a `Python` token, that is the GIL; Pythons without
// a GIL are refused in build/main.rs.
unsafe impl<T: Send> Sync for GilCell<T> {}
// SAFETY: the cell holds nothing but the value.
unsafe impl<T: Send> Send for GilCell<T> {}

impl<T> GilCell<T> {
    /// A cell with a value.
    pub const fn new(value: T) -> Self {
        GilCell(UnsafeCell::new(value))
    }

    /// Puts a value in and returns the one before.
    pub fn replace(&self, _py: Python<'_>, value: T) -> T {
        // SAFETY: the GIL is held, and no reference into the cell exists
        // outside of this module's methods, none of which runs Python.
        unsafe { self.0.get().replace(value) }
    }

    /// Puts a value in.
    pub fn set(&self, py: Python<'_>, value: T) {
        let before = self.replace(py, value);
        shake::point_of_drop::<T>(py);
        drop(before);
    }

    /// A copy of the value.
    pub fn get(&self, _py: Python<'_>) -> T
    where
        T: Copy,
    {
        // SAFETY: as in `replace`.
        unsafe { *self.0.get() }
    }

    /// The value, leaving the default.
    pub fn take(&self, py: Python<'_>) -> T
    where
        T: Default,
    {
        self.replace(py, T::default())
    }

    /// Looks at the value through a function.
    ///
    /// # Safety
    /// The function neither runs Python code nor releases the GIL, and does not
    /// come back to this cell.
    pub unsafe fn with<R>(&self, _py: Python<'_>, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: by the caller's word this is the only reference for its time.
        unsafe { f(&mut *self.0.get()) }
    }

    /// The value when the cell itself is owned or goes away.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// Runs `f` with the GIL. A thread that comes for the first time keeps its Python
/// thread state until it ends: making one for each call costs microseconds.
pub fn attach<R>(f: impl FnOnce(Python<'_>) -> R) -> R {
    attach_at(Here::now(), f)
}

/// The same, on the current thread.
pub fn attach_at<R>(here: Here, f: impl FnOnce(Python<'_>) -> R) -> R {
    if ending::has_ended() {
        ending::stop();
    }
    let generation = fork::generation();
    here.keep_state();
    shake::point();
    let turn = Turn::take(here);
    let result = Python::attach(|py| {
        turn.begin();
        f(py)
    });
    drop(turn);
    shake::point();
    fork::return_to(generation);
    result
}

/// How many references an object has.
pub fn refcount<T>(object: &Py<T>) -> isize {
    // SAFETY: a live object.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

/// A thread state that stays with a thread that Python does not know.
pub struct Kept(*mut ffi::PyThreadState);

impl Kept {
    /// For the current thread.
    pub fn new() -> Kept {
        // SAFETY: Python is initialized before any handler can be called. The
        // state that Ensure makes is not released, which is the point.
        unsafe {
            if !ffi::PyGILState_GetThisThreadState().is_null() {
                return Kept(ptr::null_mut());
            }
            ffi::PyGILState_Ensure();
            Kept(ffi::PyEval_SaveThread())
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The main thread ends with the process: nobody waits for the GIL then.
        // SAFETY: plain system calls.
        let main = unsafe { libc::getpid() == libc::gettid() };
        // SAFETY: the state was made by this thread, which is not attached now;
        // Release undoes the Ensure of `new` and frees state and GIL.
        unsafe {
            if !self.0.is_null() && !main && ffi::Py_IsInitialized() != 0 {
                ffi::PyEval_RestoreThread(self.0);
                ffi::PyGILState_Release(ffi::PyGILState_STATE::PyGILState_UNLOCKED);
            }
        }
    }
}
