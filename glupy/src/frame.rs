//! A request as Python sees it: `Frame`, a one-shot state machine.
//!
//! Pending (with n winds open) -> answered, or passed on with a tail wind. An
//! answer that is asked for while winds are open waits for the last of them:
//! answering earlier would free the frames below.

mod entering;
mod failing;
mod kept;
mod methods;
mod told;

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::action::{self, Action, Queue};
use crate::carrier::{self, Carrying};
use crate::coroutine::{self, Future, Reply};
use crate::fop::{Fop, Kind, MAX_ARGS, OpRet, Word, padded};
use crate::gf;
use crate::gil::{self, GilCell};
use crate::handle::{self, CPtr};
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::{Handler, Instance};
use crate::log;
use crate::marshal::Values;
use crate::own_stack::Credentials;
use crate::owned::OwnedWords;
use crate::recycle;
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
    /// Positions at which the child's answer had NULL.
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

/// The kernel refuses larger ones from FUSE, and the caller hangs.
const MAX_ERRNO: i32 = 511;

fn bad_errno(function: &str, op_errno: i32) -> PyErr {
    PyValueError::new_err(format!(
        "{function}: errno {op_errno} is not 1 to {MAX_ERRNO}"
    ))
}

static POOL: GilCell<Vec<Py<Frame>>> = GilCell::new(Vec::new());
const POOL_SIZE: usize = recycle::at_most(1024);

impl Frame {
    /// A request that has come in. `args` are the C arguments, if they are kept.
    pub fn new(
        py: Python<'_>,
        instance: &'static Instance,
        fop: &'static Fop,
        c: *mut gf::call_frame_t,
        args: Option<&[Word]>,
    ) -> PyResult<Py<Frame>> {
        let args = args.map_or(Args::None, |args| Args::Borrowed(Words::at(args)));
        // SAFETY: `pop` runs no Python.
        if let Some(object) = unsafe { POOL.with(py, Vec::pop) } {
            let frame = object.get();
            frame.c.set(py, CPtr(c));
            frame.instance.set(py, Some(instance));
            frame.fop.set(py, Some(fop));
            frame.state.set(py, State::Pending);
            frame.args.set(py, args);
            return Ok(object);
        }
        Py::new(
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

    /// The frame that waits for a callback, one wind less open. The C frame keeps
    /// its reference while others are.
    ///
    /// # Safety
    /// `c` is a live frame of this translator whose `local`, if any, was set by
    /// [`Frame::count_wind`].
    pub unsafe fn returning(py: Python<'_>, c: *mut gf::call_frame_t) -> Option<Py<Frame>> {
        // SAFETY: by contract.
        if unsafe { (*c).local.is_null() } {
            return None;
        }
        // SAFETY: by contract.
        let object = unsafe { Frame::of_wind(py, c) };
        let frame = object.get();
        let open = frame.open.get(py) - 1;
        frame.open.set(py, open);
        frame.wound.set(py, true);
        if open == 0 {
            // SAFETY: takes back the reference that the C frame held; another
            // one is in `object`.
            unsafe {
                ffi::Py_DECREF((*c).local.cast());
                (*c).local = ptr::null_mut();
            }
        }
        Some(object)
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
        let volume = &self.instance(py).volume;
        match volume.has_ended() {
            // GlusterFS gave up waiting for it.
            true => Err(volume.gone_error("Frame")),
            false => Ok(c),
        }
    }

    /// Whether it has neither an answer nor been passed on.
    fn check_open(&self, py: Python<'_>, what: &str) -> PyResult<()> {
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

    /// The frame of a queued wind.
    ///
    /// # Safety
    /// `c` is a live frame of this translator with an open wind.
    pub unsafe fn of_wind(py: Python<'_>, c: *mut gf::call_frame_t) -> Py<Frame> {
        // SAFETY: by contract `local` is a strong reference to a Frame (`count_wind`).
        let frame = unsafe {
            Bound::from_borrowed_ptr(py, (*c).local.cast()).cast_into_unchecked::<Frame>()
        };
        frame.unbind()
    }

    /// The trampoline is about to return with the request open: its arguments
    /// become the frame's own.
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

    /// The answer that the running cbk handler sees.
    pub fn set_reply(
        &self,
        py: Python<'_>,
        fop: &'static Fop,
        op_ret: i32,
        op_errno: i32,
        values: &[Word],
    ) {
        if ptr::eq(fop, self.fop(py)) {
            let nulls = values.iter().enumerate().filter(|(_, word)| word.is_null());
            self.null_reply
                .set(py, nulls.fold(0, |mask, (i, _)| mask | 1 << i));
        }
        let reply = Came {
            fop,
            op_ret,
            op_errno,
            words: Words::at(values),
            owned: None,
            // SAFETY: a plain call.
            thread: unsafe { libc::pthread_self() },
        };
        self.reply.set(py, Some(reply));
    }

    /// The cbk handler has returned: its answer goes, unless Python keeps the frame,
    /// which might pass it on later.
    pub fn settle_reply(object: &Py<Frame>, py: Python<'_>) {
        let frame = object.get();
        let kept = frame.open.get(py) == 0 && gil::refcount(object) > 1;
        if kept && !frame.has_answer(py) {
            frame.own_reply(py);
        } else {
            frame.reply.set(py, None);
        }
    }

    /// The answer outlives its callback.
    fn own_reply(&self, py: Python<'_>) {
        let Some(mut reply) = self.reply.take(py) else {
            return;
        };
        if reply.owned.is_none() {
            let (params, xl) = (reply.fop.reply, self.instance(py).xl());
            // SAFETY: the answer is alive until the trampoline returns, which the
            // handler, or `settle_reply` behind it, comes before.
            let owned = unsafe {
                let words = reply.words.get(params.len());
                Arc::new(OwnedWords::new(params, words, xl, 0))
            };
            reply.words = Words::at(owned.words());
            reply.owned = Some(owned);
        }
        self.reply.set(py, Some(reply));
    }

    fn reply(&self, py: Python<'_>) -> Option<Came> {
        // SAFETY: cloning copies words and counts an Arc up.
        let reply = unsafe { self.reply.with(py, |reply| reply.clone()) }?;
        // SAFETY: a plain call.
        if reply.owned.is_some() || reply.thread == unsafe { libc::pthread_self() } {
            return Some(reply);
        }
        // Another thread may use it longer than its handler runs.
        self.own_reply(py);
        self.reply(py)
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

    /// Asks for a wind of a fop with these arguments.
    ///
    /// # Errors
    /// `FrameError` when the request is over, or when nobody could receive the answer.
    pub fn wind(
        slf: &Bound<'_, Self>,
        fop: &'static Fop,
        words: Words,
        hold: Hold,
        child: *mut gf::xlator_t,
        cookie: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<Future>>> {
        let (py, frame) = (slf.py(), slf.get());
        frame.check_open(py, "can not wind")?;
        let c = frame.live(py)?;
        if frame.awaits.get(py) {
            if cookie.is_some() {
                return Err(FrameError::new_err(format!(
                    "{}_wind: a cookie is for a cbk handler; a coroutine awaits the reply",
                    fop.name
                )));
            }
            return frame
                .wind_awaited(slf, c, fop, words, hold, child)
                .map(Some);
        }
        let child = CPtr(child);
        let here = Here::now();
        if frame.instance(py).has_back(fop) {
            frame.count_wind(slf, c);
            let cookie = CPtr(cookie.map_or(ptr::null_mut(), |cookie| cookie.into_ptr().cast()));
            action::submit_at(
                here,
                Action::Wind {
                    fop,
                    frame: CPtr(c),
                    child,
                    cookie,
                    words,
                    hold,
                },
            );
            return Ok(None);
        }
        let name = fop.name;
        if !ptr::eq(fop, frame.fop(py)) || frame.open.get(py) > 0 {
            return Err(FrameError::new_err(format!(
                "{name}_wind: nobody would see the answer: define {name}_cbk"
            )));
        }
        if cookie.is_some() {
            return Err(FrameError::new_err(format!(
                "{name}_wind: a cookie comes back to {name}_cbk, which is not defined"
            )));
        }
        frame.past.note(py, frame.handler.get(py), here);
        let frame = CPtr(frame.finish(py, State::PassedOn));
        action::submit_at(
            here,
            Action::WindTail {
                fop,
                frame,
                child,
                words,
                hold,
            },
        );
        Ok(None)
    }

    /// Asks for a wind whose reply is awaited.
    fn wind_awaited(
        &self,
        slf: &Bound<'_, Self>,
        c: *mut gf::call_frame_t,
        fop: &'static Fop,
        words: Words,
        hold: Hold,
        child: *mut gf::xlator_t,
    ) -> PyResult<Py<Future>> {
        let py = slf.py();
        let limited = coroutine::with_current(py, "wind", |task| Ok(task.get().is_limited(py)));
        if limited.unwrap_or(false) {
            // The coroutine may be torn from it, and answer before the child does.
            self.wound.set(py, true);
            let (instance, credentials) = (self.instance(py), self.credentials(py)?);
            // SAFETY: the words are the request's, or have been given now.
            return unsafe { coroutine::wind(py, instance, fop, words, hold, child, &credentials) };
        }
        let future = Future::new(py)?;
        self.count_wind(slf, c);
        action::submit(Action::Wind {
            fop,
            frame: CPtr(c),
            child: CPtr(child),
            cookie: CPtr(future.clone_ref(py).into_ptr().cast()),
            words,
            hold,
        });
        Ok(future)
    }

    /// Makes a wind that is awaited, and has not been carried out, the last thing that
    /// happens to the request here: the reply passes by. False if it can not be.
    pub fn pass_on(&self, py: Python<'_>, future: &Py<Future>) -> bool {
        let c = self.c.get(py).0;
        // The future is the wind's, the coroutine's and that of whoever asks.
        let seen = gil::refcount(future) > 2;
        if seen || c.is_null() || self.open.get(py) != 1 || self.has_answer(py) {
            return false;
        }
        let winds = |action: &Action| action.is_awaited_by(c, future.as_ptr().cast());
        for wind in action::withdraw(winds) {
            if let Action::Wind {
                fop,
                child,
                cookie,
                words,
                hold,
                ..
            } = wind
            {
                // SAFETY: as in `withdraw`.
                unsafe { self.uncount_wind(py, c, cookie) };
                self.past.note(py, self.handler.get(py), Here::now());
                let frame = CPtr(self.finish(py, State::PassedOn));
                action::submit(Action::WindTail {
                    fop,
                    frame,
                    child,
                    words,
                    hold,
                });
                return true;
            }
        }
        false
    }

    /// The coroutine that handles the request has ended.
    pub fn conclude(
        &self,
        py: Python<'_>,
        handler: &'static Handler,
        outcome: PyResult<Py<PyAny>>,
    ) {
        let answered = outcome.and_then(|value| {
            let value = value.bind(py);
            if let Ok(reply) = value.cast::<Reply>() {
                return self.answer_with(py, reply.get());
            }
            if value.is_none() && self.has_answer(py) {
                return Ok(());
            }
            Err(PyTypeError::new_err(format!(
                "{} returned {}: return a reply, or frame.unwind(...)",
                handler.name.to_string_lossy(),
                value.repr()?
            )))
        });
        if let Err(error) = answered {
            self.failed(py, self.c.get(py).0, handler, error);
        }
        self.credentials.set(py, None);
    }

    /// Answers with what a coroutine has returned.
    fn answer_with(&self, py: Python<'_>, reply: &Reply) -> PyResult<()> {
        let fop = self.fop(py);
        if !ptr::eq(reply.fop(py), fop) {
            return Err(PyTypeError::new_err(format!(
                "a reply to {} does not answer {}",
                reply.fop(py).name,
                fop.name
            )));
        }
        reply.check(py)?;
        let (op_ret, op_errno) = reply.status(py);
        let (words, hold) = reply.values(py);
        if !reply.came(py) {
            let function = format!("{}_reply_t", fop.name);
            if op_ret < 0 && !(1..=MAX_ERRNO).contains(&op_errno) {
                return Err(bad_errno(&function, op_errno));
            }
            // SAFETY: the reply keeps them.
            let values = padded(unsafe { words.get(fop.reply.len()) });
            let values = Values::new(&function, fop.reply, values, Hold::default());
            if op_ret >= 0 {
                Frame::check_success(fop, &values, op_ret, false, reply.nulls(py))?;
            }
        }
        self.answer(py, op_ret, op_errno, words, hold)
    }

    fn count_wind(&self, slf: &Bound<'_, Self>, c: *mut gf::call_frame_t) {
        let py = slf.py();
        let open = self.open.get(py);
        self.open.set(py, open + 1);
        if open == 0 {
            // SAFETY: our own live frame; taken back in `returning` or `withdraw`.
            unsafe { (*c).local = slf.clone().into_ptr().cast::<c_void>() };
        }
    }

    /// Asks for the answer.
    ///
    /// # Errors
    /// `FrameError` when the request has an answer already.
    pub fn answer(
        &self,
        py: Python<'_>,
        op_ret: i32,
        op_errno: i32,
        words: Words,
        hold: Hold,
    ) -> PyResult<()> {
        self.check_open(py, "can not answer")?;
        self.live(py)?;
        let fop = self.fop(py);
        let handler = self.handler.get(py);
        let here = Here::now();
        self.past.note(py, handler, here);
        if let (true, Some(handler)) = (op_ret < 0, handler) {
            handler.counters.error(py);
        }
        if self.open.get(py) > 0 {
            let mut hold = hold;
            // The values must live until the last wind has returned.
            // SAFETY: the words are alive now: borrowed by a running handler or held.
            let words = unsafe { hold.own(fop.reply, words, self.instance(py).xl()) };
            self.answer.set(
                py,
                Some(Box::new(Answer {
                    fop,
                    op_ret,
                    op_errno,
                    words,
                    hold,
                })),
            );
            self.state.set(py, State::Answering);
            return Ok(());
        }
        let frame = CPtr(self.finish(py, State::Answered));
        action::submit_at(
            here,
            Action::Unwind {
                fop,
                frame,
                op_ret,
                op_errno,
                words,
                hold,
            },
        );
        Ok(())
    }

    /// Answers with an error, whatever the handler has asked for and what has not
    /// happened yet.
    pub fn fail(&self, py: Python<'_>, op_errno: i32) {
        if self.state.get(py) == State::Pending {
            self.answer(py, -1, op_errno, Words::NOTHING, Hold::default())
                .unwrap_or_default();
        }
    }

    /// Whether it is settled how the request is answered.
    pub fn has_answer(&self, py: Python<'_>) -> bool {
        self.state.get(py) != State::Pending
    }

    /// Forgets a wind that is not carried out.
    ///
    /// # Safety
    /// `count_wind` has counted it on this live frame; the cookie's reference was its.
    unsafe fn uncount_wind(&self, py: Python<'_>, c: *mut gf::call_frame_t, cookie: CPtr<()>) {
        let open = self.open.get(py) - 1;
        self.open.set(py, open);
        // SAFETY: by contract; `local` was set by `count_wind`.
        unsafe {
            ffi::Py_XDECREF(cookie.0.cast());
            if open == 0 {
                ffi::Py_DECREF((*c).local.cast());
                (*c).local = ptr::null_mut();
            }
        }
    }

    /// Takes back the winds that the running handler has queued: it failed.
    pub fn withdraw(&self, py: Python<'_>, c: *mut gf::call_frame_t) {
        for wind in action::withdraw(|action| action.winds(c)) {
            match wind {
                Action::Wind { cookie, .. } => {
                    // SAFETY: the frame is live, and the wind was not carried out.
                    unsafe { self.uncount_wind(py, c, cookie) };
                }
                Action::WindTail { .. } => {
                    self.c.set(py, CPtr(c));
                    self.state.set(py, State::Pending);
                }
                _ => unreachable!("only winds are withdrawn"),
            }
        }
        // An answer may have waited for them.
        self.answer_waiting(py);
    }

    /// Carries out an answer that waited, when no wind is open any more.
    pub fn answer_waiting(&self, py: Python<'_>) {
        if self.open.get(py) > 0 || self.state.get(py) != State::Answering {
            return;
        }
        if let Some(answer) = self.answer.take(py) {
            let Answer {
                fop,
                op_ret,
                op_errno,
                words,
                hold,
            } = *answer;
            let frame = CPtr(self.finish(py, State::Answered));
            action::submit(Action::Unwind {
                fop,
                frame,
                op_ret,
                op_errno,
                words,
                hold,
            });
        }
    }

    /// Ends a handler's use of the frame: finds a request that nobody will answer.
    pub fn release(object: Py<Frame>, py: Python<'_>) {
        let frame = object.get();
        if frame.is_over(py) {
            frame.settle_handles(py);
        }
        if gil::refcount(&object) > 1 {
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
        if gil::refcount(&object) == 1 {
            // SAFETY: `push` and `len` run no Python.
            unsafe {
                POOL.with(py, |pool| {
                    if pool.len() < POOL_SIZE {
                        pool.push(object);
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
        if self.instance(py).volume.has_ended() {
            // GlusterFS gave up waiting for it, and has freed its call stack.
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

    /// Checks a request as the author made it: what came as NULL may stay so. The loc of
    /// a request must have an inode, which children follow without looking; only where a
    /// file is to be put (the second loc) there may be none.
    ///
    /// # Errors
    /// `ValueError` that names the argument.
    pub fn check_request(
        &self,
        py: Python<'_>,
        function: &str,
        fop: &'static Fop,
        words: &[Word; MAX_ARGS],
    ) -> PyResult<()> {
        let came = self.args(py).filter(|_| ptr::eq(fop, self.fop(py)));
        // SAFETY: the arguments of a request that is not over are alive.
        let came = came
            .as_ref()
            .map(|(words, _)| unsafe { words.get(fop.args.len()) });
        Frame::check_words(function, fop, words, came)
    }

    /// The same for a request that may be another one than what came.
    ///
    /// # Errors
    /// `ValueError` that names the argument.
    pub fn check_words(
        function: &str,
        fop: &'static Fop,
        words: &[Word; MAX_ARGS],
        came: Option<&[Word]>,
    ) -> PyResult<()> {
        for (i, param) in fop.args.iter().enumerate() {
            if param.required && words[i].is_null() && came.is_none_or(|came| !came[i].is_null()) {
                return Err(PyValueError::new_err(format!(
                    "{function}: {} must not be None",
                    param.name
                )));
            }
        }
        let Some(i) = fop.args.iter().position(|param| param.kind == Kind::Loc) else {
            return Ok(());
        };
        let inode = |word: Word| {
            // SAFETY: a loc that came is alive until the request is over, one that the
            // author gives is held.
            unsafe { word.get::<*const gf::loc_t>().as_ref() }.map(|loc| loc.inode)
        };
        let came = came.and_then(|came| inode(came[i]));
        match inode(words[i]) {
            Some(inode) if inode.is_null() && came.is_none_or(|inode| !inode.is_null()) => Err(
                PyValueError::new_err(format!("{function}: {} has no inode", fop.args[i].name)),
            ),
            _ => Ok(()),
        }
    }

    /// Asks for the answer, as the author made it. An `op_ret` that is not given is
    /// counted.
    ///
    /// # Errors
    /// `ValueError` that names what is wrong; `FrameError` as for `answer`.
    pub fn unwind(
        &self,
        py: Python<'_>,
        mut values: Values<'_>,
        op_ret: Option<i32>,
        op_errno: i32,
    ) -> PyResult<()> {
        let fop = self.fop(py);
        let function = values.function();
        let came = self.reply(py).filter(|reply| ptr::eq(reply.fop, fop));
        if op_ret.is_some_and(|op_ret| op_ret < 0) {
            let unchanged = came.as_ref().is_some_and(|came| came.op_errno == op_errno);
            if !unchanged && !(1..=MAX_ERRNO).contains(&op_errno) {
                return Err(bad_errno(function, op_errno));
            }
        }
        values.check()?;
        let known = came.as_ref().map(|came| came.op_ret);
        let unchanged = came.is_some_and(|came| {
            let count = fop.reply.len();
            // SAFETY: an answer that the frame has is alive.
            unsafe { came.words.get(count) == &values.words[..count] }
        });
        let op_ret = match op_ret {
            Some(op_ret) => op_ret,
            None if unchanged => known.unwrap_or(0),
            None => match values.op_ret(fop.op_ret) {
                Some(count) => count.try_into().map_err(|_| {
                    PyValueError::new_err(format!("{function}: op_ret can not be {count}"))
                })?,
                None => known.unwrap_or(0),
            },
        };
        if op_ret >= 0 {
            let unchanged = unchanged && known == Some(op_ret);
            Frame::check_success(fop, &values, op_ret, unchanged, self.null_reply.get(py))?;
        }
        if self.awaits(py) && !self.is_over(py) {
            // The coroutine may go on, and ask children.
            let credentials = Box::new(self.credentials(py)?);
            self.credentials.set(py, Some(credentials));
        }
        let Values {
            words, mut hold, ..
        } = values;
        let words = hold.store(words);
        self.answer(py, op_ret, op_errno, words, hold)
    }

    /// What an answer must carry that is a success, unless it came so.
    fn check_success(
        fop: &'static Fop,
        values: &Values<'_>,
        op_ret: i32,
        unchanged: bool,
        nulls: u32,
    ) -> PyResult<()> {
        let function = values.function();
        for (i, param) in fop.reply.iter().enumerate() {
            if param.required && values.words[i].is_null() && nulls & (1 << i) == 0 {
                return Err(PyValueError::new_err(format!(
                    "{function}: an answer with op_ret {op_ret} must carry {}, which is None",
                    param.name
                )));
            }
        }
        match values.op_ret(fop.op_ret) {
            Some(count) if !unchanged && count != i64::from(op_ret) => {
                let what = if fop.op_ret == OpRet::Bytes {
                    "bytes"
                } else {
                    "entries"
                };
                Err(PyValueError::new_err(format!(
                    "{function}: op_ret is {op_ret}, but the answer carries {count} {what}"
                )))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if !self.c.get_mut().0.is_null() {
            Python::attach(|py| self.abandon(py));
        }
    }
}
