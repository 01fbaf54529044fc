//! `Semaphore` and `Lock`: they suspend coroutines, never threads.

use std::collections::VecDeque;
use std::ptr;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::future::{self, Future, Waiter};
use super::task::{self, Task};
use crate::gil::GilCell;

/// Lets a number of coroutines go on at a time; the others wait, first come, first served.
///
/// `async with semaphore: ...`
#[pyclass(frozen, subclass, module = "gluster")]
pub struct Semaphore {
    most: usize,
    free: GilCell<usize>,
    waiting: GilCell<VecDeque<Py<Future>>>,
    /// The coroutines that have acquired it, by address. They take themselves out when
    /// they end: nothing is kept alive.
    owners: GilCell<Vec<usize>>,
}

impl Semaphore {
    fn with(most: usize) -> Semaphore {
        Semaphore {
            most,
            free: GilCell::new(most),
            waiting: GilCell::new(VecDeque::new()),
            owners: GilCell::new(Vec::new()),
        }
    }

    fn nothing(py: Python<'_>) -> PyResult<Py<Future>> {
        Future::done(py, Ok(py.None()))
    }

    fn belongs_to(slf: &Bound<'_, Self>, task: &Task) {
        let py = slf.py();
        // SAFETY: `push` runs no Python.
        unsafe {
            let task = ptr::from_ref(task).addr();
            slf.get().owners.with(py, |owners| owners.push(task));
        }
        task.holds(slf);
    }

    /// A coroutine has ended: releases what it has not. How often it had acquired it.
    pub fn give_back(slf: &Bound<'_, Self>, task: &Task) -> usize {
        let (py, task) = (slf.py(), ptr::from_ref(task).addr());
        // SAFETY: `retain` of addresses runs no Python.
        let count = unsafe {
            slf.get().owners.with(py, |owners| {
                let before = owners.len();
                owners.retain(|owner| *owner != task);
                before - owners.len()
            })
        };
        for _ in 0..count {
            Semaphore::pass_on(slf).unwrap_or_default();
        }
        count
    }

    /// Gives a turn to the next one.
    fn pass_on(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        // SAFETY: `pop_front` runs no Python.
        while let Some(next) = unsafe { this.waiting.with(py, VecDeque::pop_front) } {
            if !next.get().is_abandoned(py) {
                let waiters = next.get().complete(py, Ok(py.None()));
                if let Some(Waiter::Task(task)) = waiters.first() {
                    Semaphore::belongs_to(slf, task.get());
                }
                future::wake(py, waiters);
                return Ok(());
            }
        }
        let free = this.free.get(py);
        if free == this.most {
            return Err(PyRuntimeError::new_err("release: nobody has acquired it"));
        }
        this.free.set(py, free + 1);
        Ok(())
    }

    /// What it is, for messages.
    pub fn noun(slf: &Bound<'_, Self>) -> &'static str {
        match slf.is_instance_of::<Lock>() {
            true => "lock",
            false => "semaphore",
        }
    }
}

#[pymethods]
impl Semaphore {
    /// For that many coroutines at a time.
    #[new]
    #[pyo3(signature = (value=1))]
    fn new(value: usize) -> PyResult<Semaphore> {
        match value {
            0 => Err(PyValueError::new_err("Semaphore: value must be 1 or more")),
            value => Ok(Semaphore::with(value)),
        }
    }

    /// Waits for its turn. To be followed by `release`; `async with` does both. A coroutine
    /// that ends without a release has it released, which is logged.
    fn acquire(slf: &Bound<'_, Self>) -> PyResult<Py<Future>> {
        let (py, this) = (slf.py(), slf.get());
        let free = this.free.get(py);
        if free > 0 {
            let future = Semaphore::nothing(py)?;
            this.free.set(py, free - 1);
            let belongs = |task: &Bound<'_, Task>| {
                Semaphore::belongs_to(slf, task.get());
                Ok(())
            };
            // Outside of coroutines it belongs to nobody.
            task::with_current(py, "acquire", belongs).unwrap_or_default();
            return Ok(future);
        }
        let future = Future::new(py)?;
        // SAFETY: `push_back` runs no Python.
        unsafe {
            this.waiting
                .with(py, |waiting| waiting.push_back(future.clone_ref(py)));
        }
        Ok(future)
    }

    /// Gives the turn to the next one.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let address = |task: &Bound<'_, Task>| Ok(ptr::from_ref(task.get()).addr());
        let current = task::with_current(py, "release", address).ok();
        // SAFETY: addresses; no Python runs.
        unsafe {
            slf.get().owners.with(py, |owners| {
                // One may release what another has acquired.
                let own = owners.iter().position(|owner| Some(*owner) == current);
                if let Some(at) = own.or_else(|| (!owners.is_empty()).then_some(0)) {
                    owners.swap_remove(at);
                }
            });
        }
        Semaphore::pass_on(slf)
    }

    /// Whether the next one would have to wait.
    fn locked(&self, py: Python<'_>) -> bool {
        self.free.get(py) == 0
    }

    fn __aenter__(slf: &Bound<'_, Self>) -> PyResult<Py<Future>> {
        Semaphore::acquire(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(
        slf: &Bound<'_, Self>,
        _exception: &Bound<'_, pyo3::types::PyTuple>,
    ) -> PyResult<Py<Future>> {
        Semaphore::release(slf)?;
        Semaphore::nothing(slf.py())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        unsafe {
            let py = Python::assume_attached();
            self.waiting.with(py, |waiting| {
                waiting.iter().try_for_each(|future| visit.call(future))
            })
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        drop(self.waiting.take(py));
    }
}

/// Lets one coroutine go on at a time.
#[pyclass(frozen, extends = Semaphore, module = "gluster")]
pub struct Lock;

#[pymethods]
impl Lock {
    #[new]
    fn new() -> PyClassInitializer<Lock> {
        PyClassInitializer::from(Semaphore::with(1)).add_subclass(Lock)
    }
}
