//! `lock_migration_info_t`: the locks that move with a file.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use super::Flock;
use crate::gf;
use crate::handle::{self, Raw, base, handle_class};
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

/// The locks of a list. An unused head may be all zero.
unsafe fn locks(head: *mut gf::lock_migration_info_t) -> Vec<*mut gf::lock_migration_info_t> {
    let mut all = Vec::new();
    // SAFETY: a well-formed list; the links are the first member.
    unsafe {
        let end: *mut gf::list_head = head.cast();
        let mut at = (*end).next;
        while !at.is_null() && at != end {
            all.push(at.cast());
            at = (*at).next;
        }
    }
    all
}

unsafe fn own(from: *mut gf::lock_migration_info_t) -> Option<Raw> {
    const SIZE: usize = size_of::<gf::lock_migration_info_t>();
    // SAFETY: a well-formed list; each copy is put at the end of the new one.
    unsafe {
        let head: *mut gf::list_head = libc::calloc(1, SIZE).cast();
        if head.is_null() {
            return None;
        }
        (*head).next = head;
        (*head).prev = head;
        for lock in locks(from) {
            let copy: *mut gf::lock_migration_info_t = libc::malloc(SIZE).cast();
            if copy.is_null() {
                free(head.cast());
                return None;
            }
            copy.copy_from_nonoverlapping(lock, 1);
            if !(*copy).client_uid.is_null() {
                (*copy).client_uid = libc::strdup((*copy).client_uid);
            }
            let new: *mut gf::list_head = copy.cast();
            (*new).next = head;
            (*new).prev = (*head).prev;
            (*(*head).prev).next = new;
            (*head).prev = new;
        }
        Some(Raw::new(head))
    }
}

unsafe fn free(head: *mut gf::lock_migration_info_t) {
    // SAFETY: made by `own`.
    unsafe {
        for lock in locks(head) {
            libc::free((*lock).client_uid.cast());
            libc::free(lock.cast());
        }
        libc::free(head.cast());
    }
}

/// A lock and the uid of its client.
type Lock = (Option<Py<Flock>>, Option<Py<PyAny>>);

#[pymethods]
impl LockList {
    /// The number of locks.
    fn __len__(slf: &Bound<'_, Self>) -> usize {
        // SAFETY: the handle's list is alive and well formed.
        unsafe { locks(base(slf).raw(slf.py()).ptr.cast()) }.len()
    }

    /// A lock and the uid of its client.
    fn __getitem__(slf: &Bound<'_, Self>, index: isize) -> PyResult<Lock> {
        let py = slf.py();
        // SAFETY: as above.
        let all = unsafe { locks(base(slf).raw(py).ptr.cast()) };
        let at = if index < 0 {
            index + all.len() as isize
        } else {
            index
        };
        let lock = usize::try_from(at).ok().and_then(|at| all.get(at));
        let lock =
            *lock.ok_or_else(|| PyIndexError::new_err(format!("lock {index} of {}", all.len())))?;
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
