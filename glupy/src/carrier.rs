//! The call that carries out what a request's handlers, or a coroutine, ask for.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::action::Queue;
use crate::gil::GilCell;
use crate::handle::CPtr;

/// Stands on the stack of such a call.
pub struct Carrier {
    place: Place,
    /// Set when there is nothing more to carry out; whom it carried for must not be
    /// touched then.
    over: AtomicBool,
    /// What callbacks inside of this call have left to it. Its own thread's alone.
    more: Cell<Option<Box<Queue>>>,
}

/// Where whoever carries something out is known: in a request's `Frame`, or in a `Task`.
pub type Carrying = GilCell<CPtr<Carrier>>;

impl Carrier {
    /// For the current call.
    pub fn new() -> Carrier {
        Carrier {
            place: Place::here(),
            over: AtomicBool::new(false),
            more: Cell::default(),
        }
    }

    /// Carries out a queue, and what callbacks leave to this call meanwhile: a
    /// request that goes down and up a thousand times does not go a thousand calls
    /// deep. The GIL is not held.
    pub fn carry_out(&self, queue: &mut Queue) {
        queue.carry_out();
        while let Some(mut more) = self.more.take() {
            more.carry_out();
        }
    }

    /// Whether there is nothing more to carry out.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// An address on the stack of this call.
    pub fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Leaves actions to this call, which encloses the current one.
    ///
    /// # Safety
    /// What the handler that has asked for them was given is still alive.
    unsafe fn leave(&self, queue: &mut Queue) {
        // This thread's own call, so nobody else looks at `more`.
        let mut all = self.more.take().unwrap_or_default();
        // SAFETY: by contract.
        unsafe { all.append(queue) };
        self.more.set(Some(all));
    }
}

/// Leaves a callback's actions to the call that the callback happens in, if that is the
/// one in `carrying`; else `own` does it from now on. True if `own` does, and [`carried`]
/// is to be called.
pub fn carry(py: Python<'_>, carrying: &Carrying, queue: &mut Queue, own: &Carrier) -> bool {
    let outer = carrying.get(py);
    // SAFETY: as long as it is set, that call has not returned.
    match unsafe { outer.0.as_ref() } {
        None => {
            carrying.set(py, CPtr(ptr::from_ref(own).cast_mut()));
            true
        }
        Some(outer) if outer.place.encloses(outer.address(), own.address()) => {
            // SAFETY: the callback has not returned.
            unsafe { outer.leave(queue) };
            false
        }
        // Another thread's, which is on its way back.
        Some(_) => false,
    }
}

/// The call that [`carry`] has chosen is about to return.
pub fn carried(py: Python<'_>, carrying: &Carrying) {
    carrying.set(py, CPtr::default());
}

/// There is nothing more to carry out.
pub fn over(py: Python<'_>, carrying: &Carrying) {
    // SAFETY: as long as it is set, that call has not returned, and it does not before it
    // has seen `over` or has cleared this pointer.
    if let Some(call) = unsafe { carrying.take(py).0.as_ref() } {
        call.over.store(true, Ordering::Release);
    }
}

/// The thread of a call.
pub struct Place(libc::pthread_t);

impl Place {
    /// The current one.
    pub fn here() -> Place {
        // SAFETY: a plain call.
        Place(unsafe { libc::pthread_self() })
    }

    /// Whether it is the current thread.
    pub fn is_this_thread(&self) -> bool {
        // SAFETY: a plain call.
        self.0 == unsafe { libc::pthread_self() }
    }

    /// Whether a call of this thread, which stands on the stack at `here`, happens inside
    /// the one that stands there at `outer`, so that what that one borrowed is certainly
    /// alive. A synctask may have moved: hence the look at the stack, too.
    pub fn encloses(&self, outer: usize, here: usize) -> bool {
        const STACK: usize = 8 << 20;
        self.is_this_thread() && outer.wrapping_sub(here) < STACK
    }
}
