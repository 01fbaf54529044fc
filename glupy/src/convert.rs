//! C fields that have no counterpart of their own in Python.

use std::convert::Infallible;
use std::slice;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use smallvec::SmallVec;

use crate::gf;
use crate::handles::Gfid;

/// Bytes on their way to Python; what is usual is small and needs no allocation.
pub struct Bytes(SmallVec<[u8; 128]>);

impl Bytes {
    /// A copy of these bytes.
    pub fn of(bytes: &[u8]) -> Bytes {
        Bytes(SmallVec::from_slice(bytes))
    }

    /// A copy of C memory.
    ///
    /// # Safety
    /// `data` points to `len` readable bytes, or `len` is zero.
    pub unsafe fn at(data: *const libc::c_char, len: usize) -> Bytes {
        if len == 0 || data.is_null() {
            return Bytes(SmallVec::new());
        }
        // SAFETY: by contract.
        Bytes::of(unsafe { slice::from_raw_parts(data.cast(), len) })
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<'py> IntoPyObject<'py> for Bytes {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(PyBytes::new(py, &self.0))
    }
}

/// A gfid for Python.
pub fn gfid(uuid: &[u8; 16]) -> Gfid {
    Gfid(*uuid)
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

/// Permission bits, as `chmod` has them, in C's form (`ia_prot_from_st_mode`).
pub fn to_ia_prot(mode: u32) -> gf::ia_prot_t {
    let bit = |value: u32| u8::from(mode & value != 0);
    // SAFETY: all bits zero is a valid ia_prot_t.
    let mut prot: gf::ia_prot_t = unsafe { std::mem::zeroed() };
    prot.set_suid(bit(libc::S_ISUID));
    prot.set_sgid(bit(libc::S_ISGID));
    prot.set_sticky(bit(libc::S_ISVTX));
    prot.owner.set_read(bit(0o400));
    prot.owner.set_write(bit(0o200));
    prot.owner.set_exec(bit(0o100));
    prot.group.set_read(bit(0o040));
    prot.group.set_write(bit(0o020));
    prot.group.set_exec(bit(0o010));
    prot.other.set_read(bit(0o004));
    prot.other.set_write(bit(0o002));
    prot.other.set_exec(bit(0o001));
    prot
}

/// The `ia_type_t` of an `st_mode` (`ia_type_from_st_mode`, iatt.h).
pub fn to_ia_type(mode: u32) -> gf::ia_type_t {
    match mode & libc::S_IFMT {
        libc::S_IFREG => gf::IA_IFREG,
        libc::S_IFDIR => gf::IA_IFDIR,
        libc::S_IFLNK => gf::IA_IFLNK,
        libc::S_IFBLK => gf::IA_IFBLK,
        libc::S_IFCHR => gf::IA_IFCHR,
        libc::S_IFIFO => gf::IA_IFIFO,
        libc::S_IFSOCK => gf::IA_IFSOCK,
        _ => gf::IA_INVAL,
    }
}

/// A Python number as a C type: an int, or what says which one it is (`__index__`), as
/// numpy's integers do.
///
/// # Errors
/// `TypeError` for what is no int, `OverflowError` for what does not fit, both of which
/// name the argument (`what`); anything else that `__index__` raises.
pub fn number<T>(object: &Bound<'_, PyAny>, c_type: &str, what: impl Fn() -> String) -> PyResult<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>,
{
    object.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            let value = shown(object);
            PyOverflowError::new_err(format!("{} = {value} does not fit {c_type}", what()))
        } else if error.is_instance_of::<PyTypeError>(object.py()) {
            wrong_type(object, "int", what)
        } else {
            error
        }
    })
}

/// A value for a message: its `repr`, unless that fails or is long.
pub fn shown(object: &Bound<'_, PyAny>) -> String {
    const LONG: usize = 60;
    match object.repr() {
        Ok(text) if text.len().is_ok_and(|len| len <= LONG) => text.to_string_lossy().into_owned(),
        _ => format!("<{}>", type_name(object)),
    }
}

/// The text of what stands for a C pointer, formatted: `f"{loc:>60}"`; with `p`, as in C, the
/// address.
///
/// # Errors
/// Those of `str` and `format`; for an address, why there is none.
pub fn formatted<'py>(
    object: &Bound<'py, PyAny>,
    how: &str,
    address: impl FnOnce() -> PyResult<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let (text, how) = match how.strip_suffix('p') {
        Some(how) => (
            PyString::new(object.py(), &format!("{:#x}", address()?)),
            how,
        ),
        None => (object.str()?, how),
    };
    text.call_method1("__format__", (how,))
}

fn type_name(object: &Bound<'_, PyAny>) -> String {
    object
        .get_type()
        .name()
        .map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// The error for an argument of a wrong type.
pub fn wrong_type(object: &Bound<'_, PyAny>, expected: &str, what: impl Fn() -> String) -> PyErr {
    let got = type_name(object);
    PyTypeError::new_err(format!("{} must be {expected}, not {got}", what()))
}

/// A gfid that Python gives: `Gfid`, `uuid.UUID`, 16 bytes or a string.
///
/// # Errors
/// `TypeError` or `ValueError` that names the argument.
pub fn to_gfid(object: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<[u8; 16]> {
    if let Ok(gfid) = object.cast::<Gfid>() {
        return Ok(gfid.get().0);
    }
    let object = match object.getattr("bytes") {
        Ok(bytes) => bytes, // uuid.UUID
        Err(_) => object.clone(),
    };
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return bytes.as_bytes().try_into().map_err(|_| {
            PyValueError::new_err(format!(
                "{}: a gfid has 16 bytes, not {}",
                what(),
                bytes.as_bytes().len()
            ))
        });
    }
    if let Ok(text) = object.cast::<PyString>() {
        return parse_uuid(&text.to_string_lossy()).ok_or_else(|| {
            let text = shown(&object);
            PyValueError::new_err(format!("{}: {text} is not a gfid", what()))
        });
    }
    Err(wrong_type(&object, "Gfid, uuid.UUID, bytes or str", what))
}

/// 32 hexadecimal digits, with the usual hyphens or without.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let hyphens: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    if !matches!(hyphens[..], [] | [8, 13, 18, 23]) {
        return None;
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_digit(16)?.try_into().ok())
        .collect();
    let digits: [u8; 32] = digits?.try_into().ok()?;
    Some(std::array::from_fn(|i| {
        digits[2 * i] << 4 | digits[2 * i + 1]
    }))
}

/// Permission bits that Python gives.
///
/// # Errors
/// `TypeError`, or `OverflowError` for bits beyond them.
pub fn to_prot(object: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<gf::ia_prot_t> {
    Ok(to_ia_prot(mode(object, 0o7777, what)?))
}

/// A mode with no bits beside these.
///
/// # Errors
/// `TypeError` or `OverflowError`.
pub fn mode(object: &Bound<'_, PyAny>, bits: u32, what: impl Fn() -> String) -> PyResult<u32> {
    let mode: u32 = number(object, "mode_t", &what)?;
    if mode & !bits != 0 {
        let what = what();
        return Err(PyOverflowError::new_err(format!(
            "{what} = {mode:#o} has bits beside {bits:#o}"
        )));
    }
    Ok(mode)
}

/// The owner of a lock, from bytes.
///
/// # Errors
/// `TypeError`, or `ValueError` for more bytes than C has room for.
pub fn to_lk_owner(
    object: &Bound<'_, PyAny>,
    what: impl Fn() -> String,
) -> PyResult<gf::gf_lkowner_t> {
    // SAFETY: all zero is an empty owner.
    let mut owner: gf::gf_lkowner_t = unsafe { std::mem::zeroed() };
    let Ok(bytes) = object.cast::<PyBytes>() else {
        return Err(wrong_type(object, "bytes", what));
    };
    let (bytes, most) = (bytes.as_bytes(), owner.data.len());
    if bytes.len() > most {
        return Err(PyValueError::new_err(format!(
            "{}: more than {most} bytes",
            what()
        )));
    }
    for (to, from) in owner.data.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    owner.len = bytes.len() as i32;
    Ok(owner)
}

/// A fixed array of characters, from as many bytes.
///
/// # Errors
/// `TypeError`, or `ValueError` for another length.
pub fn to_bytes<const N: usize>(
    object: &Bound<'_, PyAny>,
    what: impl Fn() -> String,
) -> PyResult<[libc::c_char; N]> {
    let Ok(bytes) = object.cast::<PyBytes>() else {
        return Err(wrong_type(object, "bytes", what));
    };
    let bytes: &[u8; N] = bytes
        .as_bytes()
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("{} must have {N} bytes", what())))?;
    Ok(bytes.map(|byte| byte as libc::c_char))
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
