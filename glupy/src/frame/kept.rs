//! Requests that somebody in Python has kept, with no wind open: perhaps only a garbage
//! cycle has, and then nobody will answer them until it is collected.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::dispatch;
use crate::gil::{Gil, GilCell};
use crate::timer;

/// How long a request is kept before somebody looks, the first time.
const PATIENCE: Duration = Duration::from_millis(500);

struct Kept {
    since: Instant,
    look: Instant,
}

/// By the address of the `Frame`.
static KEPT: LazyLock<GilCell<HashMap<usize, Kept>>> = LazyLock::new(GilCell::default);
static SCHEDULED: GilCell<bool> = GilCell::new(false);

/// A request is kept.
pub fn add(py: Python<'_>, frame: usize) {
    let since = Instant::now();
    let look = since + PATIENCE;
    // SAFETY: `insert` runs no Python.
    unsafe {
        KEPT.with(py, |kept| kept.insert(frame, Kept { since, look }));
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
    }
    // SAFETY: looks only.
    let next = unsafe { KEPT.with(py, |kept| kept.values().map(|one| one.look).min()) };
    match next {
        None => SCHEDULED.set(py, false),
        Some(next) => schedule(next.saturating_duration_since(Instant::now())),
    }
}
