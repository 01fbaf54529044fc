//! The call that a request came in by, as long as it has not returned.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::carrier::Place;
use crate::gil::GilCell;
use crate::handle::{CPtr, Handle};

/// Stands on the stack of the trampoline that a request came in by.
pub struct Entering {
    place: Place,
    /// Set when the request is over; the frame must not be touched then.
    over: AtomicBool,
    /// What the handler was called with, as long as it runs.
    running: GilCell<(CPtr<*mut ffi::PyObject>, usize)>,
}

impl Entering {
    /// For the current call.
    pub fn new() -> Entering {
        Entering {
            place: Place::here(),
            over: AtomicBool::new(false),
            running: GilCell::default(),
        }
    }

    /// Says with which objects the handler is called; they stay where they are and
    /// alive until it is said that there are none.
    pub fn set_running(&self, py: Python<'_>, objects: &[*mut ffi::PyObject]) {
        let first = CPtr(objects.as_ptr().cast_mut());
        self.running.set(py, (first, objects.len()));
    }

    /// Makes the handles that the running handler was called with own their objects:
    /// what they have borrowed is about to go.
    pub fn own_running(&self, py: Python<'_>) {
        let (objects, len) = self.running.get(py);
        for i in 0..len {
            // SAFETY: by the word of `set_running`'s caller live objects; the GIL keeps
            // the handler, and with it the array, where it is.
            let object = unsafe { Bound::from_borrowed_ptr_or_opt(py, *objects.0.add(i)) };
            if let Some(Ok(handle)) = object.as_ref().map(|object| object.cast::<Handle>()) {
                handle.get().keep(py);
            }
        }
    }

    /// Whether the request is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Says that the request is over.
    pub fn set_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether it is the current thread's.
    pub fn is_this_thread(&self) -> bool {
        self.place.is_this_thread()
    }

    /// Whether a call that stands on the stack at `here` happens inside this one.
    pub fn encloses(&self, here: usize) -> bool {
        self.place.encloses(ptr::from_ref(self).addr(), here)
    }
}
