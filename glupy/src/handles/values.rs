//! Handles of plain structures, which are owned by copying them. Their fields, and the
//! methods that all of them have, are generated (`generated/structs.rs`).

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Gfid;
use crate::convert;
use crate::gf;
use crate::handle::{
    self, Copies, Handle, HandleClass, Owner, Raw, base, change, handle_class, read,
};

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
    free,
    Copies::All
);

handle_class!(
    /// `struct gf_flock` (glusterfs.h): a lock on a range of a file.
    Flock,
    gf::gf_flock,
    copy::<gf::gf_flock>,
    free,
    Copies::All
);

handle_class!(
    /// `struct gf_lease` (glusterfs-fops.h): a lease on a file.
    Lease,
    gf::gf_lease,
    copy::<gf::gf_lease>,
    free,
    Copies::All
);

handle_class!(
    /// `struct statvfs` (statvfs.h): the state of a file system.
    Statvfs,
    gf::statvfs,
    copy::<gf::statvfs>,
    free,
    Copies::All
);

/// The fields of a structure, which are generated.
pub trait Fields: HandleClass<C: Copy> {
    /// Their names, in C order.
    const FIELDS: &[&str];

    /// Sets a field by its name; false when there is none of that name.
    fn set_field(c: &mut Self::C, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool>;
}

/// What may differ from structure to structure.
pub trait Value: Fields {
    /// What else one is made from, in words.
    const OTHER: &str = "";

    /// The structure for an object that is none, where there is one.
    fn from_other(_object: &Bound<'_, PyAny>) -> PyResult<Option<Self::C>> {
        Ok(None)
    }

    /// Sets what Python has as a field, and C has not; false for anything else.
    fn set_derived(_: &mut Self::C, _: &str, _: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(false)
    }

    /// What `repr` says.
    fn shown(slf: &Bound<'_, Self>) -> PyResult<String> {
        describe(slf, "", Self::FIELDS)
    }
}

impl Value for Flock {}
impl Value for Lease {}
impl Value for Statvfs {}

/// A new structure of Python's own: a copy of another one, or zeros, with fields set.
pub fn make<T: Value<BaseType = Handle>>(
    source: Option<&Bound<'_, PyAny>>,
    fields: Option<&Bound<'_, PyDict>>,
    class: T,
) -> PyResult<PyClassInitializer<T>>
where
    PyClassInitializer<Handle>: From<Handle>,
{
    let mut new: T::C = match source.filter(|source| !source.is_none()) {
        // SAFETY: all fields may be zero.
        None => unsafe { std::mem::zeroed() },
        Some(source) => match source.cast::<T>() {
            Ok(other) => read(other, |c| *c)?,
            Err(_) => T::from_other(source)?.ok_or_else(|| {
                let name = T::class().name;
                let expected = format!("{name}{}", T::OTHER);
                convert::wrong_type(source, &expected, || format!("{name}: source"))
            })?,
        },
    };
    for (name, value) in fields.into_iter().flatten() {
        let name: String = name.extract()?;
        if !T::set_derived(&mut new, &name, &value)? && !T::set_field(&mut new, &name, &value)? {
            let class = T::class().name;
            return Err(PyTypeError::new_err(format!("{class} has no field {name}")));
        }
    }
    // SAFETY: a live structure of the class's type, which holds no references.
    let owner = unsafe { Owner::within(T::class(), Raw::new(&raw mut new), None) };
    Ok(handle::initializer(owner, class))
}

/// A copy of its own.
pub fn duplicate<T: Fields>(slf: &Bound<'_, T>) -> PyResult<Option<Py<T>>> {
    let (py, handle) = (slf.py(), base(slf));
    handle::owned(py, handle.raw(py)?.ptr.cast(), None)
}

/// All fields, by name.
pub fn fields<'py, T: Fields>(slf: &Bound<'py, T>) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(slf.py());
    for field in T::FIELDS {
        all.set_item(*field, slf.as_any().getattr(*field)?)?;
    }
    Ok(all)
}

/// Whether all fields are equal.
pub fn equal<T: Fields>(slf: &Bound<'_, T>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    if !other.is_instance_of::<T>() {
        return Ok(false);
    }
    for field in T::FIELDS {
        if !slf.as_any().getattr(*field)?.eq(other.getattr(*field)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn describe<T: Fields>(slf: &Bound<'_, T>, before: &str, fields: &[&str]) -> PyResult<String> {
    let mut text = format!("<{} {before}", T::class().name)
        .trim_end()
        .to_owned();
    for field in fields {
        let value = slf.as_any().getattr(*field)?;
        text.push_str(&format!(" {field}={}", value.repr()?));
    }
    text.push('>');
    Ok(text)
}

fn mode(iatt: &gf::iatt) -> u32 {
    convert::ia_type(iatt.ia_type) | convert::ia_prot(&iatt.ia_prot)
}

/// What `os.stat_result` and an iatt have alike, after `st_` and `ia_`.
const SAME: [&str; 9] = [
    "ino", "dev", "rdev", "nlink", "uid", "gid", "size", "blksize", "blocks",
];

/// Nanoseconds in a second.
const NS: i128 = 1_000_000_000;

/// `st_mode`: kind of file and permissions together.
fn set_mode(iatt: &mut gf::iatt, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let mode = convert::mode(value, libc::S_IFMT | 0o7777, || "Iatt.st_mode".to_owned())?;
    iatt.ia_type = convert::to_ia_type(mode);
    iatt.ia_prot = convert::to_ia_prot(mode);
    Ok(())
}

/// Takes over what an `os.stat_result` says, as `iatt_from_stat` does (iatt.h).
fn set_from_stat(iatt: &mut gf::iatt, stat: &Bound<'_, PyAny>) -> PyResult<()> {
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

impl Value for Iatt {
    const OTHER: &str = " or os.stat_result";

    /// An `os.stat_result`.
    fn from_other(object: &Bound<'_, PyAny>) -> PyResult<Option<gf::iatt>> {
        if !object.hasattr("st_mtime_ns").unwrap_or(false) {
            return Ok(None);
        }
        // SAFETY: an iatt may be all zero.
        let mut iatt: gf::iatt = unsafe { std::mem::zeroed() };
        set_from_stat(&mut iatt, object)?;
        Ok(Some(iatt))
    }

    fn set_derived(iatt: &mut gf::iatt, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let is_mode = name == "st_mode";
        if is_mode {
            set_mode(iatt, value)?;
        }
        Ok(is_mode)
    }

    fn shown(slf: &Bound<'_, Self>) -> PyResult<String> {
        // What tells files apart; all 23 fields would bury it.
        const TOLD: [&str; 4] = ["ia_size", "ia_nlink", "ia_uid", "ia_gid"];
        let (gfid, mode) = read(slf, |iatt| (Gfid(iatt.ia_gfid), mode(iatt)))?;
        describe(slf, &format!("gfid={gfid} mode={mode:#o}"), &TOLD)
    }
}

#[pymethods]
impl Iatt {
    #[setter]
    fn set_st_mode(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        change(slf, |iatt| set_mode(iatt, value))
    }

    /// Type and permissions as `stat` has them.
    #[getter]
    fn st_mode(slf: &Bound<'_, Self>) -> PyResult<u32> {
        read(slf, mode)
    }
}

/// Properties whose values an iatt has under other names.
macro_rules! properties {
    ($($name:ident: $type:ty = |$iatt:ident| $value:expr;)*) => {
        #[pymethods]
        impl Iatt {
            $(
                #[getter]
                fn $name(slf: &Bound<'_, Self>) -> PyResult<$type> {
                    read(slf, |$iatt| $value)
                }
            )*
        }
    };
}

// The names of `os.stat_result`.
properties! {
    st_ino: u64 = |iatt| iatt.ia_ino;
    st_dev: u64 = |iatt| iatt.ia_dev;
    st_rdev: u64 = |iatt| iatt.ia_rdev;
    st_nlink: u32 = |iatt| iatt.ia_nlink;
    st_uid: u32 = |iatt| iatt.ia_uid;
    st_gid: u32 = |iatt| iatt.ia_gid;
    st_size: u64 = |iatt| iatt.ia_size;
    st_blksize: u32 = |iatt| iatt.ia_blksize;
    st_blocks: u64 = |iatt| iatt.ia_blocks;
    st_atime: f64 = |iatt| seconds(iatt.ia_atime, iatt.ia_atime_nsec);
    st_atime_ns: i128 = |iatt| nanoseconds(iatt.ia_atime, iatt.ia_atime_nsec);
    st_mtime: f64 = |iatt| seconds(iatt.ia_mtime, iatt.ia_mtime_nsec);
    st_mtime_ns: i128 = |iatt| nanoseconds(iatt.ia_mtime, iatt.ia_mtime_nsec);
    st_ctime: f64 = |iatt| seconds(iatt.ia_ctime, iatt.ia_ctime_nsec);
    st_ctime_ns: i128 = |iatt| nanoseconds(iatt.ia_ctime, iatt.ia_ctime_nsec);
    st_btime: f64 = |iatt| seconds(iatt.ia_btime, iatt.ia_btime_nsec);
    st_btime_ns: i128 = |iatt| nanoseconds(iatt.ia_btime, iatt.ia_btime_nsec);
}

/// A time as a float, as `os.stat_result` has it.
fn seconds(seconds: i64, rest: u32) -> f64 {
    seconds as f64 + f64::from(rest) / NS as f64
}

fn nanoseconds(seconds: i64, rest: u32) -> i128 {
    i128::from(seconds) * NS + i128::from(rest)
}
