//! The build feature `shake`, for `make attack`: at every point where a thread may be
//! interrupted it is, for a random while, so that what depends on threads not changing places
//! there fails soon. Without the feature nothing of it is left.
//!
//! Each thread has numbers of its own, from `GLUPY_SHAKE_SEED` and the order in which
//! threads come.

use pyo3::Python;

/// A point outside of the GIL: before and behind calls of GlusterFS, and of jobs.
#[inline(always)]
pub fn point() {
    #[cfg(feature = "shake")]
    on::point();
}

/// A point at which the GIL may be released, or Python code run: objects are made or
/// dropped, or owners are. Whoever asks for it here can not have a region that the GIL
/// protects as a whole.
#[inline(always)]
pub fn point_with_gil(_py: Python<'_>) {
    #[cfg(feature = "shake")]
    on::point_with_gil(_py);
}

/// The same, where a value of this type is dropped.
#[inline(always)]
pub fn point_of_drop<T>(_py: Python<'_>) {
    #[cfg(feature = "shake")]
    if std::mem::needs_drop::<T>() {
        on::point_with_gil(_py);
    }
}

#[cfg(feature = "shake")]
mod on {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use pyo3::{Python, ffi};

    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    fn seed() -> u64 {
        static SEED: OnceLock<u64> = OnceLock::new();
        static THREADS: AtomicU64 = AtomicU64::new(1);
        let number = || std::env::var("GLUPY_SHAKE_SEED").ok()?.parse().ok();
        let seed = *SEED.get_or_init(|| number().unwrap_or(1));
        let thread = THREADS.fetch_add(1, Ordering::Relaxed);
        (seed ^ thread.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1
    }

    /// The thread's next number (xorshift64*).
    fn next() -> u64 {
        // A thread that ends has none left; it gives way no more.
        let next = STATE.try_with(|state| {
            let mut x = match state.get() {
                0 => seed(),
                x => x,
            };
            x ^= x >> 12;
            x ^= x << 25;
            x ^= x >> 27;
            state.set(x);
            x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
        });
        next.unwrap_or(u64::MAX)
    }

    /// Mostly for a moment, seldom for long.
    fn give_way(number: u64) {
        match number % 64 {
            0..32 => thread::yield_now(),
            32..63 => thread::sleep(Duration::from_micros(number >> 6 & 63)),
            _ => thread::sleep(Duration::from_micros(number >> 6 & 2047)),
        }
    }

    pub fn point() {
        let number = next();
        if number % 2 == 0 {
            give_way(number >> 1);
        }
    }

    pub fn point_with_gil(py: Python<'_>) {
        let number = next();
        match number % 256 {
            0..64 => py.detach(|| give_way(number >> 8)),
            // SAFETY: the GIL is held; an exception that is pending stays.
            64 => drop(unsafe { ffi::PyGC_Collect() }),
            _ => {}
        }
    }
}
