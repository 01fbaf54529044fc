//! Processes that Python makes. Those of `os.fork` have one thread and GlusterFS's files: one
//! that came back from its handler would answer the request a second time, and then read
//! requests from FUSE that nobody can handle there.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::descriptors;

/// How many forks this process is away from the first one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Where a volume was started last.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Whether Python is Glupy's own, and what it forks therefore, too.
static OWN: AtomicBool = AtomicBool::new(false);

/// How such a process ends.
const STATUS: i32 = 70;

/// Has forks counted, and GlusterFS's descriptors and signals kept from all such processes. Where
/// Python was there before (`joined`), signals are its program's.
///
/// # Errors
/// Why that can not be.
pub fn watch(py: Python<'_>, joined: bool) -> Result<(), String> {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
        descriptors::replace();
        // SAFETY: looks at a number of this thread's.
        if OWN.load(Ordering::Relaxed) && unsafe { ffi::PyGILState_Check() } == 1 {
            unblock_signals();
        }
    }
    OWN.store(!joined, Ordering::Relaxed);
    // SAFETY: the function is never unloaded (see build.rs).
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => descriptors::watch(py),
        _ => Err("forks can not be watched".to_owned()),
    }
}

/// A program, or Python's own process, begins with no signal blocked.
fn unblock_signals() {
    // SAFETY: a set of signals of its own, for this thread.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// A volume starts in this process.
pub fn started() {
    STARTED.store(generation(), Ordering::Relaxed);
}

/// The process, in number of forks.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Whether no volume was started in this process.
pub fn is_strange() -> bool {
    generation() != STARTED.load(Ordering::Relaxed)
}

/// Ends the process if it has been forked since: who called is its parent's.
pub fn return_to(generation_before: u32) {
    if generation_before != generation() {
        end();
    }
}

/// Ends the process, without the functions that are to run at the end of the parent.
pub fn end() {
    // SAFETY: ends the process.
    unsafe { libc::_exit(STATUS) };
}
