//! How a handler is called: the function behind a bound method, with the object before the
//! other arguments, as the method would do it.

use std::mem;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::ending;

/// What is called.
pub struct Callee {
    /// What was given.
    callable: Py<PyAny>,
    function: Py<PyAny>,
    /// The object of a bound method.
    receiver: Option<Py<PyAny>>,
    call: Vectorcall,
}

/// `vectorcallfunc`, which may unwind (see `ending`).
type Vectorcall = unsafe extern "C-unwind" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

impl Callee {
    /// For anything that can be called.
    pub fn new(callable: Bound<'_, PyAny>) -> Callee {
        let (function, receiver) = match parts(&callable) {
            Ok(Some((function, receiver))) => (function, Some(receiver)),
            _ => (callable.clone(), None),
        };
        // SAFETY: a live object; what has no such function is called the general way.
        let call = unsafe { ffi::PyVectorcall_Function(function.as_ptr()) };
        Callee {
            callable: callable.unbind(),
            function: function.unbind(),
            receiver: receiver.map(Bound::unbind),
            // SAFETY: the same function; its caller is prepared for more.
            call: unsafe {
                mem::transmute::<ffi::vectorcallfunc, Vectorcall>(
                    call.unwrap_or(ffi::PyObject_Vectorcall),
                )
            },
        }
    }

    /// What it was made for.
    pub fn callable<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.callable.bind(py)
    }

    /// The first argument that it gets beside those that it is called with; NULL for none.
    pub fn receiver(&self) -> *mut ffi::PyObject {
        self.receiver.as_ref().map_or(ptr::null_mut(), Py::as_ptr)
    }

    /// Calls it. Of `objects` the first place is the callee's to use, the second has the
    /// `receiver`, those behind it are the arguments.
    ///
    /// # Errors
    /// What it raises.
    ///
    /// # Safety
    /// The arguments are live objects.
    pub unsafe fn call<'py>(
        &self,
        py: Python<'py>,
        objects: &mut [*mut ffi::PyObject],
    ) -> PyResult<Bound<'py, PyAny>> {
        let before = 1 + usize::from(self.receiver.is_none());
        let count = objects[before..].len() | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: by contract live objects, behind a place that the callee may use, as the
        // flag says; the result is a new reference, or NULL with an exception.
        unsafe {
            // From the whole, of which the callee may use one place more.
            let arguments = objects.as_mut_ptr().add(before);
            let function = self.function.as_ptr();
            let call = || (self.call)(function, arguments, count, ptr::null_mut());
            let result = ending::stopping(call);
            Bound::from_owned_ptr_or_err(py, result)
        }
    }
}

/// The function of a bound method, and its object.
fn parts<'py>(
    callable: &Bound<'py, PyAny>,
) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    let method = callable.py().import("types")?.getattr("MethodType")?;
    if !callable.get_type().is(&method) {
        return Ok(None);
    }
    let (function, receiver) = (callable.getattr("__func__")?, callable.getattr("__self__")?);
    Ok(Some((function, receiver)))
}
