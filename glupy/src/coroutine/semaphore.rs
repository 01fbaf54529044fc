//! `Semaphore` and `Lock`: they suspend coroutines, never threads.

use std::collections::VecDeque;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::future::{self, Future};
use crate::gil::GilCell;

/// Lets a number of coroutines go on at a time; the others wait, first come, first served.
///
/// `async with semaphore: ...`
#[pyclass(frozen, subclass, module = "gluster")]
pub struct Semaphore {
    most: usize,
    free: GilCell<usize>,
    waiting: GilCell<VecDeque<Py<Future>>>,
}

impl Semaphore {
    fn with(most: usize) -> Semaphore {
        Semaphore {
            most,
            free: GilCell::new(most),
            waiting: GilCell::new(VecDeque::new()),
        }
    }

    fn nothing(py: Python<'_>) -> PyResult<Py<Future>> {
        Future::done(py, Ok(py.None()))
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

    /// Waits for its turn. To be followed by `release`; `async with` does both.
    fn acquire(&self, py: Python<'_>) -> PyResult<Py<Future>> {
        let free = self.free.get(py);
        if free > 0 {
            self.free.set(py, free - 1);
            return Semaphore::nothing(py);
        }
        let future = Future::new(py)?;
        // SAFETY: `push_back` runs no Python.
        unsafe {
            self.waiting
                .with(py, |waiting| waiting.push_back(future.clone_ref(py)));
        }
        Ok(future)
    }

    /// Gives the turn to the next one.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        // SAFETY: `pop_front` runs no Python.
        while let Some(next) = unsafe { self.waiting.with(py, VecDeque::pop_front) } {
            if !next.get().is_abandoned(py) {
                future::wake(py, next.get().complete(py, Ok(py.None())));
                return Ok(());
            }
        }
        let free = self.free.get(py);
        if free == self.most {
            return Err(PyRuntimeError::new_err("release: nobody has acquired it"));
        }
        self.free.set(py, free + 1);
        Ok(())
    }

    /// Whether the next one would have to wait.
    fn locked(&self, py: Python<'_>) -> bool {
        self.free.get(py) == 0
    }

    fn __aenter__(&self, py: Python<'_>) -> PyResult<Py<Future>> {
        self.acquire(py)
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        _exception: &Bound<'_, pyo3::types::PyTuple>,
    ) -> PyResult<Py<Future>> {
        self.release(py)?;
        Semaphore::nothing(py)
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
