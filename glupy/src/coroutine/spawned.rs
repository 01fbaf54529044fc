//! `spawn`: coroutines that answer no request.

use std::collections::BTreeMap;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::cancelled;
use super::task::Task;
use crate::frame::FrameError;
use crate::gil::{self, GilCell};
use crate::life;
use crate::xlator::Xlator;

/// Where an instance is in its life, for what it has spawned.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    /// Its children are not ready: what is spawned waits.
    #[default]
    Starting,
    Running,
    /// PARENT_DOWN, `fini` or the end of the process has come.
    Ending,
}

/// The coroutines that an instance has spawned and that have not ended.
#[derive(Default)]
pub struct Tasks {
    /// By number, in the order in which they were spawned.
    all: GilCell<BTreeMap<u64, Py<Task>>>,
    /// How many have been spawned.
    count: GilCell<u64>,
    life: GilCell<Life>,
}

impl Tasks {
    /// The graph is up: what was spawned in `__init__` begins.
    pub fn start(&self, py: Python<'_>) {
        if self.life.replace(py, Life::Running) == Life::Starting {
            for task in self.copy(py) {
                Task::post(task, None);
            }
        }
    }

    /// Cancels all of them.
    pub fn end(&self, py: Python<'_>) {
        let before = self.life.replace(py, Life::Ending);
        if before == Life::Starting {
            // They have never run: there is nothing to clean up.
            drop(self.all.take(py));
            return;
        }
        for task in self.copy(py) {
            Task::cancel(task.bind(py), cancelled(py));
        }
    }

    /// Whether all of them have ended.
    pub fn are_over(&self, py: Python<'_>) -> bool {
        // SAFETY: looks only.
        unsafe { self.all.with(py, |all| all.is_empty()) }
    }

    /// One of them has ended.
    pub fn forget(&self, py: Python<'_>, number: u64) {
        // SAFETY: moves it out: no Python runs.
        drop(unsafe { self.all.with(py, |all| all.remove(&number)) });
    }

    fn copy(&self, py: Python<'_>) -> Vec<Py<Task>> {
        // SAFETY: taking references runs no Python.
        unsafe {
            self.all.with(py, |all| {
                all.values().map(|task| task.clone_ref(py)).collect()
            })
        }
    }
}

/// Starts a coroutine that answers no request (`Translator.spawn`).
///
/// # Errors
/// `TypeError` for what is no coroutine; `FrameError` by a translator of somebody else's.
#[pyfunction]
pub fn spawn(this: &Bound<'_, Xlator>, coroutine: &Bound<'_, PyAny>) -> PyResult<Py<Task>> {
    let py = this.py();
    // SAFETY: a live object.
    if unsafe { ffi::PyCoro_CheckExact(coroutine.as_ptr()) } == 0 {
        return Err(PyTypeError::new_err(format!(
            "spawn: {} is not a coroutine: call an `async def` function",
            coroutine.repr()?
        )));
    }
    let Some(instance) = life::instance(this.get().live(py)?) else {
        return Err(FrameError::new_err("spawn: only by one's own translator"));
    };
    let tasks = &instance.tasks;
    let number = tasks.count.get(py) + 1;
    tasks.count.store(py, number);
    let task = Task::spawned(coroutine, instance, number)?;
    let one = task.clone_ref(py);
    // Known to who starts, or ends, all of them, or told here where that is.
    let life = gil::locked(py, |locked| {
        // SAFETY: a new number: nothing is dropped, no Python runs.
        let before = unsafe { tasks.all.with(locked, |all| all.insert(number, one)) };
        debug_assert!(before.is_none());
        tasks.life.get(locked)
    });
    match life {
        Life::Starting => {}
        Life::Running => Task::post(task.clone_ref(py), None),
        // Requests still come to a graph that another has replaced.
        Life::Ending => Task::post(task.clone_ref(py), Some(cancelled(py))),
    }
    Ok(task)
}
