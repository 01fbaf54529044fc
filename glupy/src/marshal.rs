//! C arguments to Python objects and back, by kind.

use std::ffi::CString;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};

use crate::action::Hold;
use crate::fop::{Kind, MAX_ARGS, Param, Word};
use crate::gf;
use crate::handle::{self, Class, HandleClass};
use crate::handles::{
    Client, Dict, Dirents, Fd, Flock, Iatt, Inode, Iobref, Iovec, Lease, Loc, LockList, Statvfs,
};
use crate::owned::{CHECKSUM_SIZE, raw_of};

/// The handle class of a kind; None for values that Python has itself.
pub fn class_of(kind: Kind) -> Option<&'static Class> {
    Some(match kind {
        Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64 | Kind::Str | Kind::Checksum => return None,
        Kind::Loc => Loc::CLASS,
        Kind::Inode => Inode::CLASS,
        Kind::Fd => Fd::CLASS,
        Kind::Iatt => Iatt::CLASS,
        Kind::Dict => Dict::CLASS,
        Kind::Iobref => Iobref::CLASS,
        Kind::Iovec => Iovec::CLASS,
        Kind::Dirents => Dirents::CLASS,
        Kind::Flock => Flock::CLASS,
        Kind::Lease => Lease::CLASS,
        Kind::Statvfs => Statvfs::CLASS,
        Kind::Locklist => LockList::CLASS,
        Kind::Client => Client::CLASS,
    })
}

/// The Python objects for the arguments of a call, borrowed where they are handles.
///
/// # Safety
/// The words are live arguments described by `params`, and stay so until the
/// handles are settled.
pub unsafe fn to_python(
    py: Python<'_>,
    params: &'static [Param],
    words: &[Word],
    xl: *mut gf::xlator_t,
    mut each: impl FnMut(Py<PyAny>),
) -> PyResult<()> {
    for (i, param) in params.iter().enumerate() {
        let word = words[i];
        // SAFETY: the constructors return a new reference or NULL with an
        // exception; the strings are live by contract.
        let object = unsafe {
            let number = match param.kind {
                Kind::I32 => ffi::PyLong_FromLong(word.get::<i32>().into()),
                Kind::U32 => ffi::PyLong_FromUnsignedLong(word.get::<u32>().into()),
                Kind::I64 => ffi::PyLong_FromLongLong(word.get()),
                Kind::U64 => ffi::PyLong_FromUnsignedLongLong(word.get()),
                _ if word.is_null() => {
                    each(py.None());
                    continue;
                }
                Kind::Str => ffi::PyUnicode_DecodeFSDefault(word.get()),
                Kind::Checksum => {
                    ffi::PyBytes_FromStringAndSize(word.get(), CHECKSUM_SIZE as isize)
                }
                kind => {
                    let class = class_of(kind).expect("every other kind is a handle");
                    each(handle::borrow(py, class, raw_of(param, i, words), xl)?);
                    continue;
                }
            };
            Bound::from_owned_ptr_or_err(py, number)?.unbind()
        };
        each(object);
    }
    Ok(())
}

/// Whether Python gave a handle for it, as opposed to a value of its own.
pub fn is_handle(kind: Kind) -> bool {
    class_of(kind).is_some()
}

/// A Python object as an argument. What its memory depends on goes into `hold`.
///
/// # Errors
/// `TypeError`, `OverflowError` or `ValueError` that names the function and the
/// argument.
pub fn from_python(
    function: &str,
    param: &Param,
    object: &Bound<'_, PyAny>,
    hold: &mut Hold,
) -> PyResult<Word> {
    let name = param.name;
    match param.kind {
        Kind::I32 => number::<i32>(function, param, object),
        Kind::U32 => number::<u32>(function, param, object),
        Kind::I64 => number::<i64>(function, param, object),
        Kind::U64 => number::<u64>(function, param, object),
        _ if object.is_none() => Ok(Word::NULL),
        Kind::Str => {
            let bytes = if let Ok(text) = object.cast::<PyString>() {
                encode(text)?
            } else if let Ok(bytes) = object.cast::<PyBytes>() {
                bytes.clone()
            } else {
                return Err(wrong_type(function, param, "str, bytes or None", object));
            };
            if bytes.as_bytes().contains(&0) {
                return Err(PyValueError::new_err(format!(
                    "{function}: {name} has a NUL character in it"
                )));
            }
            // Python keeps a NUL behind the bytes of every bytes object.
            let word = Word::from(bytes.as_bytes().as_ptr());
            hold.objects.push(bytes.into_any().unbind());
            Ok(word)
        }
        Kind::Checksum => {
            let Ok(bytes) = object.cast::<PyBytes>() else {
                return Err(wrong_type(function, param, "bytes or None", object));
            };
            if bytes.as_bytes().len() != CHECKSUM_SIZE {
                let len = bytes.as_bytes().len();
                return Err(PyValueError::new_err(format!(
                    "{function}: {name} must have {CHECKSUM_SIZE} bytes, not {len}"
                )));
            }
            let word = Word::from(bytes.as_bytes().as_ptr());
            hold.objects.push(bytes.clone().into_any().unbind());
            Ok(word)
        }
        kind => {
            let py = object.py();
            let class = class_of(kind).expect("every other kind is a handle");
            if object.get_type_ptr() != (class.type_object)(py) {
                return Err(wrong_type(
                    function,
                    param,
                    &format!("{} or None", class.name),
                    object,
                ));
            }
            // SAFETY: its class is a handle class.
            let handle = unsafe { handle::erased(object) };
            hold.owners.extend(handle.owner(py));
            Ok(Word::from(handle.raw(py).ptr))
        }
    }
}

/// Checks that the length given beside an iovec is its own; `len` knows the
/// length of the iovec at a position.
///
/// # Errors
/// `ValueError`, for a length that would read beyond the buffers.
pub fn check_vectors(
    function: &str,
    params: &[Param],
    words: &[Word; MAX_ARGS],
    len: impl Fn(usize) -> i32,
) -> PyResult<()> {
    for (i, param) in params.iter().enumerate() {
        let Some(vector) = param.vector else { continue };
        let (given, len): (i32, i32) = (words[vector.length].get(), len(i));
        if given != len {
            let count = params[vector.length].name;
            let name = param.name;
            return Err(PyValueError::new_err(format!(
                "{function}: {count} is {given}, but {name} has {len} buffers"
            )));
        }
    }
    Ok(())
}

fn number<T>(function: &str, param: &Param, object: &Bound<'_, PyAny>) -> PyResult<Word>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Into<Word>,
{
    if !object.is_instance_of::<PyInt>() {
        return Err(wrong_type(function, param, "int", object));
    }
    match object.extract::<T>() {
        Ok(value) => Ok(value.into()),
        Err(_) => Err(PyOverflowError::new_err(format!(
            "{function}: {} = {object} does not fit {}",
            param.name, param.c_type
        ))),
    }
}

fn wrong_type(function: &str, param: &Param, expected: &str, object: &Bound<'_, PyAny>) -> PyErr {
    let got = object.get_type();
    let got = got
        .name()
        .map_or_else(|_| "an object".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "{function}: {} must be {expected}, not {got}",
        param.name
    ))
}

/// A string as the file system's bytes (`os.fsencode`).
fn encode<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    // SAFETY: EncodeFSDefault returns a new reference to a bytes object, or NULL
    // with an exception.
    unsafe {
        let bytes = ffi::PyUnicode_EncodeFSDefault(text.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(text.py(), bytes)?.cast_into_unchecked())
    }
}

/// A C string as Python reads file names (`os.fsdecode`); None for NULL.
///
/// # Safety
/// The pointer is NULL or a live C string.
pub unsafe fn decode(py: Python<'_>, string: *const libc::c_char) -> PyResult<Option<Py<PyAny>>> {
    if string.is_null() {
        return Ok(None);
    }
    // SAFETY: by contract; returns a new reference or NULL with an exception.
    unsafe {
        Ok(Some(
            Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_DecodeFSDefault(string))?.unbind(),
        ))
    }
}

/// A string for C; what can not be one (a NUL in it) is cut there.
pub fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}
