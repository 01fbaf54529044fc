//! `loc_t`: where a file is.

use pyo3::prelude::*;

use super::Inode;
use super::refs::uuid_text;
use crate::convert::{self, Bytes};
use crate::gf;
use crate::handle::{self, Raw, base, handle_class, read};
use crate::marshal;

handle_class!(
    /// `loc_t` (xlator.h): a file by its path, its parent and name, its inode, or
    /// as many of these as are known.
    Loc,
    gf::loc_t,
    // SAFETY: a live loc; THIS is set (`Handle::own`).
    |raw| unsafe { own(raw.ptr.cast()).map(Raw::new) },
    // SAFETY: undoes `own`; THIS is set.
    |raw| unsafe { release(raw.ptr.cast()) }
);

unsafe fn own(loc: *mut gf::loc_t) -> Option<*mut gf::loc_t> {
    // SAFETY: a zeroed loc is an empty one; loc_copy takes references and copies.
    unsafe {
        let copy: *mut gf::loc_t = libc::calloc(1, size_of::<gf::loc_t>()).cast();
        if copy.is_null() {
            return None;
        }
        if gf::loc_copy(copy, loc) != 0 {
            gf::loc_wipe(copy);
            libc::free(copy.cast());
            return None;
        }
        // Without a path, loc_copy leaves `name` pointing into the original.
        if (*loc).path.is_null() && !(*loc).name.is_null() {
            (*copy).name = libc::strdup((*loc).name);
        }
        Some(copy)
    }
}

unsafe fn release(loc: *mut gf::loc_t) {
    // SAFETY: made by `own`: a name without a path is a copy of its own, any
    // other points into the path.
    unsafe {
        let name = if (*loc).path.is_null() {
            (*loc).name.cast_mut()
        } else {
            std::ptr::null_mut()
        };
        gf::loc_wipe(loc);
        libc::free(name.cast());
        libc::free(loc.cast());
    }
}

#[pymethods]
impl Loc {
    /// Path from the volume's root, if known.
    #[getter]
    fn path(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        // SAFETY: NULL or a live string, as long as the loc.
        unsafe { marshal::decode(slf.py(), read(slf, |loc| loc.path)?) }
    }

    /// Last part of the path, or None where only the file itself is known.
    #[getter]
    fn name(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        // SAFETY: as for `path`.
        unsafe { marshal::decode(slf.py(), read(slf, |loc| loc.name)?) }
    }

    /// The file's inode; a new one without gfid when the file is to be found or made.
    #[getter]
    fn inode(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::owned(
            slf.py(),
            read(slf, |loc| loc.inode)?,
            base(slf).xl(slf.py()),
        )
    }

    /// The directory's inode.
    #[getter]
    fn parent(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::owned(
            slf.py(),
            read(slf, |loc| loc.parent)?,
            base(slf).xl(slf.py()),
        )
    }

    /// The file's gfid: 16 bytes, zero where unknown (then see `inode.gfid`).
    #[getter]
    fn gfid(slf: &Bound<'_, Self>) -> PyResult<Bytes> {
        read(slf, |loc| convert::gfid(&loc.gfid))
    }

    /// The directory's gfid: 16 bytes, zero where unknown (then see `parent.gfid`).
    #[getter]
    fn pargfid(slf: &Bound<'_, Self>) -> PyResult<Bytes> {
        read(slf, |loc| convert::gfid(&loc.pargfid))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let text = |string: *const libc::c_char| {
            // SAFETY: as for `path`.
            let string = (!string.is_null()).then(|| unsafe { std::ffi::CStr::from_ptr(string) });
            string.map_or_else(
                || "None".to_owned(),
                |string| format!("{:?}", string.to_string_lossy()),
            )
        };
        read(slf, |loc| {
            format!(
                "<Loc path={} name={} gfid={} pargfid={}>",
                text(loc.path),
                text(loc.name),
                uuid_text(&loc.gfid),
                uuid_text(&loc.pargfid)
            )
        })
    }
}
