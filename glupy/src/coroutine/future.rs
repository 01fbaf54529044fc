//! `Future`: what a coroutine waits for.

use std::ptr;
use std::time::Instant;

use pyo3::exceptions::{PyAttributeError, PyBaseException, PyStopIteration};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyTypeInfo, PyVisit};
use smallvec::{SmallVec, smallvec};

use super::cancelled;
use super::gather::Gather;
use super::semaphore::{Semaphore, Ticket};
use super::task::Task;
use super::time;
use crate::gil::{self, Gil, GilCell};
use crate::pool;
use crate::shake;
use crate::timer::{self, Key};

/// A result, or the exception that is there instead.
pub type Outcome = Result<Py<PyAny>, PyErr>;

/// An outcome that is kept: as objects, which the collector can follow. An exception has
/// a traceback, which has the frames of coroutines.
type Kept = Result<Py<PyAny>, Py<PyBaseException>>;

fn keep(py: Python<'_>, outcome: Outcome) -> Kept {
    outcome.map_err(|error| error.into_value(py))
}

/// Who goes on when there is a result.
pub enum Waiter {
    /// A coroutine that awaits it.
    Task(Py<Task>),
    /// A `gather` of which it is a part, and which one.
    Gather(Py<Gather>, usize),
}

impl Waiter {
    fn is_task(&self, task: &Task) -> bool {
        matches!(self, Waiter::Task(other) if ptr::eq(other.get(), task))
    }

    fn is_part(&self, gather: &Gather, part: usize) -> bool {
        matches!(self, Waiter::Gather(other, i) if ptr::eq(other.get(), gather) && *i == part)
    }
}

/// Who makes the result, and need not when nobody waits for it any more.
#[derive(Default)]
pub enum Source {
    /// It happens anyway.
    #[default]
    None,
    /// A part of a `gather`.
    Task(Py<Task>),
    /// The whole of a `gather`.
    Gather(Py<Gather>),
    /// The clock, when that time has come. There is a timer as long as a coroutine waits.
    Clock(Instant, Option<Key>),
    /// A thread of `pool::BLOCKING`.
    Thread(pool::Number),
    /// Who releases a semaphore.
    Semaphore(Py<Semaphore>, Ticket),
}

/// What a coroutine can `await`: the reply to a wind, the end of a sleep, a lock.
#[pyclass(frozen, module = "gluster")]
pub struct Future {
    outcome: GilCell<Option<Kept>>,
    waiters: GilCell<SmallVec<[Waiter; 1]>>,
    source: GilCell<Source>,
}

/// What is to go on now that a future is done.
pub type Waiters = SmallVec<[Waiter; 1]>;

impl Future {
    /// One that is pending.
    pub fn new(py: Python<'_>) -> PyResult<Py<Future>> {
        Self::from(py, None)
    }

    /// One that is done at a time.
    pub fn due(py: Python<'_>, time: Instant) -> PyResult<Py<Future>> {
        let future = Self::new(py)?;
        future.get().set_source(py, Source::Clock(time, None));
        Ok(future)
    }

    /// One that is done.
    pub fn done(py: Python<'_>, outcome: Outcome) -> PyResult<Py<Future>> {
        Self::from(py, Some(outcome))
    }

    fn from(py: Python<'_>, outcome: Option<Outcome>) -> PyResult<Py<Future>> {
        let future = Future {
            outcome: GilCell::new(outcome.map(|outcome| keep(py, outcome))),
            waiters: GilCell::new(SmallVec::new()),
            source: GilCell::default(),
        };
        shake::point_with_gil(py);
        Py::new(py, future)
    }

    /// Says who makes the result, if that is not there already.
    pub fn set_source(&self, py: Python<'_>, source: Source) {
        let _other = gil::locked(py, |locked| match self.is_done(locked) {
            true => source,
            false => self.source.replace(locked, source),
        });
    }

    /// The result, if there is one.
    pub fn outcome(&self, py: Python<'_>) -> Option<Outcome> {
        // SAFETY: taking references runs no Python.
        let kept = unsafe {
            self.outcome.with(py, |outcome| match outcome.as_ref()? {
                Ok(value) => Some(Ok(value.clone_ref(py))),
                Err(error) => Some(Err(error.clone_ref(py))),
            })
        };
        kept.map(|kept: Kept| {
            kept.map_err(|error| PyErr::from_value(error.into_bound(py).into_any()))
        })
    }

    /// Whether there is a result.
    pub fn is_done(&self, gil: impl Gil) -> bool {
        // SAFETY: looks only.
        unsafe { self.outcome.with(gil, |outcome| outcome.is_some()) }
    }

    /// Gives it its result; who has waited for it goes on by [`go_on`] or
    /// [`wake`].
    #[must_use]
    pub fn complete(&self, py: Python<'_>, outcome: Outcome) -> Waiters {
        // First: to make an exception of it may run Python, and other threads meanwhile.
        let outcome = Some(keep(py, outcome));
        // All at once: others see it pending, with those who wait, or done.
        let (waiters, (before, source, waits)) = gil::locked(py, |locked| {
            if self.is_done(locked) {
                return (Waiters::new(), (outcome, Source::None, SmallVec::new()));
            }
            let before = self.outcome.replace(locked, outcome);
            let source = self.source.take(locked);
            let waiters = self.waiters.take(locked);
            let mut waits = SmallVec::<[_; 1]>::new();
            for waiter in &waiters {
                if let Waiter::Task(task) = waiter {
                    waits.push(task.get().set_waits(locked, None));
                }
            }
            (waiters, (before, source, waits))
        });
        for awaited in waits.into_iter().flatten() {
            awaited.drop_ref(py);
        }
        drop((before, source));
        waiters
    }

    /// Remembers who goes on when it is done. False if it is.
    #[must_use]
    pub fn wait(slf: &Bound<'_, Future>, waiter: Waiter) -> bool {
        let (py, future) = (slf.py(), slf.get());
        let is_wanted = matches!(waiter, Waiter::Task(_)); // of a `gather`: when that is
        let awaited = slf.clone().unbind();
        let (refused, left) = gil::locked(py, |locked| {
            if future.is_done(locked) {
                return (Some(waiter), Some(awaited));
            }
            let left = match &waiter {
                Waiter::Task(task) => task.get().set_waits(locked, Some(awaited)),
                Waiter::Gather(..) => Some(awaited),
            };
            // SAFETY: `push` runs no Python.
            unsafe { future.waiters.with(locked, |waiters| waiters.push(waiter)) };
            (None, left)
        });
        if let Some(left) = left {
            left.drop_ref(py);
        }
        let waits = refused.is_none();
        if waits && is_wanted {
            Future::begin(slf);
        }
        waits
    }

    /// A coroutine waits for it: now there are timers for what is in it. A loop, as in
    /// [`Future::give_up`].
    fn begin(slf: &Bound<'_, Future>) {
        let py = slf.py();
        let mut left: SmallVec<[Py<Future>; 1]> = smallvec![slf.clone().unbind()];
        while let Some(future) = left.pop() {
            let asleep = future.clone_ref(py);
            // SAFETY: looks, takes references, and sets what needs no drop.
            let _left = unsafe {
                future.get().source.with(py, |source| match source {
                    Source::Clock(due, key @ None) => {
                        let job = move || time::complete(asleep, |py| Ok(py.None()));
                        *key = Some(timer::at(*due, Box::new(job)));
                        None
                    }
                    Source::Gather(gather) => {
                        left.extend(gather.get().pending(py));
                        Some(asleep)
                    }
                    _ => Some(asleep),
                })
            };
        }
    }

    /// Whether somebody waits for it.
    pub fn is_awaited(&self, py: Python<'_>) -> bool {
        // SAFETY: looks only.
        unsafe { self.waiters.with(py, |waiters| !waiters.is_empty()) }
    }

    /// A coroutine does not wait for it any more. Whether somebody still does.
    pub fn forget_task(&self, py: Python<'_>, task: &Task) -> bool {
        self.forget(py, |waiter| waiter.is_task(task))
    }

    /// The same for a part of a `gather`.
    pub fn forget_part(&self, py: Python<'_>, gather: &Gather, part: usize) -> bool {
        self.forget(py, |waiter| waiter.is_part(gather, part))
    }

    fn forget(&self, py: Python<'_>, is_it: impl Fn(&Waiter) -> bool) -> bool {
        // SAFETY: moves waiters, and looks; none is dropped in there.
        let gone = unsafe {
            self.waiters.with(py, |waiters| {
                let place = waiters.iter().position(is_it);
                place.map(|i| waiters.remove(i))
            })
        };
        drop(gone);
        self.is_awaited(py)
    }

    /// Nobody waits for it any more: who makes the result need not, and nobody need make
    /// what that one waits for. A loop: they may be as many as an author likes.
    pub fn give_up(&self, py: Python<'_>) {
        let mut left: SmallVec<[Source; 4]> = smallvec![self.stop(py)];
        while let Some(source) = left.pop() {
            match source {
                Source::Task(task) => {
                    let waits = Task::tear(task.bind(py), cancelled(py));
                    left.extend(waits.map(|future| future.get().stop(py)));
                }
                Source::Gather(gather) => {
                    let alone = gather.get().end(py);
                    left.extend(alone.into_iter().map(|part| part.get().stop(py)));
                }
                _ => {}
            }
        }
    }

    /// Ends what makes the result, or says who makes it and is to end. Whoever waits for it
    /// afterwards does not wait in vain.
    fn stop(&self, py: Python<'_>) -> Source {
        let source = gil::locked(py, |locked| {
            // SAFETY: looks, and moves it out: no Python runs.
            unsafe {
                self.source.with(locked, |source| match source {
                    Source::Clock(due, key) => Source::Clock(*due, key.take()),
                    other => std::mem::take(other),
                })
            }
        });
        let is_off = match &source {
            Source::Clock(_, key) => {
                drop(key.and_then(timer::cancel));
                false
            }
            Source::Thread(number) => {
                let job = pool::BLOCKING.cancel(*number);
                job.is_some() // else it runs, and has a result
            }
            Source::Semaphore(semaphore, ticket) => {
                semaphore.get().leave(py, *ticket);
                true
            }
            Source::Gather(_) => true,
            Source::None | Source::Task(_) => false,
        };
        if is_off {
            let nobody = self.complete(py, super::cancelled_error(py));
            debug_assert!(nobody.is_empty());
        }
        source
    }
}

/// Goes on with who has waited, here if that is one, and with who has waited for that one;
/// with others on threads of Glupy's own. The one that waits again in the end.
///
/// A loop: a chain of coroutines may be as long as an author likes.
pub fn go_on(py: Python<'_>, waiters: Waiters) -> Option<Bound<'_, Task>> {
    let mut waiters = waiters;
    loop {
        let task = first(py, waiters)?;
        match Task::advance(&task, None) {
            None => return Some(task),
            Some(others) => waiters = others,
        }
    }
}

/// Lets go on who has waited, on threads of Glupy's own.
pub fn wake(py: Python<'_>, waiters: Waiters) {
    if let Some(task) = first(py, waiters) {
        Task::post(task.unbind(), None);
    }
}

/// The first coroutine among those that have waited; others go on on threads of Glupy's own.
fn first(py: Python<'_>, waiters: Waiters) -> Option<Bound<'_, Task>> {
    let mut first = None;
    let mut left = waiters;
    if left.len() > 1 {
        left.reverse();
    }
    while let Some(waiter) = left.pop() {
        match waiter {
            Waiter::Task(task) if first.is_none() => first = Some(task.into_bound(py)),
            Waiter::Task(task) => Task::post(task, None),
            Waiter::Gather(gather, part) => {
                let next = gather.get().done(py, part);
                left.extend(next.into_iter().rev());
            }
        }
    }
    first
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

    /// What its result may have, and it has not: `await` was forgotten.
    fn __getattr__(&self, name: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let name = name.str()?;
        let name = name.to_string_lossy();
        Err(PyAttributeError::new_err(match name.starts_with("__") {
            true => format!("'gluster.Future' object has no attribute '{name}'"),
            false => format!(
                "'gluster.Future' object has no attribute '{name}': await it first, as in \
                 `reply = await frame.wind()`"
            ),
        }))
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
                Some(Err(error)) => visit.call(&*error),
                None => Ok(()),
            })?;
            self.source.with(py, |source| match source {
                Source::None | Source::Clock(..) | Source::Thread(_) => Ok(()),
                Source::Task(task) => visit.call(&*task),
                Source::Gather(gather) => visit.call(&*gather),
                Source::Semaphore(semaphore, _) => visit.call(&*semaphore),
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
