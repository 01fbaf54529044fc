//! Native classes do not change, and an object stays what it is: `x.__class__ = Dirents` on
//! an `Iatt`, which has the same layout for Python, would have C read one as the other.
//!
//! Python itself knows such classes since 3.10. Before, `Handle` refuses (`handle.rs`), and
//! no others can be taken for one another without harm: their layouts differ.

use pyo3::prelude::*;
use pyo3::types::PyType;

/// Ends the making of a class.
pub fn seal(class: &Bound<'_, PyType>) {
    #[cfg(Py_3_10)]
    // SAFETY: a ready class; the GIL is held, and Python is told of the change.
    unsafe {
        let class = class.as_type_ptr();
        (*class).tp_flags |= pyo3::ffi::Py_TPFLAGS_IMMUTABLETYPE;
        pyo3::ffi::PyType_Modified(class);
    }
    #[cfg(not(Py_3_10))]
    let _ = class;
}

/// The same for all classes of a module.
pub fn seal_all(module: &Bound<'_, PyModule>) {
    for object in module.dict().values() {
        if let Ok(class) = object.cast::<PyType>() {
            seal(class);
        }
    }
}
