//! The classes `X_reply_t`, and their attributes: a reply's values.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::{CLASSES, Reply};
use crate::call::Loan;
use crate::convert;
use crate::fop::Fop;
use crate::handle;
use crate::here::Here;
use crate::marshal;
use crate::owned::raw_of;
use crate::sealed;

/// A value of a reply: an attribute of the fop's class.
#[pyclass(frozen, module = "gluster")]
struct Field {
    fop: &'static Fop,
    index: usize,
    doc: String,
}

#[pymethods]
impl Field {
    fn __get__(
        slf: Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        _class: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let (py, i) = (slf.py(), slf.get().index);
        let Ok(reply) = object.cast::<Reply>() else {
            return Ok(slf.into_any().unbind());
        };
        let reply = reply.get();
        let fop = slf.get().fop;
        if !std::ptr::eq(reply.fop(py), fop) {
            let expected = format!("{}_reply_t", fop.name);
            return Err(convert::wrong_type(object, &expected, || {
                fop.reply[i].name.to_owned()
            }));
        }
        let here = Here::now();
        if reply
            .borrowed
            .get(py)
            .is_some_and(|lent| !lent.loan.covers(py, here))
        {
            reply.own(py); // its callback may return while it is looked at
        }
        reply.check(py)?;
        // SAFETY: taking a reference runs no Python.
        let seen = unsafe {
            reply.seen.with(py, |seen| {
                let found = seen.iter().find(|(at, _)| *at == i);
                found.map(|(_, object)| object.clone_ref(py))
            })
        };
        if let Some(object) = seen {
            return Ok(object);
        }
        let words = reply.words.get(py);
        let loan = reply.borrowed.get(py).map_or(Loan::NONE, |lent| lent.loan);
        // SAFETY: the values are alive, borrowed or owned; `settle` ends the borrow of
        // the handle with that of the reply, and an owned one owns for itself.
        let object = unsafe {
            marshal::one_to_python(py, fop.reply, &words, i, reply.instance.get(py), loan)
        }?;
        if marshal::is_handle(fop.reply[i].kind) && !object.is_none(py) && !reply.is_borrowed(py) {
            // SAFETY: its kind is a handle's; the reply keeps what it stands for.
            unsafe {
                let handle = handle::erased(object.bind(py));
                handle.own_live(py, raw_of(&fop.reply[i], i, &words))?;
            }
        }
        // There is one object for each value: another thread may have been faster.
        // SAFETY: references are taken, which runs no Python.
        let first = unsafe {
            reply.seen.with(py, |seen| {
                let found = seen.iter().find(|(at, _)| *at == i);
                let first = found.map_or(&object, |(_, object)| object).clone_ref(py);
                if found.is_none() {
                    seen.push((i, first.clone_ref(py)));
                }
                first
            })
        };
        Ok(first)
    }

    fn __set__(&self, _object: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyAttributeError::new_err(
            "a reply does not change: reply.replace(...) gives another one",
        ))
    }

    #[getter]
    fn __doc__(&self) -> &str {
        &self.doc
    }
}

/// Makes the classes `X_reply_t`.
///
/// # Errors
/// What Python raises.
pub fn install(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let base = py.get_type::<Reply>();
    module.add("Reply", &base)?;
    sealed::seal(&py.get_type::<Field>());
    for fop in crate::generated::fops::TABLE {
        let attributes = PyDict::new(py);
        attributes.set_item("__slots__", PyTuple::empty(py))?;
        attributes.set_item("__module__", "gluster")?;
        attributes.set_item(
            "__doc__",
            format!("The answer to {}. {}", fop.name, fop.doc),
        )?;
        for (index, param) in fop.reply.iter().enumerate() {
            let doc = param.c_type.to_owned();
            attributes.set_item(param.name, Py::new(py, Field { fop, index, doc })?)?;
        }
        let name = format!("{}_reply_t", fop.name);
        let class = py.get_type::<PyType>();
        let class = class.call1((&name, (&base,), attributes))?;
        module.add(name.as_str(), &class)?;
        let _ = CLASSES[fop.index].set(class.cast_into::<PyType>()?.unbind());
    }
    Ok(())
}
