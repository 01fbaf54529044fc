//! `lock_migration_info_t`: the locks that move with a file.

use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{Flock, sequence};
use crate::convert;
use crate::fop::Word;
use crate::gf;
use crate::handle::{self, Copies, HandleClass, Owner, Raw, base, handle_class, read};
use crate::hold::Hold;
use crate::list;
use crate::marshal;

handle_class!(
    /// A list of `lock_migration_info_t` (glusterfs.h): a sequence of triples: a lock,
    /// the uid of the client that holds it, and its flags.
    LockList: sequence,
    gf::lock_migration_info_t,
    // SAFETY: a live list.
    |raw| unsafe { own(raw.ptr.cast()) },
    // SAFETY: undoes `own`.
    |raw| unsafe { free(raw.ptr.cast()) },
    Copies::All
);

const SIZE: usize = size_of::<gf::lock_migration_info_t>();

unsafe fn own(from: *mut gf::lock_migration_info_t) -> Option<Raw> {
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

/// A lock, the uid of its client, its flags.
type Lock = (Option<Py<Flock>>, Option<Py<PyAny>>, u32);

/// A list of locks, each a `Flock`, the uid of its client and its flags.
///
/// # Errors
/// `TypeError` for anything else.
pub fn build(locks: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<Arc<Owner>> {
    let wrong = || convert::wrong_type(locks, "a sequence of (Flock, str, int)", &what);
    // SAFETY: a zeroed element is a head; on errors the owner frees what is on it.
    let (head, owner) = unsafe {
        let head: *mut gf::lock_migration_info_t = libc::calloc(1, SIZE).cast();
        if head.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        list::init(head);
        (head, Owner::adopt(LockList::class(), Raw::new(head), None))
    };
    for (i, lock) in locks.try_iter().map_err(|_| wrong())?.enumerate() {
        let (lock, what) = (lock?, || format!("{}[{i}]", what()));
        let (flock, client, flags): (Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>) = lock
            .extract()
            .map_err(|_| convert::wrong_type(&lock, "(Flock, str, int)", what))?;
        let flags: u32 = convert::number(&flags, "uint32_t", || format!("{}: flags", what()))?;
        let flock = handle::cast::<Flock>(&flock, &format!("{}: lock", what()))?;
        let flock = read(flock, |flock| *flock)?;
        let mut hold = Hold::default();
        let client = match client.is_none() {
            true => Word::NULL,
            false => marshal::string(&client, || format!("{}: client", what()), &mut hold)?,
        };
        // SAFETY: fresh memory; strdup copies what `hold` keeps.
        unsafe {
            let lock: *mut gf::lock_migration_info_t = libc::calloc(1, SIZE).cast();
            if lock.is_null() {
                return Err(PyMemoryError::new_err(()));
            }
            (*lock).flock = flock;
            (*lock).lk_flags = flags;
            if !client.is_null() {
                (*lock).client_uid = libc::strdup(client.get());
            }
            list::append(head, lock);
        }
    }
    Ok(owner)
}

impl LockList {
    fn locks(
        slf: &Bound<'_, Self>,
    ) -> PyResult<impl Iterator<Item = *mut gf::lock_migration_info_t>> {
        let head = base(slf).raw(slf.py())?.ptr.cast();
        // SAFETY: the handle's list is alive and well formed, and the GIL is held
        // while it is walked.
        Ok(unsafe { list::elements(head) })
    }
}

#[pymethods]
impl LockList {
    /// A list of locks: each a `Flock`, the uid of its client and its flags.
    #[new]
    #[pyo3(signature = (locks=None))]
    fn new(py: Python<'_>, locks: Option<&Bound<'_, PyAny>>) -> PyResult<PyClassInitializer<Self>> {
        let nothing = PyList::empty(py).into_any();
        let owner = build(locks.unwrap_or(&nothing), || "LockList: locks".to_owned())?;
        Ok(handle::initializer(owner, LockList))
    }

    /// The number of locks.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(Self::locks(slf)?.count())
    }

    /// A lock, the uid of its client and its flags; or a list of those in a slice.
    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let len = Self::locks(slf)?.count();
        sequence::item("LockList", index, len, |at| {
            // SAFETY: an element of the live list; its strings are its own.
            let of = |lock: *mut gf::lock_migration_info_t| unsafe {
                let flock = handle::owned(py, &raw mut (*lock).flock, None)?;
                let client = marshal::decode(py, (*lock).client_uid)?;
                PyResult::<Lock>::Ok((flock, client, (*lock).lk_flags))
            };
            let lock = Self::locks(slf)?.nth(at);
            lock.map(of).transpose()?.into_bound_py_any(py)
        })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(format!("<LockList locks={}>", Self::__len__(slf)?))
    }
}
