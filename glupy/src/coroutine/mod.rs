//! Coroutines: handlers that are `async def`, and what they can await.

mod acquire;
mod calls;
mod future;
mod gather;
mod reply;
mod semaphore;
mod spawned;
mod task;
mod time;

pub use calls::wind;
pub use future::{Future, go_on};
pub use reply::Reply;
pub use spawned::Tasks;
pub use task::{Task, with_current};

use crate::frame::Frame;
use pyo3::create_exception;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use crate::sealed;

create_exception!(
    gluster,
    CancelledError,
    PyBaseException,
    "The coroutine is to end: what it waits for is not wanted any more."
);

/// What a coroutine gets that is to end.
pub fn cancelled(py: Python<'_>) -> Py<PyAny> {
    let error = CancelledError::new_err("cancelled");
    error.into_value(py).into_any()
}

/// The same as what comes of an `await`.
fn cancelled_error(py: Python<'_>) -> future::Outcome {
    Err(PyErr::from_value(cancelled(py).into_bound(py)))
}

/// Adds all of it to the native module.
///
/// # Errors
/// What Python raises.
pub fn install(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("CancelledError", py.get_type::<CancelledError>())?;
    module.add_class::<Future>()?;
    module.add_class::<Task>()?;
    module.add_class::<semaphore::Semaphore>()?;
    module.add_class::<semaphore::Lock>()?;
    module.add_class::<time::Timeout>()?;
    module.add_function(wrap_pyfunction!(gather::gather, module)?)?;
    module.add_function(wrap_pyfunction!(time::sleep, module)?)?;
    module.add_function(wrap_pyfunction!(time::to_thread, module)?)?;
    module.add_function(wrap_pyfunction!(spawned::spawn, module)?)?;
    crate::free_in_turn!(
        py,
        Future,
        Task,
        Reply,
        Frame,
        gather::Gather,
        semaphore::Semaphore,
        semaphore::Lock,
        acquire::Acquire,
        time::Timeout,
    );
    future::install(py);
    sealed::seal(&py.get_type::<gather::Gather>());
    sealed::seal(&py.get_type::<acquire::Acquire>());
    calls::install(py)?;
    reply::install(module)
}
