//! `gf_dirent_t`: the entries of a directory listing.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{Dict, Iatt, Inode, sequence};
use crate::convert;
use crate::gf;
use crate::handle::{
    self, Copies, HandleClass, Owner, Raw, References, base, handle_class, read, write,
};
use crate::instance::{self, Instance};
use crate::list;
use crate::marshal;

/// `NAME_MAX`: the kernel answers a listing with a longer name with EIO.
const LONGEST: usize = 255;

handle_class!(
    /// A list of `gf_dirent_t` (gf-dirent.h): a sequence of directory entries.
    Dirents: sequence,
    gf::gf_dirent_t,
    // SAFETY: a live list; THIS is set (`Handle::own`).
    |raw| unsafe { own_list(raw.ptr.cast()) },
    // SAFETY: undoes `own`; THIS is set.
    |raw| unsafe {
        gf::gf_dirent_free(raw.ptr.cast());
        libc::free(raw.ptr);
    },
    Copies::References {
        // SAFETY: made by `own`.
        strip: |raw| unsafe { list::elements(raw.ptr.cast()).flat_map(|entry| strip(entry)).collect() },
        // SAFETY: as above, without references.
        free: |raw| unsafe {
            gf::gf_dirent_free(raw.ptr.cast());
            libc::free(raw.ptr);
        },
    }
);

handle_class!(
    /// `gf_dirent_t` (gf-dirent.h): a directory entry. A change is made in a copy of its own.
    Dirent,
    gf::gf_dirent_t,
    // SAFETY: a live entry; THIS is set.
    |raw| unsafe { own_entry(raw.ptr.cast()) },
    // SAFETY: undoes `own`: the entry is the only one on its list. THIS is set.
    |raw| unsafe { free_entry(raw.ptr.cast()) },
    Copies::References {
        // SAFETY: made by `own`.
        strip: |raw| unsafe { strip(raw.ptr.cast()) },
        // SAFETY: as above, without references.
        free: |raw| unsafe { free_entry(raw.ptr.cast()) },
    }
);

unsafe fn free_entry(entry: *mut gf::gf_dirent_t) {
    // SAFETY: the entry is on no list but the new one.
    unsafe {
        let mut head: gf::gf_dirent_t = std::mem::zeroed();
        list::init(&raw mut head);
        list::append(&raw mut head, entry);
        gf::gf_dirent_free(&raw mut head);
    }
}

unsafe fn strip(entry: *mut gf::gf_dirent_t) -> References {
    // SAFETY: an entry of our own.
    let (inode, dict) = unsafe {
        let inode = std::mem::replace(&mut (*entry).inode, ptr::null_mut());
        (
            inode,
            std::mem::replace(&mut (*entry).dict, ptr::null_mut()),
        )
    };
    let all = [
        (Inode::class(), Raw::new(inode)),
        (Dict::class(), Raw::new(dict)),
    ];
    all.into_iter()
        .filter(|(_, raw)| !raw.ptr.is_null())
        .collect()
}

unsafe fn own_entry(entry: *mut gf::gf_dirent_t) -> Option<Raw> {
    // SAFETY: entry_copy copies the name and takes references; the dict's may be one too
    // few (`Dict::own`).
    unsafe {
        let copy = gf::entry_copy(entry);
        if copy.is_null() || (*entry).dict.is_null() {
            return (!copy.is_null()).then(|| Raw::new(copy));
        }
        gf::dict_unref((*copy).dict);
        let dict = (Dict::class().own)(Raw::new((*entry).dict));
        (*copy).dict = dict.map_or(ptr::null_mut(), |dict| dict.ptr.cast());
        if dict.is_none() {
            free_entry(copy);
        }
        dict.map(|_| Raw::new(copy))
    }
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
            let Some(copy) = own_entry(entry) else {
                gf::gf_dirent_free(head);
                libc::free(head.cast());
                return None;
            };
            list::append(head, copy.ptr.cast());
        }
        Some(Raw::new(head))
    }
}

/// Makes a listing that Python has made one that callers can go through: they read the dict of an
/// entry and, of a file, its inode, without looking whether there is an inode. An entry that has no
/// offset gets the one before it: who goes on there misses nothing, and does not begin again, as at
/// 0. Where the child's listing has ended there is none before the first one.
///
/// # Errors
/// What is wrong, with the name of the entry.
///
/// # Safety
/// A live list that Python has made; the child's is alive, or NULL.
pub unsafe fn complete(
    head: *mut gf::gf_dirent_t,
    came: *mut gf::gf_dirent_t,
) -> Result<(), String> {
    let mut before = 0;
    // SAFETY: by contract.
    let has_ended = !came.is_null() && unsafe { list::elements(came) }.next().is_none();
    // SAFETY: by contract; no Python runs.
    for entry in unsafe { list::elements(head).map(|entry| &mut *entry) } {
        let name = entry.d_name.as_ptr();
        // SAFETY: the name stands behind the entry, and ends in NUL.
        let name = || unsafe { CStr::from_ptr(name) }.to_string_lossy();
        if entry.d_off == 0 {
            entry.d_off = before;
        }
        before = entry.d_off;
        if has_ended && before == 0 {
            return Err(format!(
                "has an entry {:?} without d_off where the child has no more entries: the listing would \
                 begin again and never end; add entries to a page that has some, or give d_off",
                name()
            ));
        }
        if !entry.inode.is_null() {
            continue;
        }
        if entry.d_stat.ia_type == gf::IA_IFREG {
            return Err(format!(
                "has an entry {:?} with the d_stat of a file, but without inode, which callers \
                 follow: give both, or none, as for an entry that is to be looked up",
                name()
            ));
        }
        let dict = std::mem::replace(&mut entry.dict, ptr::null_mut());
        if !dict.is_null() {
            // SAFETY: the entry's reference, which it has no more.
            unsafe { gf::dict_unref(dict) };
        }
    }
    Ok(())
}

/// An entry of its own with this name.
fn new_entry(name: &Bound<'_, PyAny>) -> PyResult<*mut gf::gf_dirent_t> {
    let name = marshal::file_name(name, || "Dirent.d_name".to_owned())?;
    let len = name.count_bytes();
    if len > LONGEST {
        return Err(PyValueError::new_err(format!(
            "Dirent.d_name: a name has at most {LONGEST} bytes, not {len}"
        )));
    }
    // SAFETY: a C string; the copy's links are not set by all versions, and it is on
    // no list.
    unsafe {
        let entry = gf::gf_dirent_for_name(name.as_ptr());
        if entry.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        list::init(entry);
        Ok(entry)
    }
}

/// A list of copies of the entries of a Python sequence.
///
/// # Errors
/// `TypeError` for what is no `Dirent`.
pub fn build(entries: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<Arc<Owner>> {
    let wrong = || convert::wrong_type(entries, "Dirents or a sequence of Dirent", &what);
    let py = entries.py();
    let entries: Vec<_> = entries
        .try_iter()
        .map_err(|_| wrong())?
        .enumerate()
        .map(|(i, entry)| {
            let name = || format!("{}[{i}]", what());
            let wrong = |entry: &_| convert::wrong_type(entry, "Dirent", name);
            let entry = entry?.cast_into::<Dirent>();
            entry.map_err(|other| wrong(&other.into_inner()))
        })
        .collect::<PyResult<_>>()?;
    let theirs = entries.iter().find_map(|entry| base(entry).instance(py));
    let instance = theirs.or_else(|| Instance::current(py));
    // SAFETY: a zeroed entry is a head; on errors the owner frees what is on it.
    let (head, owner) = unsafe {
        let head: *mut gf::gf_dirent_t = libc::calloc(1, size_of::<gf::gf_dirent_t>()).cast();
        if head.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        list::init(head);
        (
            head,
            Owner::adopt(Dirents::class(), Raw::new(head), instance),
        )
    };
    for entry in &entries {
        let raw = base(entry).raw(py)?;
        // SAFETY: the entry is owned, hence alive; the copy is on no list.
        unsafe {
            let copy = instance::within(instance, || own_entry(raw.ptr.cast()));
            let copy = copy.ok_or_else(|| PyMemoryError::new_err(()))?;
            list::append(head, copy.ptr.cast());
        }
    }
    Ok(owner)
}

/// The entries of a handle's list.
fn elements(head: &gf::gf_dirent_t) -> impl Iterator<Item = *mut gf::gf_dirent_t> + use<> {
    // SAFETY: the handle's list is alive and well formed; whoever walks it runs no Python
    // meanwhile, which might end that.
    unsafe { list::elements(ptr::from_ref(head).cast_mut()) }
}

#[pymethods]
impl Dirents {
    /// A listing made of copies of these entries.
    #[new]
    #[pyo3(signature = (entries=None))]
    fn new(py: Python<'_>, entries: Option<&Bound<'_, PyAny>>) -> PyResult<Py<Self>> {
        let nothing = PyList::empty(py).into_any();
        let owner = build(entries.unwrap_or(&nothing), || {
            "Dirents: entries".to_owned()
        })?;
        handle::having(py, owner)
    }

    /// The number of entries.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        read(slf, |head| elements(head).count())
    }

    /// An entry, or a list of those in a slice.
    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        sequence::item("Dirents", index, Self::__len__(slf)?, |at| {
            let entry = handle::part::<Dirents, Dirent>(slf, |head| {
                elements(head).nth(at).unwrap_or(ptr::null_mut())
            })?;
            entry.into_bound_py_any(slf.py())
        })
    }

    fn __iter__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let entries = handle::parts::<Dirents, Dirent, _>(slf, elements)?;
        let list = PyList::new(slf.py(), entries)?;
        Ok(list.try_iter()?.into_any().unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        Ok(format!("<Dirents entries={}>", Self::__len__(slf)?))
    }
}

impl Dirent {
    /// Puts a reference into the place of another one.
    fn replace<T: HandleClass>(
        slf: &Bound<'_, Self>,
        value: &Bound<'_, PyAny>,
        what: &str,
        place: impl FnOnce(&mut gf::gf_dirent_t) -> &mut *mut T::C,
    ) -> PyResult<()> {
        let py = slf.py();
        let new = if value.is_none() {
            None
        } else if let Ok(value) = value.cast::<T>() {
            base(slf).join(py, base(value))?;
            Some(base(value).raw(py)?)
        } else {
            let expected = format!("{} or None", T::class().name);
            return Err(convert::wrong_type(value, &expected, || {
                format!("Dirent.{what}")
            }));
        };
        let instance = base(slf).instance(py);
        let old = write(slf, |entry| {
            let place = place(entry);
            let old = *place;
            // SAFETY: a live object; THIS is set for the ref.
            let own = |new| instance::within(instance, || unsafe { (T::class().own)(new) });
            let new = new.and_then(own);
            *place = new.map_or(ptr::null_mut(), |new| new.ptr.cast());
            Ok(old)
        })?;
        if !old.is_null() {
            // SAFETY: the entry's reference, which it has no more.
            drop(unsafe { Owner::adopt(T::class(), Raw::new(old), instance) });
        }
        Ok(())
    }
}

#[pymethods]
impl Dirent {
    /// An entry with this name; keywords set the other fields. Without `d_ino` it has
    /// all ones, which stand for "not known".
    #[new]
    #[pyo3(signature = (
        d_name, *, d_ino=None, d_off=None, d_type=None, d_stat=None, dict=None, inode=None
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of the structure
    fn new(
        d_name: &Bound<'_, PyAny>,
        d_ino: Option<&Bound<'_, PyAny>>,
        d_off: Option<&Bound<'_, PyAny>>,
        d_type: Option<&Bound<'_, PyAny>>,
        d_stat: Option<&Bound<'_, PyAny>>,
        dict: Option<&Bound<'_, PyAny>>,
        inode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let py = d_name.py();
        let entry = new_entry(d_name)?;
        // SAFETY: a live entry that is ours.
        let entry = unsafe { handle::adopted::<Dirent>(py, entry, Instance::current(py)) }?;
        let entry = entry.ok_or_else(|| PyMemoryError::new_err(()))?;
        let slf = entry.bind(py);
        d_ino.map_or(Ok(()), |ino| Self::set_d_ino(slf, ino))?;
        d_off.map_or(Ok(()), |off| Self::set_d_off(slf, off))?;
        d_type.map_or(Ok(()), |kind| Self::set_d_type(slf, kind))?;
        d_stat.map_or(Ok(()), |stat| Self::set_d_stat(slf, stat))?;
        dict.map_or(Ok(()), |dict| Self::set_dict(slf, dict))?;
        inode.map_or(Ok(()), |inode| Self::set_inode(slf, inode))?;
        Ok(entry)
    }

    /// A copy of its own.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        handle::owned(
            slf.py(),
            base(slf).raw(slf.py())?.ptr.cast(),
            base(slf).instance(slf.py()),
        )
    }

    #[setter]
    fn set_d_name(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let instance = base(slf).instance(py);
        let old: *mut gf::gf_dirent_t = base(slf).raw(py)?.ptr.cast();
        // The name stands behind the entry, which therefore is made again.
        let new = new_entry(name)?;
        // SAFETY: two live entries; the references are counted for the new one.
        unsafe {
            (*new).d_ino = (*old).d_ino;
            (*new).d_off = (*old).d_off;
            (*new).d_type = (*old).d_type;
            (*new).d_stat = (*old).d_stat;
            instance::within(instance, || {
                if !(*old).dict.is_null() {
                    let dict = (Dict::class().own)(Raw::new((*old).dict));
                    (*new).dict = dict.map_or(ptr::null_mut(), |dict| dict.ptr.cast());
                }
                if !(*old).inode.is_null() {
                    (*new).inode = gf::inode_ref((*old).inode);
                }
            });
            base(slf).set_owner(py, Owner::adopt(Dirent::class(), Raw::new(new), instance));
        }
        Ok(())
    }

    #[setter]
    fn set_d_ino(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::number(value, "uint64_t", || "Dirent.d_ino".to_owned())?;
        write(slf, |entry| {
            entry.d_ino = value;
            Ok(())
        })
    }

    #[setter]
    fn set_d_off(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::number(value, "uint64_t", || "Dirent.d_off".to_owned())?;
        write(slf, |entry| {
            entry.d_off = value;
            Ok(())
        })
    }

    #[setter]
    fn set_d_type(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::number(value, "uint32_t", || "Dirent.d_type".to_owned())?;
        write(slf, |entry| {
            entry.d_type = value;
            Ok(())
        })
    }

    #[setter]
    fn set_d_stat(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Ok(stat) = value.cast::<Iatt>() else {
            return Err(convert::wrong_type(value, "Iatt", || {
                "Dirent.d_stat".to_owned()
            }));
        };
        let stat = read(stat, |stat| *stat)?;
        write(slf, |entry| {
            entry.d_stat = stat;
            Ok(())
        })
    }

    #[setter]
    fn set_dict(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::replace::<Dict>(slf, value, "dict", |entry| &mut entry.dict)
    }

    #[setter]
    fn set_inode(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::replace::<Inode>(slf, value, "inode", |entry| &mut entry.inode)
    }

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
        handle::part(slf, |entry| ptr::from_ref(&entry.d_stat).cast_mut())
    }

    /// Extended attributes, when readdirp was asked for them.
    #[getter]
    fn dict(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Dict>>> {
        handle::part(slf, |entry| entry.dict)
    }

    /// The inode, when readdirp linked it.
    #[getter]
    fn inode(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::part(slf, |entry| entry.inode)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        // SAFETY: as for `d_name`.
        read(slf, |entry| unsafe {
            let name = CStr::from_ptr(entry.d_name.as_ptr());
            format!(
                "<Dirent d_name={:?} d_type={}>",
                name.to_string_lossy(),
                entry.d_type
            )
        })
    }
}
