//! What Glupy keeps with each thread, all of it found by one look: looking for a thread-local
//! of a shared library takes a call, and a request would need a dozen.

use std::cell::{Cell, OnceCell};
use std::ptr;

use pyo3::ffi;

use crate::action::Queue;
use crate::call::{Slot, Slots};
use crate::gil::Kept;
use crate::hold::Held;
use crate::instance::Instance;
use crate::recycle;
use crate::roomy;
use crate::trashcan::Trashcan;
use crate::turns::Pace;

/// A request that waits inside of another one's wind has its own.
const SPARES: usize = recycle::at_most(8);

struct Local {
    /// The Python thread state.
    state: OnceCell<Kept>,
    /// How often it asks for the GIL.
    pace: Pace,
    /// The lowest address and the size of the thread's own stack.
    stack: (usize, usize),
    /// For whom Python runs. Not THIS, which is freed while a function may still run.
    instance: Cell<Option<&'static Instance>>,
    /// The queue of the handler that runs.
    queue: Cell<*mut Queue>,
    /// The call whose handler runs.
    call: Cell<Option<&'static Slot>>,
    /// For the next calls.
    slots: Slots,
    /// The `Task` that runs.
    task: Cell<*mut ffi::PyObject>,
    /// What actions held that are over, for the next ones.
    #[expect(clippy::vec_box, reason = "they come, and go on, in boxes")]
    spare: Cell<Vec<Box<Held>>>,
    /// The objects that are being freed.
    trashcan: Trashcan,
}

thread_local! {
    static LOCAL: Local = Local {
        state: OnceCell::new(),
        pace: Pace::default(),
        stack: roomy::own_stack(),
        instance: Cell::new(None),
        queue: Cell::new(ptr::null_mut()),
        call: Cell::new(None),
        slots: Slots::default(),
        task: Cell::new(ptr::null_mut()),
        spare: Cell::default(),
        trashcan: Trashcan::default(),
    };
}

/// The current thread's place. Not to be kept across a wind: a synctask may go on in another
/// thread after it.
#[derive(Clone, Copy)]
pub struct Here(*const Local);

impl Here {
    /// Looks for it.
    // Not inlined, for the compiler not to use what it has found before a wind.
    #[inline(never)]
    pub fn now() -> Here {
        // A thread that is ending has no thread-locals any more.
        Here(LOCAL.try_with(ptr::from_ref).unwrap_or(ptr::null()))
    }

    fn local(&self) -> Option<&Local> {
        // SAFETY: this thread's own, which it keeps until it ends; it is not `Send`.
        unsafe { self.0.as_ref() }
    }

    /// Another number for each thread; 0 for those that are ending.
    pub fn address(self) -> usize {
        self.0.addr()
    }

    /// How often the thread asks for the GIL.
    pub fn pace(&self) -> Option<&Pace> {
        self.local().map(|local| &local.pace)
    }

    /// Keeps the thread's Python thread state until it ends. One that is ending has to make
    /// a new one for each call.
    pub fn keep_state(self) {
        if let Some(local) = self.local() {
            local.state.get_or_init(Kept::new);
        }
    }

    /// The lowest address and the size of the thread's own stack.
    pub fn stack(self) -> Option<(usize, usize)> {
        self.local().map(|local| local.stack)
    }

    /// For whom Python runs on this thread; None on a thread of Python's, or of its program.
    pub fn instance(self) -> Option<&'static Instance> {
        self.local().and_then(|local| local.instance.get())
    }

    /// Runs `f`, which stays on this thread, for an instance.
    pub fn run_for<R>(self, instance: Option<&'static Instance>, f: impl FnOnce() -> R) -> R {
        /// Puts back who was there, after a panic too.
        struct Restore(Here, Option<&'static Instance>);
        impl Drop for Restore {
            fn drop(&mut self) {
                if let Some(local) = self.0.local() {
                    local.instance.set(self.1);
                }
            }
        }
        let before = self
            .local()
            .and_then(|local| local.instance.replace(instance));
        let _restore = Restore(self, before);
        f()
    }

    /// The queue of the handler that runs; NULL if none does.
    pub fn queue(self) -> *mut Queue {
        self.local()
            .map_or(ptr::null_mut(), |local| local.queue.get())
    }

    /// Puts another one in its place.
    pub fn swap_queue(self, queue: *mut Queue) -> *mut Queue {
        self.local()
            .map_or(ptr::null_mut(), |local| local.queue.replace(queue))
    }

    /// Whether the current call stands on the thread's own stack, where it stays.
    pub fn has_this_stack(self) -> bool {
        let here = 0u8;
        let here = ptr::from_ref(&here).addr();
        self.stack()
            .is_some_and(|(low, size)| here.wrapping_sub(low) < size)
    }

    /// The call whose handler runs, if one does.
    pub fn call(self) -> Option<&'static Slot> {
        self.local().and_then(|local| local.call.get())
    }

    /// Puts another one in its place.
    pub fn swap_call(self, call: Option<&'static Slot>) -> Option<&'static Slot> {
        self.local().and_then(|local| local.call.replace(call))
    }

    /// What the thread has for its next calls.
    pub fn slots(&self) -> Option<&Slots> {
        self.local().map(|local| &local.slots)
    }

    /// What [`Here::keep_spare`] has kept.
    pub fn take_spare(self) -> Option<Box<Held>> {
        let local = self.local()?;
        let mut spare = local.spare.take();
        let held = spare.pop();
        local.spare.set(spare);
        held
    }

    /// Keeps the memory of what an action held, which is empty by now.
    pub fn keep_spare(self, held: Box<Held>) {
        if let Some(local) = self.local() {
            let mut spare = local.spare.take();
            if spare.len() < SPARES {
                spare.push(held);
            }
            local.spare.set(spare);
        }
    }

    /// The objects that are being freed. Not to be kept while the thread is left.
    pub fn trashcan(&self) -> Option<&Trashcan> {
        self.local().map(|local| &local.trashcan)
    }

    /// The coroutine that runs; NULL if none does.
    pub fn task(self) -> *mut ffi::PyObject {
        self.local()
            .map_or(ptr::null_mut(), |local| local.task.get())
    }

    /// Puts another one in its place.
    pub fn swap_task(self, task: *mut ffi::PyObject) -> *mut ffi::PyObject {
        self.local()
            .map_or(ptr::null_mut(), |local| local.task.replace(task))
    }
}
