//! `dict_t`: names and values.

use std::ffi::{CStr, CString};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use smallvec::SmallVec;

use crate::convert::{self, Bytes};
use crate::gf;
use crate::handle::{base, handle_class, read};
use crate::marshal;
use crate::stack;

handle_class!(
    /// `dict_t` (dict.h): names and values, shared with whoever else holds it.
    /// Values are the bytes that GlusterFS stores; a string's end with a NUL.
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

/// A name and a value, copied.
type Pair = (CString, Bytes);

fn pairs(slf: &Bound<'_, Dict>) -> Vec<Pair> {
    unsafe extern "C" fn collect(
        _dict: *mut gf::dict_t,
        key: *mut libc::c_char,
        value: *mut gf::data_t,
        into: *mut libc::c_void,
    ) -> i32 {
        // SAFETY: dict_foreach gives live pairs, under the lock, and our vector.
        unsafe {
            let into: &mut Vec<Pair> = &mut *into.cast();
            let value = &*value;
            into.push((
                CStr::from_ptr(key).to_owned(),
                convert::memory(value.data, value.len as usize),
            ));
        }
        0
    }

    let dict: *mut gf::dict_t = base(slf).raw(slf.py()).ptr.cast();
    let mut pairs: Vec<Pair> = Vec::new();
    // SAFETY: a live dict; dict_foreach takes no lock itself, and the dict's lock
    // is a leaf that nobody holds while waiting for the GIL.
    unsafe {
        stack::with_dict_lock(dict, || {
            gf::dict_foreach(dict, Some(collect), (&raw mut pairs).cast())
        });
    }
    pairs
}

fn lookup(slf: &Bound<'_, Dict>, key: &str) -> Option<Bytes> {
    let dict: *mut gf::dict_t = base(slf).raw(slf.py()).ptr.cast();
    // A key with a NUL in it can not be in a dict.
    let key: SmallVec<[u8; 256]> = key.bytes().chain([0]).collect();
    let key = CStr::from_bytes_with_nul(&key).ok()?;
    let mut data: *mut gf::data_t = std::ptr::null_mut();
    // SAFETY: a live dict; on success `data` is referenced until data_unref.
    unsafe {
        if gf::dict_get_with_ref(dict, key.as_ptr().cast_mut(), &raw mut data) != 0
            || data.is_null()
        {
            return None;
        }
        let bytes = convert::memory((*data).data, (*data).len as usize);
        gf::data_unref(data);
        Some(bytes)
    }
}

#[pymethods]
impl Dict {
    /// The number of names.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        read(slf, |dict| usize::try_from(dict.count).unwrap_or(0))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &str) -> bool {
        lookup(slf, key).is_some()
    }

    fn __getitem__(slf: &Bound<'_, Self>, key: &str) -> PyResult<Bytes> {
        lookup(slf, key).ok_or_else(|| PyKeyError::new_err(key.to_owned()))
    }

    /// The value of a name, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get(slf: &Bound<'_, Self>, key: &str, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        match lookup(slf, key) {
            Some(bytes) => Ok(bytes
                .into_pyobject(py)
                .map_or_else(|e| match e {}, |b| b.into_any().unbind())),
            None => Ok(default.unwrap_or_else(|| py.None())),
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

    /// Pairs of name and value, as a list.
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (key, value) in pairs(slf) {
            // SAFETY: a live string.
            let key = unsafe { marshal::decode(py, key.as_ptr()) }?;
            list.append((key, value).into_pyobject(py)? as Bound<'_, PyTuple>)?;
        }
        Ok(list)
    }

    fn __iter__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(Self::keys(slf)?.try_iter()?.into_any().unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let keys: Vec<String> = pairs(slf)
            .iter()
            .map(|(key, _)| format!("{:?}", key.to_string_lossy()))
            .collect();
        Ok(format!("<Dict {}>", keys.join(", ")))
    }
}
