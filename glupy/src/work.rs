//! A thread of Glupy's own, for what has to be done in Python and can not be done
//! on the thread that it comes up on: because that must not wait for the GIL, or
//! not for longer than a bounded time.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::gil;

/// Something to be done with the GIL.
type Job = Box<dyn FnOnce(Python<'_>) + Send>;

static JOBS: Mutex<Vec<Job>> = Mutex::new(Vec::new());
static POSTED: Condvar = Condvar::new();

/// Room for Python's default recursion limit; memory is taken by what is touched.
pub const STACK: usize = 16 << 20;

/// Jobs that are done before others may have the GIL.
const BATCH: usize = 64;

/// Starts the thread. Called once, when Python has been started.
///
/// # Errors
/// Why there is no such thread.
pub fn start() -> Result<(), String> {
    thread::Builder::new()
        .name("glupy-work".to_owned())
        .stack_size(STACK)
        .spawn(run)
        .map(drop)
        .map_err(|error| format!("no thread for Glupy's own work: {error}"))
}

/// Has something done soon, in the order in which it was posted. Waits for nothing
/// but the short time in which another thread posts or takes.
pub fn post(job: impl FnOnce(Python<'_>) + Send + 'static) {
    JOBS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Box::new(job));
    POSTED.notify_one();
}

/// Has something done and waits for its result, but not for ever: None when it was
/// not done in time, or failed. It may still be done later.
pub fn ask<R: Send + 'static>(
    time: Duration,
    job: impl FnOnce(Python<'_>) -> R + Send + 'static,
) -> Option<R> {
    let (sender, receiver) = mpsc::sync_channel(1);
    post(move |py| {
        // Nobody may be waiting any more.
        let _ = sender.send(job(py));
    });
    receiver.recv_timeout(time).ok()
}

/// Signals of a fault in the thread itself: blocked, they end the process without a word from
/// GlusterFS's handler, which logs where it was.
const FAULTS: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
    libc::SIGTRAP,
];

/// Keeps signals away from a thread of Glupy's own: GlusterFS receives the process's in a
/// thread of its own, and in a Python program they are the main thread's.
pub fn block_signals() {
    // SAFETY: fills a set of signals and blocks them on this thread.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        for fault in FAULTS {
            libc::sigdelset(&raw mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
}

fn run() {
    block_signals();
    loop {
        let mut jobs = take().into_iter();
        while jobs.len() > 0 {
            gil::attach(|py| {
                for job in jobs.by_ref().take(BATCH) {
                    // A job reports what goes wrong in Python; a panic is logged
                    // by Rust's hook and must not end the thread.
                    let _ = panic::catch_unwind(AssertUnwindSafe(|| job(py)));
                }
            });
        }
    }
}

/// Waits for jobs and takes all of them.
fn take() -> Vec<Job> {
    let mut jobs = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
    while jobs.is_empty() {
        jobs = POSTED.wait(jobs).unwrap_or_else(PoisonError::into_inner);
    }
    std::mem::take(&mut *jobs)
}
