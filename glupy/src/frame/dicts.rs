//! Dicts that are a request's arguments, or an answer's values, and that Python may change:
//! it does so in a copy, with which the handle goes on (`handles/dict/change.rs`). What is
//! handed on of them is what their handles have by then.

use pyo3::prelude::*;
use smallvec::SmallVec;

use super::{Came, Frame};
use crate::fop::padded;
use crate::gil::{Gil, GilCell};
use crate::handle;
use crate::handles::Dict;
use crate::hold::Hold;
use crate::words::Words;

/// Handles of Dicts, by the position of what they stand for. Mostly there are none: as long as
/// what a handle stands for is borrowed and was not changed, it is not among them.
#[derive(Default)]
pub struct Dicts(GilCell<Changed>);

/// Those that there are.
pub type Changed = Option<Box<SmallVec<[Placed; 1]>>>;

/// A handle, and the position of what it stands for.
pub type Placed = (usize, Py<PyAny>);

impl Dicts {
    /// Adds a handle, if it is that of a Dict.
    pub fn add(&self, i: usize, handle: &Bound<'_, PyAny>) {
        if !handle.is_instance_of::<Dict>() {
            return;
        }
        // SAFETY: looks, and pushes a reference.
        unsafe {
            self.0.with(handle.py(), |all| {
                let all = all.get_or_insert_default();
                if !all.iter().any(|(_, known)| known.is(handle)) {
                    all.push((i, handle.clone().unbind()));
                }
            });
        }
    }

    /// Gives them away.
    #[must_use = "dropping them may run Python"]
    pub fn take(&self, gil: impl Gil) -> Changed {
        self.0.take(gil)
    }

    /// The words with what the handles have in its place, and what keeps it.
    #[inline]
    pub fn follow(&self, py: Python<'_>, count: usize, words: Words, hold: Hold) -> (Words, Hold) {
        // SAFETY: runs no Python.
        unsafe {
            self.0.with(py, |all| {
                let Some(all) = all else {
                    return (words, hold);
                };
                let all = all.iter().map(|(i, object)| (*i, object));
                follow(py, all, count, words, hold)
            })
        }
    }
}

/// The words of as many values, with what some of their handles have in its place, and what
/// keeps it.
///
/// # Safety
/// The words are there, and the objects are handles.
pub unsafe fn follow<'a>(
    py: Python<'_>,
    handles: impl Iterator<Item = (usize, &'a Py<PyAny>)>,
    count: usize,
    words: Words,
    mut hold: Hold,
) -> (Words, Hold) {
    let mut changed = None;
    for (i, object) in handles {
        // SAFETY: by contract. A handle without an owner has borrowed what is among the
        // words; or its volume has gone, and they have it still.
        let Some(owner) = unsafe { handle::erased(object.bind(py)) }.owner(py) else {
            continue;
        };
        // SAFETY: by contract.
        let came = unsafe { words.get(count) };
        if came[i].pointer() == owner.raw().ptr {
            continue;
        }
        changed.get_or_insert_with(|| padded(came))[i] = owner.raw().ptr.into();
        hold.owner(owner);
    }
    match changed {
        Some(changed) => (hold.store(changed), hold),
        None => (words, hold),
    }
}

impl Frame {
    /// A handle that is borrowed is about to go on with a copy of a Dict: the request that
    /// has lent it hands that on from now on.
    pub fn follow(handle: &Bound<'_, PyAny>) {
        let py = handle.py();
        // SAFETY: only handles are given to `follow`.
        let common = unsafe { handle::erased(handle) };
        if !common.is_lent(py) {
            return;
        }
        let loan = common.loan(py);
        let Some((frame, running)) = loan.lender(py, handle) else {
            return; // it is a part of something, or a `Reply` has it, which looks itself
        };
        let frame = frame.get();
        if frame.is_over(py) {
            return;
        }
        match (running, frame.position(handle)) {
            (Some(i), _) if frame.entering.get(py) != loan => frame.reply_dicts.add(i, handle),
            (Some(i), _) | (None, Some(i)) => frame.dicts.add(i, handle),
            (None, None) => {}
        }
    }

    /// The position of the argument that a handle stands for which Python has kept.
    fn position(&self, handle: &Bound<'_, PyAny>) -> Option<usize> {
        // SAFETY: looks only.
        unsafe {
            self.handles.with(handle.py(), |all| {
                let known = all.iter().find(|(_, known)| known.is(handle));
                known.map(|(i, _)| *i)
            })
        }
    }

    /// A cbk handler has returned, and Python has kept a handle that stands for a value.
    pub fn keep_of_reply(&self, i: usize, handle: Bound<'_, PyAny>) {
        if !self.is_over(handle.py()) {
            self.reply_dicts.add(i, &handle);
        }
        handle::keep(handle);
    }

    /// The arguments to be wound, and what keeps them, if it is not the call that they came in
    /// by; None if there are none.
    pub(super) fn asked(&self, py: Python<'_>) -> Option<(Words, Hold)> {
        let (words, owned) = self.args(py)?;
        let count = self.fop.args.len();
        Some(self.dicts.follow(py, count, words, Hold::of(owned)))
    }

    /// The values of an answer that has come, to be passed on, and what keeps them, if it is
    /// not the call that they came with.
    pub(super) fn answered(&self, py: Python<'_>, came: &Came) -> (Words, Hold) {
        let count = came.fop.reply.len();
        let (words, hold) = (came.words(py), came.hold());
        self.reply_dicts.follow(py, count, words, hold)
    }
}
