//! What is known of a request, from its begin to its end.

use std::sync::Arc;

use pyo3::prelude::*;
use smallvec::SmallVec;

use super::dicts::{Dicts, Placed};
use super::told::Past;
use crate::action::Action;
use crate::call::{Carrying, Lent, Loan};
use crate::coroutine::Reply;
use crate::fop::{Fop, MAX_OWN, Word};
use crate::gf;
use crate::gil::GilCell;
use crate::handle::CPtr;
use crate::hold::Hold;
use crate::instance::{Handler, Instance};
use crate::own_stack::Credentials;
use crate::owned::OwnedWords;
use crate::words::Words;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
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
pub(super) enum Args {
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
pub(super) struct Came {
    pub(super) fop: &'static Fop,
    pub(super) op_ret: i32,
    pub(super) op_errno: i32,
    pub(super) values: Given,
}

/// The values of such an answer.
#[derive(Clone)]
pub(super) enum Given {
    /// The caller's.
    Borrowed(Lent),
    /// The frame's own, once the handler has returned.
    Owned(Arc<OwnedWords>),
}

/// An answer, perhaps one that waits for the open winds.
pub(super) struct Answer {
    pub(super) fop: &'static Fop,
    pub(super) op_ret: i32,
    pub(super) op_errno: i32,
    pub(super) words: Words,
    pub(super) hold: Hold,
}

impl Answer {
    /// Gives it to a request that is over.
    pub(super) fn unwind(self, frame: CPtr<gf::call_frame_t>) -> Action {
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

/// What a `Frame` stands for, from its begin to its end.
pub struct Request {
    /// The C frame; NULL when the request is over.
    pub(super) c: GilCell<CPtr<gf::call_frame_t>>,
    pub(super) instance: &'static Instance,
    pub(super) fop: &'static Fop,
    pub(super) state: GilCell<State>,
    /// Winds without an answer, queued ones included.
    pub(super) open: GilCell<u32>,
    pub(super) args: GilCell<Args>,
    /// The handles that stand for borrowed arguments, with their positions.
    pub(super) handles: GilCell<SmallVec<[Placed; 4]>>,
    /// The arguments that Python has, or has had, to change.
    pub(super) dicts: Dicts,
    /// The call that the request came in by, as long as it borrows from that.
    pub(super) entering: GilCell<Loan>,
    /// The outermost call that carries out what its callbacks ask for.
    pub(super) carrying: Carrying,
    /// Its handler is a coroutine: winds are awaited.
    pub(super) awaits: GilCell<bool>,
    /// Whom its coroutine asks for: the user that Python has set, or the request's, when it has
    /// been answered before its coroutine has ended.
    pub(super) credentials: GilCell<Option<Box<Credentials>>>,
    pub(super) reply: GilCell<Option<Came>>,
    /// Values of that which Python has, or has had, to change.
    pub(super) reply_dicts: Dicts,
    /// Positions at which the last answer to the request itself had NULL, once its handler
    /// has returned.
    pub(super) null_reply: GilCell<u32>,
    pub(super) answer: GilCell<Option<Box<Answer>>>,
    /// What a child has answered with as the request's own (`own.rs`), or NULL.
    pub(super) own: GilCell<[Word; MAX_OWN]>,
    /// Whether a child was asked with what is not.
    pub(super) strays: GilCell<bool>,
    pub(super) local: GilCell<Option<Py<PyAny>>>,
    /// The handler that saw the request last.
    pub(super) handler: GilCell<Option<&'static Handler>>,
    /// Whether it is among those that `kept` watches.
    pub(super) watched: GilCell<bool>,
    /// Who has answered it or has passed it on.
    pub(super) past: Past,
    /// Whether a child has got it.
    pub(super) wound: GilCell<bool>,
    /// The last reply to its coroutine, if it may be needed (`failing`).
    pub(super) awaited: GilCell<Option<Py<Reply>>>,
}

impl Request {
    /// One that has come in.
    pub(super) fn new(
        instance: &'static Instance,
        fop: &'static Fop,
        c: *mut gf::call_frame_t,
    ) -> Request {
        Request {
            c: GilCell::new(CPtr(c)),
            instance,
            fop,
            state: GilCell::new(State::Pending),
            open: GilCell::new(0),
            args: GilCell::new(Args::None),
            handles: GilCell::new(SmallVec::new()),
            dicts: Dicts::default(),
            entering: GilCell::new(Loan::NONE),
            carrying: Carrying::new(Loan::NONE),
            awaits: GilCell::new(false),
            credentials: GilCell::new(None),
            reply: GilCell::new(None),
            reply_dicts: Dicts::default(),
            null_reply: GilCell::new(0),
            answer: GilCell::new(None),
            own: GilCell::new([Word::NULL; MAX_OWN]),
            strays: GilCell::new(false),
            local: GilCell::new(None),
            handler: GilCell::new(None),
            watched: GilCell::new(false),
            past: Past::default(),
            wound: GilCell::new(false),
            awaited: GilCell::new(None),
        }
    }
}
