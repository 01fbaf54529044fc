//! C memory as ctypes sees it: `.contents` of handles, and pointers where a handle
//! is expected. The other half is `glupy/memory.py`.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::gil::GilCell;
use crate::handle::{Class, Owner, Shown};
use crate::instance::Instance;
use crate::keepers::{Keeper, Place};
use crate::shake;

/// What a structure keeps that shows an owned object's memory.
#[pyclass(frozen, module = "gluster")]
pub struct View {
    class: &'static Class,
    instance: Option<&'static Instance>,
    place: GilCell<Place>,
    /// None when the volume is gone, and the memory is not the owner's own.
    owner: GilCell<Option<Shown>>,
}

impl View {
    /// Gives up what it shows.
    pub fn forget(&self, py: Python<'_>) -> Option<Shown> {
        self.place.set(py, Place::NONE);
        self.owner.take(py)
    }

    /// Goes on to show it.
    pub fn show(&self, py: Python<'_>, owner: Shown) {
        let nothing = self.owner.replace(py, Some(owner)); // so that no Python runs
        debug_assert!(nothing.is_none());
    }
}

#[pymethods]
impl View {
    /// Where the memory is; `ReferenceError` when it is gone.
    #[getter]
    fn _address_(&self, py: Python<'_>) -> PyResult<usize> {
        // SAFETY: looks at the owner only.
        let address = unsafe {
            self.owner
                .with(py, |owner| owner.as_ref().map(|owner| owner.raw().ptr))
        };
        address.map(<*mut _>::expose_provenance).ok_or_else(|| {
            let instance = self.instance.expect("only what is a volume's goes");
            instance.volume.gone_error(self.class.name)
        })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let (Some(instance), place) = (self.instance, *self.place.get_mut()) {
            if place != Place::NONE {
                // SAFETY: Python frees its objects with the GIL.
                let py = unsafe { Python::assume_attached() };
                instance.volume.keepers.remove(py, place);
            }
        }
    }
}

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
    class: &'static Class,
    instance: Option<&'static Instance>,
    owner: Arc<Owner>,
) -> PyResult<Bound<'py, PyAny>> {
    let (address, copied) = (owner.raw().ptr, owner.is_copy());
    let view = View {
        class,
        instance,
        place: GilCell::new(Place::NONE),
        owner: GilCell::new(Some(Shown::new(owner))),
    };
    shake::point_with_gil(py);
    let view = Bound::new(py, view)?;
    if let (Some(instance), false) = (instance, class.is_plain()) {
        let keeper = Keeper::View(NonNull::from(view.get()));
        let place = instance.volume.keepers.add(py, keeper);
        view.get().place.set(py, place);
    }
    if copied {
        contents(py, class.structure(), address, view)
    } else {
        guarded(class.structure(), &view)
    }
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

/// The structure of that name at the `_address_` of an object. Each use of it asks for
/// that again, and fails when there is none any more.
pub fn guarded<'py>(structure: &str, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    module(object.py())?.call_method1("guarded", (structure, object))
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
