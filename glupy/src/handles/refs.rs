//! Handles of objects that GlusterFS counts references to.

use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::basic::CompareOp;
use pyo3::prelude::*;

use crate::contexts::Holder;
use crate::convert::{self, Bytes};
use crate::gf;
use crate::handle::{self, HandleClass, Raw, base, handle_class, read};
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
    }
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
    |raw| unsafe { gf::fd_unref(raw.ptr.cast()) }
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
    |raw| unsafe { gf::iobref_unref(raw.ptr.cast()) }
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
    |raw| unsafe { gf::gf_client_unref(raw.ptr.cast()) }
);

fn same_object<T: handle::HandleClass>(
    handle: &Bound<'_, T>,
    other: &Bound<'_, PyAny>,
    op: CompareOp,
) -> Py<PyAny> {
    let py = handle.py();
    let address = |raw: Raw| raw.ptr;
    let (CompareOp::Eq | CompareOp::Ne) = op else {
        return py.NotImplemented();
    };
    let Ok(other) = other.cast::<T>() else {
        return py.NotImplemented();
    };
    let same = address(base(handle).raw(py)) == address(base(other).raw(py));
    (same == matches!(op, CompareOp::Eq))
        .into_pyobject(py)
        .map_or_else(|e| match e {}, |b| b.to_owned().into_any().unbind())
}

fn address_hash<T: handle::HandleClass>(handle: &Bound<'_, T>) -> u64 {
    let mut hasher = DefaultHasher::new();
    base(handle).raw(handle.py()).ptr.hash(&mut hasher);
    hasher.finish()
}

/// The object behind a handle as a keeper of contexts, and whose contexts they are.
fn holder<T: HandleClass>(
    handle: &Bound<'_, T>,
    of: fn(*mut T::C) -> Holder,
) -> (Holder, &'static Instance) {
    let (py, common) = (handle.py(), base(handle));
    // SAFETY: a handle is given to a translator of ours, after its `init`.
    let instance = unsafe { Instance::of(common.xl(py)) };
    (of(common.raw(py).ptr.cast()), instance)
}

#[pymethods]
impl Inode {
    /// The file's identity in the volume: 16 bytes, zero until it is known.
    #[getter]
    fn gfid(slf: &Bound<'_, Self>) -> PyResult<Bytes> {
        read(slf, |inode| convert::gfid(&inode.gfid))
    }

    /// What kind of file it is: an `ia_type_t` number.
    #[getter]
    fn ia_type(slf: &Bound<'_, Self>) -> PyResult<u32> {
        read(slf, |inode| inode.ia_type)
    }

    /// What this translator keeps with the inode; None when it keeps nothing.
    #[getter]
    fn ctx(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let (holder, instance) = holder(slf, Holder::Inode);
        // SAFETY: a handle's object is alive.
        unsafe { holder.get(slf.py(), instance) }
    }

    #[setter]
    fn set_ctx(slf: &Bound<'_, Self>, object: Option<Py<PyAny>>) -> PyResult<()> {
        let (holder, instance) = holder(slf, Holder::Inode);
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
        read(slf, |inode| {
            format!(
                "<Inode gfid={} ia_type={}>",
                uuid_text(&inode.gfid),
                inode.ia_type
            )
        })
    }
}

#[pymethods]
impl Fd {
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
    fn anonymous(slf: &Bound<'_, Self>) -> PyResult<bool> {
        read(slf, |fd| fd.anonymous)
    }

    /// What this translator keeps with the fd; None when it keeps nothing.
    #[getter]
    fn ctx(slf: &Bound<'_, Self>) -> Option<Py<PyAny>> {
        let (holder, instance) = holder(slf, Holder::Fd);
        // SAFETY: a handle's object is alive.
        unsafe { holder.get(slf.py(), instance) }
    }

    #[setter]
    fn set_ctx(slf: &Bound<'_, Self>, object: Option<Py<PyAny>>) -> PyResult<()> {
        let (holder, instance) = holder(slf, Holder::Fd);
        // SAFETY: a handle's object is alive.
        unsafe { holder.set(slf.py(), instance, object) }
    }

    /// The file that it is open on.
    #[getter]
    fn inode(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Inode>>> {
        let py = slf.py();
        handle::owned(py, read(slf, |fd| fd.inode)?, base(slf).xl(py))
    }

    fn __richcmp__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>, op: CompareOp) -> Py<PyAny> {
        same_object(slf, other, op)
    }

    fn __hash__(slf: &Bound<'_, Self>) -> u64 {
        address_hash(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        // SAFETY: a live fd has an inode, on which it holds a reference.
        read(slf, |fd| unsafe {
            let gfid = fd
                .inode
                .as_ref()
                .map_or_else(|| "-".to_owned(), |inode| uuid_text(&inode.gfid));
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
            marshal::decode(slf.py(), client.client_uid)
        })?
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        // SAFETY: a live client's string.
        read(slf, |client| unsafe {
            let uid = client.client_uid;
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
    fn size(slf: &Bound<'_, Self>) -> usize {
        // SAFETY: a live iobref; its lock is a leaf.
        unsafe { gf::iobref_size(base(slf).raw(slf.py()).ptr.cast()) }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!("<Iobref size={}>", Self::size(slf))
    }
}

/// A gfid as people write it.
pub fn uuid_text(uuid: &[u8; 16]) -> String {
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
