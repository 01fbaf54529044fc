//! `dict_t`: names and values.

use std::ffi::{CStr, CString, c_void};
use std::ptr;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyKeyError, PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};
use smallvec::SmallVec;

use super::{Gfid, Iatt};
use crate::convert::Bytes;
use crate::gf;
use crate::handle::{self, base, handle_class, read};
use crate::marshal;
use crate::stack;

handle_class!(
    /// `dict_t` (dict.h): a mutable mapping of names to values, shared, like in C,
    /// with whoever else holds it: `copy()` before changing another's.
    ///
    /// What a value is depends on how it was stored: `str`, `int`, `float`, `Gfid`,
    /// `Iatt`, or `bytes` for everything else. Stored again, a number keeps its kind.
    Dict,
    gf::dict_t,
    |raw| {
        // SAFETY: a live dict.
        let dict = unsafe { gf::dict_ref(raw.ptr.cast()) };
        (!dict.is_null()).then_some(raw)
    },
    // SAFETY: undoes `own`.
    |raw| unsafe { gf::dict_unref(raw.ptr.cast()) }
);

/// A value, copied out of a dict.
enum Value {
    Text(Bytes),
    Number(Bytes),
    Gfid(Gfid),
    Iatt(Box<gf::iatt>),
    Bytes(Bytes),
}

impl Value {
    /// # Safety
    /// A live value.
    unsafe fn of(data: &gf::data_t) -> Value {
        let len = data.len as usize;
        // SAFETY: `len` bytes belong to a live value.
        let bytes = unsafe { Bytes::at(data.data, len) };
        match data.data_type {
            // The length counts the NUL.
            gf::GF_DATA_TYPE_STR => Value::Text(bytes.without_nul()),
            // Kept as decimal text.
            gf::GF_DATA_TYPE_INT | gf::GF_DATA_TYPE_UINT | gf::GF_DATA_TYPE_DOUBLE => {
                Value::Number(bytes.without_nul())
            }
            gf::GF_DATA_TYPE_GFUUID if len == 16 => {
                Value::Gfid(Gfid(bytes.as_slice().try_into().unwrap_or_default()))
            }
            gf::GF_DATA_TYPE_IATT if len >= size_of::<gf::iatt>() => {
                // SAFETY: a value of this type is an iatt, of any alignment.
                Value::Iatt(Box::new(unsafe {
                    data.data.cast::<gf::iatt>().read_unaligned()
                }))
            }
            _ => Value::Bytes(bytes),
        }
    }

    fn into_python(mut self, py: Python<'_>, xl: *mut gf::xlator_t) -> PyResult<Py<PyAny>> {
        Ok(match &mut self {
            Value::Text(text) => match std::str::from_utf8(text.as_slice()) {
                Ok(text) => PyString::new(py, text).into_any().unbind(),
                Err(_) => PyBytes::new(py, text.as_slice())
                    .call_method1("decode", ("utf-8", "surrogateescape"))?
                    .unbind(),
            },
            Value::Number(text) => {
                let text = String::from_utf8_lossy(text.as_slice());
                let text = text.trim();
                if let Ok(number) = text.parse::<i64>() {
                    number.into_pyobject(py)?.into_any().unbind()
                } else if let Ok(number) = text.parse::<u64>() {
                    number.into_pyobject(py)?.into_any().unbind()
                } else {
                    text.parse::<f64>()
                        .unwrap_or_default()
                        .into_pyobject(py)?
                        .into_any()
                        .unbind()
                }
            }
            Value::Gfid(gfid) => Py::new(py, *gfid)?.into_any(),
            Value::Iatt(iatt) => {
                let iatt: *mut gf::iatt = &raw mut **iatt;
                handle::owned::<Iatt>(py, iatt, xl)?
                    .expect("not NULL")
                    .into_any()
            }
            Value::Bytes(bytes) => PyBytes::new(py, bytes.as_slice()).into_any().unbind(),
        })
    }
}

fn pointer(slf: &Bound<'_, Dict>) -> *mut gf::dict_t {
    base(slf).raw(slf.py()).ptr.cast()
}

fn pairs(slf: &Bound<'_, Dict>) -> Vec<(CString, Value)> {
    unsafe extern "C" fn collect(
        _dict: *mut gf::dict_t,
        key: *mut libc::c_char,
        value: *mut gf::data_t,
        into: *mut c_void,
    ) -> i32 {
        // SAFETY: dict_foreach gives live pairs, under the lock, and our vector.
        unsafe {
            let into: &mut Vec<(CString, Value)> = &mut *into.cast();
            into.push((CStr::from_ptr(key).to_owned(), Value::of(&*value)));
        }
        0
    }

    let dict = pointer(slf);
    let mut pairs: Vec<(CString, Value)> = Vec::new();
    // SAFETY: a live dict; dict_foreach takes no lock itself, and the dict's lock
    // is a leaf that nobody holds while waiting for the GIL.
    unsafe {
        stack::with_dict_lock(dict, || {
            gf::dict_foreach(dict, Some(collect), (&raw mut pairs).cast())
        });
    }
    pairs
}

/// A key for C.
struct Key(SmallVec<[u8; 256]>);

impl Key {
    fn new(key: &Bound<'_, PyAny>) -> PyResult<Key> {
        let bytes = if let Ok(text) = key.cast::<PyString>() {
            marshal::encode(text)?
        } else if let Ok(bytes) = key.cast::<PyBytes>() {
            bytes.clone()
        } else {
            return Err(PyTypeError::new_err(format!(
                "a key of a Dict must be str, not {key}"
            )));
        };
        let bytes = bytes.as_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(PyValueError::new_err(format!(
                "{key:?} can not be a key of a Dict"
            )));
        }
        Ok(Key(bytes.iter().copied().chain([0]).collect()))
    }

    fn as_ptr(&self) -> *mut libc::c_char {
        self.0.as_ptr().cast_mut().cast()
    }
}

/// The type (`gf_dict_data_type_t`) and the value of a key.
fn lookup(slf: &Bound<'_, Dict>, key: &Key) -> Option<(u32, Value)> {
    let mut data: *mut gf::data_t = ptr::null_mut();
    // SAFETY: a live dict; on success `data` is referenced until data_unref.
    unsafe {
        if gf::dict_get_with_ref(pointer(slf), key.as_ptr(), &raw mut data) != 0 || data.is_null() {
            return None;
        }
        let found = ((*data).data_type, Value::of(&*data));
        gf::data_unref(data);
        Some(found)
    }
}

fn get_python(slf: &Bound<'_, Dict>, key: &Key) -> PyResult<Option<Py<PyAny>>> {
    let py = slf.py();
    lookup(slf, key)
        .map(|(_, value)| value.into_python(py, base(slf).xl(py)))
        .transpose()
}

/// Memory that a dict may free, with a copy of these bytes.
fn gluster_copy(bytes: &[u8]) -> PyResult<*mut c_void> {
    // SAFETY: at least one byte; the name is static.
    let memory = unsafe {
        gf::__gf_malloc(
            bytes.len().max(1),
            gf::gf_common_mt_char,
            c"gf_common_mt_char".as_ptr(),
        )
    };
    if memory.is_null() {
        return Err(PyMemoryError::new_err(()));
    }
    // SAFETY: fresh memory of that size.
    unsafe {
        memory
            .cast::<u8>()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
    };
    Ok(memory)
}

fn store(slf: &Bound<'_, Dict>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = Key::new(key)?;
    let dict = pointer(slf);
    // SAFETY: a live dict, a key that ends with a NUL, and values as each setter
    // wants them; what a setter is given to own is from GlusterFS's allocator.
    let status = unsafe {
        if value.is_instance_of::<PyBool>() || value.is_instance_of::<PyInt>() {
            let unsigned =
                lookup(slf, &name).is_some_and(|(kind, _)| kind == gf::GF_DATA_TYPE_UINT);
            match (value.extract::<i64>(), value.extract::<u64>()) {
                (Ok(number), _) if !unsigned => gf::dict_set_int64(dict, name.as_ptr(), number),
                (_, Ok(number)) => gf::dict_set_uint64(dict, name.as_ptr(), number),
                (Ok(number), _) => gf::dict_set_int64(dict, name.as_ptr(), number),
                _ => {
                    return Err(PyOverflowError::new_err(format!(
                        "Dict[{key:?}] = {value} does not fit 64 bits"
                    )));
                }
            }
        } else if let Ok(number) = value.cast::<PyFloat>() {
            gf::dict_set_double(dict, name.as_ptr(), number.value())
        } else if let Ok(text) = value.cast::<PyString>() {
            let bytes = marshal::encode(text)?;
            if bytes.as_bytes().contains(&0) {
                return Err(PyValueError::new_err(format!(
                    "Dict[{key:?}]: a str in a Dict has no NUL character; give bytes"
                )));
            }
            gf::dict_set_dynstr_with_alloc(dict, name.as_ptr(), bytes.as_bytes().as_ptr().cast())
        } else if let Ok(gfid) = value.cast::<Gfid>() {
            let copy = gluster_copy(&gfid.get().0)?;
            gf::dict_set_gfuuid(dict, name.as_ptr(), copy.cast(), false)
        } else if let Ok(iatt) = value.cast::<Iatt>() {
            let iatt: *const u8 = base(iatt).raw(slf.py()).ptr.cast();
            let copy = gluster_copy(std::slice::from_raw_parts(iatt, size_of::<gf::iatt>()))?;
            gf::dict_set_iatt(dict, name.as_ptr(), copy.cast(), false)
        } else if let Ok(buffer) = PyBuffer::<u8>::get(value) {
            let bytes = buffer.to_vec(slf.py())?;
            gf::dict_set_dynptr(dict, name.as_ptr(), gluster_copy(&bytes)?, bytes.len())
        } else {
            return Err(PyTypeError::new_err(format!(
                "Dict[{key:?}] must be bytes, str, int, float, Gfid or Iatt, not {}",
                value.get_type().name()?
            )));
        }
    };
    if status < 0 {
        Err(PyMemoryError::new_err(()))
    } else {
        Ok(())
    }
}

#[pymethods]
impl Dict {
    #[new]
    #[pyo3(signature = (source=None, **values))]
    fn new(
        py: Python<'_>,
        source: Option<&Bound<'_, PyAny>>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<Self>> {
        // SAFETY: a new dict, with a reference for us.
        let dict = unsafe { handle::adopted::<Dict>(py, gf::dict_new(), stack::this()) }?;
        let dict = dict.ok_or_else(|| PyMemoryError::new_err(()))?;
        Self::update(dict.bind(py), source, values)?;
        Ok(dict)
    }

    /// The number of names.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        read(slf, |dict| usize::try_from(dict.count).unwrap_or(0))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(lookup(slf, &Key::new(key)?).is_some())
    }

    fn __getitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        get_python(slf, &Key::new(key)?)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __setitem__(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        store(slf, key, value)
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = Key::new(key)?;
        if lookup(slf, &name).is_none() {
            return Err(PyKeyError::new_err(key.clone().unbind()));
        }
        let len = name.0.len() - 1;
        // SAFETY: a live dict and a key of that length.
        unsafe { gf::dict_deln(pointer(slf), name.as_ptr(), len as i32) };
        Ok(())
    }

    /// The value of a name, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        default: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let value = get_python(slf, &Key::new(key)?)?;
        Ok(value.or(default).unwrap_or_else(|| slf.py().None()))
    }

    /// The bytes that are stored for a name, whatever their type; None without it.
    fn raw(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
        let name = Key::new(key)?;
        let mut data: *mut gf::data_t = ptr::null_mut();
        // SAFETY: as in `lookup`.
        unsafe {
            if gf::dict_get_with_ref(pointer(slf), name.as_ptr(), &raw mut data) != 0
                || data.is_null()
            {
                return Ok(None);
            }
            let bytes = Bytes::at((*data).data, (*data).len as usize);
            gf::data_unref(data);
            Ok(Some(bytes))
        }
    }

    /// Takes a name out and returns its value, or `default`.
    #[pyo3(signature = (key, *default))]
    fn pop(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        default: &Bound<'_, pyo3::types::PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        match get_python(slf, &Key::new(key)?)? {
            Some(value) => {
                Self::__delitem__(slf, key)?;
                Ok(value)
            }
            None if !default.is_empty() => Ok(default.get_item(0)?.unbind()),
            None => Err(PyKeyError::new_err(key.clone().unbind())),
        }
    }

    /// The value of a name; when it is not there, `default` becomes it.
    fn setdefault(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        default: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        match get_python(slf, &Key::new(key)?)? {
            Some(value) => Ok(value),
            None => {
                store(slf, key, default)?;
                Ok(default.clone().unbind())
            }
        }
    }

    /// The names, as a list.
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (key, _) in pairs(slf) {
            // SAFETY: a live string.
            list.append(unsafe { marshal::decode(py, key.as_ptr()) }?)?;
        }
        Ok(list)
    }

    /// The values, as a list.
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (_, value) in pairs(slf) {
            list.append(value.into_python(py, base(slf).xl(py))?)?;
        }
        Ok(list)
    }

    /// Pairs of name and value, as a list.
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (key, value) in pairs(slf) {
            // SAFETY: a live string.
            let key = unsafe { marshal::decode(py, key.as_ptr()) }?;
            list.append((key, value.into_python(py, base(slf).xl(py))?))?;
        }
        Ok(list)
    }

    /// Stores the names and values of another mapping, and the keywords.
    #[pyo3(signature = (source=None, **values))]
    fn update(
        slf: &Bound<'_, Self>,
        source: Option<&Bound<'_, PyAny>>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        if let Some(source) = source.filter(|source| !source.is_none()) {
            for pair in source.call_method0("items")?.try_iter()? {
                let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
                store(slf, &key, &value)?;
            }
        }
        for (key, value) in values.into_iter().flatten() {
            store(slf, &key, &value)?;
        }
        Ok(())
    }

    /// Takes everything out.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        for key in Self::keys(slf)? {
            Self::__delitem__(slf, &key)?;
        }
        Ok(())
    }

    /// A dict of its own with the same names and values.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Py<Self>> {
        let py = slf.py();
        // SAFETY: a live dict; the new one comes with a reference for us.
        let copy = unsafe {
            let copy = gf::dict_copy_with_ref(pointer(slf), ptr::null_mut());
            handle::adopted::<Dict>(py, copy, base(slf).xl(py))
        }?;
        copy.ok_or_else(|| PyMemoryError::new_err(()))
    }

    fn __iter__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(Self::keys(slf)?.try_iter()?.into_any().unbind())
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mine = PyDict::from_sequence(Self::items(slf)?.as_any())?;
        match other.cast::<Dict>() {
            Ok(other) => mine.eq(PyDict::from_sequence(Self::items(other)?.as_any())?),
            Err(_) if other.is_instance_of::<PyDict>() => mine.eq(other),
            Err(_) => Ok(false),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let pairs: PyResult<Vec<String>> = Self::items(slf)?
            .iter()
            .map(|pair| {
                let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
                Ok(format!("{}: {}", key.repr()?, value.repr()?))
            })
            .collect();
        Ok(format!("<Dict {{{}}}>", pairs?.join(", ")))
    }
}
