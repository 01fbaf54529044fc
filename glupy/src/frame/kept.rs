//! Requests that somebody in Python has kept, with no wind open: perhaps only a garbage
//! cycle has, and then nobody will answer them until it is collected.

use std::collections::HashMap;
use std::ptr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;

use super::Frame;
use crate::dispatch;
use crate::gil::{Gil, GilCell};
use crate::handle::CPtr;
use crate::instance::Instance;
use crate::timer;

/// How long a request is kept before somebody looks, the first time.
const PATIENCE: Duration = Duration::from_millis(500);

/// How many times as long as a collection has taken nobody looks again. It holds the GIL, and with a
/// large heap takes seconds.
const PAUSE: u32 = 20;

struct Kept {
    since: Instant,
    look: Instant,
    /// The `Frame`, which takes itself out before it is freed.
    frame: CPtr<ffi::PyObject>,
}

/// By the address of the `Request`.
static KEPT: LazyLock<GilCell<HashMap<usize, Kept>>> = LazyLock::new(GilCell::default);
static SCHEDULED: GilCell<bool> = GilCell::new(false);

/// A request is kept.
pub fn add(object: &Bound<'_, Frame>) {
    let py = object.py();
    let since = Instant::now();
    let kept = Kept {
        since,
        look: since + PATIENCE,
        frame: CPtr(object.as_ptr()),
    };
    // SAFETY: `insert` runs no Python.
    unsafe {
        KEPT.with(py, |all| all.insert(object.get().key(), kept));
    }
    if !SCHEDULED.replace(py, true) {
        schedule(PATIENCE);
    }
}

/// It is not any more.
pub fn remove(gil: impl Gil, frame: usize) {
    // SAFETY: `remove` runs no Python.
    unsafe {
        KEPT.with(gil, |kept| kept.remove(&frame));
    }
}

/// Those of a volume.
pub fn of<'py>(py: Python<'py>, instance: &Instance) -> Vec<Bound<'py, Frame>> {
    let is_alive = |frame: &CPtr<ffi::PyObject>| {
        // SAFETY: it has not taken itself out, so it is there, perhaps on its way out.
        unsafe { ffi::Py_REFCNT(frame.0) > 0 }
    };
    let frame = |frame: CPtr<ffi::PyObject>| {
        // SAFETY: as above, and with references of others.
        unsafe { Bound::from_borrowed_ptr(py, frame.0).cast_into_unchecked::<Frame>() }
    };
    // SAFETY: takes references, which runs no Python.
    let all: Vec<_> = unsafe {
        KEPT.with(py, |kept| {
            let frames = kept.values().map(|one| one.frame);
            frames.filter(is_alive).map(frame).collect()
        })
    };
    let is_at = |frame: &Bound<'_, Frame>| ptr::eq(frame.get().instance, instance);
    all.into_iter().filter(is_at).collect()
}

fn schedule(time: Duration) {
    let job = || {
        dispatch::go_on(|py| {
            look(py);
            None
        });
    };
    timer::after(time, Box::new(job));
}

/// Collects garbage if a request is kept for long; the longer one is, the rarer for it.
fn look(py: Python<'_>) {
    let now = Instant::now();
    let mut pause = Duration::ZERO;
    let mut due = false;
    // SAFETY: runs no Python.
    unsafe {
        KEPT.with(py, |kept| {
            for one in kept.values_mut().filter(|one| one.look <= now) {
                due = true;
                one.look = now + (now - one.since);
            }
        });
    }
    if due {
        let collected = py.import("gc").and_then(|gc| gc.call_method0("collect"));
        if let Err(error) = collected {
            error.write_unraisable(py, None);
        }
        pause = PAUSE * now.elapsed();
    }
    // SAFETY: looks only.
    let next = unsafe { KEPT.with(py, |kept| kept.values().map(|one| one.look).min()) };
    match next {
        None => SCHEDULED.set(py, false),
        Some(next) => {
            let time = next.saturating_duration_since(Instant::now());
            schedule(time.max(pause));
        }
    }
}
