//! What is to be done at a time. GlusterFS's own timer has one thread for everybody, on
//! which Python must not run.

use std::collections::BTreeMap;
use std::mem;
use std::ptr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::pool::{Job, Pool, RESUMING};
use crate::work;

/// How long until another try to make a thread.
const AGAIN: Duration = Duration::from_millis(20);

/// How long nothing is due when there is nothing.
const IDLE: Duration = Duration::from_secs(3600);

/// Finds a job again: when it is due, and a number that no other one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Instant, u64);

struct Timers {
    jobs: BTreeMap<Key, Job>,
    count: u64,
    /// Where a thread could not be made, and when that is tried again.
    lacking: Vec<&'static Pool>,
    again: Option<Instant>,
}

/// What there is to do.
enum Due {
    Job(Job),
    Threads(Vec<&'static Pool>),
}

static TIMERS: Mutex<Timers> = Mutex::new(Timers {
    jobs: BTreeMap::new(),
    count: 0,
    lacking: Vec::new(),
    again: None,
});
static CHANGED: Condvar = Condvar::new();

fn timers() -> MutexGuard<'static, Timers> {
    TIMERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread. Called once, when Python has been started.
///
/// # Errors
/// Why there is no such thread.
pub fn start() -> Result<(), String> {
    thread::Builder::new()
        .name("glupy-timer".to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| format!("no thread for timers: {error}"))
}

/// Has something done after a time, on a thread of `RESUMING`.
pub fn after(time: Duration, job: Job) -> Key {
    at(Instant::now() + time, job)
}

/// Has something done at a time.
pub fn at(due: Instant, job: Job) -> Key {
    let mut timers = timers();
    timers.count += 1;
    let key = Key(due, timers.count);
    timers.jobs.insert(key, job);
    let first = timers.jobs.first_key_value();
    if first.is_some_and(|(first, _)| *first == key) {
        CHANGED.notify_one();
    }
    key
}

/// Has a pool try again to make a thread.
pub fn wants_thread(pool: &'static Pool) {
    let mut timers = timers();
    if !timers.lacking.iter().any(|other| ptr::eq(*other, pool)) {
        timers.lacking.push(pool);
    }
    timers.again.get_or_insert_with(|| Instant::now() + AGAIN);
    CHANGED.notify_one();
}

/// Takes a job back. None when it has been handed over to be done.
pub fn cancel(key: Key) -> Option<Job> {
    timers().jobs.remove(&key)
}

fn run() {
    work::block_signals();
    loop {
        // Not under the lock: what is called may come back here for want of a thread.
        match wait() {
            Due::Job(job) => drop(RESUMING.post(job)),
            Due::Threads(pools) => pools.into_iter().for_each(Pool::try_again),
        }
    }
}

/// Waits until there is something to do.
fn wait() -> Due {
    let mut timers = timers();
    loop {
        let now = Instant::now();
        if timers.again.is_some_and(|again| again <= now) {
            timers.again = None;
            return Due::Threads(mem::take(&mut timers.lacking));
        }
        let first = timers.jobs.first_key_value().map(|(Key(due, _), _)| *due);
        if first.is_some_and(|due| due <= now) {
            if let Some((_, job)) = timers.jobs.pop_first() {
                return Due::Job(job);
            }
        }
        let next = first.into_iter().chain(timers.again).min();
        let wait = next.map_or(IDLE, |next| next - now);
        timers = CHANGED
            .wait_timeout(timers, wait)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}
