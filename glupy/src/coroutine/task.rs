//! `Task`: a coroutine on its way. Whoever brings what it waits for goes on with it; there
//! is no event loop.

use std::ptr;

use pyo3::exceptions::{PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};
use smallvec::SmallVec;

use super::future::{self, Future, Outcome, Source, Waiter, Waiters};
use super::semaphore::Semaphore;
use super::{CancelledError, cancelled};
use crate::action::Queue;
use crate::call::Carrying;
use crate::dispatch;
use crate::ending;
use crate::frame::{Frame, FrameError};
use crate::gil::{self, Gil, GilCell};
use crate::here::Here;
use crate::instance::{Handler, Instance};
use crate::log;
use crate::pool;
use crate::shake;

/// What a coroutine is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// It answers a request.
    Request(&'static Handler),
    /// It is a part of a `gather`.
    Part,
    /// It is there for itself (`spawn`); its number among those.
    Spawned(u64),
}

/// A coroutine on its way.
#[pyclass(frozen, module = "gluster")]
pub struct Task {
    instance: &'static Instance,
    purpose: Purpose,
    /// None when it is over.
    coroutine: GilCell<Option<Py<PyAny>>>,
    /// The request that it is for, if it is for one.
    frame: GilCell<Option<Py<Frame>>>,
    /// What it awaits.
    waits: GilCell<Option<Py<Future>>>,
    /// What its handler has returned, if that is to be awaited, too.
    returned: GilCell<Option<Py<Future>>>,
    /// Exceptions that it is to get, one each time that it waits.
    pending: GilCell<SmallVec<[Py<PyAny>; 1]>>,
    /// How many timeouts, and what `gather`, are around what it does now.
    limits: GilCell<u32>,
    /// The outermost call that carries out what it asks for.
    carrying: Carrying,
    /// What it has acquired, and perhaps released.
    held: GilCell<Vec<Py<Semaphore>>>,
    /// Where its result goes, unless it answers a request.
    result: Option<Py<Future>>,
}

/// Looks at the coroutine that runs on this thread.
///
/// # Errors
/// `FrameError` when none does; what `f` says.
pub fn with_current<R>(
    py: Python<'_>,
    what: &str,
    f: impl FnOnce(&Bound<'_, Task>) -> PyResult<R>,
) -> PyResult<R> {
    // SAFETY: set by `send`, which holds the task.
    match unsafe { Bound::from_borrowed_ptr_or_opt(py, Here::now().task()) } {
        // SAFETY: as above.
        Some(task) => f(unsafe { task.cast_unchecked::<Task>() }),
        None => Err(FrameError::new_err(format!(
            "{what}: only in a coroutine (an `async def` handler, or one given to spawn)"
        ))),
    }
}

/// What came of a step.
enum Step<'py> {
    Awaits(Bound<'py, PyAny>),
    Ended(Outcome),
}

impl Task {
    fn new(
        coroutine: &Bound<'_, PyAny>,
        instance: &'static Instance,
        frame: Option<Py<Frame>>,
        purpose: Purpose,
    ) -> PyResult<Py<Task>> {
        let py = coroutine.py();
        let (limits, result) = match purpose {
            Purpose::Request(_) => (0, None),
            Purpose::Part => (1, Some(Future::new(py)?)),
            Purpose::Spawned(_) => (0, Some(Future::new(py)?)),
        };
        let task = Task {
            instance,
            purpose,
            coroutine: GilCell::new(Some(coroutine.clone().unbind())),
            frame: GilCell::new(frame),
            waits: GilCell::new(None),
            returned: GilCell::new(None),
            pending: GilCell::new(SmallVec::new()),
            limits: GilCell::new(limits),
            carrying: Carrying::default(),
            held: GilCell::new(Vec::new()),
            result,
        };
        shake::point_with_gil(py);
        Py::new(py, task)
    }

    /// The coroutine of a request's handler.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn request<'py>(
        frame: &Py<Frame>,
        instance: &'static Instance,
        handler: &'static Handler,
        coroutine: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Task>> {
        let py = coroutine.py();
        let frame = Some(frame.clone_ref(py));
        let task = Task::new(coroutine, instance, frame, Purpose::Request(handler))?;
        Ok(task.into_bound(py))
    }

    /// A coroutine that is part of a `gather` in another one; it is started.
    ///
    /// # Errors
    /// `FrameError` outside of coroutines.
    pub fn part(coroutine: &Bound<'_, PyAny>) -> PyResult<Py<Future>> {
        let py = coroutine.py();
        let task = with_current(py, "gather", |around| {
            let around = around.get();
            Task::new(coroutine, around.instance, around.frame(py), Purpose::Part)
        })?;
        let result = task.get().result(py);
        // Whoever waits for it does not yet.
        let _ = Task::advance(task.bind(py), None);
        if !result.get().is_done(py) {
            result.get().set_source(py, Source::Task(task));
        }
        Ok(result)
    }

    /// A coroutine on its own; it is started by [`Task::post`].
    ///
    /// # Errors
    /// When there is no memory.
    pub fn spawned(
        coroutine: &Bound<'_, PyAny>,
        instance: &'static Instance,
        number: u64,
    ) -> PyResult<Py<Task>> {
        Task::new(coroutine, instance, None, Purpose::Spawned(number))
    }

    /// Where its result comes. Not for the task of a request.
    pub fn result(&self, py: Python<'_>) -> Py<Future> {
        let result = self.result.as_ref();
        result.expect("nobody sees a request's task").clone_ref(py)
    }

    /// The volume that it belongs to.
    pub fn instance(&self) -> &'static Instance {
        self.instance
    }

    /// The request that it is for.
    pub fn frame(&self, py: Python<'_>) -> Option<Py<Frame>> {
        // SAFETY: taking a reference runs no Python.
        unsafe {
            self.frame
                .with(py, |frame| frame.as_ref().map(|frame| frame.clone_ref(py)))
        }
    }

    /// The call that carries out what it asks for.
    pub fn carrying(&self) -> &Carrying {
        &self.carrying
    }

    /// Whether it may be torn from what it asks for now.
    pub fn is_limited(&self, py: Python<'_>) -> bool {
        self.limits.get(py) > 0
    }

    /// Enters (1) or leaves (-1) a limit.
    pub fn limit(&self, py: Python<'_>, change: i32) {
        let limits = self.limits.get(py).saturating_add_signed(change);
        self.limits.store(py, limits);
    }

    /// Remembers what it waits for; what it has waited for.
    #[must_use = "dropping it may run Python"]
    pub fn set_waits(&self, gil: impl Gil, waits: Option<Py<Future>>) -> Option<Py<Future>> {
        self.waits.replace(gil, waits)
    }

    /// Whether it has ended.
    pub fn is_over(&self, py: Python<'_>) -> bool {
        // SAFETY: looks only.
        unsafe { self.coroutine.with(py, |coroutine| coroutine.is_none()) }
    }

    /// It has acquired a semaphore.
    pub fn holds(&self, semaphore: &Bound<'_, Semaphore>) {
        let py = semaphore.py();
        // SAFETY: compares addresses and takes a reference: no Python runs.
        unsafe {
            self.held.with(py, |held| {
                if !held.iter().any(|other| other.is(semaphore)) {
                    held.push(semaphore.clone().unbind());
                }
            });
        }
    }

    /// It has released it as often as it has acquired it.
    pub fn holds_no_more(&self, semaphore: &Bound<'_, Semaphore>) {
        let py = semaphore.py();
        // SAFETY: compares addresses and moves: no Python runs.
        let gone = unsafe {
            self.held.with(py, |held| {
                let place = held.iter().position(|other| other.is(semaphore));
                place.map(|i| held.swap_remove(i))
            })
        };
        drop(gone);
    }

    /// Nobody shall wait for what it has not released; what that was.
    fn give_back(&self, py: Python<'_>) -> Option<&'static str> {
        let mut what = None;
        for semaphore in self.held.take(py) {
            if Semaphore::give_back(semaphore.bind(py), self) > 0 {
                what = Some(Semaphore::noun(semaphore.bind(py)));
            }
        }
        what
    }

    /// It has ended, and has not released what it has acquired.
    fn complain(&self, py: Python<'_>, what: &str, coroutine: Option<&Py<PyAny>>) {
        let text = format!("ended with a {what} that it has acquired, which is released now");
        match (self.purpose, coroutine) {
            (Purpose::Request(handler), _) => log::at(self.instance.name(), handler, what, &text),
            (_, Some(coroutine)) => self.instance.complain(coroutine.bind(py), what, &text),
            (_, None) => {}
        }
    }

    /// Has one of Glupy's own threads go on with it.
    pub fn post(task: Py<Task>, throw: Option<Py<PyAny>>) {
        let job = || dispatch::go_on(move |py| Task::step(task.into_bound(py), throw));
        pool::RESUMING.post(Box::new(job));
    }

    /// Ends it: it gets an exception now, or when it waits next.
    pub fn cancel(slf: &Bound<'_, Task>, exception: Py<PyAny>) {
        if let Some(future) = Task::tear(slf, exception) {
            future.get().give_up(slf.py());
        }
    }

    /// Tears it from what it waits for, now or when it waits next; what nobody waits for then.
    pub fn tear(slf: &Bound<'_, Task>, exception: Py<PyAny>) -> Option<Py<Future>> {
        let (py, task) = (slf.py(), slf.get());
        if task.is_over(py) {
            return None;
        }
        let Some(future) = task.waits.take(py) else {
            // SAFETY: `push` runs no Python.
            unsafe { task.pending.with(py, |pending| pending.push(exception)) };
            return None;
        };
        let is_awaited = future.get().forget_task(py, task);
        Task::post(slf.clone().unbind(), Some(exception));
        (!is_awaited).then_some(future)
    }

    /// Takes an exception back that it has not got yet.
    pub fn withdraw(&self, py: Python<'_>, exception: &Py<PyAny>) {
        // SAFETY: looks and takes out; what is taken out is dropped behind it.
        let _taken = unsafe {
            self.pending.with(py, |pending| {
                let at = pending.iter().position(|one| one.is(exception));
                at.map(|at| pending.remove(at))
            })
        };
    }

    /// Goes on with it, with an exception or with what it has waited for. The one that
    /// waits in the end, this one or one that has waited for it.
    ///
    /// Called with the GIL, with a queue for what it asks for.
    pub fn step(slf: Bound<'_, Task>, throw: Option<Py<PyAny>>) -> Option<Bound<'_, Task>> {
        match Task::advance(&slf, throw) {
            None => Some(slf),
            Some(waiters) => future::go_on(slf.py(), waiters),
        }
    }

    /// Goes on with it alone: None if it waits, or who has waited for its end.
    pub fn advance(slf: &Bound<'_, Task>, throw: Option<Py<PyAny>>) -> Option<Waiters> {
        let (py, task) = (slf.py(), slf.get());
        let mut throw = throw;
        loop {
            let step = match task.returned.take(py) {
                None => Task::send(slf, throw.take()),
                Some(returned) => Step::Ended(match (throw.take(), returned.get().outcome(py)) {
                    (None, Some(outcome)) => outcome,
                    (exception, _) => {
                        let exception = exception.unwrap_or_else(|| cancelled(py));
                        Err(PyErr::from_value(exception.into_bound(py)))
                    }
                }),
            };
            let future = match step {
                Step::Awaits(object) => match object.cast_into::<Future>() {
                    Ok(future) => future,
                    Err(error) => {
                        throw = Some(task.foreign(&error.into_inner()));
                        continue;
                    }
                },
                Step::Ended(outcome) => match task.awaited_return(py, outcome) {
                    Ok(future) => {
                        let frame = task.frame(py);
                        if frame.is_some_and(|frame| frame.get().pass_on(py, &future)) {
                            return Some(task.end(py, None));
                        }
                        task.returned.set(py, Some(future.clone_ref(py)));
                        future.into_bound(py)
                    }
                    Err(outcome) => return Some(task.end(py, Some(outcome))),
                },
            };
            if future.get().is_done(py) {
                continue;
            }
            // Each at a wait of its own, in their order: none stands for another.
            // SAFETY: takes out, which runs no Python.
            let pending = unsafe {
                let first = |all: &mut SmallVec<_>| (!all.is_empty()).then(|| all.remove(0));
                task.pending.with(py, first)
            };
            if let Some(exception) = pending {
                if !future.get().is_awaited(py) {
                    future.get().give_up(py);
                }
                throw = Some(exception);
                continue;
            }
            if Future::wait(&future, Waiter::Task(slf.clone().unbind())) {
                return None;
            }
        }
    }

    fn throw<'py>(
        coroutine: &Bound<'py, PyAny>,
        exception: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        ending::call(&coroutine.getattr("throw")?, (exception,), None)
    }

    /// Runs the coroutine until it waits, or ends.
    fn send<'py>(slf: &Bound<'py, Task>, throw: Option<Py<PyAny>>) -> Step<'py> {
        let (py, task) = (slf.py(), slf.get());
        // SAFETY: taking a reference runs no Python.
        let coroutine = unsafe {
            task.coroutine.with(py, |coroutine| {
                coroutine
                    .as_ref()
                    .map(|coroutine| coroutine.bind(py).clone())
            })
        };
        let Some(coroutine) = coroutine else {
            return Step::Ended(Err(FrameError::new_err("the coroutine is over")));
        };
        let here = Here::now();
        let before = here.swap_task(slf.as_ptr());
        let step = here.run_for(Some(task.instance), || match throw {
            Some(exception) => match Task::throw(&coroutine, exception) {
                Ok(awaits) => Step::Awaits(awaits),
                Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                    Step::Ended(error.value(py).getattr("value").map(Bound::unbind))
                }
                Err(error) => Step::Ended(Err(error)),
            },
            None => {
                let mut result = ptr::null_mut();
                // SAFETY: a live coroutine; the result is a new reference, or NULL with
                // an exception.
                unsafe {
                    match ending::send(coroutine.as_ptr(), ffi::Py_None(), &raw mut result) {
                        ffi::PySendResult::PYGEN_NEXT => {
                            Step::Awaits(Bound::from_owned_ptr(py, result))
                        }
                        ffi::PySendResult::PYGEN_RETURN => {
                            Step::Ended(Ok(Bound::from_owned_ptr(py, result).unbind()))
                        }
                        ffi::PySendResult::PYGEN_ERROR => Step::Ended(Err(PyErr::fetch(py))),
                    }
                }
            }
        });
        here.swap_task(before);
        shake::point_with_gil(py);
        step
    }

    /// What a handler returns may be awaited in its place: `return frame.wind()`. Gives
    /// back anything else.
    fn awaited_return(&self, py: Python<'_>, outcome: Outcome) -> Result<Py<Future>, Outcome> {
        match (outcome, self.purpose) {
            (Ok(value), Purpose::Request(_)) => match value.bind(py).cast::<Future>() {
                Ok(future) => Ok(future.clone().unbind()),
                Err(_) => Err(Ok(value)),
            },
            (outcome, _) => Err(outcome),
        }
    }

    fn foreign(&self, object: &Bound<'_, PyAny>) -> Py<PyAny> {
        let shown = object
            .repr()
            .map_or_else(|_| "this".to_owned(), |repr| repr.to_string());
        let text = format!(
            "{shown} can not be awaited in a translator: only winds, calls of children, and \
             what gluster has to await (gather, sleep, to_thread, Lock, ...)"
        );
        let py = object.py();
        PyTypeError::new_err(text).into_value(py).into_any()
    }

    /// It has ended, with an outcome unless its request has been passed on; who has waited
    /// for its result.
    fn end(&self, py: Python<'_>, outcome: Option<Outcome>) -> Waiters {
        let coroutine = self.coroutine.take(py);
        if let Some(what) = self.give_back(py) {
            self.complain(py, what, coroutine.as_ref());
        }
        match (self.purpose, outcome) {
            (Purpose::Request(handler), outcome) => {
                if let Some(frame) = self.frame.take(py) {
                    if let Some(outcome) = outcome {
                        frame.get().conclude(py, handler, outcome);
                    }
                    // With it go its references to the frame and the arguments.
                    if let Some(coroutine) = coroutine {
                        coroutine.drop_ref(py);
                    }
                    Frame::release(frame.into_bound(py));
                }
                Waiters::new()
            }
            (_, None) => Waiters::new(),
            (Purpose::Part, Some(outcome)) => {
                drop(coroutine);
                self.result(py).get().complete(py, outcome)
            }
            (Purpose::Spawned(number), Some(outcome)) => {
                self.instance.tasks.forget(py, number);
                let outcome = outcome.map_err(|error| match coroutine {
                    Some(coroutine) if !error.is_instance_of::<CancelledError>(py) => {
                        self.instance.report_spawned(coroutine.bind(py), error)
                    }
                    _ => error,
                });
                self.result(py).get().complete(py, outcome)
            }
        }
    }
}

impl Task {
    /// It goes before its end: nobody can go on with it. Its `finally` blocks run.
    fn dispose(&self, py: Python<'_>) {
        let coroutine = self.coroutine.take(py);
        let frame = self.frame.take(py);
        let is_request = matches!(self.purpose, Purpose::Request(_));
        let is_answered = |frame: &Py<Frame>| frame.get().has_answer(py);
        // SAFETY: looks only.
        let holds = unsafe { self.held.with(py, |held| !held.is_empty()) };
        match coroutine {
            // That a request has no answer is told.
            Some(coroutine)
                if holds && (!is_request || frame.as_ref().is_some_and(is_answered)) =>
            {
                let close = |close| ending::call(&close, (), None);
                if let Err(error) = coroutine.bind(py).getattr("close").and_then(close) {
                    error.write_unraisable(py, Some(coroutine.bind(py)));
                }
                if let Some(what) = self.give_back(py) {
                    self.complain(py, what, Some(&coroutine));
                }
            }
            coroutine => {
                drop(coroutine);
                self.give_back(py);
            }
        }
        if let Some(frame) = frame {
            Frame::release(frame.into_bound(py));
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.coroutine.get_mut().is_some() {
            gil::in_drop(|py| {
                // What the `finally` blocks ask for, and the frame's answer, is carried out
                // at once.
                let mut queue = Queue::default();
                queue.collect(Here::now(), || self.dispose(py));
                queue.submit();
            });
        }
    }
}

#[pymethods]
impl Task {
    fn __await__(&self, py: Python<'_>) -> Py<Future> {
        self.result(py)
    }

    /// Ends it: its next, or present, `await` raises CancelledError.
    #[pyo3(name = "cancel")]
    fn cancel_method(slf: &Bound<'_, Self>) {
        Task::cancel(slf, cancelled(slf.py()));
    }

    /// Whether it has ended.
    fn done(&self, py: Python<'_>) -> bool {
        self.is_over(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        unsafe {
            let py = Python::assume_attached();
            let one = |object: &mut Option<Py<PyAny>>| match object {
                Some(object) => visit.call(&*object),
                None => Ok(()),
            };
            self.coroutine.with(py, one)?;
            self.held
                .with(py, |held| held.iter().try_for_each(|one| visit.call(one)))?;
            self.pending.with(py, |pending| {
                pending.iter().try_for_each(|one| visit.call(one))
            })?;
            self.frame.with(py, |frame| match frame {
                Some(frame) => visit.call(&*frame),
                None => Ok(()),
            })?;
            for future in [&self.waits, &self.returned] {
                future.with(py, |future| match future {
                    Some(future) => visit.call(&*future),
                    None => Ok(()),
                })?;
            }
            self.result
                .as_ref()
                .map_or(Ok(()), |result| visit.call(result))
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        if let Some(future) = self.waits.take(py) {
            future.get().forget_task(py, self);
        }
        drop(self.returned.take(py));
        self.dispose(py);
    }
}
