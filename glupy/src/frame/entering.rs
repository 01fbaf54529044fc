//! The call that a request came in by, as long as it has not returned.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::action::Queue;
use crate::gil::GilCell;
use crate::handle::{CPtr, Handle};

/// Stands on the stack of a trampoline that carries out what a request's handlers
/// ask for, as long as that has not returned.
pub struct Entering {
    thread: libc::pthread_t,
    /// Set when the request is over; the frame must not be touched then.
    over: AtomicBool,
    /// What callbacks inside of this call have left to it. Its own thread's alone.
    more: Cell<Queue>,
    /// What the handler was called with, as long as it runs.
    running: GilCell<(CPtr<*mut ffi::PyObject>, usize)>,
}

impl Entering {
    /// For the current call.
    pub fn new() -> Entering {
        Entering {
            // SAFETY: a plain call.
            thread: unsafe { libc::pthread_self() },
            over: AtomicBool::new(false),
            more: Cell::default(),
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
                handle.get().own(py);
            }
        }
    }

    /// Carries out a queue, and what callbacks leave to this call meanwhile: a
    /// request that goes down and up a thousand times does not go a thousand calls
    /// deep. The GIL is not held.
    pub fn carry_out(&self, queue: Queue) {
        let mut next = queue;
        while !next.is_empty() {
            next.carry_out();
            next = self.more.take();
        }
    }

    /// Whether the request is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Whether it is the current thread's.
    pub fn is_this_thread(&self) -> bool {
        // SAFETY: a plain call.
        self.thread == unsafe { libc::pthread_self() }
    }

    /// Whether a call of this thread, which stands on the stack at `here`, happens
    /// inside the entering one, so that what that one borrowed is certainly alive.
    /// A synctask may have moved: hence the look at the stack, too.
    pub fn encloses(&self, here: usize) -> bool {
        const STACK: usize = 8 << 20;
        let distance = ptr::from_ref(self).addr().wrapping_sub(here);
        self.is_this_thread() && distance < STACK
    }

    /// Says that the request is over.
    pub fn set_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Leaves actions to this call, which encloses the current one.
    ///
    /// # Safety
    /// What the handler that has asked for them was given is still alive.
    pub unsafe fn leave(&self, queue: &mut Queue) {
        // This thread's own call, so nobody else looks at `more`.
        let mut all = self.more.take();
        // SAFETY: by contract.
        unsafe { all.append(queue) };
        self.more.set(all);
    }
}
