//! `loc_t`: where a file is.

use std::ffi::{CStr, CString, c_int};
use std::ptr;

use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

use super::{Gfid, Inode};
use crate::convert;
use crate::gf;
use crate::handle::{
    self, Copies, HandleClass, Owner, Raw, References, base, handle_class, read, write,
};
use crate::instance::{self, Instance};
use crate::marshal;

handle_class!(
    /// `loc_t` (xlator.h): a file by its path, its parent and name, its inode, or
    /// as many of these as are known.
    Loc,
    gf::loc_t,
    // SAFETY: a live loc; THIS is set (`Handle::own`).
    |raw| unsafe { own(raw.ptr.cast()).map(Raw::new) },
    // SAFETY: undoes `own`; THIS is set.
    |raw| unsafe { release(raw.ptr.cast()) },
    Copies::References {
        // SAFETY: made by `own`.
        strip: |raw| unsafe { strip(raw.ptr.cast()) },
        // SAFETY: as above, without inodes.
        free: |raw| unsafe { release(raw.ptr.cast()) },
    }
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
        // loc_copy fills in gfids that are null from the inodes: a copy that is kept
        // would read differently from the one that came.
        (*copy).gfid = (*loc).gfid;
        (*copy).pargfid = (*loc).pargfid;
        // Without a path, loc_copy leaves `name` pointing into the original; in a path
        // without a slash it finds no name.
        if !(*loc).name.is_null() {
            (*copy).name = match (*loc).path.is_null() {
                true => libc::strdup((*loc).name),
                false => name_in((*copy).path),
            };
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

unsafe fn strip(loc: *mut gf::loc_t) -> References {
    // SAFETY: made by `own`.
    let places = unsafe { [&mut (*loc).inode, &mut (*loc).parent] };
    let inodes = places.map(|place| std::mem::replace(place, ptr::null_mut()));
    let inodes = inodes.into_iter().filter(|inode| !inode.is_null());
    inodes
        .map(|inode| (Inode::class(), Raw::new(inode)))
        .collect()
}

/// A copy of a path in memory that loc_wipe may free.
fn new_path(path: &CStr) -> PyResult<*const libc::c_char> {
    let mut copy: *mut libc::c_char = ptr::null_mut();
    // SAFETY: a C string; the copy is from GlusterFS's allocator.
    if unsafe { gf::gf_asprintf(&raw mut copy, c"%s".as_ptr(), path.as_ptr()) } < 0 {
        return Err(PyMemoryError::new_err(()));
    }
    Ok(copy)
}

/// Where the name begins in a path.
///
/// # Safety
/// A C string, or NULL.
unsafe fn name_in(path: *const libc::c_char) -> *const libc::c_char {
    if path.is_null() {
        return path;
    }
    // SAFETY: by contract; a slash that is found is inside the string.
    unsafe {
        let slash = libc::strrchr(path, c_int::from(b'/'));
        if slash.is_null() { path } else { slash.add(1) }
    }
}

impl Loc {
    /// Puts an inode into one of the two places for them.
    fn put_inode(
        slf: &Bound<'_, Self>,
        value: &Bound<'_, PyAny>,
        what: &str,
        place: impl FnOnce(&mut gf::loc_t) -> &mut *mut gf::inode_t,
    ) -> PyResult<()> {
        let py = slf.py();
        let new: *mut gf::inode_t = if value.is_none() {
            ptr::null_mut()
        } else if let Ok(inode) = value.cast::<Inode>() {
            base(slf).join(py, base(inode))?;
            base(inode).raw(py)?.ptr.cast()
        } else {
            return Err(convert::wrong_type(value, "Inode or None", || {
                format!("Loc.{what}")
            }));
        };
        let instance = base(slf).instance(py);
        let old = write(slf, |loc| {
            if !new.is_null() {
                // SAFETY: a live inode; THIS is set.
                instance::within(instance, || unsafe { gf::inode_ref(new) });
            }
            Ok(std::mem::replace(place(loc), new))
        })?;
        if !old.is_null() {
            // SAFETY: the loc's reference, which it has no more.
            drop(unsafe { Owner::adopt(Inode::class(), Raw::new(old), instance) });
        }
        Ok(())
    }

    /// Puts a path in, whose last part is the name; or a name alone; or neither.
    fn put_names(slf: &Bound<'_, Self>, path: Option<&CStr>, name: Option<&CStr>) -> PyResult<()> {
        let path = path.map_or(Ok(ptr::null()), new_path)?;
        write(slf, |loc| {
            // SAFETY: a loc of our own; a name without a path is its own memory (see
            // `release`), any other is in the path.
            unsafe {
                if loc.path.is_null() {
                    libc::free(loc.name.cast_mut().cast());
                } else {
                    gf::__gf_free(loc.path.cast_mut().cast());
                }
                loc.path = path;
                loc.name = match name {
                    Some(name) if path.is_null() => libc::strdup(name.as_ptr()),
                    _ => name_in(path),
                };
            }
            Ok(())
        })
    }

    /// With what is known of its inodes where it has none itself: most callers leave out what
    /// the inodes say (gfids), and what their children do not need (paths). None if there is nothing
    /// to add.
    ///
    /// # Errors
    /// `ReferenceError` when its volume has gone.
    pub fn completed(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let py = slf.py();
        let (gfid, pargfid, lacks_path) = read(slf, |loc| {
            let known = |own: &gf::uuid_t, inode| (*own == NONE).then(|| gfid_of(inode)).flatten();
            (
                known(&loc.gfid, loc.inode),
                known(&loc.pargfid, loc.parent),
                loc.path.is_null() && loc.name.is_null() && gfid_of(loc.inode).is_some(),
            )
        })?;
        if gfid.is_none() && pargfid.is_none() && !lacks_path {
            return Ok(None);
        }
        let copy = Self::copy(slf)?.ok_or_else(|| PyMemoryError::new_err(()))?;
        let loc = copy.bind(py);
        if let (true, Some(inode)) = (lacks_path, Self::inode(slf)?) {
            let path = Inode::c_path(inode.bind(py), None)?;
            Self::put_names(loc, path.as_deref(), None)?;
        }
        write(loc, |loc| {
            loc.gfid = gfid.unwrap_or(loc.gfid);
            loc.pargfid = pargfid.unwrap_or(loc.pargfid);
            Ok(())
        })?;
        Ok(Some(copy))
    }

    /// Without an inode that is of no file yet. None if it has none such.
    ///
    /// # Errors
    /// As for `completed`.
    pub fn of_a_file(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let py = slf.py();
        if !read(slf, |loc| {
            !loc.inode.is_null() && gfid_of(loc.inode).is_none()
        })? {
            return Ok(None);
        }
        let copy = Self::copy(slf)?.ok_or_else(|| PyMemoryError::new_err(()))?;
        Self::set_inode(copy.bind(py), py.None().bind(py))?;
        Ok(Some(copy))
    }

    /// Of an inode that stands for it.
    ///
    /// # Errors
    /// As for `completed`.
    pub fn of(inode: &Bound<'_, Inode>) -> PyResult<Py<Self>> {
        let py = inode.py();
        let loc = Self::new(py, None, None, Some(inode.as_any()), None, None, None)?;
        Ok(Self::completed(loc.bind(py))?.unwrap_or(loc))
    }

    /// Its path and its name, copied.
    fn names(slf: &Bound<'_, Self>) -> PyResult<(Option<CString>, Option<CString>)> {
        let text = |string: *const libc::c_char| {
            // SAFETY: NULL or a live string, as long as the loc.
            (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_owned())
        };
        read(slf, |loc| (text(loc.path), text(loc.name)))
    }
}

/// No gfid.
const NONE: gf::uuid_t = [0; 16];

/// The gfid of an inode of a loc, if there is one that has one.
fn gfid_of(inode: *const gf::inode_t) -> Option<gf::uuid_t> {
    // SAFETY: NULL, or alive as long as the loc.
    let gfid = unsafe { inode.as_ref() }?.gfid;
    (gfid != NONE).then_some(gfid)
}

/// The last part of an absolute path.
fn last_of(path: *const libc::c_char) -> *const libc::c_char {
    // SAFETY: NULL, or a live string.
    unsafe {
        match path.is_null() || *path != b'/' as libc::c_char || *path.add(1) == 0 {
            true => ptr::null(),
            false => name_in(path),
        }
    }
}

/// The path of a name in a directory.
fn join(directory: &CStr, name: &CStr) -> CString {
    let directory = directory.to_bytes();
    let end = directory.iter().rposition(|byte| *byte != b'/');
    let mut path = directory[..end.map_or(0, |end| end + 1)].to_vec();
    path.push(b'/');
    path.extend_from_slice(name.to_bytes());
    CString::new(path).unwrap_or_default() // of parts without NUL
}

#[pymethods]
impl Loc {
    /// Made from a path, whose last part is the name, and keywords for the rest. A
    /// `name` alone is for a file that is known by `pargfid` and name only;
    /// `Loc.child` is for a name in a directory.
    #[new]
    #[pyo3(signature = (path=None, *, name=None, inode=None, parent=None, gfid=None, pargfid=None))]
    fn new(
        py: Python<'_>,
        path: Option<&Bound<'_, PyAny>>,
        name: Option<&Bound<'_, PyAny>>,
        inode: Option<&Bound<'_, PyAny>>,
        parent: Option<&Bound<'_, PyAny>>,
        gfid: Option<&Bound<'_, PyAny>>,
        pargfid: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        // SAFETY: a zeroed loc is an empty one, and is what `own` could have made.
        let loc = unsafe {
            let loc: *mut gf::loc_t = libc::calloc(1, size_of::<gf::loc_t>()).cast();
            handle::adopted::<Loc>(py, loc, Instance::current(py))?
        };
        let loc = loc.ok_or_else(|| PyMemoryError::new_err(()))?;
        let slf = loc.bind(py);
        path.map_or(Ok(()), |path| Self::set_path(slf, path))?;
        if let Some(name) = name {
            let last = Self::names(slf)?.1;
            Self::set_name(slf, name)?;
            if last.is_some() && last != Self::names(slf)?.1 {
                return Err(PyValueError::new_err(format!(
                    "Loc: name {} is not the last part of path",
                    convert::shown(name)
                )));
            }
        }
        inode.map_or(Ok(()), |inode| Self::set_inode(slf, inode))?;
        parent.map_or(Ok(()), |parent| Self::set_parent(slf, parent))?;
        gfid.map_or(Ok(()), |gfid| Self::set_gfid(slf, gfid))?;
        pargfid.map_or(Ok(()), |pargfid| Self::set_pargfid(slf, pargfid))?;
        Ok(loc)
    }

    /// A name in a directory, given by its inode or its loc. Without `inode` the file
    /// gets a new one, as a lookup needs it.
    #[staticmethod]
    #[pyo3(signature = (parent, name, inode=None))]
    fn child(
        parent: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        inode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let py = parent.py();
        let name = marshal::file_name(name, || "Loc.child: name".to_owned())?;
        let (directory, path) = match parent.cast::<Loc>() {
            Ok(loc) => (Self::inode(loc)?, Self::names(loc)?.0),
            Err(_) => (
                parent.cast::<Inode>().ok().map(|i| i.clone().unbind()),
                None,
            ),
        };
        let Some(directory) = directory else {
            let expected = "an Inode, or a Loc that has one";
            return Err(convert::wrong_type(parent, expected, || {
                "Loc.child: parent".to_owned()
            }));
        };
        let directory = directory.bind(py);
        let path = match path {
            Some(path) => Some(join(&path, &name)),
            None => Inode::c_path(directory, Some(&name))?,
        };
        let inode = match inode {
            Some(inode) => inode.clone(),
            None => directory.getattr("table")?.call_method0("new")?,
        };
        let pargfid = Bound::new(py, Inode::gfid_of(directory)?)?.into_any();
        let parent = Some(directory.as_any());
        let loc = Self::new(py, None, None, Some(&inode), parent, None, Some(&pargfid))?;
        Self::put_names(loc.bind(py), path.as_deref(), Some(&name))?;
        Ok(loc)
    }

    /// A copy of its own.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let (py, handle) = (slf.py(), base(slf));
        handle::owned(py, handle.raw(py)?.ptr.cast(), handle.instance(py))
    }

    fn __copy__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        Self::copy(slf)
    }

    fn __deepcopy__(
        slf: &Bound<'_, Self>,
        _known: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<Self>>> {
        Self::copy(slf)
    }

    #[setter]
    fn set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        if path.is_none() {
            return Self::put_names(slf, None, None);
        }
        let path = marshal::owned_string(path, || "Loc.path".to_owned())?;
        Self::put_names(slf, Some(&path), None)
    }

    /// Changes the last part of the path, if there is one.
    #[setter]
    fn set_name(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = marshal::file_name(name, || "Loc.name".to_owned())?;
        let Some(path) = Self::names(slf)?.0 else {
            return Self::put_names(slf, None, Some(&name));
        };
        let slash = path.as_bytes().iter().rposition(|byte| *byte == b'/');
        let path = match slash {
            Some(slash) => {
                let directory = CString::new(&path.as_bytes()[..slash]).unwrap_or_default();
                join(&directory, &name)
            }
            None => name,
        };
        Self::put_names(slf, Some(&path), None)
    }

    #[setter]
    fn set_inode(slf: &Bound<'_, Self>, inode: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::put_inode(slf, inode, "inode", |loc| &mut loc.inode)
    }

    #[setter]
    fn set_parent(slf: &Bound<'_, Self>, parent: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::put_inode(slf, parent, "parent", |loc| &mut loc.parent)
    }

    #[setter]
    fn set_gfid(slf: &Bound<'_, Self>, gfid: &Bound<'_, PyAny>) -> PyResult<()> {
        let gfid = convert::to_gfid(gfid, || "Loc.gfid".to_owned())?;
        write(slf, |loc| {
            loc.gfid = gfid;
            Ok(())
        })
    }

    #[setter]
    fn set_pargfid(slf: &Bound<'_, Self>, gfid: &Bound<'_, PyAny>) -> PyResult<()> {
        let gfid = convert::to_gfid(gfid, || "Loc.pargfid".to_owned())?;
        write(slf, |loc| {
            loc.pargfid = gfid;
            Ok(())
        })
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Loc>() else {
            return Ok(false);
        };
        let parts = |loc: &gf::loc_t| (loc.inode.addr(), loc.parent.addr(), loc.gfid, loc.pargfid);
        Ok(read(slf, parts)? == read(other, parts)? && Self::names(slf)? == Self::names(other)?)
    }

    /// Path from the volume's root, if known.
    #[getter]
    fn path(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        // SAFETY: NULL or a live string, as long as the loc.
        unsafe { marshal::decode(slf.py(), read(slf, |loc| loc.path)?) }
    }

    /// Name in its directory: the last part of the path, if there is one. None for the root, and
    /// where only the file itself is known.
    #[getter]
    fn name(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let name = |loc: &gf::loc_t| match loc.name.is_null() {
            true => last_of(loc.path),
            false => loc.name,
        };
        // SAFETY: as for `path`.
        unsafe { marshal::decode(slf.py(), read(slf, name)?) }
    }

    /// The file's inode; a new one without gfid when the file is to be found or made.
    #[getter]
    fn inode(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::part(slf, |loc| loc.inode)
    }

    /// The directory's inode.
    #[getter]
    fn parent(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::part(slf, |loc| loc.parent)
    }

    /// The file's gfid: its own, or its inode's; zero for one that is to be found or made.
    #[getter]
    fn gfid(slf: &Bound<'_, Self>) -> PyResult<Gfid> {
        let gfid = |loc: &gf::loc_t| match loc.gfid == NONE {
            true => gfid_of(loc.inode).unwrap_or(NONE),
            false => loc.gfid,
        };
        read(slf, |loc| convert::gfid(&gfid(loc)))
    }

    /// The directory's gfid: its own, or its parent's; zero where the directory is not known.
    #[getter]
    fn pargfid(slf: &Bound<'_, Self>) -> PyResult<Gfid> {
        let gfid = |loc: &gf::loc_t| match loc.pargfid == NONE {
            true => gfid_of(loc.parent).unwrap_or(NONE),
            false => loc.pargfid,
        };
        read(slf, |loc| convert::gfid(&gfid(loc)))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
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
                Gfid(loc.gfid),
                Gfid(loc.pargfid)
            )
        })
    }
}
