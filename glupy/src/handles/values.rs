//! Handles of plain structures, which are owned by copying them. Their fields'
//! getters are generated (`generated/structs.rs`).

use pyo3::prelude::*;

use super::refs::uuid_text;
use crate::convert;
use crate::gf;
use crate::handle::{HandleClass, Raw, handle_class, read};

/// A copy of a structure; None without memory.
///
/// # Safety
/// The object is a live `T`, which holds no references.
unsafe fn copy<T>(raw: Raw) -> Option<Raw> {
    // SAFETY: by contract.
    unsafe {
        let copy: *mut T = libc::malloc(size_of::<T>()).cast();
        if copy.is_null() {
            return None;
        }
        copy.copy_from_nonoverlapping(raw.ptr.cast(), 1);
        Some(Raw::new(copy))
    }
}

unsafe fn free(raw: Raw) {
    // SAFETY: made by `copy`.
    unsafe { libc::free(raw.ptr) }
}

handle_class!(
    /// `struct iatt` (iatt.h): what `stat` says of a file.
    Iatt,
    gf::iatt,
    copy::<gf::iatt>,
    free
);

handle_class!(
    /// `struct gf_flock` (glusterfs.h): a lock on a range of a file.
    Flock,
    gf::gf_flock,
    copy::<gf::gf_flock>,
    free
);

handle_class!(
    /// `struct gf_lease` (glusterfs-fops.h): a lease on a file.
    Lease,
    gf::gf_lease,
    copy::<gf::gf_lease>,
    free
);

handle_class!(
    /// `struct statvfs` (statvfs.h): the state of a file system.
    Statvfs,
    gf::statvfs,
    copy::<gf::statvfs>,
    free
);

fn describe<T: HandleClass>(
    handle: &Bound<'_, T>,
    before: &str,
    fields: &[&str],
) -> PyResult<String> {
    let mut text = format!("<{} {before}", T::CLASS.name).trim_end().to_owned();
    for field in fields {
        text.push_str(&format!(
            " {field}={}",
            handle.as_any().getattr(*field)?.repr()?
        ));
    }
    text.push('>');
    Ok(text)
}

#[pymethods]
impl Iatt {
    /// Type and permissions as `stat` has them.
    #[getter]
    fn st_mode(slf: &Bound<'_, Self>) -> PyResult<u32> {
        read(slf, |iatt| {
            convert::ia_type(iatt.ia_type) | convert::ia_prot(&iatt.ia_prot)
        })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        // What tells files apart; all 23 fields would bury it.
        const TOLD: [&str; 4] = ["ia_size", "ia_nlink", "ia_uid", "ia_gid"];
        let fields: Vec<&str> = Self::FIELDS
            .iter()
            .copied()
            .filter(|field| TOLD.contains(field))
            .collect();
        let gfid = read(slf, |iatt| uuid_text(&iatt.ia_gfid))?;
        let mode = Self::st_mode(slf)?;
        describe(slf, &format!("gfid={gfid} mode={mode:#o}"), &fields)
    }
}

#[pymethods]
impl Flock {
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}

#[pymethods]
impl Lease {
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}

#[pymethods]
impl Statvfs {
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}
