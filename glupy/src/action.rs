//! What a handler asks for is queued and carried out after it has returned and
//! the GIL has been released; elsewhere it is carried out at once, without the GIL.

use std::ffi::CStr;
use std::ptr;

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

/// That a graph stays until what is asked of it has been carried out. To be had before
/// anything is changed for which that has to happen: there is none to a graph that goes.
pub struct Route(Option<Pass>);

impl Route {
    /// Into the graph of a translator, which GlusterFS has called on this thread, or from
    /// elsewhere.
    #[inline]
    pub fn to(here: Here, at: &'static Instance) -> Option<Route> {
        if called(here) == at.xl() {
            return Some(Route(None));
        }
        Some(Route(Some(at.volume.pass()?)))
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
        // SAFETY: the queue of `collect`.
        match unsafe { Here::now().queue().as_mut() } {
            Some(queue) => {
                queue.actions.extend(self.actions);
                queue.passes.extend(self.passes);
            }
            None => {
                self.actions.into_iter().for_each(at_once);
                drop(self.passes); // the graphs have stayed so long
            }
        }
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

/// Queues what is asked for of a frame in a handler; elsewhere carries it out at once.
///
/// Called with the GIL held.
#[inline]
pub fn submit(here: Here, route: Route, action: Action) {
    // SAFETY: the queue of `collect`.
    let Some(queue) = (unsafe { here.queue().as_mut() }) else {
        at_once(action);
        drop(route); // the graph has stayed so long
        return;
    };
    queue.passes.extend(route.0);
    queue.actions.push(action);
}

/// The same for a reference that is given back, which looks itself whether that is possible.
pub fn release(release: Release) {
    submit(Here::now(), Route(None), Action::Release(release));
}

/// The translator that GlusterFS has called on this thread, and waits for; NULL if none.
pub fn called(here: Here) -> *mut gf::xlator_t {
    // SAFETY: the queue of `collect`.
    unsafe { here.queue().as_ref() }.map_or(ptr::null_mut(), |queue| queue.called.0)
}

#[cold]
fn at_once(action: Action) {
    if fork::is_strange() {
        return action.refuse();
    }
    gil::in_drop(|py| {
        py.detach(|| {
            shake::point();
            action.run();
            shake::point();
        });
    });
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
