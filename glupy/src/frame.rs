//! A request as Python sees it: `Frame`, a one-shot state machine.
//!
//! Pending (with n winds open) -> answered, or passed on with a tail wind. An
//! answer that is asked for while winds are open waits for the last of them:
//! answering earlier would free the frames below.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit, ffi};

use crate::action::{self, Action, Hold};
use crate::convert::{self, Bytes};
use crate::fop::{Fop, Kind, MAX_ARGS, OpRet, Word};
use crate::gf;
use crate::gil::{self, GilCell};
use crate::handle::{self, CPtr};
use crate::instance::{Handler, Instance};
use crate::log;
use crate::marshal::Values;
use crate::owned::OwnedWords;
use crate::stack;
use crate::xlator::Xlator;

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
    Borrowed([Word; MAX_ARGS]),
    /// The frame's own.
    Owned(Arc<OwnedWords>),
}

/// The answer that a cbk handler is looking at, or has kept with the frame.
#[derive(Clone)]
struct Reply {
    fop: &'static Fop,
    op_ret: i32,
    op_errno: i32,
    words: [Word; MAX_ARGS],
    /// What the words point to, once the handler has returned.
    owned: Option<Arc<OwnedWords>>,
}

/// An answer that waits for the open winds.
struct Answer {
    fop: &'static Fop,
    op_ret: i32,
    op_errno: i32,
    words: [Word; MAX_ARGS],
    hold: Hold,
}

/// Stands on the stack of the trampoline that a request came in by, as long as
/// that has not returned.
pub struct Entering {
    thread: libc::pthread_t,
    /// Set when the request is over; the frame must not be touched then.
    over: AtomicBool,
}

impl Entering {
    /// For the current call.
    pub fn new() -> Entering {
        Entering {
            // SAFETY: a plain call.
            thread: unsafe { libc::pthread_self() },
            over: AtomicBool::new(false),
        }
    }

    /// Whether the request is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Whether a call of this thread, which stands on the stack at `here`, happens
    /// inside the entering one, so that what that one borrowed is certainly alive.
    /// A synctask may have moved: hence the look at the stack, too.
    fn encloses(&self, here: usize) -> bool {
        const STACK: usize = 8 << 20;
        let distance = ptr::from_ref(self).addr().wrapping_sub(here);
        // SAFETY: a plain call.
        self.thread == unsafe { libc::pthread_self() } && distance < STACK
    }
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
    entering: GilCell<CPtr<Entering>>,
    reply: GilCell<Option<Reply>>,
    /// Positions at which the child's answer had NULL.
    null_reply: GilCell<u32>,
    answer: GilCell<Option<Box<Answer>>>,
    local: GilCell<Option<Py<PyAny>>>,
    /// The handler that saw the request last.
    handler: GilCell<Option<&'static Handler>>,
}

static POOL: GilCell<Vec<Py<Frame>>> = GilCell::new(Vec::new());
const POOL_SIZE: usize = 1024;

impl Frame {
    /// A request that has come in. `args` are the C arguments, if they are kept.
    pub fn new(
        py: Python<'_>,
        instance: &'static Instance,
        fop: &'static Fop,
        c: *mut gf::call_frame_t,
        args: Option<&[Word]>,
    ) -> PyResult<Py<Frame>> {
        let args = args.map_or(Args::None, |args| {
            let mut words = [Word::NULL; MAX_ARGS];
            words[..args.len()].copy_from_slice(args);
            Args::Borrowed(words)
        });
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
                reply: GilCell::new(None),
                null_reply: GilCell::new(0),
                answer: GilCell::new(None),
                local: GilCell::new(None),
                handler: GilCell::new(None),
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
        // SAFETY: by contract `local` is a strong reference to a Frame.
        let object = unsafe {
            let local = (*c).local.cast::<ffi::PyObject>();
            if local.is_null() {
                return None;
            }
            Bound::from_borrowed_ptr(py, local)
                .cast_into_unchecked::<Frame>()
                .unbind()
        };
        let frame = object.get();
        let open = frame.open.get(py) - 1;
        frame.open.set(py, open);
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
            Err(self.refused(py, "its C frame is gone"))
        } else {
            Ok(c)
        }
    }

    fn refused(&self, py: Python<'_>, what: &str) -> PyErr {
        let name = self.fop(py).name;
        let state = match self.state.get(py) {
            State::Pending => "is pending",
            State::Answering => "has its answer, which waits for open winds",
            State::Answered => "has been answered",
            State::PassedOn => {
                return FrameError::new_err(format!(
                    "{name}: {what}: the request has been passed on to a child without a way back \
                     (define {name}_cbk to see the answer)"
                ));
            }
        };
        FrameError::new_err(format!("{name}: {what}: the request {state}"))
    }

    /// Whether nothing more can happen to the request at this translator.
    pub fn is_over(&self, py: Python<'_>) -> bool {
        self.c.get(py).0.is_null()
    }

    /// Remembers which handler has the request, for messages.
    pub fn set_handler(&self, py: Python<'_>, handler: &'static Handler) {
        self.handler.set(py, Some(handler));
    }

    /// Remembers the handles that stand for the request's arguments.
    pub fn set_handles(&self, py: Python<'_>, handles: impl IntoIterator<Item = Py<PyAny>>) {
        // SAFETY: `extend` with ready objects runs no Python.
        unsafe { self.handles.with(py, |all| all.extend(handles)) }
    }

    /// Ends the borrow of the request's arguments: the handles that Python kept
    /// become owned, the others are used again.
    pub fn settle_handles(&self, py: Python<'_>) {
        // The vector keeps its memory: `pop` instead of `take`.
        // SAFETY: `pop` runs no Python.
        while let Some(handle) = unsafe { self.handles.with(py, Vec::pop) } {
            handle::settle(py, handle);
        }
    }

    /// Says that the trampoline has not returned while the request is open.
    pub fn set_entering(&self, py: Python<'_>, entering: &Entering) {
        self.entering
            .set(py, CPtr(ptr::from_ref(entering).cast_mut()));
    }

    /// The trampoline is about to return with the request open: its arguments
    /// become the frame's own.
    pub fn promote(&self, py: Python<'_>) {
        self.entering.set(py, CPtr::default());
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

    fn own_args(&self, py: Python<'_>) {
        self.settle_handles(py);
        // SAFETY: copies plain words.
        let borrowed = unsafe {
            self.args.with(py, |args| match args {
                Args::Borrowed(words) => Some(*words),
                _ => None,
            })
        };
        if let Some(words) = borrowed {
            // SAFETY: borrowed words are alive until the entering call returns,
            // which waits for `promote`.
            let owned =
                unsafe { OwnedWords::new(self.fop(py).args, &words, self.instance(py).xl()) };
            self.args.set(py, Args::Owned(Arc::new(owned)));
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
        let mut words = [Word::NULL; MAX_ARGS];
        words[..values.len()].copy_from_slice(values);
        if ptr::eq(fop, self.fop(py)) {
            let nulls = values.iter().enumerate().filter(|(_, word)| word.is_null());
            self.null_reply
                .set(py, nulls.fold(0, |mask, (i, _)| mask | 1 << i));
        }
        let reply = Reply {
            fop,
            op_ret,
            op_errno,
            words,
            owned: None,
        };
        self.reply.set(py, Some(reply));
    }

    /// The cbk handler has returned: its answer goes, unless Python keeps the frame,
    /// which might pass it on later.
    pub fn settle_reply(object: &Py<Frame>, py: Python<'_>) {
        let frame = object.get();
        let Some(mut reply) = frame.reply.take(py) else {
            return;
        };
        let kept = frame.open.get(py) == 0 && gil::refcount(object) > 1;
        if kept && !frame.has_answer(py) {
            let (params, xl) = (reply.fop.reply, frame.instance(py).xl());
            // SAFETY: the answer is alive until the trampoline returns.
            let owned = Arc::new(unsafe { OwnedWords::new(params, &reply.words, xl) });
            reply.words = owned.words();
            reply.owned = Some(owned);
            frame.reply.set(py, Some(reply));
        }
    }

    fn reply(&self, py: Python<'_>) -> Option<Reply> {
        // SAFETY: cloning copies words and counts an Arc up.
        unsafe { self.reply.with(py, |reply| reply.clone()) }
    }

    /// Marks the request as over and gives its C frame up.
    fn finish(&self, py: Python<'_>, state: State) -> *mut gf::call_frame_t {
        self.state.set(py, state);
        // SAFETY: as long as it is set, the entering call has not returned, and
        // it does not before it has seen `over` or has cleared this pointer.
        if let Some(entering) = unsafe { self.entering.take(py).0.as_ref() } {
            entering.over.store(true, Ordering::Release);
        }
        self.c.take(py).0
    }

    /// Asks for a wind of a fop with these arguments.
    ///
    /// # Errors
    /// `FrameError` when the request is over, or when nobody could receive the answer.
    pub fn wind(
        slf: &Bound<'_, Self>,
        fop: &'static Fop,
        words: [Word; MAX_ARGS],
        hold: Hold,
        child: *mut gf::xlator_t,
        cookie: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let (py, frame) = (slf.py(), slf.get());
        if frame.state.get(py) != State::Pending {
            return Err(frame.refused(py, "can not wind"));
        }
        let c = frame.live(py)?;
        let child = CPtr(child);
        if frame.instance(py).has_back(fop) {
            frame.count_wind(slf, c);
            let cookie = CPtr(cookie.map_or(ptr::null_mut(), |cookie| cookie.into_ptr().cast()));
            action::submit(Action::Wind {
                fop,
                frame: CPtr(c),
                child,
                cookie,
                words,
                hold,
            });
            return Ok(());
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
        let frame = CPtr(frame.finish(py, State::PassedOn));
        action::submit(Action::WindTail {
            fop,
            frame,
            child,
            words,
            hold,
        });
        Ok(())
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
        words: [Word; MAX_ARGS],
        hold: Hold,
    ) -> PyResult<()> {
        if self.state.get(py) != State::Pending {
            return Err(self.refused(py, "can not answer"));
        }
        self.live(py)?;
        let fop = self.fop(py);
        if self.open.get(py) > 0 {
            let mut hold = hold;
            // The values must live until the last wind has returned.
            // SAFETY: the words are alive now: borrowed by a running handler or held.
            let owned =
                Arc::new(unsafe { OwnedWords::new(fop.reply, &words, self.instance(py).xl()) });
            let words = owned.words();
            hold.words = Some(owned);
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
        action::submit(Action::Unwind {
            fop,
            frame,
            op_ret,
            op_errno,
            words,
            hold,
        });
        Ok(())
    }

    /// Answers with an error, whatever the handler has asked for and what has not
    /// happened yet.
    pub fn fail(&self, py: Python<'_>, op_errno: i32) {
        if self.state.get(py) == State::Pending {
            self.answer(py, -1, op_errno, [Word::NULL; MAX_ARGS], Hold::default())
                .unwrap_or_default();
        }
    }

    /// Whether it is settled how the request is answered.
    pub fn has_answer(&self, py: Python<'_>) -> bool {
        self.state.get(py) != State::Pending
    }

    /// Takes back the winds that the running handler has queued: it failed.
    pub fn withdraw(&self, py: Python<'_>, c: *mut gf::call_frame_t) {
        for wind in action::withdraw(|action| action.winds(c)) {
            match wind {
                Action::Wind { cookie, .. } => {
                    let open = self.open.get(py) - 1;
                    self.open.set(py, open);
                    // SAFETY: the cookie's reference was the action's; the frame
                    // is live, its `local` was set by `count_wind`.
                    unsafe {
                        ffi::Py_XDECREF(cookie.0.cast());
                        if open == 0 {
                            ffi::Py_DECREF((*c).local.cast());
                            (*c).local = ptr::null_mut();
                        }
                    }
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
            return; // kept by Python, or by the C frame until its winds are back
        }
        frame.abandon(py);
        frame.args.set(py, Args::None);
        frame.local.set(py, None);
        frame.answer.set(py, None);
        frame.reply.set(py, None);
        frame.null_reply.set(py, 0);
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
        if let Some(handler) = self.handler.get(py) {
            let text = "dropped the request without an answer; it is answered EIO";
            log::at(self.instance(py).name(), handler, text);
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
        // SAFETY: copies plain words.
        let came = unsafe {
            self.args.with(py, |args| match args {
                Args::None => None,
                Args::Borrowed(words) => Some(*words),
                Args::Owned(owned) => Some(owned.words()),
            })
        };
        let came = came.filter(|_| ptr::eq(fop, self.fop(py)));
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
            if !unchanged && !(1..=511).contains(&op_errno) {
                // The kernel refuses larger ones from FUSE, and the caller hangs.
                return Err(PyValueError::new_err(format!(
                    "{function}: errno {op_errno} is not 1 to 511"
                )));
            }
        }
        values.check()?;
        let known = came.as_ref().map(|came| came.op_ret);
        let unchanged = came.is_some_and(|came| came.words == values.words);
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
            self.check_success(py, &values, op_ret, unchanged && known == Some(op_ret))?;
        }
        self.answer(py, op_ret, op_errno, values.words, values.hold)
    }

    /// What an answer must carry that is a success, unless it came so.
    fn check_success(
        &self,
        py: Python<'_>,
        values: &Values<'_>,
        op_ret: i32,
        unchanged: bool,
    ) -> PyResult<()> {
        let (fop, function) = (self.fop(py), values.function());
        let nulls = self.null_reply.get(py);
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

/// The child to wind to: the given one, or the first, as in C.
///
/// # Errors
/// `ValueError` for a translator that is not a child.
pub fn child_of(
    instance: &Instance,
    function: &str,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<*mut gf::xlator_t> {
    let Some(child) = child.filter(|child| !child.is_none()) else {
        // SAFETY: the instance's translator is live.
        return Ok(unsafe { stack::first_child(instance.xl()) });
    };
    let Ok(xlator) = child.cast::<Xlator>() else {
        return Err(PyTypeError::new_err(format!(
            "{function}: child must be one of this.children or None"
        )));
    };
    let xl = xlator.get().ptr();
    if instance.is_child(xl) {
        Ok(xl)
    } else {
        Err(PyValueError::new_err(format!(
            "{function}: {} is not a child of {}",
            xlator.repr()?,
            instance.name_text()
        )))
    }
}

#[pymethods]
impl Frame {
    /// Passes the request on to a child as it came, with single arguments changed.
    #[pyo3(name = "wind", signature = (*, child=None, cookie=None, **changes))]
    fn wind_method(
        slf: &Bound<'_, Self>,
        child: Option<&Bound<'_, PyAny>>,
        cookie: Option<Py<PyAny>>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let (py, frame) = (slf.py(), slf.get());
        let fop = frame.fop(py);
        // SAFETY: clones an Arc and copies words.
        let kept = unsafe {
            frame.args.with(py, |args| match args {
                Args::None => None,
                Args::Borrowed(words) => Some((*words, None)),
                Args::Owned(owned) => Some((owned.words(), Some(owned.clone()))),
            })
        };
        let Some((words, owned)) = kept else {
            let name = fop.name;
            let text = format!("can not wind: its arguments were not kept (define {name}_fop)");
            return Err(frame.refused(py, &text));
        };
        let hold = Hold {
            words: owned,
            ..Hold::default()
        };
        let mut values = Values::new("frame.wind", fop.args, words, hold);
        values.put_all(changes)?;
        values.check()?;
        let Values { words, hold, .. } = values;
        frame.check_request(py, "frame.wind", fop, &words)?;
        let child = child_of(frame.instance(py), "frame.wind", child)?;
        Frame::wind(
            slf,
            fop,
            words,
            hold,
            child,
            cookie.filter(|cookie| !cookie.is_none(py)),
        )
    }

    /// Answers the request: as the answer came, with single values changed, or with
    /// an error.
    #[pyo3(name = "unwind", signature = (op_ret=None, op_errno=None, **changes))]
    fn unwind_method(
        slf: &Bound<'_, Self>,
        op_ret: Option<&Bound<'_, PyAny>>,
        op_errno: Option<&Bound<'_, PyAny>>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let (py, frame) = (slf.py(), slf.get());
        let fop = frame.fop(py);
        let number = |value: Option<&Bound<'_, PyAny>>, name: &str| -> PyResult<Option<i32>> {
            value
                .map(|value| convert::number(value, "int32_t", || format!("frame.unwind: {name}")))
                .transpose()
        };
        let (op_ret, op_errno) = (number(op_ret, "op_ret")?, number(op_errno, "op_errno")?);
        let reply = frame.reply(py).filter(|reply| ptr::eq(reply.fop, fop));
        let fails = op_ret.is_some_and(|op_ret| op_ret < 0);
        // A failure that came stays one, whatever it carries.
        let known_failure = reply
            .as_ref()
            .map(|reply| reply.op_ret)
            .filter(|op_ret| *op_ret < 0);
        let words = match &reply {
            Some(reply) if !fails => reply.words,
            None if op_ret.is_none() && changes.is_none() => {
                return Err(frame.refused(
                    py,
                    "no answer has come that could be passed on; give op_ret and op_errno",
                ));
            }
            _ => [Word::NULL; MAX_ARGS],
        };
        let op_errno = op_errno.or(reply.as_ref().map(|reply| reply.op_errno));
        let hold = Hold {
            words: reply.and_then(|reply| reply.owned),
            ..Hold::default()
        };
        let mut values = Values::new("frame.unwind", fop.reply, words, hold);
        values.put_all(changes)?;
        let op_ret = op_ret.or(known_failure);
        frame.unwind(py, values, op_ret, op_errno.unwrap_or(0))
    }

    /// Whatever the translator keeps with the request, for its cbk handler.
    #[getter]
    fn local(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        // SAFETY: taking a reference runs no Python.
        unsafe {
            self.local
                .with(py, |local| local.as_ref().map(|local| local.clone_ref(py)))
        }
    }

    #[setter]
    fn set_local(&self, py: Python<'_>, local: Py<PyAny>) {
        self.local.set(py, Some(local));
    }

    /// The user who asks.
    #[getter]
    fn uid(&self, py: Python<'_>) -> PyResult<u32> {
        self.root(py, |root| root.uid)
    }

    /// The group of the user who asks.
    #[getter]
    fn gid(&self, py: Python<'_>) -> PyResult<u32> {
        self.root(py, |root| root.gid)
    }

    /// The process that asks; negative for GlusterFS's own.
    #[getter]
    fn pid(&self, py: Python<'_>) -> PyResult<i32> {
        self.root(py, |root| root.pid)
    }

    /// The user's further groups.
    #[getter]
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let groups = self.root(py, |root| {
            if root.groups.is_null() {
                return Vec::new();
            }
            // SAFETY: `groups` has `ngrps` elements.
            unsafe { std::slice::from_raw_parts(root.groups, root.ngrps.into()) }.to_vec()
        })?;
        PyTuple::new(py, groups)
    }

    /// The owner under whom the request's locks are held, as bytes.
    #[getter]
    fn lk_owner(&self, py: Python<'_>) -> PyResult<Bytes> {
        self.root(py, |root| convert::lk_owner(&root.lk_owner))
    }

    /// The request's number.
    #[getter]
    fn unique(&self, py: Python<'_>) -> PyResult<u64> {
        self.root(py, |root| root.unique)
    }

    /// The fop's name.
    #[getter]
    fn op(&self, py: Python<'_>) -> &'static str {
        self.fop(py).name
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let open = self.open.get(py);
        let state = match self.state.get(py) {
            State::Pending if open > 0 => format!("{open} wound"),
            State::Pending => "pending".to_owned(),
            State::Answering => "answering".to_owned(),
            State::Answered => "answered".to_owned(),
            State::PassedOn => "passed on".to_owned(),
        };
        format!("<Frame {} {state}>", self.fop(py).name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: `visit` runs no Python.
        unsafe {
            self.local.with(py, |local| {
                local.as_ref().map_or(Ok(()), |local| visit.call(local))
            })
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        drop(self.local.take(py));
    }
}

impl Frame {
    fn root<R>(&self, py: Python<'_>, f: impl FnOnce(&gf::call_stack_t) -> R) -> PyResult<R> {
        let c = self.live(py)?;
        // SAFETY: a live frame has a live root.
        Ok(f(unsafe { &*(*c).root }))
    }
}
