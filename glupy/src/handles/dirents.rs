//! `gf_dirent_t`: the entries of a directory listing.

use std::ptr;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{Dict, Iatt, Inode};
use crate::gf;
use crate::handle::{self, Raw, base, handle_class, read};
use crate::list;
use crate::marshal;

handle_class!(
    /// A list of `gf_dirent_t` (gf-dirent.h): a sequence of directory entries.
    Dirents,
    gf::gf_dirent_t,
    // SAFETY: a live list; THIS is set (`Handle::own`).
    |raw| unsafe { own_list(raw.ptr.cast()) },
    // SAFETY: undoes `own`; THIS is set.
    |raw| unsafe {
        gf::gf_dirent_free(raw.ptr.cast());
        libc::free(raw.ptr);
    }
);

handle_class!(
    /// `gf_dirent_t` (gf-dirent.h): a directory entry, a copy of its own.
    Dirent,
    gf::gf_dirent_t,
    // SAFETY: a live entry; THIS is set.
    |raw| unsafe { own_entry(raw.ptr.cast()) },
    // SAFETY: undoes `own`: the entry is the only one on its list. THIS is set.
    |raw| unsafe {
        let entry: *mut gf::gf_dirent_t = raw.ptr.cast();
        let mut head: gf::gf_dirent_t = std::mem::zeroed();
        list::init(&raw mut head);
        list::append(&raw mut head, entry);
        gf::gf_dirent_free(&raw mut head);
    }
);

unsafe fn own_entry(entry: *mut gf::gf_dirent_t) -> Option<Raw> {
    // SAFETY: entry_copy copies the name and takes references.
    let copy = unsafe { gf::entry_copy(entry) };
    (!copy.is_null()).then(|| Raw::new(copy))
}

unsafe fn own_list(from: *mut gf::gf_dirent_t) -> Option<Raw> {
    // SAFETY: a well-formed list; the new head is linked to itself first, the
    // copies are put at its end.
    unsafe {
        let head: *mut gf::gf_dirent_t = libc::calloc(1, size_of::<gf::gf_dirent_t>()).cast();
        if head.is_null() {
            return None;
        }
        list::init(head);
        for entry in list::elements(from) {
            let copy = gf::entry_copy(entry);
            if copy.is_null() {
                gf::gf_dirent_free(head);
                libc::free(head.cast());
                return None;
            }
            list::append(head, copy);
        }
        Some(Raw::new(head))
    }
}

impl Dirents {
    fn entry(slf: &Bound<'_, Self>, entry: *mut gf::gf_dirent_t) -> PyResult<Option<Py<Dirent>>> {
        handle::owned(slf.py(), entry, base(slf).xl(slf.py()))
    }

    fn entries(slf: &Bound<'_, Self>) -> impl Iterator<Item = *mut gf::gf_dirent_t> {
        // SAFETY: the handle's list is alive and well formed, and the GIL is held
        // while it is walked.
        unsafe { list::elements(base(slf).raw(slf.py()).ptr.cast()) }
    }
}

#[pymethods]
impl Dirents {
    /// The number of entries.
    fn __len__(slf: &Bound<'_, Self>) -> usize {
        Self::entries(slf).count()
    }

    fn __getitem__(slf: &Bound<'_, Self>, index: isize) -> PyResult<Option<Py<Dirent>>> {
        let len = Self::entries(slf).count();
        let at = if index < 0 {
            index + len as isize
        } else {
            index
        };
        let entry = usize::try_from(at)
            .ok()
            .and_then(|at| Self::entries(slf).nth(at));
        let entry =
            entry.ok_or_else(|| PyIndexError::new_err(format!("entry {index} of {len}")))?;
        Self::entry(slf, entry)
    }

    fn __iter__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let list = PyList::empty(slf.py());
        for entry in Self::entries(slf) {
            list.append(Self::entry(slf, entry)?)?;
        }
        Ok(list.try_iter()?.into_any().unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!("<Dirents entries={}>", Self::__len__(slf))
    }
}

#[pymethods]
impl Dirent {
    /// The name.
    #[getter]
    fn d_name(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let name = read(slf, |entry| entry.d_name.as_ptr())?;
        // SAFETY: the name is behind the entry, which is owned by the handle.
        unsafe { marshal::decode(slf.py(), name) }
    }

    /// The inode number.
    #[getter]
    fn d_ino(slf: &Bound<'_, Self>) -> PyResult<u64> {
        read(slf, |entry| entry.d_ino)
    }

    /// Where the listing goes on after this entry.
    #[getter]
    fn d_off(slf: &Bound<'_, Self>) -> PyResult<u64> {
        read(slf, |entry| entry.d_off)
    }

    /// Length of the name in bytes.
    #[getter]
    fn d_len(slf: &Bound<'_, Self>) -> PyResult<u32> {
        read(slf, |entry| entry.d_len)
    }

    /// The kind of file (`DT_*`).
    #[getter]
    fn d_type(slf: &Bound<'_, Self>) -> PyResult<u32> {
        read(slf, |entry| entry.d_type)
    }

    /// Attributes, filled by readdirp.
    #[getter]
    fn d_stat(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Iatt>>> {
        let stat = read(slf, |entry| ptr::from_ref(&entry.d_stat).cast_mut())?;
        handle::owned(slf.py(), stat, base(slf).xl(slf.py()))
    }

    /// Extended attributes, when readdirp was asked for them.
    #[getter]
    fn dict(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Dict>>> {
        handle::owned(
            slf.py(),
            read(slf, |entry| entry.dict)?,
            base(slf).xl(slf.py()),
        )
    }

    /// The inode, when readdirp linked it.
    #[getter]
    fn inode(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::owned(
            slf.py(),
            read(slf, |entry| entry.inode)?,
            base(slf).xl(slf.py()),
        )
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        // SAFETY: as for `d_name`.
        read(slf, |entry| unsafe {
            let name = std::ffi::CStr::from_ptr(entry.d_name.as_ptr());
            format!(
                "<Dirent d_name={:?} d_type={}>",
                name.to_string_lossy(),
                entry.d_type
            )
        })
    }
}
