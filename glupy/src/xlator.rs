//! `this`: a translator as Python sees it.

use std::ffi::CStr;

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert;
use crate::gf;
use crate::handle::CPtr;
use crate::marshal;
use crate::memory;
use crate::volume::Volume;

/// A translator of the graph (`xlator_t`, xlator.h). It lives as long as its graph.
#[pyclass(frozen, module = "gluster")]
pub struct Xlator {
    xl: CPtr<gf::xlator_t>,
    /// The instance's that sees it, with which it goes.
    volume: &'static Volume,
}

impl Xlator {
    /// A translator, as one of ours in the same graph sees it.
    pub fn new(xl: *mut gf::xlator_t, volume: &'static Volume) -> Xlator {
        let xl = CPtr(xl);
        Xlator { xl, volume }
    }

    /// Its address, which may be nobody's any more.
    pub fn ptr(&self) -> *mut gf::xlator_t {
        self.xl.0
    }

    /// Its address.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn live(&self, py: Python<'_>) -> PyResult<*mut gf::xlator_t> {
        self.volume.check(py, "Xlator")?;
        Ok(self.ptr())
    }
}

/// The children of a translator, in the volfile's order.
///
/// # Safety
/// `xl` is a live translator.
pub unsafe fn children(xl: *mut gf::xlator_t) -> Vec<*mut gf::xlator_t> {
    // SAFETY: the list is complete before `init` and not changed afterwards.
    unsafe { in_list((*xl).children) }
}

/// The translators of a list.
///
/// # Safety
/// The list is live and nobody changes it.
pub unsafe fn in_list(mut at: *mut gf::xlator_list_t) -> Vec<*mut gf::xlator_t> {
    let mut all = Vec::new();
    // SAFETY: by contract.
    while let Some(one) = unsafe { at.as_ref() } {
        all.push(one.xlator);
        at = one.next;
    }
    all
}

/// The options of a translator, as the volfile has them.
///
/// # Safety
/// `xl` is a live translator.
pub unsafe fn options(xl: *mut gf::xlator_t) -> Vec<(String, String)> {
    // SAFETY: the options of a translator are not changed once it is initialized.
    unsafe { pairs((*xl).options) }
}

/// The pairs of a dict of strings.
///
/// # Safety
/// The dict is NULL, or live and not changed meanwhile.
pub unsafe fn pairs(options: *mut gf::dict_t) -> Vec<(String, String)> {
    unsafe extern "C" fn collect(
        _dict: *mut gf::dict_t,
        key: *mut libc::c_char,
        value: *mut gf::data_t,
        into: *mut libc::c_void,
    ) -> i32 {
        // SAFETY: dict_foreach gives live pairs and our vector; an option's value
        // is a string.
        unsafe {
            let into: &mut Vec<(String, String)> = &mut *into.cast();
            let text =
                |string: *const libc::c_char| CStr::from_ptr(string).to_string_lossy().into_owned();
            into.push((text(key), text((*value).data)));
        }
        0
    }
    let mut all: Vec<(String, String)> = Vec::new();
    // SAFETY: by contract; `collect` gets the vector back.
    unsafe {
        if !options.is_null() {
            gf::dict_foreach(options, Some(collect), (&raw mut all).cast());
        }
    }
    all
}

#[pymethods]
impl Xlator {
    /// The name of its volume.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let xl = self.live(py)?;
        // SAFETY: a live translator's name.
        unsafe { marshal::decode(py, (*xl).name) }
    }

    /// Its type, such as `features/glupy`.
    #[getter]
    fn r#type(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let xl = self.live(py)?;
        // SAFETY: a live translator's type.
        unsafe { marshal::decode(py, (*xl).type_) }
    }

    /// Its options, as the volfile has them.
    #[getter]
    fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (dict, xl) = (PyDict::new(py), self.live(py)?);
        // SAFETY: a live translator.
        for (key, value) in unsafe { options(xl) } {
            dict.set_item(key, value)?;
        }
        Ok(dict)
    }

    /// Its subvolumes, in the volfile's order.
    #[getter]
    fn children<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let xl = self.live(py)?;
        // SAFETY: a live translator.
        let all = unsafe { children(xl) };
        let all: PyResult<Vec<_>> = all
            .into_iter()
            .map(|child| Py::new(py, Xlator::new(child, self.volume)))
            .collect();
        PyTuple::new(py, all?)
    }

    /// The C structure, as ctypes has it, as long as the volume is there.
    #[getter]
    fn contents<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::guarded("xlator_t", slf)
    }

    /// Its address; `ReferenceError` when the volume is gone.
    #[getter]
    fn _address_(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.live(py)?.expose_provenance())
    }

    /// What ctypes passes to a C function in the place of a translator.
    #[getter]
    fn _as_parameter_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::reference(&Self::contents(slf)?)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> Option<bool> {
        let other = other.cast::<Xlator>().ok()?;
        let same = self.ptr() == other.get().ptr();
        match op {
            CompareOp::Eq => Some(same),
            CompareOp::Ne => Some(!same),
            _ => None,
        }
    }

    fn __hash__(&self) -> usize {
        self.ptr().addr() >> 4
    }

    fn __format__<'py>(slf: &Bound<'py, Self>, how: &str) -> PyResult<Bound<'py, PyAny>> {
        convert::formatted(slf, how, || slf.get()._address_(slf.py()))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let Ok(xl) = self.live(py) else {
            let volume = self.volume.name().to_string_lossy();
            return format!("<Xlator of the volume {volume}, which is gone>");
        };
        // SAFETY: a live translator's strings.
        let (name, kind) = unsafe { (CStr::from_ptr((*xl).name), CStr::from_ptr((*xl).type_)) };
        format!(
            "<Xlator {} ({})>",
            name.to_string_lossy(),
            kind.to_string_lossy()
        )
    }
}
