//! What a handler asks for is queued and carried out after it has returned and
//! the GIL has been released; elsewhere it is carried out at once, without the GIL.

use std::ffi::CStr;
use std::ptr;

use pyo3::ffi;
use smallvec::SmallVec;

use crate::fop::{self, Fop};
use crate::fork;
use crate::gf;
use crate::gil;
use crate::handle::{CPtr, Release};
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::Instance;
use crate::log;
use crate::own_stack;
use crate::shake;
use crate::stack;
use crate::volume::Pass;
use crate::words::Words;

/// A call into GlusterFS.
pub enum Action {
    /// Wind with a frame of its own; the cookie is a Python object or NULL.
    Wind {
        fop: &'static Fop,
        frame: CPtr<gf::call_frame_t>,
        child: CPtr<gf::xlator_t>,
        cookie: CPtr<()>,
        words: Words,
        hold: Hold,
    },
    /// Wind and be gone.
    WindTail {
        fop: &'static Fop,
        frame: CPtr<gf::call_frame_t>,
        child: CPtr<gf::xlator_t>,
        words: Words,
        hold: Hold,
    },
    /// Answer.
    Unwind {
        fop: &'static Fop,
        frame: CPtr<gf::call_frame_t>,
        op_ret: i32,
        op_errno: i32,
        words: Words,
        hold: Hold,
    },
    /// End a stack of our own.
    Destroy { frame: CPtr<gf::call_frame_t> },
    /// Give a reference back.
    Release(Release),
}

impl Action {
    /// Whether something that it would hand over is gone, which must not reach C: an error
    /// takes its place. (Python was told already, unless the action had to wait for longer
    /// than was known when it was asked for.)
    fn is_lost(&self) -> bool {
        let (params, words, frame) = match self {
            Action::Wind {
                fop, words, frame, ..
            }
            | Action::WindTail {
                fop, words, frame, ..
            } => (fop.args, words, frame),
            Action::Unwind {
                fop, words, frame, ..
            } => (fop.reply, words, frame),
            Action::Destroy { .. } | Action::Release(_) => return false,
        };
        // SAFETY: an action's words stay until it has been carried out.
        let Some(param) = fop::lost(params, unsafe { words.get(params.len()) }) else {
            return false;
        };
        let (name, c_type) = (param.name, param.c_type);
        let text = format!("{name}, a {c_type}, is gone: the request fails");
        // SAFETY: the action's frame is live, and so is its translator.
        log::error(unsafe { CStr::from_ptr((*(*frame.0).this).name) }, &text);
        true
    }

    /// Carries the action out. The GIL is not held.
    fn run(self) {
        let lost = self.is_lost();
        let hold = match self {
            Action::Wind {
                fop,
                frame,
                cookie,
                hold,
                ..
            } if lost => {
                // SAFETY: as for a wind.
                unsafe { stack::wind_fails(fop, frame.0, cookie.0.cast(), libc::EIO) };
                hold
            }
            Action::WindTail {
                fop, frame, hold, ..
            }
            | Action::Unwind {
                fop, frame, hold, ..
            } if lost => {
                // SAFETY: as for an answer.
                unsafe {
                    let nothing = Words::NOTHING.get(fop.reply.len());
                    stack::unwind(fop, frame.0, -1, libc::EIO, nothing);
                }
                hold
            }
            Action::Wind {
                fop,
                frame,
                child,
                cookie,
                words,
                hold,
            } => {
                // SAFETY: the frame state machine (frame.rs) queues a wind only
                // for a live, unanswered frame; `hold` or the entering
                // trampoline below on this stack keeps the words valid.
                unsafe {
                    stack::wind(
                        fop,
                        frame.0,
                        cookie.0.cast(),
                        child.0,
                        words.get(fop.args.len()),
                    )
                };
                hold
            }
            Action::WindTail {
                fop,
                frame,
                child,
                words,
                hold,
            } => {
                // SAFETY: as above; the state machine forgets the frame.
                unsafe { stack::wind_tail(fop, frame.0, child.0, words.get(fop.args.len())) };
                hold
            }
            Action::Unwind {
                fop,
                frame,
                op_ret,
                op_errno,
                words,
                hold,
            } => {
                // SAFETY: as above; a frame is answered once, with no wind open.
                unsafe {
                    let values = words.get(fop.reply.len());
                    stack::unwind(fop, frame.0, op_ret, op_errno, values);
                }
                hold
            }
            Action::Destroy { frame } => {
                // SAFETY: queued by the only callback of the stack's only wind; the
                // volume's translator stays until the volume has been left.
                unsafe {
                    let volume = Instance::of((*frame.0).this).volume;
                    own_stack::destroy(frame.0);
                    volume.answered();
                }
                return;
            }
            Action::Release(release) => {
                release.run();
                return;
            }
        };
        hold.end();
    }

    /// The frame that it leads on from; None for what looks itself whether that is possible.
    fn frame(&self) -> Option<*mut gf::call_frame_t> {
        match self {
            Action::Wind { frame, .. }
            | Action::WindTail { frame, .. }
            | Action::Unwind { frame, .. }
            | Action::Destroy { frame } => Some(frame.0),
            Action::Release(_) => None,
        }
    }

    /// The translator of its frame, which is there; None for what leads on from none.
    ///
    /// # Safety
    /// It is.
    unsafe fn at(&self) -> Option<&'static Instance> {
        // SAFETY: by contract; frames are at translators of ours.
        self.frame()
            .map(|frame| unsafe { Instance::of((*frame).this) })
    }

    /// Forgets it: its graph goes, and GlusterFS does not wait for it any more. The GIL is
    /// held.
    fn lose(self) {
        if let Action::Wind { cookie, .. } = &self {
            // SAFETY: a reference that the callback would have got, or NULL.
            unsafe { ffi::Py_XDECREF(cookie.0.cast()) };
        }
    }

    /// In a process that was forked from the one to which it belongs.
    fn refuse(self) {
        match self {
            Action::Release(_) => std::mem::forget(self),
            _ => fork::end(),
        }
    }

    /// Makes what the words point to the action's own: it will be carried out later
    /// than what they were borrowed from lives.
    ///
    /// # Safety
    /// What the words point to is alive, and so is the frame, which is at this
    /// translator.
    unsafe fn own(&mut self) {
        let (params, frame, words, hold) = match self {
            Action::Wind {
                fop,
                frame,
                words,
                hold,
                ..
            }
            | Action::WindTail {
                fop,
                frame,
                words,
                hold,
                ..
            } => (fop.args, frame, words, hold),
            Action::Unwind {
                fop,
                frame,
                words,
                hold,
                ..
            } => (fop.reply, frame, words, hold),
            Action::Destroy { .. } | Action::Release(_) => return,
        };
        // SAFETY: by contract.
        *words = unsafe { hold.own(params, *words, (*frame.0).this) };
    }

    /// Whether it is the wind of this frame whose reply that future brings.
    pub fn is_awaited_by(&self, of: *mut gf::call_frame_t, future: *mut ()) -> bool {
        matches!(self, Action::Wind { frame, cookie, .. } if frame.0 == of && cookie.0 == future)
    }

    /// The frame of a wind that has not been carried out.
    pub fn winds(&self, of: *mut gf::call_frame_t) -> bool {
        match self {
            Action::Wind { frame, .. } | Action::WindTail { frame, .. } => frame.0 == of,
            _ => false,
        }
    }
}

/// The actions of one handler.
#[derive(Default)]
pub struct Queue {
    actions: SmallVec<[Action; 2]>,
    /// The translator that GlusterFS has called on this thread: the graph stays until that
    /// call has returned, and this is carried out before.
    called: CPtr<gf::xlator_t>,
    /// What lets other graphs stay.
    passes: Vec<Pass>,
}

impl Queue {
    /// For a call of GlusterFS's to a translator.
    pub fn of_call(called: *mut gf::xlator_t) -> Queue {
        Queue {
            called: CPtr(called),
            ..Queue::default()
        }
    }

    /// Runs a handler on this thread: what it and everything it calls submit goes into
    /// this queue.
    pub fn collect<R>(&mut self, here: Here, f: impl FnOnce() -> R) -> R {
        /// Restores the outer queue, after a panic too.
        struct Restore(Here, *mut Queue);
        impl Drop for Restore {
            fn drop(&mut self) {
                self.0.swap_queue(self.1);
            }
        }
        if self.called.0.is_null() {
            self.called = CPtr(called(here)); // to which it is submitted
        }
        // Python that runs meanwhile leaves neither the thread nor its Python thread state.
        let _restore = Restore(here, here.swap_queue(self));
        f()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether a wind of this frame is among it, with which the frame stays.
    pub fn winds(&self, of: *mut gf::call_frame_t) -> bool {
        let winds = |action: &Action| matches!(action, Action::Wind { frame, .. } if frame.0 == of);
        self.actions.iter().any(winds)
    }

    /// Whether a wind is among it.
    pub fn has_winds(&self) -> bool {
        let winds = |action: &Action| matches!(action, Action::Wind { .. });
        self.actions.iter().any(winds)
    }

    /// Takes over what another one has.
    ///
    /// # Safety
    /// What the handler that has asked for it was given is still alive.
    pub unsafe fn append(&mut self, other: &mut Queue) {
        for action in &mut other.actions {
            // SAFETY: by contract; a frame with an action queued is at this translator.
            unsafe { action.own() };
        }
        self.actions.append(&mut other.actions);
        self.passes.append(&mut other.passes);
    }

    /// Gives what was collected to the queue around this one, or carries it out at once.
    ///
    /// Called with the GIL held.
    pub fn submit(self) {
        for action in self.actions {
            // SAFETY: its graph stays: the queue has a pass, or it has been called.
            let at = unsafe { action.at() };
            submit_for(Here::now(), at, action);
        }
        drop(self.passes); // there are others
    }

    /// Carries out what was collected, in order. The GIL is not held.
    pub fn carry_out(&mut self) {
        if self.actions.len() == 1 {
            // As nearly always.
            return self.actions.pop().map_or((), Action::run);
        }
        for action in self.actions.drain(..) {
            action.run();
        }
    }
}

/// Queues what is asked for of a frame of this translator's in a handler; elsewhere carries it
/// out at once. Nothing of GlusterFS's is looked at before it is sure that the graph is there:
/// that may have gone since its caller has looked.
///
/// Called with the GIL held.
#[inline]
pub fn submit(here: Here, at: &'static Instance, action: Action) {
    submit_for(here, Some(at), action);
}

/// The same for a reference that is given back, which looks itself whether that is possible.
pub fn release(release: Release) {
    submit_for(Here::now(), None, Action::Release(release));
}

#[inline]
fn submit_for(here: Here, at: Option<&'static Instance>, action: Action) {
    // SAFETY: the queue of `collect`.
    let Some(queue) = (unsafe { here.queue().as_mut() }) else {
        return at_once(at, action);
    };
    if let Some(at) = at.filter(|at| at.xl() != queue.called.0) {
        match at.volume.pass() {
            Some(pass) => queue.passes.push(pass),
            None => return action.lose(),
        }
    }
    queue.actions.push(action);
}

/// The translator that GlusterFS has called on this thread, and waits for; NULL if none.
pub fn called(here: Here) -> *mut gf::xlator_t {
    // SAFETY: the queue of `collect`.
    unsafe { here.queue().as_ref() }.map_or(ptr::null_mut(), |queue| queue.called.0)
}

#[cold]
fn at_once(at: Option<&'static Instance>, action: Action) {
    if fork::is_strange() {
        return action.refuse();
    }
    let pass = match at.map(|at| at.volume.pass()) {
        Some(None) => return action.lose(),
        Some(pass) => pass,
        None => None,
    };
    gil::in_drop(|py| {
        py.detach(|| {
            shake::point();
            action.run();
            shake::point();
        });
    });
    drop(pass);
}

/// Takes queued actions back, those for which `f`, which only looks at them, is true.
pub fn withdraw(f: impl Fn(&Action) -> bool) -> SmallVec<[Action; 2]> {
    // SAFETY: the queue of `collect`; actions are moved, and none is dropped.
    let Some(queue) = (unsafe { Here::now().queue().as_mut() }) else {
        return SmallVec::new();
    };
    let (gone, kept) = std::mem::take(&mut queue.actions).into_iter().partition(f);
    queue.actions = kept;
    gone
}
