//! `Future`: what a coroutine waits for.

use std::ptr;

use pyo3::exceptions::PyStopIteration;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyTypeInfo, PyVisit};
use smallvec::SmallVec;

use super::gather::Gather;
use super::task::Task;
use crate::gil::GilCell;
use crate::shake;

/// A result, or the exception that is there instead.
pub type Outcome = Result<Py<PyAny>, PyErr>;

/// Who goes on when there is a result.
pub enum Waiter {
    /// A coroutine that awaits it.
    Task(Py<Task>),
    /// A `gather` of which it is a part, and which one.
    Gather(Py<Gather>, usize),
}

/// Who need not go on when nobody waits for the result any more.
pub enum Source {
    /// It happens anyway.
    None,
    /// A part of a `gather`.
    Task(Py<Task>),
    /// The whole of a `gather`.
    Gather(Py<Gather>),
}

/// What a coroutine can `await`: the reply to a wind, the end of a sleep, a lock.
#[pyclass(frozen, module = "gluster")]
pub struct Future {
    outcome: GilCell<Option<Outcome>>,
    waiters: GilCell<SmallVec<[Waiter; 1]>>,
    source: GilCell<Source>,
    abandoned: GilCell<bool>,
}

/// What is to go on now that a future is done.
pub type Waiters = SmallVec<[Waiter; 1]>;

impl Future {
    /// One that is pending.
    pub fn new(py: Python<'_>) -> PyResult<Py<Future>> {
        Self::from(py, None)
    }

    /// One that is done.
    pub fn done(py: Python<'_>, outcome: Outcome) -> PyResult<Py<Future>> {
        Self::from(py, Some(outcome))
    }

    fn from(py: Python<'_>, outcome: Option<Outcome>) -> PyResult<Py<Future>> {
        let future = Future {
            outcome: GilCell::new(outcome),
            waiters: GilCell::new(SmallVec::new()),
            source: GilCell::new(Source::None),
            abandoned: GilCell::new(false),
        };
        shake::point_with_gil(py);
        Py::new(py, future)
    }

    /// Says who makes the result.
    pub fn set_source(&self, py: Python<'_>, source: Source) {
        self.source.set(py, source);
    }

    /// The result, if there is one.
    pub fn outcome(&self, py: Python<'_>) -> Option<Outcome> {
        // SAFETY: taking references runs no Python.
        unsafe {
            self.outcome.with(py, |outcome| match outcome.as_ref()? {
                Ok(value) => Some(Ok(value.clone_ref(py))),
                Err(error) => Some(Err(error.clone_ref(py))),
            })
        }
    }

    /// Whether there is a result.
    pub fn is_done(&self, py: Python<'_>) -> bool {
        // SAFETY: looks only.
        unsafe { self.outcome.with(py, |outcome| outcome.is_some()) }
    }

    /// Whether somebody waited for it and no longer does.
    pub fn is_abandoned(&self, py: Python<'_>) -> bool {
        self.abandoned.get(py)
    }

    /// Gives it its result; who has waited for it goes on by [`wake`].
    #[must_use]
    pub fn complete(&self, py: Python<'_>, outcome: Outcome) -> Waiters {
        if self.is_done(py) {
            return Waiters::new();
        }
        self.outcome.set(py, Some(outcome));
        self.source.set(py, Source::None);
        let waiters = self.waiters.take(py);
        for waiter in &waiters {
            if let Waiter::Task(task) = waiter {
                task.get().set_waits(py, None);
            }
        }
        waiters
    }

    /// Remembers who goes on when it is done.
    pub fn wait(&self, py: Python<'_>, waiter: Waiter) {
        self.abandoned.set(py, false);
        // SAFETY: `push` runs no Python.
        unsafe { self.waiters.with(py, |waiters| waiters.push(waiter)) }
    }

    /// Whether somebody waits for it.
    pub fn is_awaited(&self, py: Python<'_>) -> bool {
        // SAFETY: looks only.
        unsafe { self.waiters.with(py, |waiters| !waiters.is_empty()) }
    }

    /// A coroutine does not wait for it any more.
    pub fn abandon(&self, py: Python<'_>, task: &Task) {
        if !self.forget(py, task) {
            self.give_up(py);
        }
    }

    /// The same, but whoever makes the result goes on. Whether others still wait.
    pub fn forget(&self, py: Python<'_>, task: &Task) -> bool {
        let others: Waiters = self
            .waiters
            .take(py)
            .into_iter()
            .filter(|waiter| !matches!(waiter, Waiter::Task(other) if ptr::eq(other.get(), task)))
            .collect();
        let any = !others.is_empty();
        // What came meanwhile, while the one that is gone was dropped.
        let newer = self.waiters.replace(py, others);
        for waiter in newer {
            self.wait(py, waiter);
        }
        if !any {
            self.abandoned.set(py, true);
        }
        any
    }

    /// Nobody waits for it any more: who makes the result need not.
    pub fn give_up(&self, py: Python<'_>) {
        self.abandoned.set(py, true);
        match self.source.replace(py, Source::None) {
            Source::None => {}
            Source::Task(task) => Task::cancel(task.bind(py), super::cancelled(py)),
            Source::Gather(gather) => gather.get().give_up(py),
        }
    }
}

/// Goes on with who has waited, here if that is one; others on threads of Glupy's own.
/// The one that waits again in the end.
pub fn go_on(py: Python<'_>, waiters: Waiters) -> Option<Py<Task>> {
    let mut waiters = waiters.into_iter();
    let last = match waiters.next()? {
        Waiter::Task(task) => Task::step(task.bind(py), None),
        Waiter::Gather(gather, part) => {
            let next = gather.get().done(py, part);
            go_on(py, next)
        }
    };
    wake(py, waiters.collect());
    last
}

/// Lets go on who has waited, on threads of Glupy's own.
pub fn wake(py: Python<'_>, waiters: Waiters) {
    for waiter in waiters {
        match waiter {
            Waiter::Task(task) => Task::post(task, None),
            Waiter::Gather(gather, part) => {
                let next = gather.get().done(py, part);
                wake(py, next);
            }
        }
    }
}

#[pymethods]
impl Future {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: Bound<'_, Self>) -> PyResult<Py<Self>> {
        match slf.get().outcome(slf.py()) {
            None => Ok(slf.unbind()),
            Some(Ok(value)) => Err(PyStopIteration::new_err((value,))),
            Some(Err(error)) => Err(error),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> &'static str {
        match self.is_done(py) {
            true => "<Future done>",
            false => "<Future pending>",
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        unsafe {
            let py = Python::assume_attached();
            self.outcome.with(py, |outcome| match outcome {
                Some(Ok(value)) => visit.call(&*value),
                _ => Ok(()),
            })?;
            self.source.with(py, |source| match source {
                Source::None => Ok(()),
                Source::Task(task) => visit.call(&*task),
                Source::Gather(gather) => visit.call(&*gather),
            })?;
            self.waiters.with(py, |waiters| {
                waiters.iter().try_for_each(|waiter| match waiter {
                    Waiter::Task(task) => visit.call(task),
                    Waiter::Gather(gather, _) => visit.call(gather),
                })
            })
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        drop(self.waiters.take(py));
        self.source.set(py, Source::None);
        drop(self.outcome.take(py));
    }
}

/// Gives the class what PyO3 has no slot for: with `am_send` a result comes back without
/// a StopIteration.
pub fn install(py: Python<'_>) {
    unsafe extern "C" fn send(
        slf: *mut ffi::PyObject,
        _value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult {
        // SAFETY: Python calls the slot with the GIL, with a Future and a place for the
        // result, which gets a new reference.
        unsafe {
            let py = Python::assume_attached();
            let future = Bound::from_borrowed_ptr(py, slf).cast_into_unchecked::<Future>();
            let (value, status) = match future.get().outcome(py) {
                None => (future.into_ptr(), ffi::PySendResult::PYGEN_NEXT),
                Some(Ok(value)) => (value.into_ptr(), ffi::PySendResult::PYGEN_RETURN),
                Some(Err(error)) => {
                    error.restore(py);
                    (ptr::null_mut(), ffi::PySendResult::PYGEN_ERROR)
                }
            };
            *result = value;
            status
        }
    }
    // SAFETY: a ready type with `__await__` has these slots; nobody uses it yet.
    unsafe {
        let slots = (*Future::type_object_raw(py)).tp_as_async;
        (*slots).am_send = Some(send);
    }
}
