//! Threads of Glupy's own for coroutines: those that go on with them, and those on
//! which functions run that block.
//!
//! A thread is made when there is more to do than threads that wait for it, and ends
//! when it has had nothing to do for a while.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::log;
use crate::shake;
use crate::work;

/// Something to be done. The GIL is not held.
pub type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for something to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A group of threads that do what is posted, in the order of posting.
pub struct Pool {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
    posted: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    waiting: usize,
}

/// Goes on with coroutines whose wait is over.
pub static RESUMING: Pool = Pool::new("glupy-resume", 16);

/// Runs functions that may block (`to_thread`).
pub static BLOCKING: Pool = Pool::new("glupy-thread", 64);

impl Pool {
    const fn new(name: &'static str, most: usize) -> Pool {
        Pool {
            name,
            most,
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                waiting: 0,
            }),
            posted: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something done soon, on one of the threads. Waits for nothing.
    pub fn post(&'static self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.jobs.len() > state.waiting && state.threads < self.most {
            state.threads += 1;
            drop(state);
            self.spawn();
        } else {
            drop(state);
            self.posted.notify_one();
        }
    }

    fn spawn(&'static self) {
        let thread = thread::Builder::new()
            .name(self.name.to_owned())
            .stack_size(work::STACK)
            .spawn(|| self.run());
        if let Err(error) = thread {
            self.state().threads -= 1;
            // What was posted waits for another thread, or for the next one posted.
            log::error(c"glupy", &format!("no thread {}: {error}", self.name));
        }
    }

    fn run(&self) {
        work::block_signals();
        while let Some(job) = self.take() {
            shake::point();
            // A job reports what goes wrong in Python; a panic is logged by Rust's hook
            // and must not end the thread.
            let _ = panic::catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// Waits for a job; None when the thread is to end.
    fn take(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.waiting += 1;
            let (next, waited) = self
                .posted
                .wait_timeout(state, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.waiting -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}
