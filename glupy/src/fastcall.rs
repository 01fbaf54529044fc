//! Functions that Python calls as its own: without a tuple and a dict made for each call,
//! which takes longer than the rest of a wind.

use std::ffi::CStr;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use pyo3::{Borrowed, PyTypeInfo};

use crate::here::Here;

/// What a function is called with.
#[derive(Clone, Copy)]
pub struct Given<'a, 'py> {
    py: Python<'py>,
    /// Positional values, then those of the names.
    values: &'a [*mut ffi::PyObject],
    positional: usize,
    names: Option<Borrowed<'a, 'py, PyTuple>>,
    here: Here,
}

impl<'a, 'py> Given<'a, 'py> {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The current thread's place.
    pub fn here(&self) -> Here {
        self.here
    }

    /// What was given without a name.
    pub fn positional(&self) -> impl ExactSizeIterator<Item = Borrowed<'a, 'py, PyAny>> {
        let py = self.py;
        let values = self.values[..self.positional].iter();
        // SAFETY: Python keeps the arguments alive during the call.
        values.map(move |value| unsafe { Borrowed::from_ptr(py, *value) })
    }

    /// What was given by name.
    pub fn named(&self) -> impl Iterator<Item = (Bound<'py, PyAny>, Borrowed<'a, 'py, PyAny>)> {
        let (py, names) = (self.py, self.names);
        let names = (0..).map_while(move |i| names?.get_item(i).ok());
        let values = self.values[self.positional..].iter();
        // SAFETY: as in `positional`.
        names.zip(values.map(move |value| unsafe { Borrowed::from_ptr(py, *value) }))
    }
}

/// A function of Python's, written in Rust.
pub trait Function {
    /// What it is a method of, or is given with each call.
    type This: PyTypeInfo;

    /// Does it.
    ///
    /// # Errors
    /// What Python raises.
    fn call<'py>(this: &Bound<'py, Self::This>, given: Given<'_, 'py>) -> PyResult<Py<PyAny>>;
}

/// Runs `f`, called by Python, as PyO3 wants it. In handlers, which run attached, that is
/// known without asking.
fn attached<R>(f: impl FnOnce(Python<'_>, Here) -> R) -> R {
    let here = Here::now();
    if !here.queue().is_null() {
        // SAFETY: the handler that runs on this thread is what calls Python.
        return f(unsafe { Python::assume_attached() }, here);
    }
    Python::attach(|py| f(py, here))
}

/// # Safety
/// Called by Python, for a `PyMethodDef` that `definition` has made.
unsafe extern "C" fn call<F: Function>(
    this: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    attached(|py, here| {
        let course = || {
            let positional = positional.unsigned_abs();
            // SAFETY: the vectorcall protocol: so many values, and one for each name; a
            // descriptor has checked the type of `this`, `function` gives its own.
            let (this, given) = unsafe {
                let names = Borrowed::from_ptr_or_opt(py, names)
                    .map(|names| names.cast_unchecked::<PyTuple>());
                let count = positional + names.map_or(0, |names| names.len());
                let given = Given {
                    py,
                    values: match count {
                        0 => &[],
                        _ => std::slice::from_raw_parts(values, count),
                    },
                    positional,
                    names,
                    here,
                };
                (Borrowed::from_ptr(py, this), given)
            };
            // SAFETY: as above.
            let this = unsafe { this.cast_unchecked::<F::This>() };
            F::call(&this, given)
        };
        let result = panic::catch_unwind(AssertUnwindSafe(course));
        let result =
            result.unwrap_or_else(|_| Err(PanicException::new_err(("a fault in glupy itself",))));
        match result {
            Ok(object) => object.into_ptr(),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    })
}

/// Lives as long as the process, as the types and modules do that have such functions.
fn definition<F: Function>(name: &'static CStr, doc: &'static CStr) -> *mut ffi::PyMethodDef {
    Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: call::<F>,
        },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }))
}

/// Gives a class a method. `doc` begins with its signature.
///
/// # Errors
/// What Python raises.
pub fn add_method<F: Function>(
    class: &Bound<'_, PyType>,
    name: &'static CStr,
    doc: &'static CStr,
) -> PyResult<()> {
    // SAFETY: a live type and a definition for ever; a new reference, or NULL with an
    // exception.
    let method = unsafe {
        let method = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition::<F>(name, doc));
        Bound::from_owned_ptr_or_err(class.py(), method)?
    };
    class.setattr(PyString::new(class.py(), &name.to_string_lossy()), method)
}

/// A function that gets `this` with each call.
///
/// # Errors
/// What Python raises.
pub fn function<'py, F: Function>(
    this: &Bound<'py, F::This>,
    module: &Bound<'py, PyModule>,
    name: &'static CStr,
    doc: &'static CStr,
) -> PyResult<Bound<'py, PyAny>> {
    let module = module.name()?;
    // SAFETY: a definition for ever, live objects; a new reference, or NULL with an exception.
    unsafe {
        let definition = definition::<F>(name, doc);
        let function = ffi::PyCFunction_NewEx(definition, this.as_ptr(), module.as_ptr());
        Bound::from_owned_ptr_or_err(this.py(), function)
    }
}

/// What is raised for a positional value too many.
pub fn too_many(function: &str, names: &[&str], given: usize) -> PyErr {
    PyTypeError::new_err(format!(
        "{function} takes {} arguments, not {given}: ({})",
        names.len(),
        names.join(", ")
    ))
}
