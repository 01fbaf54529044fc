//! Calls of GlusterFS's into Glupy, and what is borrowed from them.
//!
//! A call stands on some C stack. Whoever wants to know of it later, perhaps when it has
//! returned, has a [`Loan`]: the call's slot, in memory that is never freed, and the
//! generation that it has as long as what the call has lent is there.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::action::Queue;
use crate::fop::Word;
use crate::frame::Frame;
use crate::gf;
use crate::gil::{self, Gil, GilCell, Locked};
use crate::handle::{CPtr, Handle};
use crate::here::Here;
use crate::words::Words;

/// What is known of a call. Used for other calls when it has returned.
#[repr(align(64))]
#[derive(Default)]
pub struct Slot {
    /// Another one for each loan.
    generation: AtomicU64,
    /// The thread, or the synctask, that the call is a part of; 0 if that is not known.
    course: AtomicUsize,
    /// Whether the call may return without a look at its request.
    settled: AtomicBool,
    /// Its request, as long as that is not over and has borrowed from the call.
    frame: GilCell<CPtr<ffi::PyObject>>,
    /// What its handler was called with, as long as that runs.
    running: GilCell<Objects>,
    /// What callbacks inside of the call have left to it. For its own course alone.
    more: Cell<Option<Box<Queue>>>,
    /// The next one that is unused.
    next: Cell<Option<&'static Slot>>,
}

/// What a handler was called with: a request, and what stands for the arguments.
#[derive(Clone, Copy, Default)]
struct Objects {
    frame: CPtr<ffi::PyObject>,
    first: CPtr<*mut ffi::PyObject>,
    len: usize,
}

// SAFETY: `more` and `next` are used by who has the slot: the call's own course, then
// the thread that keeps it.
unsafe impl Sync for Slot {}

/// Slots of threads that have ended.
static LEFT: Mutex<Slots> = Mutex::new(Slots(Cell::new(None)));

/// Unused slots.
#[derive(Default)]
pub struct Slots(Cell<Option<&'static Slot>>);

impl Slots {
    fn take(&self) -> Option<&'static Slot> {
        let slot = self.0.get()?;
        self.0.set(slot.next.take());
        Some(slot)
    }

    fn give(&self, slot: &'static Slot) {
        slot.next.set(self.0.replace(Some(slot)));
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(slot) = self.take() {
            left.give(slot);
        }
    }
}

#[cold]
fn another() -> &'static Slot {
    let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.take().unwrap_or_else(|| Box::leak(Box::default()))
}

/// A call, from its begin to its end.
pub struct Call {
    slot: &'static Slot,
    /// Where the slot goes, if the call can not go on in another thread.
    home: Option<Here>,
    /// It stays where it is.
    course: PhantomData<*const ()>,
}

impl Call {
    /// The current one.
    #[inline]
    pub fn begin(here: Here) -> Call {
        let slot = here.slots().and_then(Slots::take).unwrap_or_else(another);
        let home = here.has_this_stack().then_some(here);
        let course = match home {
            Some(here) => here.address(),
            // SAFETY: a plain call. All that a synctask is in the middle of, it is inside of.
            None => unsafe { gf::synctask_get() }.addr(),
        };
        slot.course.store(course, Ordering::Relaxed);
        slot.settled.store(false, Ordering::Relaxed);
        Call {
            slot,
            home,
            course: PhantomData,
        }
    }

    /// What tells others whether it has returned.
    pub fn loan(&self) -> Loan {
        Loan {
            slot: Some(self.slot),
            generation: self.slot.generation.load(Ordering::Relaxed),
        }
    }

    /// Runs a handler: what it and everything it calls ask for goes into the queue, which
    /// this call carries out in the end.
    pub fn collect<R>(&self, here: Here, queue: &mut Queue, f: impl FnOnce() -> R) -> R {
        /// Restores the outer call, after a panic too.
        struct Restore(Here, Option<&'static Slot>);
        impl Drop for Restore {
            fn drop(&mut self) {
                self.0.swap_call(self.1);
            }
        }
        let _restore = Restore(here, here.swap_call(Some(self.slot)));
        queue.collect(here, f)
    }

    /// Says which request borrows from it.
    pub fn lend_to(&self, frame: &Bound<'_, Frame>) {
        self.slot.frame.store(frame.py(), CPtr(frame.as_ptr()));
    }

    /// Whether no request borrows from it any more.
    pub fn is_settled(&self) -> bool {
        self.slot.settled.load(Ordering::Acquire)
    }

    /// That request.
    pub fn frame<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Frame>> {
        self.slot.frame(py)
    }

    /// What it has lent has been given back.
    pub fn end(&self, py: Python<'_>) {
        let loan = self.loan();
        gil::locked(py, |locked| loan.end(locked));
    }

    /// Says with which objects its handler is called, until the guard is dropped.
    ///
    /// # Safety
    /// They are alive, and stay where they are, for so long.
    pub unsafe fn run<'py>(
        &self,
        frame: &Bound<'py, Frame>,
        objects: &[*mut ffi::PyObject],
    ) -> Running<'py> {
        let py = frame.py();
        let objects = Objects {
            frame: CPtr(frame.as_ptr()),
            first: CPtr(objects.as_ptr().cast_mut()),
            len: objects.len(),
        };
        self.slot.running.store(py, objects);
        Running {
            slot: self.slot,
            py,
        }
    }

    /// Leaves what is in the queue to the call in `carrying`, if this one is inside of that;
    /// else it is this one to which callbacks inside of it leave what they ask for.
    ///
    /// # Safety
    /// What the handler that has asked for it was given is still alive.
    pub unsafe fn carry_for(&self, py: Python<'_>, carrying: &Carrying, queue: &mut Queue) {
        let outer = carrying.get(py);
        match outer.slot.filter(|_| outer.is_alive(py)) {
            None => carrying.store(py, self.loan()),
            Some(outer) if outer.encloses(self.slot) => {
                let mut more = outer.more.take().unwrap_or_default();
                // SAFETY: by contract.
                unsafe { more.append(queue) };
                outer.more.set(Some(more));
            }
            // Another thread's, which is on its way back.
            Some(_) => {}
        }
    }

    /// Carries out a queue, and what callbacks leave to this call meanwhile: a
    /// request that goes down and up a thousand times does not go a thousand calls
    /// deep. The GIL is not held.
    pub fn carry_out(&self, queue: &mut Queue) {
        queue.carry_out();
        while let Some(mut more) = self.slot.more.take() {
            more.carry_out();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.slot.end();
        // A synctask may have moved.
        let here = self.home.unwrap_or_else(Here::now);
        match here.slots() {
            Some(slots) => slots.give(self.slot),
            None => LEFT
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .give(self.slot),
        }
    }
}

/// The time for which a handler runs.
pub struct Running<'py> {
    slot: &'static Slot,
    py: Python<'py>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.slot.running.store(self.py, Default::default());
    }
}

impl Slot {
    /// Ends what is lent. By the call itself, or with the GIL before the call is settled.
    fn end(&self) {
        let generation = self.generation.load(Ordering::Relaxed);
        self.generation.store(generation + 1, Ordering::Release);
    }

    /// The request that borrows from the call.
    fn frame<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Frame>> {
        let frame = self.frame.get(py).0;
        // SAFETY: a `Frame` that is alive: it takes itself out when it is over or freed.
        unsafe { Some(Bound::from_borrowed_ptr_or_opt(py, frame)?.cast_into_unchecked()) }
    }

    /// Whether another call, which is the current one, is a part of this one, which has not
    /// returned: a thread, or a synctask, is inside of all that it is in the middle of.
    fn encloses(&self, other: &Slot) -> bool {
        let course = |slot: &Slot| slot.course.load(Ordering::Relaxed);
        course(self) != 0 && course(self) == course(other)
    }
}

/// The time for which what a call has lent is there: until it returns, or until its request
/// is over.
#[derive(Clone, Copy, Default)]
pub struct Loan {
    slot: Option<&'static Slot>,
    generation: u64,
}

/// The call that carries out what a request's handlers, or a coroutine, ask for.
pub type Carrying = GilCell<Loan>;

impl PartialEq for Loan {
    fn eq(&self, other: &Loan) -> bool {
        let place = |loan: &Loan| loan.slot.map(ptr::from_ref);
        place(self) == place(other) && self.generation == other.generation
    }
}

impl Loan {
    /// Of nothing.
    pub const NONE: Loan = Loan {
        slot: None,
        generation: 0,
    };

    /// Whether what was lent is there, as long as the GIL is held.
    pub fn is_alive(self, _gil: impl Gil) -> bool {
        let generation = |slot: &Slot| slot.generation.load(Ordering::Acquire);
        self.slot
            .is_some_and(|slot| generation(slot) == self.generation)
    }

    /// Whether the lender does not return before the current call has carried out what is
    /// asked for now.
    pub fn covers(self, gil: impl Gil, here: Here) -> bool {
        let (Some(lender), Some(current)) = (self.slot, here.call()) else {
            return false;
        };
        self.is_alive(gil) && (ptr::eq(lender, current) || lender.encloses(current))
    }

    /// Whether the call's own handler runs here.
    pub fn is_current(self, gil: impl Gil, here: Here) -> bool {
        let (Some(lender), Some(current)) = (self.slot, here.call()) else {
            return false;
        };
        ptr::eq(lender, current) && self.is_alive(gil)
    }

    fn slot(self, gil: impl Gil) -> Option<&'static Slot> {
        self.slot.filter(|_| self.is_alive(gil))
    }

    /// Makes the handles that the call's running handler was called with own their objects:
    /// what they have borrowed is about to go.
    pub fn own_running(self, py: Python<'_>) {
        let Some(slot) = self.slot(py) else {
            return;
        };
        let Objects { first, len, .. } = slot.running.get(py);
        if len == 0 {
            return; // it has returned
        }
        let objects: smallvec::SmallVec<[_; 16]> = (0..len)
            // SAFETY: the objects live as long as the handler runs (`Running`), and it does
            // not go on while this thread has the GIL.
            .filter_map(|i| unsafe { Bound::from_borrowed_ptr_or_opt(py, *first.0.add(i)) })
            .collect();
        for object in objects {
            if let Ok(handle) = object.cast::<Handle>() {
                handle.get().keep(py);
            }
        }
    }

    /// The request that has lent what a handle stands for, and, if its handler runs, the
    /// position of that. None if that is not known.
    pub fn lender<'py>(
        self,
        py: Python<'py>,
        handle: &Bound<'py, PyAny>,
    ) -> Option<(Bound<'py, Frame>, Option<usize>)> {
        let slot = self.slot(py)?;
        let Objects { frame, first, len } = slot.running.get(py);
        // SAFETY: as in `own_running`.
        let at = (0..len).find(|i| unsafe { *first.0.add(*i) } == handle.as_ptr());
        match at {
            // SAFETY: the request of a handler that runs is alive.
            Some(_) => unsafe {
                let frame = Bound::from_borrowed_ptr(py, frame.0).cast_into_unchecked();
                Some((frame, at))
            },
            None => slot.frame(py).map(|frame| (frame, None)),
        }
    }

    /// The call's request is freed: the call looks for it no more.
    pub fn forget(self, gil: impl Gil) {
        if let Some(slot) = self.slot(gil) {
            slot.frame.store(gil, CPtr::default());
        }
    }

    /// The call's request is over: the call may return when its own handler has ended.
    pub fn settle(self, locked: Locked<'_>) {
        if let Some(slot) = self.slot(locked) {
            slot.frame.store(locked, CPtr::default());
            slot.settled.store(true, Ordering::Release);
        }
    }

    /// Nothing is borrowed from the call any more, which may return.
    pub fn end(self, locked: Locked<'_>) {
        if let Some(slot) = self.slot(locked) {
            slot.end();
            slot.frame.store(locked, CPtr::default());
            slot.settled.store(true, Ordering::Release);
        }
    }
}

/// Words that a call has lent.
#[derive(Clone, Copy)]
pub struct Lent {
    words: Words,
    /// For how long.
    pub loan: Loan,
}

impl Lent {
    /// A call's arguments.
    pub fn by(call: &Call, words: &[Word]) -> Lent {
        Lent {
            words: Words::at(words),
            loan: call.loan(),
        }
    }

    /// The words, if they are there; for as long as the GIL is held, or as the loan covers
    /// a call.
    pub fn words(&self, gil: impl Gil) -> Option<Words> {
        self.loan.is_alive(gil).then_some(self.words)
    }
}
