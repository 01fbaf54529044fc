//! Handles of plain structures, which are owned by copying them. Their fields'
//! getters are generated (`generated/structs.rs`).

use std::sync::Arc;

use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Gfid;
use crate::convert;
use crate::gf;
use crate::handle::{self, HandleClass, Owner, Raw, base, change, handle_class, read};
use crate::stack;

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

/// A new structure of Python's own: a copy of another one, or zeros, with fields set.
fn make<T: HandleClass>(
    source: Option<*mut T::C>,
    fields: Option<&Bound<'_, PyDict>>,
    set: impl Fn(&mut T::C, &str, &Bound<'_, PyAny>) -> PyResult<bool>,
) -> PyResult<Arc<Owner>> {
    // SAFETY: all fields may be zero; a copy of a live structure is the owner's to
    // free, on errors too.
    let (new, owner) = unsafe {
        let new: *mut T::C = libc::calloc(1, size_of::<T::C>()).cast();
        if new.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        if let Some(source) = source {
            new.copy_from_nonoverlapping(source, 1);
        }
        (new, Owner::adopt(T::class(), Raw::new(new), stack::this()))
    };
    let class = T::class().name;
    for (name, value) in fields.into_iter().flatten() {
        let name: String = name.extract()?;
        // SAFETY: nobody else knows the structure yet.
        if !set(unsafe { &mut *new }, &name, &value)? {
            return Err(PyTypeError::new_err(format!("{class} has no field {name}")));
        }
    }
    Ok(owner)
}

/// The structure behind a handle of the same class, to be copied.
fn source<T: HandleClass>(object: Option<&Bound<'_, PyAny>>) -> PyResult<Option<*mut T::C>> {
    let Some(object) = object.filter(|object| !object.is_none()) else {
        return Ok(None);
    };
    match object.cast::<T>() {
        Ok(handle) => Ok(Some(base(handle).raw(object.py()).ptr.cast())),
        Err(_) => {
            let class = T::class().name;
            Err(convert::wrong_type(object, class, || class.to_owned()))
        }
    }
}

/// `st_mode`: kind of file and permissions together.
fn set_mode(iatt: &mut gf::iatt, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let mode = convert::mode(value, libc::S_IFMT | 0o7777, || "Iatt.st_mode".to_owned())?;
    iatt.ia_type = convert::to_ia_type(mode);
    iatt.ia_prot = convert::to_ia_prot(mode);
    Ok(())
}

/// Takes over what an `os.stat_result` says, as `iatt_from_stat` does (iatt.h).
fn set_from_stat(iatt: &mut gf::iatt, stat: &Bound<'_, PyAny>) -> PyResult<()> {
    const SAME: [&str; 9] = [
        "ino", "dev", "rdev", "nlink", "uid", "gid", "size", "blksize", "blocks",
    ];
    for name in SAME {
        let value = stat.getattr(format!("st_{name}"))?;
        Iatt::set_field(iatt, &format!("ia_{name}"), &value)?;
    }
    set_mode(iatt, &stat.getattr("st_mode")?)?;
    let time = |name: &str| -> PyResult<(i64, u32)> {
        let ns: i64 = convert::number(&stat.getattr(name)?, "int64_t", || format!("Iatt: {name}"))?;
        let (seconds, rest) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
        Ok((seconds, rest as u32))
    };
    (iatt.ia_atime, iatt.ia_atime_nsec) = time("st_atime_ns")?;
    (iatt.ia_mtime, iatt.ia_mtime_nsec) = time("st_mtime_ns")?;
    (iatt.ia_ctime, iatt.ia_ctime_nsec) = time("st_ctime_ns")?;
    iatt.ia_rdev =
        u64::from(libc::major(iatt.ia_rdev)) << 32 | u64::from(libc::minor(iatt.ia_rdev));
    // File systems allocate beyond the end; translators count on what is in use.
    iatt.ia_blocks = iatt.ia_blocks.min(iatt.ia_size.div_ceil(512));
    iatt.ia_flags = [
        gf::IATT_TYPE,
        gf::IATT_MODE,
        gf::IATT_NLINK,
        gf::IATT_UID,
        gf::IATT_GID,
        gf::IATT_SIZE,
        gf::IATT_BLOCKS,
        gf::IATT_ATIME,
        gf::IATT_MTIME,
        gf::IATT_CTIME,
    ]
    .iter()
    .fold(0, |flags, flag| flags | u64::from(*flag));
    Ok(())
}

fn equal<T: HandleClass>(
    handle: &Bound<'_, T>,
    other: &Bound<'_, PyAny>,
    fields: &[&str],
) -> PyResult<bool> {
    if !other.is_instance_of::<T>() {
        return Ok(false);
    }
    for field in fields {
        if !handle
            .as_any()
            .getattr(*field)?
            .eq(other.getattr(*field)?)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn describe<T: HandleClass>(
    handle: &Bound<'_, T>,
    before: &str,
    fields: &[&str],
) -> PyResult<String> {
    let mut text = format!("<{} {before}", T::class().name)
        .trim_end()
        .to_owned();
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
    /// Made from another `Iatt`, an `os.stat_result` or nothing; keywords set fields.
    #[new]
    #[pyo3(signature = (source=None, **fields))]
    fn new(
        source: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let set = |c: &mut gf::iatt, name: &str, value: &Bound<'_, PyAny>| match name {
            "st_mode" => set_mode(c, value).map(|()| true),
            name => Self::set_field(c, name, value),
        };
        let stat = source.filter(|source| source.hasattr("st_mtime_ns").unwrap_or(false));
        let Some(stat) = stat else {
            let owner = make::<Self>(self::source::<Self>(source)?, fields, set)?;
            return Ok(handle::initializer(owner, Iatt));
        };
        // SAFETY: an iatt may be all zero.
        let mut iatt: gf::iatt = unsafe { std::mem::zeroed() };
        set_from_stat(&mut iatt, stat)?;
        let owner = make::<Self>(Some(&raw mut iatt), fields, set)?;
        Ok(handle::initializer(owner, Iatt))
    }

    #[setter]
    fn set_st_mode(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        change(slf, |iatt| set_mode(iatt, value))
    }

    /// A copy of its own.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let (py, handle) = (slf.py(), base(slf));
        handle::owned(py, handle.raw(py).ptr.cast(), handle.xl(py))
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        equal(slf, other, Self::FIELDS)
    }

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
        let gfid = read(slf, |iatt| Gfid(iatt.ia_gfid))?;
        let mode = Self::st_mode(slf)?;
        describe(slf, &format!("gfid={gfid} mode={mode:#o}"), &fields)
    }
}

#[pymethods]
impl Flock {
    /// Made from another `Flock` or nothing; keywords set fields.
    #[new]
    #[pyo3(signature = (source=None, **fields))]
    fn new(
        source: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let owner = make::<Self>(self::source::<Self>(source)?, fields, Self::set_field)?;
        Ok(handle::initializer(owner, Flock))
    }

    /// A copy of its own.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let (py, handle) = (slf.py(), base(slf));
        handle::owned(py, handle.raw(py).ptr.cast(), handle.xl(py))
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        equal(slf, other, Self::FIELDS)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}

#[pymethods]
impl Lease {
    /// Made from another `Lease` or nothing; keywords set fields.
    #[new]
    #[pyo3(signature = (source=None, **fields))]
    fn new(
        source: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let owner = make::<Self>(self::source::<Self>(source)?, fields, Self::set_field)?;
        Ok(handle::initializer(owner, Lease))
    }

    /// A copy of its own.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let (py, handle) = (slf.py(), base(slf));
        handle::owned(py, handle.raw(py).ptr.cast(), handle.xl(py))
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        equal(slf, other, Self::FIELDS)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}

#[pymethods]
impl Statvfs {
    /// Made from another `Statvfs` or nothing; keywords set fields.
    #[new]
    #[pyo3(signature = (source=None, **fields))]
    fn new(
        source: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let owner = make::<Self>(self::source::<Self>(source)?, fields, Self::set_field)?;
        Ok(handle::initializer(owner, Statvfs))
    }

    /// A copy of its own.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let (py, handle) = (slf.py(), base(slf));
        handle::owned(py, handle.raw(py).ptr.cast(), handle.xl(py))
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        equal(slf, other, Self::FIELDS)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}
