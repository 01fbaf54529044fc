//! Handles of objects that GlusterFS counts references to.

use std::ffi::{CStr, CString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr;

use pyo3::basic::CompareOp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{Gfid, Iatt, InodeTable};
use crate::compat;
use crate::contexts::Holder;
use crate::convert;
use crate::gf;
use crate::handle::{self, CPtr, Copies, HandleClass, base, handle_class, read};
use crate::instance::Instance;
use crate::marshal;

handle_class!(
    /// `inode_t` (inode.h): a file, whatever its names. Two handles are equal
    /// when they stand for the same inode.
    Inode,
    gf::inode_t,
    |raw| {
        // SAFETY: a live inode; THIS is set (`Handle::own`).
        let inode = unsafe { gf::inode_ref(raw.ptr.cast()) };
        (!inode.is_null()).then_some(raw)
    },
    // SAFETY: undoes `own`; THIS is set.
    |raw| unsafe {
        gf::inode_unref(raw.ptr.cast());
    },
    Copies::Nothing
);

handle_class!(
    /// `fd_t` (fd.h): an open file or directory. Two handles are equal when they
    /// stand for the same fd.
    Fd,
    gf::fd_t,
    |raw| {
        // SAFETY: as for Inode.
        let fd = unsafe { gf::fd_ref(raw.ptr.cast()) };
        (!fd.is_null()).then_some(raw)
    },
    // SAFETY: undoes `own`; THIS is set.
    |raw| unsafe { gf::fd_unref(raw.ptr.cast()) },
    Copies::Nothing
);

handle_class!(
    /// `struct iobref` (iobuf.h): what keeps the buffers of an iovec alive.
    Iobref,
    gf::iobref,
    |raw| {
        // SAFETY: as for Inode.
        let iobref = unsafe { gf::iobref_ref(raw.ptr.cast()) };
        (!iobref.is_null()).then_some(raw)
    },
    // SAFETY: undoes `own`.
    |raw| unsafe { gf::iobref_unref(raw.ptr.cast()) },
    Copies::Nothing
);

handle_class!(
    /// `client_t` (client_t.h): a client of this brick.
    Client,
    gf::client_t,
    |raw| {
        // SAFETY: as for Inode.
        let client = unsafe { gf::gf_client_ref(raw.ptr.cast()) };
        (!client.is_null()).then_some(raw)
    },
    // SAFETY: undoes `own`.
    |raw| unsafe { gf::gf_client_unref(raw.ptr.cast()) },
    Copies::Nothing
);

fn same_object<T: handle::HandleClass>(
    handle: &Bound<'_, T>,
    other: &Bound<'_, PyAny>,
    op: CompareOp,
) -> Py<PyAny> {
    let py = handle.py();
    let (CompareOp::Eq | CompareOp::Ne) = op else {
        return py.NotImplemented();
    };
    let Ok(other) = other.cast::<T>() else {
        return py.NotImplemented();
    };
    let same = base(handle).identity(py) == base(other).identity(py);
    (same == matches!(op, CompareOp::Eq))
        .into_pyobject(py)
        .map_or_else(|e| match e {}, |b| b.to_owned().into_any().unbind())
}

fn address_hash<T: handle::HandleClass>(handle: &Bound<'_, T>) -> u64 {
    let mut hasher = DefaultHasher::new();
    base(handle).identity(handle.py()).0.hash(&mut hasher);
    hasher.finish()
}

impl Inode {
    /// Its gfid.
    pub fn gfid_of(slf: &Bound<'_, Self>) -> PyResult<Gfid> {
        read(slf, |inode| Gfid(inode.gfid))
    }

    /// The path that the table knows, of the file or of a name in it.
    pub fn c_path(slf: &Bound<'_, Self>, name: Option<&CStr>) -> PyResult<Option<CString>> {
        let py = slf.py();
        if read(slf, |inode| inode.gfid)? == [0; 16] {
            return Ok(None); // inode_path would complain in the log
        }
        let owner = base(slf).own(py)?;
        let volume = base(slf).home(py)?.volume;
        // SAFETY: a live inode; the table's lock is taken without the GIL. The path is
        // ours to free.
        volume.ask(py, "Inode", || unsafe {
            let mut path: *mut libc::c_char = ptr::null_mut();
            let name = name.map_or(ptr::null(), CStr::as_ptr);
            gf::inode_path(owner.raw().ptr.cast(), name, &raw mut path);
            let copy = (!path.is_null()).then(|| CStr::from_ptr(path).to_owned());
            gf::__gf_free(path.cast());
            copy
        })
    }
}

/// The object behind a handle as a keeper of contexts, and whose contexts they are.
fn holder<T: HandleClass>(
    handle: &Bound<'_, T>,
    of: fn(*mut T::C) -> Holder,
) -> PyResult<(Holder, &'static Instance)> {
    let (py, common) = (handle.py(), base(handle));
    let instance = common.home(py)?;
    Ok((of(common.raw(py)?.ptr.cast()), instance))
}

#[pymethods]
impl Inode {
    /// A new inode, for a file that is to be found or made.
    #[staticmethod]
    fn new(table: &Bound<'_, PyAny>) -> PyResult<Option<Py<Self>>> {
        let Ok(table) = table.cast::<InodeTable>() else {
            return Err(convert::wrong_type(table, "InodeTable", || {
                "Inode.new: table".to_owned()
            }));
        };
        table.get().new_inode(table.py())
    }

    /// The table that it is in.
    #[getter]
    fn table(slf: &Bound<'_, Self>) -> PyResult<InodeTable> {
        let volume = base(slf).home(slf.py())?;
        read(slf, |inode| InodeTable::new(inode.table, volume))
    }

    /// The directory that it is in, as far as the table knows: one of them, when it
    /// has several names.
    fn parent(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let (py, instance) = (slf.py(), base(slf).home(slf.py())?);
        let inode = base(slf).own(py)?;
        // SAFETY: a live inode; no gfid and no name are given; the table's lock is
        // taken without the GIL. The result comes with a reference.
        let parent = instance.volume.ask(py, "Inode", || unsafe {
            let inode = inode.raw().ptr.cast();
            CPtr(gf::inode_parent(inode, ptr::null_mut(), ptr::null()))
        })?;
        // SAFETY: as above.
        unsafe { handle::adopted(py, parent.0, Some(instance)) }
    }

    /// The path that the table knows, of the file or of a name in it. Where the table
    /// knows no names it begins with `<gfid:...>`; None for an inode without gfid.
    #[pyo3(signature = (name=None))]
    fn path(slf: &Bound<'_, Self>, name: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let name = name
            .map(|name| marshal::file_name(name, || "Inode.path: name".to_owned()))
            .transpose()?;
        match Self::c_path(slf, name.as_deref())? {
            // SAFETY: a live string.
            Some(path) => unsafe { marshal::decode(py, path.as_ptr()) },
            None => Ok(None),
        }
    }

    /// A coroutine that finds the paths of all names of the file on the brick.
    fn paths<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, instance) = (slf.py(), base(slf).home(slf.py())?);
        py.import("glupy.paths")?
            .call_method1("paths", (slf, instance.this()))
    }

    /// Puts it into the table, under a name in a directory (both may be None) and
    /// with the gfid of `iatt`; the inode that stands for the file from now on.
    fn link(
        slf: &Bound<'_, Self>,
        parent: Option<&Bound<'_, PyAny>>,
        name: Option<&Bound<'_, PyAny>>,
        iatt: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<Self>>> {
        let parent = parent
            .map(|parent| handle::cast::<Inode>(parent, "Inode.link: parent"))
            .transpose()?;
        let iatt = handle::cast::<Iatt>(iatt, "Inode.link: iatt")?;
        let (py, instance) = (slf.py(), base(slf).home(slf.py())?);
        let name = name
            .map(|name| marshal::file_name(name, || "Inode.link: name".to_owned()))
            .transpose()?;
        let iatt = read(iatt, |iatt| *iatt)?;
        // What inode_link only asserts.
        let table = read(slf, |inode| inode.table)?;
        let wrong = |text: &str| Err(PyValueError::new_err(format!("Inode.link: {text}")));
        match (parent, &name) {
            (Some(parent), Some(_)) => {
                let (of_parent, ia_type) = read(parent, |inode| (inode.table, inode.ia_type))?;
                if of_parent != table {
                    return wrong("parent is in another table");
                }
                if ia_type != gf::IA_IFDIR {
                    return wrong("parent is not a directory");
                }
            }
            (None, None) => {}
            _ => return wrong("parent and name belong together"),
        }
        if iatt.ia_gfid == [0; 16] && read(slf, |inode| inode.gfid)? == [0; 16] {
            return wrong("iatt has no ia_gfid");
        }
        let inode = base(slf).own(py)?;
        let parent = parent.map(|parent| base(parent).own(py)).transpose()?;
        // SAFETY: as for `parent`; all are alive during the call.
        let linked = instance.volume.ask(py, "Inode", || unsafe {
            let parent = parent
                .as_ref()
                .map_or(ptr::null_mut(), |parent| parent.raw().ptr);
            let name = name.as_ref().map_or(ptr::null(), |name| name.as_ptr());
            let mut iatt = iatt;
            CPtr(gf::inode_link(
                inode.raw().ptr.cast(),
                parent.cast(),
                name,
                &raw mut iatt,
            ))
        })?;
        // SAFETY: as above.
        unsafe { handle::adopted(py, linked.0, Some(instance)) }
    }

    /// The file's identity in the volume: 16 bytes, zero until it is known.
    #[getter]
    fn gfid(slf: &Bound<'_, Self>) -> PyResult<Gfid> {
        read(slf, |inode| convert::gfid(&inode.gfid))
    }

    /// What kind of file it is: an `ia_type_t` number.
    #[getter]
    fn ia_type(slf: &Bound<'_, Self>) -> PyResult<u32> {
        read(slf, |inode| inode.ia_type)
    }

    /// What this translator keeps with the inode; None when it keeps nothing.
    #[getter]
    fn ctx(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let (holder, instance) = holder(slf, Holder::Inode)?;
        // SAFETY: a handle's object is alive.
        Ok(unsafe { holder.get(slf.py(), instance) })
    }

    #[setter]
    fn set_ctx(slf: &Bound<'_, Self>, object: Option<Py<PyAny>>) -> PyResult<()> {
        let (holder, instance) = holder(slf, Holder::Inode)?;
        // SAFETY: a handle's object is alive.
        unsafe { holder.set(slf.py(), instance, object) }
    }

    fn __richcmp__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>, op: CompareOp) -> Py<PyAny> {
        same_object(slf, other, op)
    }

    fn __hash__(slf: &Bound<'_, Self>) -> u64 {
        address_hash(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        read(slf, |inode| {
            format!(
                "<Inode gfid={} ia_type={}>",
                Gfid(inode.gfid),
                inode.ia_type
            )
        })
    }
}

#[pymethods]
impl Fd {
    /// An fd for an inode without an open: for reads and writes of the translator's own.
    #[staticmethod]
    fn anonymous(inode: &Bound<'_, PyAny>) -> PyResult<Option<Py<Self>>> {
        let inode = handle::cast::<Inode>(inode, "Fd.anonymous: inode")?;
        let (py, instance) = (inode.py(), base(inode).home(inode.py())?);
        let inode = base(inode).own(py)?;
        // SAFETY: a live inode; its lock is taken without the GIL. The result comes
        // with a reference.
        unsafe {
            let anonymous = || CPtr(gf::fd_anonymous(inode.raw().ptr.cast()));
            let fd = instance.volume.ask(py, "Inode", anonymous)?;
            handle::adopted(py, fd.0, Some(instance))
        }
    }

    /// An fd to open an inode with, by `open` or `create` of a child.
    #[staticmethod]
    #[pyo3(signature = (inode, flags, pid=None))]
    fn create(
        inode: &Bound<'_, PyAny>,
        flags: &Bound<'_, PyAny>,
        pid: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Py<Self>>> {
        let inode = handle::cast::<Inode>(inode, "Fd.create: inode")?;
        let flags: i32 = convert::number(flags, "int32_t", || "Fd.create: flags".to_owned())?;
        let pid: u64 = pid.map_or(Ok(0), |pid| {
            convert::number(pid, "uint64_t", || "Fd.create: pid".to_owned())
        })?;
        let (py, instance) = (inode.py(), base(inode).home(inode.py())?);
        let inode = base(inode).own(py)?;
        // SAFETY: as for `anonymous`; nobody else knows the new fd yet.
        unsafe {
            let fd = instance.volume.ask(py, "Inode", || {
                let fd = gf::fd_create_uint64(inode.raw().ptr.cast(), pid);
                if !fd.is_null() {
                    (*fd).flags = flags;
                }
                CPtr(fd)
            })?;
            handle::adopted(py, fd.0, Some(instance))
        }
    }

    /// The flags that it was opened with (`O_*`).
    #[getter]
    fn flags(slf: &Bound<'_, Self>) -> PyResult<i32> {
        read(slf, |fd| fd.flags)
    }

    /// The process that opened it.
    #[getter]
    fn pid(slf: &Bound<'_, Self>) -> PyResult<u64> {
        read(slf, |fd| fd.pid)
    }

    /// Whether it stands for an inode without having been opened.
    #[getter]
    fn is_anonymous(slf: &Bound<'_, Self>) -> PyResult<bool> {
        read(slf, |fd| fd.anonymous)
    }

    /// What this translator keeps with the fd; None when it keeps nothing.
    #[getter]
    fn ctx(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let (holder, instance) = holder(slf, Holder::Fd)?;
        // SAFETY: a handle's object is alive.
        Ok(unsafe { holder.get(slf.py(), instance) })
    }

    #[setter]
    fn set_ctx(slf: &Bound<'_, Self>, object: Option<Py<PyAny>>) -> PyResult<()> {
        let (holder, instance) = holder(slf, Holder::Fd)?;
        // SAFETY: a handle's object is alive.
        unsafe { holder.set(slf.py(), instance, object) }
    }

    /// The file that it is open on.
    #[getter]
    fn inode(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        handle::part(slf, |fd| fd.inode)
    }

    fn __richcmp__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>, op: CompareOp) -> Py<PyAny> {
        same_object(slf, other, op)
    }

    fn __hash__(slf: &Bound<'_, Self>) -> u64 {
        address_hash(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        // SAFETY: a live fd has an inode, on which it holds a reference.
        read(slf, |fd| unsafe {
            let gfid = fd
                .inode
                .as_ref()
                .map_or_else(|| "-".to_owned(), |inode| Gfid(inode.gfid).to_string());
            format!("<Fd gfid={gfid} flags={:#o}>", fd.flags)
        })
    }
}

#[pymethods]
impl Client {
    /// What identifies the client: its host, process and connection.
    #[getter]
    fn client_uid(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        // SAFETY: a live client's string.
        read(slf, |client| unsafe {
            marshal::decode(slf.py(), compat::client_uid(client))
        })?
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        // SAFETY: a live client's string.
        read(slf, |client| unsafe {
            let uid = compat::client_uid(client);
            if uid.is_null() {
                return "<Client>".to_owned();
            }
            format!("<Client {}>", CStr::from_ptr(uid).to_string_lossy())
        })
    }
}

#[pymethods]
impl Iobref {
    /// Bytes in all of its buffers.
    #[getter]
    fn size(slf: &Bound<'_, Self>) -> PyResult<usize> {
        let iobref = base(slf).raw(slf.py())?.ptr.cast();
        // SAFETY: a live iobref; its lock is a leaf.
        Ok(unsafe { gf::iobref_size(iobref) })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        Ok(format!("<Iobref size={}>", Self::size(slf)?))
    }
}
