//! `child.lookup(...)`: any fop on any child, from a coroutine, on a stack of its own.

use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::future::Future;
use super::task;
use crate::action::{self, Action, Route};
use crate::fop::{Fop, MAX_ARGS, Word};
use crate::frame::Frame;
use crate::gf;
use crate::handle::CPtr;
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::Instance;
use crate::marshal::Values;
use crate::own_stack::{self, Credentials};
use crate::sealed;
use crate::words::Words;
use crate::xlator::Xlator;

/// Winds a request on a stack of its own.
///
/// # Errors
/// `MemoryError`.
///
/// # Safety
/// What the words point to is alive, the child is one of the instance's.
pub unsafe fn wind(
    py: Python<'_>,
    instance: &'static Instance,
    fop: &'static Fop,
    words: Words,
    mut hold: Hold,
    child: *mut gf::xlator_t,
    credentials: &Credentials,
) -> PyResult<Py<Future>> {
    // First: what makes an object may run Python, and other threads meanwhile.
    let future = Future::new(py)?;
    instance.volume.check(py, "Xlator")?;
    let here = Here::now();
    let route = Route::to(here, instance).ok_or_else(|| instance.volume.gone_error("Xlator"))?;
    // The request that the words may have been borrowed from can be over before the
    // child is.
    // SAFETY: by contract.
    let words = unsafe { hold.own(fop.args, words, instance.xl()) };
    // SAFETY: a live translator.
    let frame = unsafe { own_stack::create(instance.xl(), fop, credentials) };
    if frame.is_null() {
        return Err(PyMemoryError::new_err("no memory for a call stack"));
    }
    instance.volume.request();
    let wind = Action::Wind {
        fop,
        frame: CPtr(frame),
        child: CPtr(child),
        cookie: CPtr(future.clone_ref(py).into_ptr().cast()),
        words,
        hold,
    };
    action::submit(here, route, wind);
    Ok(future)
}

/// A fop as an attribute of translators.
#[pyclass(frozen, module = "gluster")]
struct Method(&'static Fop);

/// A fop of one translator.
#[pyclass(frozen, module = "gluster")]
struct Call {
    fop: &'static Fop,
    child: Py<Xlator>,
}

#[pymethods]
impl Method {
    fn __get__(
        slf: Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        _class: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let Ok(child) = object.cast::<Xlator>() else {
            return Ok(slf.into_any().unbind());
        };
        let call = Call {
            fop: slf.get().0,
            child: child.clone().unbind(),
        };
        Ok(Py::new(slf.py(), call)?.into_any())
    }

    /// `Xlator.lookup(child, ...)` is `child.lookup(...)`.
    #[pyo3(signature = (child, *args, as_root=false, **kwargs))]
    fn __call__(
        &self,
        child: Py<Xlator>,
        args: &Bound<'_, PyTuple>,
        as_root: bool,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<Future>> {
        let call = Call { fop: self.0, child };
        call.__call__(args, as_root, kwargs)
    }

    #[getter]
    fn __name__(&self) -> &str {
        self.0.name
    }

    #[getter]
    fn __doc__(&self) -> &str {
        self.0.doc
    }

    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let fop = py
            .import("gluster")?
            .getattr("FOPS")?
            .get_item(self.0.name)?;
        fop.getattr("call_signature")
    }
}

#[pymethods]
impl Call {
    /// Asks the child. The reply comes by `await`.
    #[pyo3(signature = (*args, as_root=false, **kwargs))]
    fn __call__(
        &self,
        args: &Bound<'_, PyTuple>,
        as_root: bool,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<Future>> {
        let (py, fop) = (args.py(), self.fop);
        let function = format!("children[i].{}", fop.name);
        task::with_current(py, &function, |task| {
            let task = task.get();
            let instance = task.instance();
            let child = self.child.get().ptr();
            if !instance.is_child(child) {
                return Err(PyValueError::new_err(format!(
                    "{function}: {} is not a child of {}",
                    self.child.bind(py).repr()?,
                    instance.name_text()
                )));
            }
            let mut values = self.values(&function, instance, args, kwargs)?;
            values.check()?;
            let Values {
                words, mut hold, ..
            } = values;
            Frame::check_words(&function, fop, &words, None)?;
            let credentials = match task.frame(py) {
                Some(frame) if !as_root => frame.get().credentials(py)?,
                _ => Credentials::of_root(),
            };
            let words = hold.store(words);
            // SAFETY: the words have just been given, and are held or borrowed by the
            // handler that runs here.
            unsafe { wind(py, instance, fop, words, hold, child, &credentials) }
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<{} of {}>",
            self.fop.name,
            self.child.bind(py).repr()?
        ))
    }
}

impl Call {
    /// The arguments; those that may be None may be left out.
    fn values<'a>(
        &self,
        function: &'a str,
        instance: &'static Instance,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Values<'a>> {
        let params = self.fop.args;
        let names = || {
            let names: Vec<_> = params.iter().map(|param| param.name).collect();
            names.join(", ")
        };
        if args.len() > params.len() {
            return Err(PyTypeError::new_err(format!(
                "{function} takes {} arguments, not {}: ({})",
                params.len(),
                args.len(),
                names()
            )));
        }
        let none = [Word::NULL; MAX_ARGS];
        let mut values = Values::new(function, params, none, Hold::default()).at(instance);
        let named = |i: usize| -> PyResult<bool> {
            kwargs.map_or(Ok(false), |kwargs| kwargs.contains(params[i].name))
        };
        for (i, param) in params.iter().enumerate() {
            let given = args.get_item(i).ok();
            if given.is_some() && named(i)? {
                let text = format!("{function}: {} is given twice", param.name);
                return Err(PyTypeError::new_err(text));
            }
            match given {
                Some(value) => values.set(i, &value)?,
                None if param.is_optional() || named(i)? => {}
                None => {
                    let text = format!(
                        "{function}: {} is missing; it takes ({})",
                        param.name,
                        names()
                    );
                    return Err(PyTypeError::new_err(text));
                }
            }
        }
        values.put_all(kwargs.into_iter().flatten())?;
        Ok(values)
    }
}

/// Gives translators their fops.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<Xlator>();
    for fop in crate::generated::fops::TABLE {
        class.setattr(fop.name, Py::new(py, Method(fop))?)?;
    }
    sealed::seal(&py.get_type::<Method>());
    sealed::seal(&py.get_type::<Call>());
    Ok(())
}
