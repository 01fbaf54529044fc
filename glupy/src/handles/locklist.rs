//! `lock_migration_info_t`: the locks that move with a file.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use super::Flock;
use crate::gf;
use crate::handle::{self, Raw, base, handle_class};
use crate::list;
use crate::marshal;

handle_class!(
    /// A list of `lock_migration_info_t` (glusterfs.h): a sequence of pairs of a
    /// lock and the client that holds it.
    LockList,
    gf::lock_migration_info_t,
    // SAFETY: a live list.
    |raw| unsafe { own(raw.ptr.cast()) },
    // SAFETY: undoes `own`.
    |raw| unsafe { free(raw.ptr.cast()) }
);

unsafe fn own(from: *mut gf::lock_migration_info_t) -> Option<Raw> {
    const SIZE: usize = size_of::<gf::lock_migration_info_t>();
    // SAFETY: a well-formed list; each copy is put at the end of the new one.
    unsafe {
        let head: *mut gf::lock_migration_info_t = libc::calloc(1, SIZE).cast();
        if head.is_null() {
            return None;
        }
        list::init(head);
        for lock in list::elements(from) {
            let copy: *mut gf::lock_migration_info_t = libc::malloc(SIZE).cast();
            if copy.is_null() {
                free(head);
                return None;
            }
            copy.copy_from_nonoverlapping(lock, 1);
            if !(*copy).client_uid.is_null() {
                (*copy).client_uid = libc::strdup((*copy).client_uid);
            }
            list::append(head, copy);
        }
        Some(Raw::new(head))
    }
}

unsafe fn free(head: *mut gf::lock_migration_info_t) {
    // SAFETY: made by `own`.
    unsafe {
        for lock in list::elements(head) {
            libc::free((*lock).client_uid.cast());
            libc::free(lock.cast());
        }
        libc::free(head.cast());
    }
}

/// A lock and the uid of its client.
type Lock = (Option<Py<Flock>>, Option<Py<PyAny>>);

impl LockList {
    fn locks(slf: &Bound<'_, Self>) -> impl Iterator<Item = *mut gf::lock_migration_info_t> {
        // SAFETY: the handle's list is alive and well formed, and the GIL is held
        // while it is walked.
        unsafe { list::elements(base(slf).raw(slf.py()).ptr.cast()) }
    }
}

#[pymethods]
impl LockList {
    /// The number of locks.
    fn __len__(slf: &Bound<'_, Self>) -> usize {
        Self::locks(slf).count()
    }

    /// A lock and the uid of its client.
    fn __getitem__(slf: &Bound<'_, Self>, index: isize) -> PyResult<Lock> {
        let py = slf.py();
        let len = Self::locks(slf).count();
        let at = if index < 0 {
            index + len as isize
        } else {
            index
        };
        let lock = usize::try_from(at)
            .ok()
            .and_then(|at| Self::locks(slf).nth(at));
        let lock = lock.ok_or_else(|| PyIndexError::new_err(format!("lock {index} of {len}")))?;
        // SAFETY: an element of the live list; its strings are its own.
        unsafe {
            let flock = handle::owned(py, &raw mut (*lock).flock, base(slf).xl(py))?;
            Ok((flock, marshal::decode(py, (*lock).client_uid)?))
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!("<LockList locks={}>", Self::__len__(slf))
    }
}
