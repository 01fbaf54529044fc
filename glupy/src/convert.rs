//! C fields that have no counterpart of their own in Python.

use std::convert::Infallible;
use std::slice;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use smallvec::SmallVec;

use crate::gf;

/// Bytes on their way to Python; what is usual is small and needs no allocation.
pub struct Bytes(SmallVec<[u8; 128]>);

impl<'py> IntoPyObject<'py> for Bytes {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(PyBytes::new(py, &self.0))
    }
}

/// A gfid: 16 bytes.
pub fn gfid(uuid: &[u8; 16]) -> Bytes {
    Bytes(SmallVec::from_slice(uuid))
}

/// The owner of a lock: as many bytes as it says that it has.
pub fn lk_owner(owner: &gf::gf_lkowner_t) -> Bytes {
    let len = usize::try_from(owner.len)
        .unwrap_or(0)
        .min(owner.data.len());
    Bytes(owner.data[..len].iter().map(|c| *c as u8).collect())
}

/// A fixed array of characters, whole.
pub fn bytes<const N: usize>(array: &[libc::c_char; N]) -> Bytes {
    Bytes(array.iter().map(|c| *c as u8).collect())
}

/// The permission bits as `chmod` has them (`st_mode_prot_from_ia`, iatt.h).
pub fn ia_prot(prot: &gf::ia_prot_t) -> u32 {
    let bit = |set: u8, value: u32| if set == 0 { 0 } else { value };
    let class = |read, write, exec, shift| (bit(read, 4) | bit(write, 2) | bit(exec, 1)) << shift;
    bit(prot.suid(), libc::S_ISUID)
        | bit(prot.sgid(), libc::S_ISGID)
        | bit(prot.sticky(), libc::S_ISVTX)
        | class(prot.owner.read(), prot.owner.write(), prot.owner.exec(), 6)
        | class(prot.group.read(), prot.group.write(), prot.group.exec(), 3)
        | class(prot.other.read(), prot.other.write(), prot.other.exec(), 0)
}

/// The file type bits of `st_mode` (`st_mode_type_from_ia`, iatt.h).
pub fn ia_type(ia_type: gf::ia_type_t) -> u32 {
    match ia_type {
        gf::IA_IFREG => libc::S_IFREG,
        gf::IA_IFDIR => libc::S_IFDIR,
        gf::IA_IFLNK => libc::S_IFLNK,
        gf::IA_IFBLK => libc::S_IFBLK,
        gf::IA_IFCHR => libc::S_IFCHR,
        gf::IA_IFIFO => libc::S_IFIFO,
        gf::IA_IFSOCK => libc::S_IFSOCK,
        _ => 0,
    }
}

/// Memory of a C object as bytes.
///
/// # Safety
/// `data` points to `len` readable bytes, or `len` is zero.
pub unsafe fn memory(data: *const libc::c_char, len: usize) -> Bytes {
    if len == 0 || data.is_null() {
        return Bytes(SmallVec::new());
    }
    // SAFETY: by contract.
    Bytes(SmallVec::from_slice(unsafe {
        slice::from_raw_parts(data.cast(), len)
    }))
}
