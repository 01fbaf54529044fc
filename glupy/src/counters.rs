//! What is counted of a handler.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use pyo3::prelude::*;

/// One call in so many is timed, unless all are: looking at the clock costs about as much
/// as a short handler.
const SAMPLE: u64 = 64;

/// A number that who has the GIL writes, and anyone reads: counting costs no more
/// than with a plain number.
#[derive(Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, _py: Python<'_>, n: u64) -> u64 {
        let before = self.get();
        self.0.store(before + n, Ordering::Relaxed);
        before
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a handler.
#[derive(Default)]
pub struct Counters {
    calls: Count,
    errors: Count,
    exceptions: Count,
    samples: Count,
    nanoseconds: Count,
    /// Every call is timed.
    all: AtomicBool,
}

impl Counters {
    /// From now on every call is timed, or one in some.
    pub fn time_all(&self, all: bool) {
        self.all.store(all, Ordering::Relaxed);
    }

    /// Counts a call; the time of its beginning if it is to be timed.
    pub fn begin(&self, py: Python<'_>) -> Option<Instant> {
        let sampled = self.calls.add(py, 1) % SAMPLE == 0;
        (sampled || self.all.load(Ordering::Relaxed)).then(Instant::now)
    }

    /// Ends a call that `begin` began.
    pub fn end(&self, py: Python<'_>, begun: Option<Instant>) {
        if let Some(begun) = begun {
            let time = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.samples.add(py, 1);
            self.nanoseconds.add(py, time);
        }
    }

    /// Counts a request that the handler has answered with an error.
    pub fn error(&self, py: Python<'_>) {
        self.errors.add(py, 1);
    }

    /// Counts an exception that was a mistake.
    pub fn exception(&self, py: Python<'_>) {
        self.exceptions.add(py, 1);
    }

    /// The figures, by name. The time is the mean of the calls that were timed.
    pub fn figures(&self) -> [(&'static str, u64); 5] {
        let timed = self.samples.get();
        [
            ("calls", self.calls.get()),
            ("errors", self.errors.get()),
            ("exceptions", self.exceptions.get()),
            ("timed", timed),
            ("mean-ns", self.nanoseconds.get() / timed.max(1)),
        ]
    }
}
