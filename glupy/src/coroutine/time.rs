//! `sleep`, `timeout` and `to_thread`: what happens on threads of Glupy's own.

use std::time::{Duration, Instant};

use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::cancelled;
use super::future::{self, Future, Outcome, Source};
use super::task::{self, Task};
use crate::dispatch;
use crate::ending;
use crate::gil::{self, GilCell};
use crate::here::Here;
use crate::pool;
use crate::timer::{self, Key};

/// The longest time to wait: ten years, which the clock can still count.
const LONGEST: f64 = 3e8;

fn duration(function: &str, seconds: f64) -> PyResult<Duration> {
    if !(0.0..=LONGEST).contains(&seconds) {
        return Err(PyValueError::new_err(format!(
            "{function}: {seconds} is not a number of seconds (0 to {LONGEST:e})"
        )));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Gives a future its result on the current thread, which is Glupy's own, and goes on with
/// the coroutine that waits for it. The GIL is not held.
pub fn complete(future: Py<Future>, outcome: impl FnOnce(Python<'_>) -> Outcome) {
    dispatch::go_on(move |py| {
        let outcome = outcome(py);
        let waiters = future.get().complete(py, outcome);
        drop(future);
        future::go_on(py, waiters)
    });
}

/// Suspends the coroutine for a number of seconds.
#[pyfunction]
pub fn sleep(py: Python<'_>, seconds: f64) -> PyResult<Py<Future>> {
    Future::due(py, Instant::now() + duration("sleep", seconds)?)
}

/// Runs a function that may block, on another thread; the result is what it returns.
#[pyfunction]
#[pyo3(signature = (function, *args, **kwargs))]
pub fn to_thread(
    py: Python<'_>,
    function: Py<PyAny>,
    args: Py<PyTuple>,
    kwargs: Option<Py<PyDict>>,
) -> PyResult<Py<Future>> {
    let future = Future::new(py)?;
    let waiting = future.clone_ref(py);
    let instance = Here::now().instance();
    let job = move || {
        // Not with THIS set: it may run on when the translator is freed.
        let here = Here::now();
        let outcome = gil::attach_at(here, |py| {
            let (function, args) = (function.into_bound(py), args.into_bound(py));
            let kwargs = kwargs.map(|kwargs| kwargs.into_bound(py));
            let call = || ending::call(&function, args, kwargs.as_ref());
            here.run_for(instance, call).map(Bound::unbind)
        });
        complete(waiting, |_| outcome);
    };
    let number = pool::BLOCKING.post(Box::new(job));
    future.get().set_source(py, Source::Thread(number));
    Ok(future)
}

/// `async with timeout(2): ...` raises TimeoutError, which answers ETIMEDOUT, when what is
/// in it takes longer. Answers that come later harm nothing.
#[pyclass(frozen, module = "gluster", name = "timeout")]
pub struct Timeout {
    seconds: f64,
    /// The coroutine that is in it.
    inside: GilCell<Option<Py<Task>>>,
    key: GilCell<Option<Key>>,
    /// What the coroutine got when the time was over.
    thrown: GilCell<Option<Py<PyAny>>>,
}

impl Timeout {
    fn fire(&self, py: Python<'_>) {
        // Made first: this may give the GIL up, and the coroutine may leave.
        let exception = cancelled(py);
        let thrown = Some(exception.clone_ref(py));
        // SAFETY: taking a reference runs no Python.
        let inside = unsafe {
            let inside = |inside: &mut Option<Py<Task>>| Some(inside.as_ref()?.clone_ref(py));
            self.inside.with(py, inside)
        };
        if let Some(task) = inside {
            // Nothing runs Python between the look and the tear.
            let before = self.thrown.replace(py, thrown);
            Task::cancel(task.bind(py), exception);
            drop(before);
        }
    }
}

#[pymethods]
impl Timeout {
    /// For that many seconds.
    #[new]
    fn new(seconds: f64) -> PyResult<Timeout> {
        duration("timeout", seconds)?;
        Ok(Timeout {
            seconds,
            inside: GilCell::new(None),
            key: GilCell::new(None),
            thrown: GilCell::new(None),
        })
    }

    fn __aenter__(slf: Bound<'_, Self>) -> PyResult<Py<Future>> {
        let py = slf.py();
        let task = task::with_current(py, "timeout", |task| Ok(task.clone().unbind()))?;
        if slf.get().key.get(py).is_some() {
            return Err(PyValueError::new_err("timeout: use each once"));
        }
        task.get().limit(py, 1);
        slf.get().inside.set(py, Some(task));
        let this = slf.clone().unbind();
        let job = || gil::attach(move |py| this.get().fire(py));
        let time = duration("timeout", slf.get().seconds)?;
        let key = timer::after(time, Box::new(job));
        slf.get().key.set(py, Some(key));
        Future::done(py, Ok(slf.into_any().unbind()))
    }

    fn __aexit__(
        &self,
        py: Python<'_>,
        _class: &Bound<'_, PyAny>,
        exception: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Future>> {
        if let Some(key) = self.key.get(py) {
            drop(timer::cancel(key));
        }
        let task = self.inside.take(py);
        if let Some(task) = &task {
            task.get().limit(py, -1);
        }
        match self.thrown.take(py) {
            Some(thrown) if thrown.is(exception) => {
                let text = format!("timed out after {} s", self.seconds);
                return Err(PyTimeoutError::new_err((libc::ETIMEDOUT, text)));
            }
            Some(thrown) => {
                if let Some(task) = &task {
                    task.get().withdraw(py, &thrown);
                }
            }
            None => {}
        }
        Future::done(
            py,
            Ok(false.into_pyobject(py)?.to_owned().into_any().unbind()),
        )
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        unsafe {
            let py = Python::assume_attached();
            self.inside.with(py, |inside| match inside {
                Some(task) => visit.call(&*task),
                None => Ok(()),
            })?;
            self.thrown.with(py, |thrown| match thrown {
                Some(thrown) => visit.call(&*thrown),
                None => Ok(()),
            })
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        drop(self.inside.take(py));
        drop(self.thrown.take(py));
    }
}
