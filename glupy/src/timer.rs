//! What is to be done at a time. GlusterFS's own timer has one thread for everybody, on
//! which Python must not run.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::log;
use crate::pool::{Job, RESUMING};
use crate::work;

/// Finds a job again: when it is due, and a number that no other one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Instant, u64);

struct Timers {
    jobs: BTreeMap<Key, Job>,
    count: u64,
}

static TIMERS: Mutex<Timers> = Mutex::new(Timers {
    jobs: BTreeMap::new(),
    count: 0,
});
static CHANGED: Condvar = Condvar::new();
static START: Once = Once::new();

fn timers() -> MutexGuard<'static, Timers> {
    TIMERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has something done after a time, on a thread of `RESUMING`.
pub fn after(time: Duration, job: Job) -> Key {
    START.call_once(|| {
        let thread = thread::Builder::new()
            .name("glupy-timer".to_owned())
            .spawn(run);
        if let Err(error) = thread {
            log::error(c"glupy", &format!("no thread for timers: {error}"));
        }
    });
    let mut timers = timers();
    timers.count += 1;
    let key = Key(Instant::now() + time, timers.count);
    timers.jobs.insert(key, job);
    if timers
        .jobs
        .first_key_value()
        .is_some_and(|(first, _)| *first == key)
    {
        CHANGED.notify_one();
    }
    key
}

/// Takes a job back. None when it has been handed over to be done.
pub fn cancel(key: Key) -> Option<Job> {
    timers().jobs.remove(&key)
}

fn run() {
    work::block_signals();
    let mut timers = timers();
    loop {
        let now = Instant::now();
        let wait = match timers.jobs.first_key_value() {
            Some((Key(due, _), _)) if *due <= now => {
                if let Some((_, job)) = timers.jobs.pop_first() {
                    RESUMING.post(job);
                }
                continue;
            }
            Some((Key(due, _), _)) => *due - now,
            None => Duration::from_secs(3600),
        };
        timers = CHANGED
            .wait_timeout(timers, wait)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}
