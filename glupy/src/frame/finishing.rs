//! The end of a request: who ends it, and what is given back before.

use pyo3::prelude::*;

use super::dicts::Changed;
use super::request::{Args, State};
use super::{Frame, POOL, kept};
use crate::action::{self, Action, Route};
use crate::gf;
use crate::gil::{self, Locked};
use crate::handle::CPtr;
use crate::here::Here;
use crate::instance::Instance;
use crate::log;

/// What is left of a request that is over, to be dropped when its C frame has been given
/// away.
pub(super) struct Over {
    pub(super) c: CPtr<gf::call_frame_t>,
    #[expect(dead_code, reason = "dropped with it")]
    args: Args,
    #[expect(dead_code, reason = "as above")]
    dicts: [Changed; 2],
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
    /// Marks the request as over and gives its C frame up, if it is in a certain state, no
    /// wind is open and there is a route for that. What the request has lent may go as soon as it
    /// is answered or wound.
    #[must_use]
    pub(super) fn finish(
        &self,
        py: Python<'_>,
        here: Here,
        from: State,
        to: State,
    ) -> Option<(Over, Route)> {
        let route = Route::to(here, self.instance)?;
        Some((self.end(py, here, from, to)?, route))
    }

    /// The same without a route for the C frame.
    fn end(&self, py: Python<'_>, here: Here, from: State, to: State) -> Option<Over> {
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
        let dicts = [self.dicts.take(locked), self.reply_dicts.take(locked)];
        Attempt::Over(Over { c, args, dicts })
    }

    /// As `finish`, and asks for what is done with its C frame last. False if the request is
    /// in another state.
    pub(super) fn finish_with(
        &self,
        py: Python<'_>,
        here: Here,
        to: State,
        last: impl FnOnce(CPtr<gf::call_frame_t>) -> Action,
    ) -> bool {
        let Some((over, route)) = self.finish(py, here, State::Pending, to) else {
            return false;
        };
        self.past.note(py, self.handler.get(py));
        let action = last(over.c);
        self.past.note_line(py, here);
        action::submit(here, route, action);
        true
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
            } else if frame.open.get(py) == 0 && frame.instance.volume.is_gone(py) {
                frame.fail(py, libc::ENOTCONN);
            } else if frame.open.get(py) == 0 && !frame.watched.get(py) {
                frame.watched.store(py, true);
                kept::add(&object);
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

    /// Answers what Python has kept of the requests at a volume that goes: nobody could do so
    /// later. Those that wait for children are answered when these have; see `release`. Called
    /// on the thread that takes the volume down.
    pub fn answer_all(py: Python<'_>, instance: &Instance) {
        for frame in kept::of(py, instance) {
            frame.get().fail(py, libc::ENOTCONN);
        }
    }

    /// Answers EIO if the request is still open: nobody else can any more.
    fn abandon(&self, py: Python<'_>) {
        if self.is_over(py) {
            return;
        }
        if self.is_lost(py) {
            drop(self.end(py, Here::now(), self.state.get(py), State::Answered));
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
