//! `Semaphore` and `Lock`: they suspend coroutines, never threads.

use std::collections::BTreeMap;
use std::ptr;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::acquire::Acquire;
use super::future::{self, Future, Source};
use super::task::{self, Task};
use crate::gil::{self, GilCell};

/// The place of one that waits.
pub type Ticket = u64;

/// One that waits.
struct Waiting {
    task: Py<Task>,
    future: Py<Future>,
}

/// Lets a number of coroutines go on at a time; the others wait, first come, first served.
///
/// `async with semaphore: ...`
#[pyclass(frozen, subclass, module = "gluster")]
pub struct Semaphore {
    most: usize,
    free: GilCell<usize>,
    /// In the order in which they came; who does not wait any more has left.
    waiting: GilCell<BTreeMap<Ticket, Waiting>>,
    /// How many have waited.
    tickets: GilCell<Ticket>,
    /// The coroutines that have acquired it, by address. They take themselves out when
    /// they end: nothing is kept alive.
    owners: GilCell<Vec<usize>>,
}

impl Semaphore {
    fn with(most: usize) -> Semaphore {
        Semaphore {
            most,
            free: GilCell::new(most),
            waiting: GilCell::default(),
            tickets: GilCell::new(0),
            owners: GilCell::default(),
        }
    }

    /// A turn for the coroutine that runs; it has it when the future is done.
    ///
    /// # Errors
    /// `FrameError` outside of coroutines, `RuntimeError` when it would wait for itself.
    pub fn turn(slf: &Bound<'_, Self>) -> PyResult<Py<Future>> {
        let (py, this) = (slf.py(), slf.get());
        let task = task::with_current(py, "acquire", |task| Ok(task.clone().unbind()))?;
        if slf.is_instance_of::<Lock>() && this.owned_by(py, task.get()) > 0 {
            return Err(PyRuntimeError::new_err(
                "acquire: this coroutine has the lock already, and would wait for itself",
            ));
        }
        // First: what makes an object may run Python, and other threads meanwhile.
        let future = Future::new(py)?;
        let ticket = this.tickets.get(py) + 1;
        this.tickets.store(py, ticket);
        let source = Source::Semaphore(slf.clone().unbind(), ticket);
        future.get().set_source(py, source);
        let waiting = Waiting {
            task,
            future: future.clone_ref(py),
        };
        let has_turn = gil::locked(py, |locked| {
            let free = this.free.get(locked);
            if free > 0 {
                this.free.store(locked, free - 1);
                return Some(waiting);
            }
            // SAFETY: a new place: nothing is dropped, no Python runs.
            let before = unsafe { this.waiting.with(locked, |all| all.insert(ticket, waiting)) };
            debug_assert!(before.is_none());
            None
        });
        if let Some(waiting) = has_turn {
            Semaphore::belongs_to(slf, waiting.task.get());
            let nobody = future.get().complete(py, Ok(py.None()));
            debug_assert!(nobody.is_empty());
        }
        Ok(future)
    }

    /// One that waited does so no more.
    pub fn leave(&self, py: Python<'_>, ticket: Ticket) {
        // SAFETY: moves it out: no Python runs.
        drop(unsafe { self.waiting.with(py, |all| all.remove(&ticket)) });
    }

    /// How often a coroutine has acquired it.
    fn owned_by(&self, py: Python<'_>, task: &Task) -> usize {
        let task = ptr::from_ref(task).addr();
        // SAFETY: looks only.
        unsafe {
            self.owners.with(py, |owners| {
                owners.iter().filter(|owner| **owner == task).count()
            })
        }
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
        let next = || {
            gil::locked(py, |locked| {
                // SAFETY: `pop_first` runs no Python.
                let next = unsafe { this.waiting.with(locked, BTreeMap::pop_first) };
                let free = this.free.get(locked);
                if next.is_none() && free < this.most {
                    this.free.store(locked, free + 1);
                }
                next.ok_or(free < this.most)
            })
        };
        loop {
            let next = match next() {
                Ok((_, next)) => next,
                Err(true) => return Ok(()),
                Err(false) => {
                    return Err(PyRuntimeError::new_err("release: nobody has acquired it"));
                }
            };
            // One that has ended, and never awaited it, has no use for it.
            if !next.task.get().is_over(py) {
                Semaphore::belongs_to(slf, next.task.get());
                let waiters = next.future.get().complete(py, Ok(py.None()));
                future::wake(py, waiters);
                return Ok(());
            }
        }
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

    /// Waits for its turn, when it is awaited. To be followed by `release`; `async with` does
    /// both. A coroutine that ends without a release has it released, which is logged.
    fn acquire(slf: Bound<'_, Self>) -> PyResult<Py<Acquire>> {
        Acquire::new(slf)
    }

    /// Gives the turn to the next one.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let task = task::with_current(py, "release", |task| Ok(task.clone().unbind())).ok();
        let current = task.as_ref().map(|task| ptr::from_ref(task.get()).addr());
        // SAFETY: addresses; no Python runs.
        unsafe {
            this.owners.with(py, |owners| {
                // One may release what another has acquired.
                let own = owners.iter().position(|owner| Some(*owner) == current);
                if let Some(at) = own.or_else(|| (!owners.is_empty()).then_some(0)) {
                    owners.swap_remove(at);
                }
            });
        }
        if let Some(task) = task.filter(|task| this.owned_by(py, task.get()) == 0) {
            task.get().holds_no_more(slf);
        }
        Semaphore::pass_on(slf)
    }

    /// Whether the next one would have to wait.
    fn locked(&self, py: Python<'_>) -> bool {
        self.free.get(py) == 0
    }

    fn __aenter__(slf: Bound<'_, Self>) -> PyResult<Py<Acquire>> {
        Acquire::new(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(
        slf: &Bound<'_, Self>,
        _exception: &Bound<'_, pyo3::types::PyTuple>,
    ) -> PyResult<Py<Future>> {
        Semaphore::release(slf)?;
        Future::done(slf.py(), Ok(slf.py().None()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        unsafe {
            let py = Python::assume_attached();
            self.waiting.with(py, |waiting| {
                waiting.values().try_for_each(|one| {
                    visit.call(&one.task)?;
                    visit.call(&one.future)
                })
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
