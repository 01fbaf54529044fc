//! Turns: how threads that want the GIL at the same time keep out of each other's way.
//!
//! The GIL puts to sleep whoever finds it taken, and has whoever gives it up wake one. That
//! takes longer than most handlers. So a thread that sees another one inside of Python first
//! waits here:
//!
//! * asleep for a moment, if its requests follow each other without a pause. Threads that
//!   alternate have to fetch what Python works on out of each other's caches each time,
//!   and are slower than one after the other; so one goes on alone for a while;
//! * awake, for some microseconds: by then a usual handler has returned.
//!
//! This is advice. What protects is the GIL, for which everybody asks in the end: nobody
//! waits here twice before that.

use std::cell::Cell;
use std::hint;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::here::Here;

/// How often a thread that waits awake looks: a `pause` takes 10 to 50 ns.
const LOOKS: u32 = 200;

/// How long a thread in a hurry lets another one go on alone.
const NAP: Duration = Duration::from_micros(50);

/// A thread is in a hurry that asks for the GIL more often than this, on the average.
const HURRY: Duration = Duration::from_nanos(1500);

/// Of how many times that is the average, at least: a request asks twice, one right after
/// the other, whatever comes then.
const MANY: u32 = 16;

/// The thread inside of Python that came last; 0 for none. Stays what it is when a handler
/// gives the GIL up for a while, and may miss one of two that came at once: who is misled
/// waits for nothing, or asks for the GIL at once.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

static WAITS: AtomicU64 = AtomicU64::new(0);
static NAPS: AtomicU64 = AtomicU64::new(0);
static NANOSECONDS: AtomicU64 = AtomicU64::new(0);

/// What this process has waited for the GIL, by name.
pub fn figures() -> [(&'static str, u64); 3] {
    let waits = WAITS.load(Ordering::Relaxed);
    [
        ("waits", waits),
        ("naps", NAPS.load(Ordering::Relaxed)),
        (
            "mean-ns",
            NANOSECONDS.load(Ordering::Relaxed) / waits.max(1),
        ),
    ]
}

/// How often a thread has asked for the GIL.
#[derive(Default)]
pub struct Pace {
    asked: Cell<u32>,
    /// Since when; moved on by what it has slept.
    since: Cell<Option<Instant>>,
    hurries: Cell<bool>,
}

impl Pace {
    fn hurries(&self, now: Instant) -> bool {
        let asked = self.asked.get();
        if asked >= MANY {
            let since = self.since.replace(Some(now));
            let time = since.map_or(Duration::MAX, |since| now.duration_since(since));
            self.hurries.set(time < HURRY * asked);
            self.asked.set(0);
        }
        self.hurries.get()
    }

    fn nap(&self) {
        let begun = Instant::now();
        thread::sleep(NAP);
        let since = self.since.get().map(|since| since + begun.elapsed());
        self.since.set(since);
        NAPS.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread's turn: from before it asks for the GIL until it has given it up.
pub struct Turn {
    thread: usize,
    /// Since when it waits.
    waits: Cell<Option<Instant>>,
}

impl Turn {
    /// For the current thread, when it may ask for the GIL.
    #[inline]
    pub fn take(here: Here) -> Turn {
        let thread = here.address();
        if let Some(pace) = here.pace() {
            pace.asked.set(pace.asked.get().wrapping_add(1));
        }
        let inside = INSIDE.load(Ordering::Relaxed);
        let waits = (inside != 0 && inside != thread).then(|| wait(here));
        INSIDE.store(thread, Ordering::Relaxed);
        Turn {
            thread,
            waits: Cell::new(waits),
        }
    }

    /// It has the GIL.
    #[inline]
    pub fn begin(&self) {
        if let Some(since) = self.waits.take() {
            count(since);
        }
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        if INSIDE.load(Ordering::Relaxed) == self.thread {
            INSIDE.store(0, Ordering::Relaxed);
        }
    }
}

/// Since when.
#[cold]
fn wait(here: Here) -> Instant {
    let now = Instant::now();
    if let Some(pace) = here.pace().filter(|pace| pace.hurries(now)) {
        pace.nap();
    }
    for _ in 0..LOOKS {
        if INSIDE.load(Ordering::Relaxed) == 0 {
            break;
        }
        hint::spin_loop();
    }
    now
}

#[cold]
fn count(since: Instant) {
    let time = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    WAITS.fetch_add(1, Ordering::Relaxed);
    NANOSECONDS.fetch_add(time, Ordering::Relaxed);
}
