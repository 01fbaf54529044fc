//! `gather`: several awaitables at once.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::acquire::Acquire;
use super::future::{Future, Outcome, Source, Waiter, Waiters};
use super::task::Task;
use crate::gil::GilCell;
use crate::shake;

/// The parts of a `gather`, and where their results go.
#[pyclass(frozen, module = "gluster")]
pub struct Gather {
    parts: Vec<Py<Future>>,
    /// Parts that are not done.
    left: GilCell<usize>,
    whole: Py<Future>,
}

impl Gather {
    /// A part is done; who goes on if that settles the whole.
    pub fn done(&self, py: Python<'_>, part: usize) -> Waiters {
        let left = self.left.get(py) - 1;
        self.left.store(py, left);
        match self.parts[part].get().outcome(py) {
            Some(Err(error)) => {
                let waiters = self.whole.get().complete(py, Err(error));
                self.give_up(py);
                waiters
            }
            _ if left == 0 => self.whole.get().complete(py, self.results(py)),
            _ => Waiters::new(),
        }
    }

    /// The parts that are not done.
    pub fn pending(&self, py: Python<'_>) -> impl Iterator<Item = Py<Future>> {
        let parts = self
            .parts
            .iter()
            .filter(move |part| !part.get().is_done(py));
        parts.map(move |part| part.clone_ref(py))
    }

    /// All results, or the first exception.
    fn results(&self, py: Python<'_>) -> Outcome {
        let outcomes = self.parts.iter().filter_map(|part| part.get().outcome(py));
        let values: Vec<_> = outcomes.collect::<PyResult<_>>()?;
        Ok(PyList::new(py, values)?.into_any().unbind())
    }

    /// The parts are not wanted any more.
    fn give_up(&self, py: Python<'_>) {
        for part in self.end(py) {
            part.get().give_up(py);
        }
    }

    /// It waits for its parts no more; those that nobody waits for now.
    pub fn end(&self, py: Python<'_>) -> Vec<Py<Future>> {
        let mut alone = Vec::new();
        for (i, part) in self.parts.iter().enumerate() {
            if !part.get().is_done(py) && !part.get().forget_part(py, self, i) {
                alone.push(part.clone_ref(py));
            }
        }
        alone
    }
}

#[pymethods]
impl Gather {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.parts.iter().try_for_each(|part| visit.call(part))?;
        visit.call(&self.whole)
    }
}

/// Awaits several things at once: winds, calls of children, coroutines. The result is a
/// list of theirs, in order; the first exception ends it, and the coroutines among the
/// others are cancelled.
#[pyfunction]
#[pyo3(signature = (*awaitables))]
pub fn gather(awaitables: &Bound<'_, PyTuple>) -> PyResult<Py<Future>> {
    let py = awaitables.py();
    let parts: PyResult<Vec<_>> = awaitables.iter().map(|part| future_of(&part)).collect();
    let parts = parts?;
    let whole = Future::new(py)?;
    let gather = Gather {
        left: GilCell::new(parts.len()),
        parts,
        whole: whole.clone_ref(py),
    };
    shake::point_with_gil(py);
    let gather = Py::new(py, gather)?;
    for (i, part) in gather.get().parts.iter().enumerate() {
        let waiter = Waiter::Gather(gather.clone_ref(py), i);
        if !Future::wait(part.bind(py), waiter) {
            // Nobody waits for the whole yet.
            let _ = gather.get().done(py, i);
        }
        if whole.get().is_done(py) {
            return Ok(whole); // one has failed, or all are done
        }
    }
    if gather.get().parts.is_empty() {
        let _ = whole.get().complete(py, gather.get().results(py));
    }
    whole.get().set_source(py, Source::Gather(gather));
    Ok(whole)
}

/// What becomes of an awaitable; a coroutine is started.
fn future_of(awaitable: &Bound<'_, PyAny>) -> PyResult<Py<Future>> {
    if let Ok(future) = awaitable.cast::<Future>() {
        return Ok(future.clone().unbind());
    }
    if let Ok(task) = awaitable.cast::<Task>() {
        return Ok(task.get().result(awaitable.py()));
    }
    if let Ok(acquire) = awaitable.cast::<Acquire>() {
        return Acquire::turn(acquire);
    }
    // SAFETY: a live object.
    if unsafe { ffi::PyCoro_CheckExact(awaitable.as_ptr()) } == 0 {
        return Err(PyTypeError::new_err(format!(
            "gather: {} can not be awaited here: only coroutines and what Glupy gives to await",
            awaitable.repr()?
        )));
    }
    Task::part(awaitable)
}
