//! `Acquire`: what `acquire()` of a semaphore gives to await. Until it is awaited nothing is
//! taken: a turn that nobody is told of would be lost.

use std::path::Path;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::future::Future;
use super::semaphore::Semaphore;
use crate::gil::{self, GilCell};
use crate::instance::Instance;
use crate::limit;
use crate::log;
use crate::marshal::c_string;

/// Takes a turn when it is awaited.
#[pyclass(frozen, module = "gluster")]
pub struct Acquire {
    semaphore: Py<Semaphore>,
    /// The code that has made it, and its line; until it is awaited.
    made: GilCell<Option<(Py<PyAny>, i32)>>,
}

impl Acquire {
    /// For a semaphore, at the author's line that runs.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new(semaphore: Bound<'_, Semaphore>) -> PyResult<Py<Acquire>> {
        let py = semaphore.py();
        // SAFETY: a frame that is borrowed while it runs; its code is a new reference.
        let made = unsafe {
            let frame = ffi::PyEval_GetFrame();
            (!frame.is_null()).then(|| {
                let code = Bound::from_owned_ptr(py, ffi::PyFrame_GetCode(frame).cast());
                (code.unbind(), ffi::PyFrame_GetLineNumber(frame))
            })
        };
        let acquire = Acquire {
            semaphore: semaphore.unbind(),
            made: GilCell::new(made),
        };
        Py::new(py, acquire)
    }

    /// Takes the turn, or the place of one that waits for it.
    ///
    /// # Errors
    /// As for [`Semaphore::turn`].
    pub fn turn(slf: &Bound<'_, Acquire>) -> PyResult<Py<Future>> {
        drop(slf.get().made.take(slf.py()));
        Semaphore::turn(slf.get().semaphore.bind(slf.py()))
    }

    /// Nobody has awaited it.
    fn complain(&self, py: Python<'_>, code: &Bound<'_, PyAny>, line: i32) -> PyResult<()> {
        let name: String = code.getattr("co_name")?.extract()?;
        let path: String = code.getattr("co_filename")?.extract()?;
        let file = Path::new(&path).file_name().unwrap_or_default();
        let file = file.to_string_lossy().into_owned();
        let volume = Instance::current(py).map_or(c"glupy", Instance::name);
        let definition = (name.clone(), file.clone(), line);
        if limit::admit(&limit::place_of(volume, definition, "acquire")) {
            let noun = Semaphore::noun(self.semaphore.bind(py));
            let text = format!(
                "{name} ({file}:{line}): acquire() was never awaited: the {noun} has not been \
                 acquired; write `await ....acquire()` or `async with`"
            );
            log::error_at(volume, &c_string(&file), &c_string(&name), line, &text);
        }
        Ok(())
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Some((code, line)) = self.made.get_mut().take() {
            gil::in_drop(|py| {
                if let Err(error) = self.complain(py, code.bind(py), line) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }
}

#[pymethods]
impl Acquire {
    fn __await__(slf: &Bound<'_, Self>) -> PyResult<Py<Future>> {
        Acquire::turn(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.semaphore)
    }
}
