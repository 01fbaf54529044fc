//! The end of a process in which Python is Glupy's own: GlusterFS exits, and Python gets what it
//! does at the end of a program (`glupy.ending`), but not for ever.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::gil;
use crate::log;
use crate::work;

const MODULE: &str = "glupy.ending";

/// What of the time is left for files when threads do not end.
const LAST: Duration = Duration::from_secs(1);

/// Waits for Python's threads, calls what is registered with `atexit` and has files written
/// out. `left` says how much time there is.
pub fn finish(left: impl Fn() -> Duration) {
    do_on_a_thread(left().saturating_sub(LAST), "wait_for_threads");
    if !do_on_a_thread(left().max(LAST), "finish") {
        let text = "the process ends while Python still does what is to be done at its end";
        log::error(c"glupy", text);
    }
}

fn call(py: Python<'_>, name: &str) -> PyResult<()> {
    py.import(MODULE)?.call_method0(name).map(drop)
}

/// Calls a function of Python's on a thread that nobody else needs. False when that has not
/// ended in time; it goes on.
fn do_on_a_thread(time: Duration, name: &'static str) -> bool {
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || {
        work::block_signals();
        gil::attach(|py| {
            if let Err(error) = call(py, name) {
                log::error(c"glupy", &format!("{MODULE}.{name}: {error}"));
            }
        });
        let _ = sender.send(());
    };
    let thread = thread::Builder::new().name("glupy-end".to_owned());
    let begun = thread.stack_size(work::STACK).spawn(run);
    begun.is_ok() && receiver.recv_timeout(time).is_ok()
}
