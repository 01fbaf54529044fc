//! Keeps what goes wrong again and again at one place from filling the log: it is told
//! some times, and then how often it was not.

use std::collections::HashMap;
use std::ffi::CStr;
use std::mem;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::log;
use crate::marshal::c_string;
use crate::timer;

/// How often a place may tell something
const BURST: u64 = 10;

/// in this time.
const TIME: Duration = Duration::from_secs(10);

/// What goes wrong, and where.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The volume's name.
    pub volume: String,
    /// The author's file.
    pub file: String,
    /// The line there.
    pub line: i32,
    /// What it is that goes wrong, in a word or two.
    pub what: String,
}

/// How often something has gone wrong at each place in its present time.
static COUNTS: LazyLock<Mutex<HashMap<Place, u64>>> = LazyLock::new(Mutex::default);

fn counts() -> MutexGuard<'static, HashMap<Place, u64>> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether something may be told; if not, it is counted.
pub fn admit(place: &Place) -> bool {
    let mut counts = counts();
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
        return *count <= BURST;
    }
    counts.insert(place.clone(), 1);
    drop(counts);
    let place = place.clone();
    let job = move || {
        let count = self::counts().remove(&place);
        tell(&place, count.unwrap_or(0));
    };
    timer::after(TIME, Box::new(job));
    true
}

/// Tells all counts now: the process ends.
pub fn tell_all() {
    for (place, count) in mem::take(&mut *counts()) {
        tell(&place, count);
    }
}

fn tell(place: &Place, count: u64) {
    if count > BURST {
        let text = format!(
            "{}: {} more of these were left out here within {} s",
            place.what,
            count - BURST,
            TIME.as_secs()
        );
        let (volume, file) = (c_string(&place.volume), c_string(&place.file));
        log::error_at(&volume, &file, c"-", place.line, &text);
    }
}

/// What a handler of a volume does wrong.
pub fn place_of(volume: &CStr, definition: (String, String, i32), what: &str) -> Place {
    let (_, file, line) = definition;
    Place {
        volume: volume.to_string_lossy().into_owned(),
        file,
        line,
        what: what.to_owned(),
    }
}
