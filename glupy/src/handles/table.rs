//! `inode_table_t`: the inodes that a graph knows.

use pyo3::prelude::*;

use super::Inode;
use crate::convert;
use crate::gf;
use crate::handle::{self, CPtr};
use crate::instance::Instance;
use crate::memory;

/// The inodes of a graph (`inode_table_t`, inode.h); it lives as long as the graph.
#[pyclass(frozen, module = "gluster")]
pub struct InodeTable {
    table: CPtr<gf::inode_table_t>,
    instance: &'static Instance,
}

impl InodeTable {
    /// A table as seen by a translator.
    pub fn new(table: *mut gf::inode_table_t, instance: &'static Instance) -> InodeTable {
        InodeTable {
            table: CPtr(table),
            instance,
        }
    }

    /// Calls a function that takes the table's lock and gives a reference.
    fn call(
        &self,
        py: Python<'_>,
        f: impl FnOnce(*mut gf::inode_table_t) -> *mut gf::inode_t + Send,
    ) -> PyResult<Option<Py<Inode>>> {
        let table = self.table;
        let call = move || CPtr(f({ table }.0));
        let inode = self.instance.volume.ask(py, "InodeTable", call)?;
        // SAFETY: the reference is ours.
        unsafe { handle::adopted(py, inode.0, Some(self.instance)) }
    }
}

#[pymethods]
impl InodeTable {
    /// The C structure, as ctypes has it, as long as the volume is there.
    #[getter]
    fn contents<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::guarded("inode_table_t", slf)
    }

    /// Its address; `ReferenceError` when the volume is gone.
    #[getter]
    fn _address_(&self, py: Python<'_>) -> PyResult<usize> {
        self.instance.volume.check(py, "InodeTable")?;
        Ok(self.table.0.expose_provenance())
    }

    /// What ctypes passes to a C function in the place of a table.
    #[getter]
    fn _as_parameter_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::reference(&Self::contents(slf)?)
    }

    fn __format__<'py>(slf: &Bound<'py, Self>, how: &str) -> PyResult<Bound<'py, PyAny>> {
        convert::formatted(slf, how, || slf.get()._address_(slf.py()))
    }

    fn __repr__(&self) -> String {
        format!("<InodeTable of {}>", self.instance.name_text())
    }

    /// The root directory.
    #[getter]
    fn root(&self, py: Python<'_>) -> PyResult<Option<Py<Inode>>> {
        self.instance.volume.check(py, "InodeTable")?;
        // SAFETY: a live table's root.
        handle::owned(py, unsafe { (*self.table.0).root }, Some(self.instance))
    }

    /// A new inode, for a file that is to be found or made.
    #[pyo3(name = "new")]
    pub fn new_inode(&self, py: Python<'_>) -> PyResult<Option<Py<Inode>>> {
        // SAFETY: a live table.
        self.call(py, |table| unsafe { gf::inode_new(table) })
    }

    /// The inode of a gfid; None when the table does not know it.
    fn find(&self, py: Python<'_>, gfid: &Bound<'_, PyAny>) -> PyResult<Option<Py<Inode>>> {
        let mut gfid = convert::to_gfid(gfid, || "InodeTable.find: gfid".to_owned())?;
        // SAFETY: a live table and 16 bytes.
        self.call(py, move |table| unsafe {
            gf::inode_find(table, gfid.as_mut_ptr())
        })
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.table.0 == other.table.0
    }

    fn __hash__(&self) -> usize {
        self.table.0.addr()
    }
}
