//! The answers that come from children, and the one that a request gets.

use std::ptr;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::errno::{self, Status};
use super::{Answer, Came, Frame, Given, State};
use crate::action;
use crate::call::Lent;
use crate::coroutine::Reply;
use crate::fop::{Fop, OpRet, padded};
use crate::gil;
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::Handler;
use crate::marshal::Values;
use crate::owned::OwnedWords;
use crate::words::Words;

impl Came {
    pub(super) fn status(&self) -> Status {
        (self.op_ret, self.op_errno)
    }

    /// Where its values are, as long as the GIL is held; what came with a call that is over
    /// has none.
    pub(super) fn words(&self, py: Python<'_>) -> Words {
        match &self.values {
            Given::Borrowed(lent) => lent.words(py).unwrap_or(Words::NOTHING),
            Given::Owned(owned) => Words::at(owned.words()),
        }
    }

    /// What keeps them, if it is not the call that they came with.
    pub(super) fn hold(&self) -> Hold {
        match &self.values {
            Given::Borrowed(_) => Hold::default(),
            Given::Owned(owned) => Hold::of(Some(owned.clone())),
        }
    }

    /// Positions of the values that are NULL.
    fn nulls(&self, py: Python<'_>) -> u32 {
        // SAFETY: as many as the fop has.
        let words = unsafe { self.words(py).get(self.fop.reply.len()) };
        let nulls = words.iter().enumerate().filter(|(_, word)| word.is_null());
        nulls.fold(0, |mask, (i, _)| mask | 1 << i)
    }
}

impl Frame {
    /// The answer that the running cbk handler sees.
    pub fn set_reply(
        &self,
        py: Python<'_>,
        fop: &'static Fop,
        op_ret: i32,
        op_errno: i32,
        values: Lent,
    ) {
        let reply = Came {
            fop,
            op_ret,
            op_errno,
            values: Given::Borrowed(values),
        };
        drop(self.reply_dicts.take(py));
        self.reply.set(py, Some(reply));
    }

    /// The cbk handler has returned: its answer goes, unless Python keeps the frame,
    /// which might pass it on later.
    pub fn settle_reply(object: &Bound<'_, Frame>, here: Here) {
        let (py, frame) = (object.py(), object.get());
        if !frame.has_answer(py) {
            if let Some(reply) = frame
                .reply(py, here)
                .filter(|reply| ptr::eq(reply.fop, frame.fop(py)))
            {
                frame.null_reply.store(py, reply.nulls(py));
            }
            if frame.open.get(py) == 0 && gil::refcount(object.as_unbound()) > 1 {
                frame.own_reply(py);
                return;
            }
        }
        drop(frame.reply_dicts.take(py));
        frame.reply.set(py, None);
    }

    /// The answer outlives its callback.
    pub(super) fn own_reply(&self, py: Python<'_>) {
        let Some(mut reply) = self.reply.take(py) else {
            return;
        };
        if let Given::Borrowed(lent) = reply.values {
            let (params, xl) = (reply.fop.reply, self.instance(py).xl());
            let Some(words) = lent.words(py) else {
                return; // lost: the handler has panicked
            };
            // SAFETY: the words are there, and the GIL keeps the lender from ending.
            let owned = unsafe { OwnedWords::new(params, words.get(params.len()), xl, 0) };
            reply.values = Given::Owned(Arc::new(owned));
        }
        self.reply.set(py, Some(reply));
    }

    pub(super) fn reply(&self, py: Python<'_>, here: Here) -> Option<Came> {
        // SAFETY: cloning copies words and counts an Arc up.
        let reply = || unsafe { self.reply.with(py, |reply| reply.clone()) };
        match reply()? {
            // What is used elsewhere may be used longer than its handler runs.
            Came {
                values: Given::Borrowed(lent),
                ..
            } if !lent.loan.covers(py, here) => {
                self.own_reply(py);
                reply()
            }
            reply => Some(reply),
        }
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
    pub(super) fn answer_with(&self, py: Python<'_>, reply: &Reply) -> PyResult<()> {
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
        let here = Here::now();
        let (words, hold) = reply.values(py, here);
        if op_ret >= 0 {
            let came = reply.came_words(py);
            // SAFETY: the reply keeps them.
            unsafe { Frame::check_values(fop, words, came.as_ref().map(|came| Words::at(came))) }?;
        }
        if op_ret >= 0 && !reply.came(py) {
            let function = format!("{}_reply_t", fop.name);
            // SAFETY: the reply keeps them.
            let values = padded(unsafe { words.get(fop.reply.len()) });
            let values = Values::new(&function, fop.reply, values, Hold::default());
            Frame::check_success(fop, &values, op_ret, false, reply.nulls(py))?;
        }
        self.answer(py, here, op_ret, op_errno, words, hold)
    }

    /// Asks for the answer.
    ///
    /// # Errors
    /// `FrameError` when the request has an answer already.
    pub fn answer(
        &self,
        py: Python<'_>,
        here: Here,
        op_ret: i32,
        op_errno: i32,
        words: Words,
        hold: Hold,
    ) -> PyResult<()> {
        self.check_open(py, "can not answer")?;
        self.live(py)?;
        if op_ret >= 0 {
            // SAFETY: they are alive: borrowed by a running handler or held.
            unsafe { self.check_own(py, words) }?;
            self.check_within(py, op_ret)?;
        }
        let (fop, handler) = (self.fop(py), self.handler.get(py));
        if let (true, Some(handler)) = (op_ret < 0, handler) {
            handler.counters.error(py);
        }
        let mut answer = Answer {
            fop,
            op_ret,
            op_errno,
            words,
            hold,
        };
        loop {
            // Again if that has changed while the GIL was given up.
            self.check_open(py, "can not answer")?;
            self.live(py)?;
            if self.open.get(py) == 0 {
                let over = self.finish(py, here, State::Pending, State::Answered);
                let Some((over, route)) = over else {
                    continue;
                };
                self.past.note(py, handler);
                self.past.note_line(py, here);
                action::submit(here, route, answer.unwind(over.c));
                return Ok(());
            }
            // The values must live until the last wind has returned.
            let xl = self.instance(py).xl();
            // SAFETY: the words are alive now: borrowed by a running handler or held.
            answer.words = unsafe { answer.hold.own(fop.reply, answer.words, xl) };
            self.past.note(py, handler);
            let boxed = Box::new(answer);
            let waits = gil::locked(py, |locked| {
                if self.state.get(locked) != State::Pending || self.open.get(locked) == 0 {
                    return Err(boxed);
                }
                self.state.store(locked, State::Answering);
                Ok(self.answer.replace(locked, Some(boxed)))
            });
            match waits {
                Ok(_before) => {
                    self.past.note_line(py, here);
                    return Ok(());
                }
                Err(boxed) => answer = *boxed,
            }
        }
    }

    /// Answers with an error, whatever the handler has asked for and what has not
    /// happened yet.
    pub fn fail(&self, py: Python<'_>, op_errno: i32) {
        if self.state.get(py) == State::Pending {
            self.answer(
                py,
                Here::now(),
                -1,
                op_errno,
                Words::NOTHING,
                Hold::default(),
            )
            .unwrap_or_default();
        }
    }

    /// Whether it is settled how the request is answered.
    pub fn has_answer(&self, py: Python<'_>) -> bool {
        self.state.get(py) != State::Pending
    }

    /// Carries out an answer that waited, when no wind is open any more.
    pub fn answer_waiting(&self, py: Python<'_>) {
        if self.open.get(py) > 0 || self.state.get(py) != State::Answering {
            return;
        }
        let here = Here::now();
        if let Some((over, route)) = self.finish(py, here, State::Answering, State::Answered) {
            let answer = self.answer.take(py).expect("who waits has one");
            action::submit(here, route, answer.unwind(over.c));
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
        here: Here,
        mut values: Values<'_>,
        op_ret: Option<i32>,
        op_errno: i32,
    ) -> PyResult<()> {
        let fop = self.fop(py);
        let function = values.function();
        let came = self.reply(py, here).filter(|reply| ptr::eq(reply.fop, fop));
        let fails = op_ret.is_some_and(|op_ret| op_ret < 0);
        if let Some(op_ret) = op_ret {
            let came = came.as_ref().map(Came::status);
            errno::check(function, (op_ret, op_errno), came)?;
        }
        values.check_answer(fails)?;
        // To make the values may have run Python, and another thread, which has answered:
        // what the request had lent is gone.
        self.check_open(py, "can not answer")?;
        let known = came.as_ref().map(|came| came.op_ret);
        let unchanged = came.as_ref().is_some_and(|came| {
            let (count, (words, _hold)) = (fop.reply.len(), self.answered(py, came));
            // SAFETY: an answer that the frame has is alive.
            unsafe { words.get(count) == &values.words[..count] }
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
            let (nulls, came) = match came {
                Some(came) => (came.nulls(py), Some(came.words(py))),
                None => (self.null_reply.get(py), None),
            };
            Frame::check_success(fop, &values, op_ret, unchanged, nulls)?;
            // SAFETY: the answer that came is alive, and what is given is held.
            unsafe { Frame::check_values(fop, Words::at(&values.words), came) }?;
        }
        if self.awaits(py) {
            // The coroutine may go on, and ask children.
            let credentials = Box::new(self.credentials(py)?);
            self.credentials.set(py, Some(credentials));
        }
        let Values {
            words, mut hold, ..
        } = values;
        let words = hold.store(words);
        self.answer(py, here, op_ret, op_errno, words, hold)
    }

    /// What an answer must carry that is a success, unless it came so.
    pub(super) fn check_success(
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
