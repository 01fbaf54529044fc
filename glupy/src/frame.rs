//! A request as Python sees it: `Frame`, a one-shot state machine.
//!
//! Pending (with n winds open) -> answered, or passed on with a tail wind. An
//! answer that is asked for while winds are open waits for the last of them:
//! answering earlier would free the frames below.

mod answering;
mod failing;
mod kept;
mod methods;
mod told;
mod winding;

use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::action::{self, Action};
use crate::call::{Call, Carrying, Lent, Loan};
use crate::coroutine::Reply;
use crate::fop::{Fop, Word, padded};
use crate::gf;
use crate::gil::{self, GilCell, Locked};
use crate::handle::{self, CPtr};
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::{Handler, Instance};
use crate::log;
use crate::own_stack::Credentials;
use crate::owned::OwnedWords;
use crate::recycle::{Pool, Renewable};
use crate::shake;
use crate::words::Words;

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
#[derive(Default)]
enum Args {
    /// There are none any more, or none were kept: the translator has no fop handler for it.
    #[default]
    None,
    /// The caller's.
    Borrowed(Lent),
    /// The frame's own.
    Owned(Arc<OwnedWords>),
}

/// The answer that a cbk handler is looking at, or has kept with the frame.
#[derive(Clone)]
struct Came {
    fop: &'static Fop,
    op_ret: i32,
    op_errno: i32,
    values: Given,
}

/// The values of such an answer.
#[derive(Clone)]
enum Given {
    /// The caller's.
    Borrowed(Lent),
    /// The frame's own, once the handler has returned.
    Owned(Arc<OwnedWords>),
}

/// An answer, perhaps one that waits for the open winds.
struct Answer {
    fop: &'static Fop,
    op_ret: i32,
    op_errno: i32,
    words: Words,
    hold: Hold,
}

/// One request at this translator.
#[pyclass(frozen, module = "gluster", name = "Frame")]
pub struct Frame(Renewable<Request>);

/// What a `Frame` stands for, from its begin to its end.
pub struct Request {
    /// The C frame; NULL when the request is over.
    c: GilCell<CPtr<gf::call_frame_t>>,
    instance: &'static Instance,
    fop: &'static Fop,
    state: GilCell<State>,
    /// Winds without an answer, queued ones included.
    open: GilCell<u32>,
    args: GilCell<Args>,
    /// The handles that stand for borrowed arguments.
    handles: GilCell<SmallVec<[Py<PyAny>; 4]>>,
    /// The call that the request came in by, as long as it borrows from that.
    entering: GilCell<Loan>,
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

impl Request {
    /// One that has come in.
    fn new(instance: &'static Instance, fop: &'static Fop, c: *mut gf::call_frame_t) -> Request {
        Request {
            c: GilCell::new(CPtr(c)),
            instance,
            fop,
            state: GilCell::new(State::Pending),
            open: GilCell::new(0),
            args: GilCell::new(Args::None),
            handles: GilCell::new(SmallVec::new()),
            entering: GilCell::new(Loan::NONE),
            carrying: Carrying::new(Loan::NONE),
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
        }
    }
}

impl Deref for Frame {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.0
    }
}

static POOL: Pool<Frame> = Pool::new(1024);

impl Answer {
    /// Gives it to a request that is over.
    fn unwind(self, frame: CPtr<gf::call_frame_t>) -> Action {
        Action::Unwind {
            fop: self.fop,
            frame,
            op_ret: self.op_ret,
            op_errno: self.op_errno,
            words: self.words,
            hold: self.hold,
        }
    }
}

/// What is left of a request that is over, to be dropped when its C frame has been given
/// away.
struct Over {
    c: CPtr<gf::call_frame_t>,
    #[expect(dead_code, reason = "dropped with it")]
    args: Args,
}

/// What came of an attempt to end a request.
enum Attempt {
    Over(Over),
    /// It is in another state.
    Refused,
    /// There are handles that have borrowed from it.
    Unsettled,
}

impl Frame {
    /// A request that has come in, or that comes back when it was not seen on its way down.
    pub fn new<'py>(
        py: Python<'py>,
        instance: &'static Instance,
        fop: &'static Fop,
        c: *mut gf::call_frame_t,
    ) -> PyResult<Bound<'py, Frame>> {
        let request = Request::new(instance, fop, c);
        let Some(object) = POOL.take(py) else {
            shake::point_with_gil(py);
            return Bound::new(py, Frame(Renewable::new(request)));
        };
        // SAFETY: nobody else has it.
        drop(unsafe { object.get().0.renew(py, request) });
        Ok(object.into_bound(py))
    }

    /// Borrows the arguments of the call that the request comes in by.
    pub fn borrow(object: &Bound<'_, Frame>, call: &Call, args: &[Word]) {
        let (py, frame) = (object.py(), object.get());
        frame.args.set(py, Args::Borrowed(Lent::by(call, args)));
        frame.entering.store(py, call.loan());
        call.lend_to(object);
    }

    /// The fop.
    pub fn fop(&self, _py: Python<'_>) -> &'static Fop {
        self.fop
    }

    /// The volume that it is at.
    pub fn instance(&self, _py: Python<'_>) -> &'static Instance {
        self.instance
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
        self.handler.store(py, Some(handler));
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
        while let Some(handle) = self.take_handle(py) {
            handle::settle(handle);
        }
    }

    fn take_handle<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: `pop` runs no Python.
        unsafe { self.handles.with(py, SmallVec::pop) }.map(|handle| handle.into_bound(py))
    }

    /// The outermost call that carries out what its callbacks ask for.
    pub fn carrying(&self) -> &Carrying {
        &self.carrying
    }

    /// Says that its handler is a coroutine.
    pub fn set_awaits(&self, py: Python<'_>) {
        self.awaits.store(py, true);
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

    /// The call that it came in by is about to return with the request open, or is expected
    /// to do so: its arguments become the frame's own.
    pub fn promote(&self, py: Python<'_>) {
        self.own_args(py);
        gil::locked(py, |locked| self.entering.take(locked).end(locked));
    }

    /// Owns the arguments when they are used where the call that has lent them might be over
    /// before.
    pub fn own_unless_covered(&self, py: Python<'_>, here: Here) {
        // SAFETY: copies.
        let lent = unsafe {
            self.args.with(py, |args| match args {
                Args::Borrowed(lent) => Some(lent.loan),
                _ => None,
            })
        };
        if lent.is_some_and(|loan| !loan.covers(py, here)) {
            self.own_args(py);
        }
    }

    fn own_args(&self, py: Python<'_>) {
        // SAFETY: copies.
        let lent = unsafe {
            self.args.with(py, |args| match args {
                Args::Borrowed(lent) => Some(*lent),
                _ => None,
            })
        };
        if let Some(lent) = lent {
            let params = self.fop.args;
            let words = lent.words(py);
            let owned = words.map(|words| {
                // SAFETY: they are there, and the GIL keeps the lender from ending.
                unsafe {
                    let words = padded(words.get(params.len()));
                    let owned = OwnedWords::new(params, &words, self.instance.xl(), 0);
                    (words, Arc::new(owned))
                }
            });
            let args = match &owned {
                Some((_, owned)) => Args::Owned(owned.clone()),
                None => Args::None,
            };
            self.args.set(py, args);
            while let (Some((words, owned)), Some(handle)) = (&owned, self.take_handle(py)) {
                // SAFETY: handles only are remembered.
                let object = unsafe { handle::object(&handle) };
                let owner = |i| owned.owner(i).filter(|_| words[i].pointer() == object);
                match (0..params.len()).find_map(owner) {
                    Some(owner) => handle::settle_with(handle, owner),
                    None => handle::settle(handle),
                }
            }
        }
        self.settle_handles(py);
    }

    /// The arguments, and what keeps them, if it is not the call that they came in by; None
    /// if there are none.
    fn args(&self, py: Python<'_>) -> Option<(Words, Option<Arc<OwnedWords>>)> {
        // SAFETY: clones an Arc and copies an address.
        unsafe {
            self.args.with(py, |args| match args {
                Args::None => None,
                Args::Borrowed(lent) => Some((lent.words(py)?, None)),
                Args::Owned(owned) => Some((Words::at(owned.words()), Some(owned.clone()))),
            })
        }
    }

    /// Marks the request as over and gives its C frame up, if it is in a certain state and
    /// no wind is open. What the request has lent may go as soon as it is answered or wound.
    #[must_use]
    fn finish(&self, py: Python<'_>, here: Here, from: State, to: State) -> Option<Over> {
        loop {
            // The call's own handler gives everything back before that call carries out
            // what it was asked for.
            let entering = self.entering.get(py);
            let own = entering.is_current(py, here);
            if !own {
                entering.own_running(py);
                self.settle_handles(py);
            }
            match gil::locked(py, |locked| self.try_finish(locked, from, to, own)) {
                Attempt::Over(over) => return Some(over),
                Attempt::Refused => return None,
                Attempt::Unsettled => {}
            }
        }
    }

    fn try_finish(&self, locked: Locked<'_>, from: State, to: State, own: bool) -> Attempt {
        let is_open = !self.c.get(locked).0.is_null() && self.open.get(locked) == 0;
        if !is_open || self.state.get(locked) != from {
            return Attempt::Refused;
        }
        // SAFETY: looks only.
        if !own && unsafe { self.handles.with(locked, |handles| !handles.is_empty()) } {
            return Attempt::Unsettled;
        }
        self.state.store(locked, to);
        if self.watched.get(locked) {
            self.watched.store(locked, false);
            kept::remove(locked, self.key());
        }
        let (entering, args) = (self.entering.take(locked), &self.args);
        let args = match own {
            true => {
                entering.settle(locked);
                Args::None
            }
            false => {
                entering.end(locked);
                args.take(locked)
            }
        };
        let c = self.c.take(locked);
        Attempt::Over(Over { c, args })
    }

    /// As `finish`, and asks for what is done with its C frame last. False if the request is
    /// in another state.
    fn finish_with(
        &self,
        py: Python<'_>,
        here: Here,
        to: State,
        last: impl FnOnce(CPtr<gf::call_frame_t>) -> Action,
    ) -> bool {
        let Some(over) = self.finish(py, here, State::Pending, to) else {
            return false;
        };
        self.past.note(py, self.handler.get(py));
        let action = last(over.c);
        self.past.note_line(py, here);
        action::submit_at(here, action);
        true
    }

    /// Whether what a handle has borrowed was lent to this request: it is alive until that
    /// is over. What another request was lent may go before, since another thread may answer
    /// that one at any time.
    pub fn lends(&self, py: Python<'_>, loan: Loan) -> bool {
        // SAFETY: looks only.
        unsafe {
            self.args.with(py, |args| match args {
                Args::Borrowed(lent) => lent.loan == loan,
                _ => false,
            }) || self.reply.with(py, |reply| match reply {
                Some(Came {
                    values: Given::Borrowed(lent),
                    ..
                }) => lent.loan == loan,
                _ => false,
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
            } else if frame.open.get(py) == 0 && !frame.watched.get(py) {
                frame.watched.store(py, true);
                kept::add(py, frame.key());
            }
            return;
        }
        frame.abandon(py);
        // What it has kept goes now; all else is made anew when it is used again.
        drop(frame.args.take(py));
        drop(frame.local.take(py));
        drop(frame.answer.take(py));
        drop(frame.reply.take(py));
        drop(frame.awaited.take(py));
        drop(frame.credentials.take(py));
        POOL.give(py, object.unbind());
    }

    /// What `kept` knows it by.
    fn key(&self) -> usize {
        ptr::from_ref::<Request>(self).addr()
    }

    /// Answers EIO if the request is still open: nobody else can any more.
    fn abandon(&self, py: Python<'_>) {
        if self.is_over(py) {
            return;
        }
        if self.is_lost(py) {
            drop(self.finish(py, Here::now(), self.state.get(py), State::Answered));
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
        if !self.0.get_mut().c.get_mut().0.is_null() {
            gil::in_drop(|py| {
                self.entering.get(py).forget(py);
                self.abandon(py);
            });
        }
    }
}
