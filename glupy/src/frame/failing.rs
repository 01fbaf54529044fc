//! What becomes of a request whose handler raises (`option on-exception`).

use std::ptr;

use pyo3::prelude::*;

use super::{Args, Came, Frame, State};
use crate::action::Action;
use crate::coroutine::Reply;
use crate::gf;
use crate::handle::CPtr;
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::Handler;

/// How it ends, unless the exception is an OSError, which says it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With EIO.
    Fail,
    /// The child gets it as it came.
    Wind,
    /// The caller gets the child's answer as it came.
    Answer,
}

impl Way {
    fn text(self) -> &'static str {
        match self {
            Way::Fail => "the request is answered EIO",
            Way::Wind => "the request is passed on as it came",
            Way::Answer => "the answer is passed on as it came",
        }
    }
}

impl Frame {
    /// Its handler has raised. `c` is the C frame.
    pub fn failed(
        &self,
        py: Python<'_>,
        c: *mut gf::call_frame_t,
        handler: &Handler,
        error: PyErr,
    ) {
        self.withdraw(py, c);
        let instance = self.instance(py);
        let way = (!self.has_answer(py)).then(|| self.way(py));
        let subject = self.subject(py);
        let outcome = way.map(Way::text);
        let op_errno = instance.failed(py, handler, error, &subject, outcome);
        if op_errno.is_none() {
            match way {
                Some(Way::Wind) => self.wind_as_it_came(py),
                Some(Way::Answer) => self.answer_as_it_came(py),
                Some(Way::Fail) | None => {}
            }
        }
        // Unless it has an answer by now.
        self.fail(py, op_errno.unwrap_or(libc::EIO));
    }

    fn way(&self, py: Python<'_>) -> Way {
        if !self.instance(py).passes_on_exception() {
            return Way::Fail;
        }
        let fop = self.fop(py);
        // SAFETY: look only.
        let (came, asked) = unsafe {
            let own = |reply: &mut Option<Came>| reply.as_ref().map(|r| ptr::eq(r.fop, fop));
            let awaited = |reply: &mut Option<Py<Reply>>| {
                reply.as_ref().map(|r| ptr::eq(r.get().fop(py), fop))
            };
            let came = self.reply.with(py, own).or(self.awaited.with(py, awaited));
            let asked = self.args.with(py, |args| !matches!(args, Args::None));
            (came, asked)
        };
        match came {
            Some(true) => Way::Answer,
            None if asked && !self.wound.get(py) && self.open.get(py) == 0 => Way::Wind,
            _ => Way::Fail,
        }
    }

    /// Keeps a reply that its coroutine gets, for the case that this one raises.
    pub fn keep_awaited(&self, py: Python<'_>, reply: &Py<Reply>) {
        self.awaited.set(py, Some(reply.clone_ref(py)));
    }

    fn wind_as_it_came(&self, py: Python<'_>) {
        let here = Here::now();
        self.own_unless_covered(py, here);
        let Some((words, owned)) = self.args(py) else {
            return;
        };
        if self.state.get(py) != State::Pending || self.open.get(py) > 0 || self.live(py).is_err() {
            return;
        }
        let instance = self.instance(py);
        let (fop, hold) = (self.fop(py), Hold::of(owned));
        let child = CPtr(instance.first_child());
        self.finish_with(py, here, State::PassedOn, |frame| Action::WindTail {
            fop,
            frame,
            child,
            words,
            hold,
        });
    }

    /// Nothing to report if it has an answer already.
    fn answer_as_it_came(&self, py: Python<'_>) {
        let (here, awaited) = (Here::now(), self.awaited.take(py));
        let answered = match (self.reply(py, here), awaited) {
            (Some(came), _) => {
                let (words, hold) = (came.words(py), came.hold());
                self.answer(py, here, came.op_ret, came.op_errno, words, hold)
            }
            (None, Some(reply)) => self.answer_with(py, reply.get()),
            (None, None) => Ok(()),
        };
        answered.unwrap_or_default();
    }
}
