//! The GIL: how a GlusterFS thread takes it, regions in which nobody gives it up, and cells
//! that it protects.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

use pyo3::ffi;
use pyo3::{Py, Python};

use crate::ending;
use crate::fork;
use crate::here::Here;
use crate::shake;
use crate::turns::Turn;

/// Says that this thread holds the GIL: a `Python`, or a [`Locked`].
pub trait Gil: Copy {}
impl Gil for Python<'_> {}
impl Gil for Locked<'_> {}

/// The GIL in a region in which it is not given up ([`locked`]). What may run Python, drop
/// something of Python's or call GlusterFS takes a `Python`, of which there is none in there.
#[derive(Clone, Copy)]
pub struct Locked<'a>(PhantomData<&'a ()>);

/// Looks at something and acts on it, with no other thread in between. What is taken out of
/// cells is returned, to be dropped by the caller.
///
/// The bound keeps `Python` and `Bound` outside: they are not `Send`.
pub fn locked<R>(_py: Python<'_>, f: impl FnOnce(Locked<'_>) -> R + Send) -> R {
    f(Locked(PhantomData))
}

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
    #[must_use = "dropping it may run Python"]
    pub fn replace(&self, _gil: impl Gil, value: T) -> T {
        // SAFETY: the GIL is held, and no reference into the cell exists
        // outside of this module's methods, none of which runs Python.
        unsafe { self.0.get().replace(value) }
    }

    /// Puts a value in, and drops the one before, which may run Python.
    pub fn set(&self, py: Python<'_>, value: T) {
        let before = self.replace(py, value);
        shake::point_of_drop::<T>(py);
        drop(before);
    }

    /// Puts a value in the place of one that needs no drop.
    pub fn store(&self, _gil: impl Gil, value: T)
    where
        T: Copy,
    {
        // SAFETY: as in `replace`.
        unsafe { self.0.get().write(value) }
    }

    /// A copy of the value.
    pub fn get(&self, _gil: impl Gil) -> T
    where
        T: Copy,
    {
        // SAFETY: as in `replace`.
        unsafe { *self.0.get() }
    }

    /// The value, leaving the default.
    #[must_use = "dropping it may run Python"]
    pub fn take(&self, gil: impl Gil) -> T
    where
        T: Default,
    {
        self.replace(gil, T::default())
    }

    /// Looks at the value through a function.
    ///
    /// # Safety
    /// The function neither runs Python code nor releases the GIL, and does not
    /// come back to this cell.
    pub unsafe fn with<R>(&self, _gil: impl Gil, f: impl FnOnce(&mut T) -> R) -> R {
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
        // GlusterFS may have been called by Python, in the middle of an exception.
        aside(py, || f(py))
    });
    drop(turn);
    shake::point();
    fork::return_to(generation);
    result
}

/// Runs `f` with the exception put aside that is on its way on this thread: Python must not
/// be run with one. To be used by whatever Python calls at any time: a `Drop` of an object
/// of Python's, and what that leads to.
pub fn aside<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    let _pending = Pending::take(py);
    f()
}

/// As [`aside`], for the `Drop` of an object of Python's, which comes with the GIL.
pub fn in_drop<R>(f: impl FnOnce(Python<'_>) -> R) -> R {
    Python::attach(|py| aside(py, || f(py)))
}

/// An exception that was on its way, and is again in the end.
struct Pending([*mut ffi::PyObject; 3]);

#[allow(
    deprecated,
    reason = "what replaces these functions is not in Python 3.11"
)]
impl Pending {
    #[inline]
    fn take(_py: Python<'_>) -> Option<Pending> {
        // SAFETY: the GIL is held; what is fetched is this thread's to restore.
        unsafe {
            if ffi::PyErr_Occurred().is_null() {
                return None;
            }
            let [mut class, mut value, mut traceback] = [ptr::null_mut(); 3];
            ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback);
            Some(Pending([class, value, traceback]))
        }
    }
}

#[allow(deprecated, reason = "as above")]
impl Drop for Pending {
    fn drop(&mut self) {
        let [class, value, traceback] = self.0;
        // SAFETY: the GIL is held again by the time `aside` ends; the references are those
        // of `take`.
        unsafe { ffi::PyErr_Restore(class, value, traceback) };
    }
}

/// How many references an object has.
pub fn refcount<T>(object: &Py<T>) -> isize {
    // SAFETY: a live object.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

/// Whether there are weak references to an object: with one of them it can be had again though nobody
/// has it.
pub fn has_weak_references<T>(object: &Py<T>) -> bool {
    // SAFETY: a live object; where its type has an offset, the list of its weak references is there.
    unsafe {
        let object = object.as_ptr();
        let offset = (*ffi::Py_TYPE(object)).tp_weaklistoffset;
        offset > 0
            && !object
                .byte_offset(offset)
                .cast::<*mut c_void>()
                .read()
                .is_null()
    }
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
