//! What Python sees of a frame.

use std::ptr;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::{Frame, State};
use crate::action::Hold;
use crate::convert::{self, Bytes};
use crate::coroutine::Future;
use crate::fop::{MAX_ARGS, Word};
use crate::gf;
use crate::instance::Instance;
use crate::marshal::Values;
use crate::memory;
use crate::stack;
use crate::xlator::Xlator;

/// The child to wind to: the given one, or the first, as in C.
///
/// # Errors
/// `ValueError` for a translator that is not a child.
pub fn child_of(
    instance: &Instance,
    function: &str,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<*mut gf::xlator_t> {
    let Some(child) = child.filter(|child| !child.is_none()) else {
        // SAFETY: the instance's translator is live.
        return Ok(unsafe { stack::first_child(instance.xl()) });
    };
    let xl = if let Ok(xlator) = child.cast::<Xlator>() {
        xlator.get().ptr()
    } else if let Some((xl, _)) = memory::pointer("xlator_t", child)? {
        xl.cast()
    } else {
        return Err(PyTypeError::new_err(format!(
            "{function}: child must be one of this.children or None"
        )));
    };
    if instance.is_child(xl) {
        Ok(xl)
    } else {
        Err(PyValueError::new_err(format!(
            "{function}: {} is not a child of {}",
            child.repr()?,
            instance.name_text()
        )))
    }
}

#[pymethods]
impl Frame {
    /// Passes the request on to a child as it came, with single arguments changed.
    #[pyo3(name = "wind", signature = (*, child=None, cookie=None, **changes))]
    fn wind_method(
        slf: &Bound<'_, Self>,
        child: Option<&Bound<'_, PyAny>>,
        cookie: Option<Py<PyAny>>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<Py<Future>>> {
        let (py, frame) = (slf.py(), slf.get());
        let fop = frame.fop(py);
        frame.check_open(py, "can not wind")?;
        frame.promote_elsewhere(py);
        let Some((words, owned)) = frame.args(py) else {
            let name = fop.name;
            let text = format!("can not wind: its arguments were not kept (define {name}_fop)");
            return Err(frame.refused(py, &text));
        };
        let mut hold = Hold::default();
        if let Some(owned) = owned {
            hold.words(owned);
        }
        let mut values = Values::new("frame.wind", fop.args, words, hold);
        values.put_all(changes)?;
        values.check()?;
        let Values { words, hold, .. } = values;
        frame.check_request(py, "frame.wind", fop, &words)?;
        let child = child_of(frame.instance(py), "frame.wind", child)?;
        Frame::wind(
            slf,
            fop,
            words,
            hold,
            child,
            cookie.filter(|cookie| !cookie.is_none(py)),
        )
    }

    /// Answers the request: as the answer came, with single values changed, or with
    /// an error.
    #[pyo3(name = "unwind", signature = (op_ret=None, op_errno=None, **changes))]
    fn unwind_method(
        slf: &Bound<'_, Self>,
        op_ret: Option<&Bound<'_, PyAny>>,
        op_errno: Option<&Bound<'_, PyAny>>,
        changes: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let (py, frame) = (slf.py(), slf.get());
        let fop = frame.fop(py);
        let number = |value: Option<&Bound<'_, PyAny>>, name: &str| -> PyResult<Option<i32>> {
            value
                .map(|value| convert::number(value, "int32_t", || format!("frame.unwind: {name}")))
                .transpose()
        };
        let (op_ret, op_errno) = (number(op_ret, "op_ret")?, number(op_errno, "op_errno")?);
        let reply = frame.reply(py).filter(|reply| ptr::eq(reply.fop, fop));
        let fails = op_ret.is_some_and(|op_ret| op_ret < 0);
        // A failure that came stays one, whatever it carries.
        let known_failure = reply
            .as_ref()
            .map(|reply| reply.op_ret)
            .filter(|op_ret| *op_ret < 0);
        let words = match &reply {
            Some(reply) if !fails => reply.words,
            None if op_ret.is_none() && changes.is_none() => {
                return Err(frame.refused(
                    py,
                    "no answer has come that could be passed on; give op_ret and op_errno",
                ));
            }
            _ => [Word::NULL; MAX_ARGS],
        };
        let op_errno = op_errno.or(reply.as_ref().map(|reply| reply.op_errno));
        let mut hold = Hold::default();
        if let Some(owned) = reply.and_then(|reply| reply.owned) {
            hold.words(owned);
        }
        let mut values = Values::new("frame.unwind", fop.reply, words, hold);
        values.put_all(changes)?;
        let op_ret = op_ret.or(known_failure);
        frame.unwind(py, values, op_ret, op_errno.unwrap_or(0))
    }

    /// Whatever the translator keeps with the request, for its cbk handler.
    #[getter]
    fn local(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        // SAFETY: taking a reference runs no Python.
        unsafe {
            self.local
                .with(py, |local| local.as_ref().map(|local| local.clone_ref(py)))
        }
    }

    #[setter]
    fn set_local(&self, py: Python<'_>, local: Py<PyAny>) {
        self.local.set(py, Some(local));
    }

    /// The C structure, as ctypes has it, until the request is answered.
    #[getter]
    fn contents<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::guarded("call_frame_t", slf)
    }

    /// Its address, until the request is answered.
    #[getter]
    fn _address_(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.live(py)?.expose_provenance())
    }

    /// What ctypes passes to a C function in the place of a frame.
    #[getter]
    fn _as_parameter_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::reference(&Self::contents(slf)?)
    }

    /// The user who asks.
    #[getter]
    fn uid(&self, py: Python<'_>) -> PyResult<u32> {
        self.root(py, |root| root.uid)
    }

    /// The group of the user who asks.
    #[getter]
    fn gid(&self, py: Python<'_>) -> PyResult<u32> {
        self.root(py, |root| root.gid)
    }

    /// The process that asks; negative for GlusterFS's own.
    #[getter]
    fn pid(&self, py: Python<'_>) -> PyResult<i32> {
        self.root(py, |root| root.pid)
    }

    /// The user's further groups.
    #[getter]
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let groups = self.root(py, |root| {
            if root.groups.is_null() {
                return Vec::new();
            }
            // SAFETY: `groups` has `ngrps` elements.
            unsafe { std::slice::from_raw_parts(root.groups, root.ngrps.into()) }.to_vec()
        })?;
        PyTuple::new(py, groups)
    }

    /// The owner under whom the request's locks are held, as bytes.
    #[getter]
    fn lk_owner(&self, py: Python<'_>) -> PyResult<Bytes> {
        self.root(py, |root| convert::lk_owner(&root.lk_owner))
    }

    /// The request's number.
    #[getter]
    fn unique(&self, py: Python<'_>) -> PyResult<u64> {
        self.root(py, |root| root.unique)
    }

    /// The fop's name.
    #[getter]
    fn op(&self, py: Python<'_>) -> &'static str {
        self.fop(py).name
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let open = self.open.get(py);
        let state = match self.state.get(py) {
            State::Pending if open > 0 => format!("{open} wound"),
            State::Pending => "pending".to_owned(),
            State::Answering => "answering".to_owned(),
            State::Answered => "answered".to_owned(),
            State::PassedOn => "passed on".to_owned(),
        };
        format!("<Frame {} {state}>", self.fop(py).name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: `visit` runs no Python.
        unsafe {
            self.local.with(py, |local| {
                local.as_ref().map_or(Ok(()), |local| visit.call(local))
            })
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        drop(self.local.take(py));
    }
}

impl Frame {
    fn root<R>(&self, py: Python<'_>, f: impl FnOnce(&gf::call_stack_t) -> R) -> PyResult<R> {
        let c = self.live(py)?;
        // SAFETY: a live frame has a live root.
        Ok(f(unsafe { &*(*c).root }))
    }
}
