//! A request as Python sees it: `Frame`, a one-shot state machine.
//!
//! Pending (with n winds open) -> answered, or passed on with a tail wind. An
//! answer that is asked for while winds are open waits for the last of them:
//! answering earlier would free the frames below.

mod answering;
mod dicts;
pub mod errno;
mod failing;
mod finishing;
mod kept;
mod limits;
mod methods;
mod own;
mod request;
mod told;
mod winding;

use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::action;
use crate::call::{Call, Carrying, Lent, Loan};
use crate::fop::{Fop, Word};
use crate::gf;
use crate::gil::{self, Gil};
use crate::handle;
use crate::here::Here;
use crate::instance::{Handler, Instance};
use crate::own_stack::Credentials;
use crate::owned::OwnedWords;
use crate::recycle::{Pool, Renewable};
use crate::shake;
use crate::words::Words;

pub use dicts::follow;
pub use methods::{child_of, install};
pub use request::Request;
use request::{Answer, Args, Came, Given, State};

create_exception!(
    gluster,
    FrameError,
    PyException,
    "What was asked of a frame is not possible in its state."
);

/// One request at this translator.
#[pyclass(frozen, weakref, module = "gluster", name = "Frame")]
pub struct Frame(Renewable<Request>);

impl Deref for Frame {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.0
    }
}

static POOL: Pool<Frame> = Pool::new(1024);

impl Frame {
    /// A request that has come in, or that comes back when it was not seen on its way down.
    pub fn new<'py>(
        py: Python<'py>,
        instance: &'static Instance,
        fop: &'static Fop,
        c: *mut gf::call_frame_t,
    ) -> PyResult<Bound<'py, Frame>> {
        let request = || Request::new(instance, fop, c);
        let Some(object) = POOL.take(py) else {
            shake::point_with_gil(py);
            return Bound::new(py, Frame(Renewable::new(request())));
        };
        // SAFETY: nobody else has it, and the collector does not know the class.
        unsafe { object.get().0.renew(py, request) };
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
    fn is_lost(&self, gil: impl Gil) -> bool {
        let instance = self.instance;
        instance.volume.is_gone(gil) && action::called(Here::now()) != instance.xl()
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
    pub fn add_handle(&self, i: usize, handle: Bound<'_, PyAny>) {
        // SAFETY: `push` runs no Python.
        unsafe {
            self.handles
                .with(handle.py(), |all| all.push((i, handle.clone().unbind())))
        }
    }

    /// Ends the borrow of the request's arguments: the handles that Python kept
    /// become owned, the others are used again.
    #[inline]
    pub fn settle_handles(&self, py: Python<'_>) {
        // SAFETY: looks only.
        if unsafe { self.handles.with(py, |handles| !handles.is_empty()) } {
            self.settle_all(py);
        }
    }

    fn settle_all(&self, py: Python<'_>) {
        // SAFETY: `pop` runs no Python.
        while let Some((i, handle)) = unsafe { self.handles.with(py, SmallVec::pop) } {
            // SAFETY: counts an Arc up.
            let owned = unsafe {
                self.args.with(py, |args| match args {
                    Args::Owned(owned) => owned.owner(i).cloned(),
                    _ => None,
                })
            };
            let kept = handle::settle_with(handle.into_bound(py), owned.as_ref());
            if let (Some(kept), false) = (kept, self.is_over(py)) {
                self.dicts.add(i, &kept);
            }
        }
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
            None => {
                let c = self.live(py)?;
                // SAFETY: a live frame has a live root.
                Ok(unsafe { Credentials::of(&*(*c).root, self.instance) })
            }
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
                let owned = unsafe {
                    let words = words.get(params.len());
                    OwnedWords::new(params, words, self.instance.xl(), 0)
                };
                Args::Owned(Arc::new(owned))
            });
            self.args.set(py, owned.unwrap_or_default());
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

    /// What `kept` knows it by.
    fn key(&self) -> usize {
        ptr::from_ref::<Request>(self).addr()
    }
}
