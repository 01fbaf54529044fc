//! A request as Python sees it: `Frame`, a one-shot state machine.
//!
//! Pending (with n winds open) -> answered, or passed on with a tail wind. An
//! answer that is asked for while winds are open waits for the last of them:
//! answering earlier would free the frames below.

mod answering;
mod entering;
mod failing;
mod kept;
mod methods;
mod told;
mod winding;

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::action::{self, Action, Queue};
use crate::carrier::{self, Carrying};
use crate::coroutine::Reply;
use crate::fop::{Fop, Word};
use crate::gf;
use crate::gil::{self, GilCell};
use crate::handle::{self, CPtr};
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::{Handler, Instance};
use crate::log;
use crate::own_stack::Credentials;
use crate::owned::OwnedWords;
use crate::recycle;
use crate::shake;
use crate::words::Words;

pub use entering::Entering;
pub use methods::{child_of, install};
use told::Past;

create_exception!(
    gluster,
    FrameError,
    PyException,
    "What was asked of a frame is not possible in its state."
);

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not answered.
    Pending,
    /// An answer waits until no wind is open.
    Answering,
    /// Answered.
    Answered,
    /// Given to a child for good.
    PassedOn,
}

/// The arguments of the request.
enum Args {
    /// None were kept: the translator has no fop handler for it.
    None,
    /// The caller's, valid until its call of the trampoline returns.
    Borrowed(Words),
    /// The frame's own.
    Owned(Arc<OwnedWords>),
}

/// The answer that a cbk handler is looking at, or has kept with the frame.
#[derive(Clone)]
struct Came {
    fop: &'static Fop,
    op_ret: i32,
    op_errno: i32,
    /// Where the values are: the caller's, until its call of the trampoline returns.
    words: Words,
    /// Or the frame's own, once the handler has returned.
    owned: Option<Arc<OwnedWords>>,
    /// The thread of the handler.
    thread: libc::pthread_t,
}

/// An answer that waits for the open winds.
struct Answer {
    fop: &'static Fop,
    op_ret: i32,
    op_errno: i32,
    words: Words,
    hold: Hold,
}

/// One request at this translator.
#[pyclass(frozen, module = "gluster", name = "Frame")]
pub struct Frame {
    /// The C frame; NULL when the request is over.
    c: GilCell<CPtr<gf::call_frame_t>>,
    instance: GilCell<Option<&'static Instance>>,
    fop: GilCell<Option<&'static Fop>>,
    state: GilCell<State>,
    /// Winds without an answer, queued ones included.
    open: GilCell<u32>,
    args: GilCell<Args>,
    /// The handles that stand for borrowed arguments.
    handles: GilCell<Vec<Py<PyAny>>>,
    /// The call that the request came in by.
    entering: GilCell<CPtr<Entering>>,
    /// The outermost call that carries out what its callbacks ask for.
    carrying: Carrying,
    /// Its handler is a coroutine: winds are awaited.
    awaits: GilCell<bool>,
    /// For whom it was made, when it has been answered before its coroutine has ended.
    credentials: GilCell<Option<Box<Credentials>>>,
    reply: GilCell<Option<Came>>,
    /// Positions at which the last answer to the request itself had NULL, once its handler
    /// has returned.
    null_reply: GilCell<u32>,
    answer: GilCell<Option<Box<Answer>>>,
    local: GilCell<Option<Py<PyAny>>>,
    /// The handler that saw the request last.
    handler: GilCell<Option<&'static Handler>>,
    /// Whether it is among those that `kept` watches.
    watched: GilCell<bool>,
    /// Who has answered it or has passed it on.
    past: Past,
    /// Whether a child has got it.
    wound: GilCell<bool>,
    /// The last reply to its coroutine, if it may be needed (`failing`).
    awaited: GilCell<Option<Py<Reply>>>,
}

static POOL: GilCell<Vec<Py<Frame>>> = GilCell::new(Vec::new());
const POOL_SIZE: usize = recycle::at_most(1024);

impl Frame {
    /// A request that has come in. `args` are the C arguments, if they are kept.
    pub fn new<'py>(
        py: Python<'py>,
        instance: &'static Instance,
        fop: &'static Fop,
        c: *mut gf::call_frame_t,
        args: Option<&[Word]>,
    ) -> PyResult<Bound<'py, Frame>> {
        let args = args.map_or(Args::None, |args| Args::Borrowed(Words::at(args)));
        // SAFETY: `pop` runs no Python.
        if let Some(object) = unsafe { POOL.with(py, Vec::pop) } {
            let frame = object.get();
            frame.c.set(py, CPtr(c));
            frame.instance.set(py, Some(instance));
            frame.fop.set(py, Some(fop));
            frame.state.set(py, State::Pending);
            frame.args.set(py, args);
            return Ok(object.into_bound(py));
        }
        shake::point_with_gil(py);
        Bound::new(
            py,
            Frame {
                c: GilCell::new(CPtr(c)),
                instance: GilCell::new(Some(instance)),
                fop: GilCell::new(Some(fop)),
                state: GilCell::new(State::Pending),
                open: GilCell::new(0),
                args: GilCell::new(args),
                handles: GilCell::new(Vec::new()),
                entering: GilCell::default(),
                carrying: Carrying::default(),
                awaits: GilCell::new(false),
                credentials: GilCell::new(None),
                reply: GilCell::new(None),
                null_reply: GilCell::new(0),
                answer: GilCell::new(None),
                local: GilCell::new(None),
                handler: GilCell::new(None),
                watched: GilCell::new(false),
                past: Past::default(),
                wound: GilCell::new(false),
                awaited: GilCell::new(None),
            },
        )
    }

    /// The fop.
    pub fn fop(&self, py: Python<'_>) -> &'static Fop {
        self.fop.get(py).expect("set when the frame is made")
    }

    /// The volume that it is at.
    pub fn instance(&self, py: Python<'_>) -> &'static Instance {
        self.instance.get(py).expect("set when the frame is made")
    }

    /// The C frame, or an error that says why there is none.
    fn live(&self, py: Python<'_>) -> PyResult<*mut gf::call_frame_t> {
        let c = self.c.get(py).0;
        if c.is_null() {
            return Err(self.refused(py, "its C frame is gone"));
        }
        match self.is_lost(py) {
            true => Err(self.instance(py).volume.gone_error("Frame")),
            false => Ok(c),
        }
    }

    /// Whether GlusterFS has given up waiting for it, and may have freed its call stack. (On a
    /// thread that it calls us on it waits still.)
    fn is_lost(&self, py: Python<'_>) -> bool {
        let instance = self.instance(py);
        instance.volume.is_gone(py) && action::called(Here::now()) != instance.xl()
    }

    /// Whether it has neither an answer nor been passed on.
    ///
    /// # Errors
    /// `FrameError` that says what has happened to it.
    pub fn check_open(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        match self.state.get(py) {
            State::Pending => Ok(()),
            _ => Err(self.refused(py, what)),
        }
    }

    /// Whether nothing more can happen to the request at this translator.
    pub fn is_over(&self, py: Python<'_>) -> bool {
        self.c.get(py).0.is_null()
    }

    /// Remembers which handler has the request, for messages.
    pub fn set_handler(&self, py: Python<'_>, handler: &'static Handler) {
        self.handler.set(py, Some(handler));
    }

    /// Remembers a handle that stands for an argument of the request and that Python has kept.
    pub fn add_handle(&self, handle: Bound<'_, PyAny>) {
        // SAFETY: `push` runs no Python.
        unsafe {
            self.handles
                .with(handle.py(), |all| all.push(handle.clone().unbind()))
        }
    }

    /// Ends the borrow of the request's arguments: the handles that Python kept
    /// become owned, the others are used again.
    pub fn settle_handles(&self, py: Python<'_>) {
        // The vector keeps its memory: `pop` instead of `take`.
        // SAFETY: `pop` runs no Python.
        while let Some(handle) = unsafe { self.handles.with(py, Vec::pop) } {
            handle::settle(handle.into_bound(py));
        }
    }

    /// Says that the trampoline has not returned while the request is open.
    pub fn set_entering(&self, py: Python<'_>, entering: &Entering) {
        let entering = CPtr(ptr::from_ref(entering).cast_mut());
        self.entering.set(py, entering);
    }

    /// The outermost call that carries out what its callbacks ask for.
    pub fn carrying(&self) -> &Carrying {
        &self.carrying
    }

    /// Says that its handler is a coroutine.
    pub fn set_awaits(&self, py: Python<'_>) {
        self.awaits.set(py, true);
    }

    /// Whether its handler is a coroutine.
    pub fn awaits(&self, py: Python<'_>) -> bool {
        self.awaits.get(py)
    }

    /// For whom it was made.
    ///
    /// # Errors
    /// `FrameError` when that is not known any more.
    pub fn credentials(&self, py: Python<'_>) -> PyResult<Credentials> {
        // SAFETY: copies.
        let kept = unsafe { self.credentials.with(py, |kept| kept.as_deref().cloned()) };
        match kept {
            Some(kept) => Ok(kept),
            // SAFETY: a live frame has a live root.
            None => Ok(Credentials::of(unsafe { &*(*self.live(py)?).root })),
        }
    }

    /// The trampoline is about to return with the request open, or is expected to do so:
    /// its arguments become the frame's own.
    pub fn promote(&self, py: Python<'_>) {
        self.entering.take(py);
        self.own_args(py);
    }

    /// Owns the arguments when a callback comes outside of the entering call, and
    /// hence might outlive it.
    pub fn promote_unless_nested(&self, py: Python<'_>, here: usize) {
        // SAFETY: as long as it is set, the entering call has not returned.
        if let Some(entering) = unsafe { self.entering.get(py).0.as_ref() } {
            if !entering.encloses(here) {
                self.own_args(py);
            }
        }
    }

    /// Owns the arguments when another thread than the entering one uses them: it may
    /// do so longer than that.
    fn promote_elsewhere(&self, py: Python<'_>) {
        // SAFETY: as long as it is set, the entering call has not returned.
        if let Some(entering) = unsafe { self.entering.get(py).0.as_ref() } {
            if !entering.is_this_thread() {
                self.own_args(py);
            }
        }
    }

    fn own_args(&self, py: Python<'_>) {
        // SAFETY: copies an address.
        let borrowed = unsafe {
            self.args.with(py, |args| match args {
                Args::Borrowed(words) => Some(*words),
                _ => None,
            })
        };
        if let Some(words) = borrowed {
            let params = self.fop(py).args;
            // SAFETY: borrowed words are alive until the entering call returns,
            // which waits for `promote`.
            let words = unsafe { words.get(params.len()) };
            // SAFETY: as above.
            let owned = unsafe { OwnedWords::new(params, words, self.instance(py).xl(), 0) };
            let owned = Arc::new(owned);
            self.args.set(py, Args::Owned(owned.clone()));
            // SAFETY: `pop` runs no Python.
            while let Some(handle) = unsafe { self.handles.with(py, Vec::pop) } {
                let handle = handle.into_bound(py);
                // SAFETY: handles only are remembered.
                let object = unsafe { handle::object(&handle) };
                let place = words.iter().position(|word| word.pointer() == object);
                match place.and_then(|i| owned.owner(i)) {
                    Some(owner) => handle::settle_with(handle, owner),
                    None => handle::settle(handle),
                }
            }
        }
        self.settle_handles(py);
    }

    /// The arguments as they came, and what keeps them; None if they were not kept.
    fn args(&self, py: Python<'_>) -> Option<(Words, Option<Arc<OwnedWords>>)> {
        // SAFETY: clones an Arc and copies an address.
        unsafe {
            self.args.with(py, |args| match args {
                Args::None => None,
                Args::Borrowed(words) => Some((*words, None)),
                Args::Owned(owned) => Some((Words::at(owned.words()), Some(owned.clone()))),
            })
        }
    }

    /// Marks the request as over and gives its C frame up. What the request has
    /// borrowed may go as soon as that is answered or wound.
    fn finish(&self, py: Python<'_>, state: State) -> *mut gf::call_frame_t {
        self.state.set(py, state);
        if self.watched.replace(py, false) {
            kept::remove(py, ptr::from_ref(self).addr());
        }
        // Given back at the end: the entering call must not get the GIL before it can
        // see that the request is over.
        let mut releases = None;
        // SAFETY: as long as it is set, the call has not returned, and it does not before
        // it has seen `over` or has cleared this pointer.
        if let Some(entering) = unsafe { self.entering.take(py).0.as_ref() } {
            if !entering.is_this_thread() {
                entering.own_running(py);
                let queue = releases.insert(Queue::default());
                queue.collect(Here::now(), || self.settle_handles(py));
                self.args.set(py, Args::None);
            }
            entering.set_over();
        }
        carrier::over(py, &self.carrying);
        let c = self.c.take(py).0;
        if let Some(releases) = releases {
            releases.submit();
        }
        c
    }

    /// The request is over: asks for what is done with its C frame last.
    fn finish_with(
        &self,
        py: Python<'_>,
        here: Here,
        state: State,
        last: impl FnOnce(CPtr<gf::call_frame_t>) -> Action,
    ) {
        self.past.note(py, self.handler.get(py));
        let action = last(CPtr(self.finish(py, state)));
        self.past.note_line(py, here);
        action::submit_at(here, action);
    }

    /// Whether this is an argument of the request, or a value of the answer that its handler
    /// looks at: alive until the request is over. What another request has lent may go
    /// before, since another thread may answer that one at any time.
    pub fn lends(&self, py: Python<'_>, object: *mut c_void) -> bool {
        let among = |words: &[Word]| words.iter().any(|word| word.pointer() == object);
        // SAFETY: look only; borrowed words are alive as long as the frame has them (see
        // `finish` and `release`).
        unsafe {
            self.args.with(py, |args| match args {
                Args::Borrowed(words) => among(words.get(self.fop(py).args.len())),
                _ => false,
            }) || self.reply.with(py, |reply| {
                let reply = reply.as_ref().filter(|reply| reply.owned.is_none());
                reply.is_some_and(|reply| among(reply.words.get(reply.fop.reply.len())))
            })
        }
    }

    /// Ends a handler's use of the frame: finds a request that nobody will answer.
    pub fn release(object: Bound<'_, Frame>) {
        let (py, frame) = (object.py(), object.get());
        if frame.is_over(py) {
            frame.settle_handles(py);
        }
        if gil::refcount(object.as_unbound()) > 1 {
            // Kept by Python, or by the C frame until its winds are back.
            if frame.is_over(py) {
                // What they were borrowed from goes.
                frame.args.set(py, Args::None);
            } else if frame.open.get(py) == 0 && !frame.watched.replace(py, true) {
                kept::add(py, ptr::from_ref(frame).addr());
            }
            return;
        }
        frame.abandon(py);
        frame.args.set(py, Args::None);
        frame.local.set(py, None);
        frame.answer.set(py, None);
        frame.reply.set(py, None);
        frame.null_reply.set(py, 0);
        frame.awaits.set(py, false);
        frame.wound.set(py, false);
        frame.awaited.set(py, None);
        frame.past.clear(py);
        if gil::refcount(object.as_unbound()) == 1 {
            // SAFETY: `push` and `len` run no Python.
            unsafe {
                POOL.with(py, |pool| {
                    if pool.len() < POOL_SIZE {
                        pool.push(object.unbind());
                    }
                });
            }
        }
    }

    /// Answers EIO if the request is still open: nobody else can any more.
    fn abandon(&self, py: Python<'_>) {
        if self.is_over(py) {
            return;
        }
        if self.is_lost(py) {
            self.finish(py, State::Answered);
            return;
        }
        if let Some(handler) = self.handler.get(py) {
            let text = format!(
                "{}: dropped the request without an answer; it is answered EIO",
                self.subject(py)
            );
            log::at(self.instance(py).name(), handler, "unanswered", &text);
        }
        self.settle_handles(py);
        self.fail(py, libc::EIO);
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if !self.c.get_mut().0.is_null() {
            Python::attach(|py| self.abandon(py));
        }
    }
}
