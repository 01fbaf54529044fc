//! `inode_table_t`: the inodes that a graph knows.

use pyo3::prelude::*;

use super::Inode;
use crate::convert;
use crate::gf;
use crate::handle::{self, CPtr};
use crate::instance::Instance;

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
