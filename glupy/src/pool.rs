//! Threads of Glupy's own for coroutines: those that go on with them, and those on
//! which functions run that block.
//!
//! A thread is made when there is more to do than threads that wait for it, and ends
//! when it has had nothing to do for a while. One that can not be made is tried again.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::log;
use crate::shake;
use crate::timer;
use crate::work;

/// Something to be done. The GIL is not held.
pub type Job = Box<dyn FnOnce() + Send>;

/// Finds a job again.
pub type Number = u64;

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
    /// In the order of posting.
    jobs: BTreeMap<Number, Job>,
    /// How many were posted.
    count: Number,
    threads: usize,
    waiting: usize,
    /// The last thread that was wanted could not be made.
    lacks: bool,
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
                jobs: BTreeMap::new(),
                count: 0,
                threads: 0,
                waiting: 0,
                lacks: false,
            }),
            posted: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something done soon, on one of the threads. Waits for nothing.
    pub fn post(&'static self, job: Job) -> Number {
        let mut state = self.state();
        state.count += 1;
        let number = state.count;
        state.jobs.insert(number, job);
        drop(state);
        if !self.grow() {
            self.posted.notify_one();
        }
        number
    }

    /// Takes a job back; None when it has begun.
    pub fn cancel(&self, number: Number) -> Option<Job> {
        self.state().jobs.remove(&number)
    }

    /// A thread was wanted, and could not be made a while ago.
    pub fn try_again(&'static self) {
        self.grow();
    }

    /// Makes another thread if there is more to do than threads that wait for it. Whether it
    /// tried to; if that fails, the timer does so again.
    fn grow(&'static self) -> bool {
        let mut state = self.state();
        if state.jobs.len() <= state.waiting || state.threads >= self.most {
            return false;
        }
        state.threads += 1;
        drop(state);
        let thread = thread::Builder::new()
            .name(self.name.to_owned())
            .stack_size(work::STACK)
            .spawn(|| self.run());
        let mut state = self.state();
        let lacked = state.lacks;
        state.lacks = thread.is_err();
        if let Err(error) = thread {
            state.threads -= 1;
            drop(state);
            timer::wants_thread(self);
            if !lacked {
                let text = format!("no thread {}: {error}; trying again", self.name);
                log::error(c"glupy", &text);
            }
        }
        true
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
            if let Some((_, job)) = state.jobs.pop_first() {
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
