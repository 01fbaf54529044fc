//! C memory as ctypes sees it: `.contents` of handles, and pointers where a handle
//! is expected. The other half is `glupy/memory.py`.

use std::ffi::c_void;
use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::handle::Owner;

/// What a structure keeps that shows an owned object's memory.
#[pyclass(frozen, module = "gluster")]
struct Kept(#[allow(dead_code)] Arc<Owner>);

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("glupy.memory")
}

/// The structure of that name at an address, which `kept` keeps valid.
pub fn contents<'py>(
    py: Python<'py>,
    structure: &str,
    address: *mut c_void,
    kept: impl IntoPyObject<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let kept = kept.into_bound_py_any(py)?;
    module(py)?.call_method1("contents", (structure, address.expose_provenance(), kept))
}

/// The structure of that name in an owned object's memory.
pub fn owned<'py>(
    py: Python<'py>,
    structure: &str,
    owner: Arc<Owner>,
) -> PyResult<Bound<'py, PyAny>> {
    let address = owner.raw().ptr;
    contents(py, structure, address, Kept(owner))
}

/// A copy of the structure of that name at an address.
pub fn copied(py: Python<'_>, structure: &str, address: *mut c_void) -> PyResult<Py<PyAny>> {
    let copy = module(py)?.call_method1("copied", (structure, address.expose_provenance()))?;
    Ok(copy.unbind())
}

/// A ctypes pointer to the structure of that name at an address.
pub fn address(py: Python<'_>, structure: &str, address: *mut c_void) -> PyResult<Py<PyAny>> {
    let pointer = module(py)?.call_method1("address", (structure, address.expose_provenance()))?;
    Ok(pointer.unbind())
}

/// The structure of a frame.
pub fn frame_contents<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    module(frame.py())?.call_method1("frame_contents", (frame,))
}

/// An object's structure as an argument of a C function (`ctypes.byref`).
pub fn reference<'py>(contents: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = contents.py();
    py.import("ctypes")?.call_method1("byref", (contents,))
}

/// The address in a ctypes pointer to such a structure, and what keeps it valid;
/// None for anything else.
pub fn pointer(
    structure: &str,
    object: &Bound<'_, PyAny>,
) -> PyResult<Option<(*mut c_void, Py<PyAny>)>> {
    let found = module(object.py())?.call_method1("pointer", (structure, object))?;
    let found: Option<(usize, Py<PyAny>)> = found.extract()?;
    Ok(found.map(|(address, kept)| (std::ptr::with_exposed_provenance_mut(address), kept)))
}
