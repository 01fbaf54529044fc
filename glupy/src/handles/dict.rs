//! `dict_t`: names and values.

mod change;
mod filling;
pub mod keys;
mod members;
mod value;

use std::ffi::{CStr, CString};
use std::ptr;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyKeyError, PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::convert::{self, Bytes};
use crate::gf;
use crate::handle::{self, Copies, Raw, base, handle_class, read};
use crate::instance::{self, Instance};
use crate::marshal;
use change::change;
use filling::Filling;
pub use members::{misfit, names_size, value_size};
use value::{Encoded, Shape, Value};

handle_class!(
    /// `dict_t` (dict.h): a mutable mapping of names to values. What has been handed on
    /// stays as it is: a change is made in a copy, with which the Dict goes on.
    ///
    /// What a value is depends on how it was stored: `str`, `int`, `float`, `Gfid`,
    /// `Iatt`, or `bytes` for everything else. Stored again, it keeps its type. The value of an
    /// extended attribute (`user.`, `trusted.`, `security.`, `system.`) is its bytes: text and
    /// numbers are stored as such, without the NUL that C has behind text elsewhere.
    Dict: mapping,
    gf::dict_t,
    // SAFETY: a live dict with live values.
    |raw| unsafe { members::own(raw.ptr.cast()).map(Raw::new) },
    // SAFETY: undoes `own`.
    |raw| unsafe { gf::dict_unref(raw.ptr.cast()) },
    Copies::Borrowed {
        // SAFETY: a live dict.
        refer: |raw| unsafe { Raw::new(gf::dict_ref(raw.ptr.cast())) },
    }
);

fn pointer(slf: &Bound<'_, Dict>) -> PyResult<*mut gf::dict_t> {
    Ok(base(slf).raw(slf.py())?.ptr.cast())
}

/// Names and values, copied, the newest name first.
fn pairs(slf: &Bound<'_, Dict>) -> PyResult<Vec<(CString, Value)>> {
    let dict = pointer(slf)?;
    // SAFETY: a live dict has live members.
    Ok(unsafe {
        members::with(dict, |members| {
            let pair = |(key, data): &members::Member| {
                (CStr::from_ptr(*key).to_owned(), Value::of(&**data))
            };
            members.iter().map(pair).collect()
        })
    })
}

/// A key for C.
fn c_key(key: &Bound<'_, PyAny>) -> PyResult<CString> {
    let bytes = if let Ok(text) = key.cast::<PyString>() {
        marshal::encode(text)?
    } else if let Ok(bytes) = key.cast::<PyBytes>() {
        bytes.clone()
    } else {
        return Err(convert::wrong_type(key, "str", || {
            "a key of a Dict".to_owned()
        }));
    };
    let name = CString::new(bytes.as_bytes()).ok();
    name.filter(|name| !name.is_empty()).ok_or_else(|| {
        let key = convert::shown(key);
        PyValueError::new_err(format!("{key} can not be a key of a Dict"))
    })
}

/// The value of a key.
fn lookup(slf: &Bound<'_, Dict>, key: &CStr) -> PyResult<Option<Value>> {
    let dict = pointer(slf)?;
    let mut data: *mut gf::data_t = ptr::null_mut();
    // SAFETY: a live dict; on success `data` is referenced until data_unref.
    unsafe {
        if gf::dict_get_with_ref(dict, key.as_ptr().cast_mut(), &raw mut data) != 0
            || data.is_null()
        {
            return Ok(None);
        }
        let found = Value::of(&*data);
        gf::data_unref(data);
        Ok(Some(found))
    }
}

fn get_python(slf: &Bound<'_, Dict>, key: &CStr) -> PyResult<Option<Py<PyAny>>> {
    lookup(slf, key)?
        .map(|value| value.into_python(slf.py()))
        .transpose()
}

/// A value's type and bytes, for a name that has had a value of that shape: the one way from
/// Python's values into dicts.
fn encode(
    key: &Bound<'_, PyAny>,
    name: &CStr,
    value: &Bound<'_, PyAny>,
    asked: Option<u32>,
    known: Option<Shape>,
) -> PyResult<(u32, Encoded)> {
    let what = || format!("Dict[{}]", convert::shown(key));
    let mut kind = asked.map_or_else(|| value::type_for(value, known), Ok)?;
    let mut bytes = value::encode(kind, value, what)?;
    let is_new = asked.is_none() && known.is_none_or(|(was, _)| was != kind);
    // Some of GlusterFS's own are read as strings.
    let is_bytes = value::is_of_attribute(name) && !keys::is_known(name);
    if is_new && is_bytes && value::is_text(kind) {
        bytes.pop();
        kind = gf::GF_DATA_TYPE_PTR; // which nobody adds a NUL to on the way to a brick
    }
    keys::check(name, &bytes)?;
    match i32::try_from(bytes.len()) {
        Ok(_) => Ok((kind, bytes)),
        Err(_) => Err(PyOverflowError::new_err(format!(
            "{} does not fit a dict",
            what()
        ))),
    }
}

fn no_memory() -> PyErr {
    PyMemoryError::new_err(())
}

fn store(
    slf: &Bound<'_, Dict>,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    kind: Option<u32>,
) -> PyResult<()> {
    let name = c_key(key)?;
    let known = lookup(slf, &name)?.map(|known| known.shape());
    let (kind, bytes) = encode(key, &name, value, kind, known)?;
    let value = members::new_value(kind, &bytes).ok_or_else(no_memory)?;
    change(slf, |own| own.set(&name, &value))?.ok_or_else(no_memory)
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
        let instance = Instance::current(py);
        // SAFETY: THIS is set to a translator that is there.
        let new = instance::within(instance, || unsafe { gf::dict_new() });
        // SAFETY: a new dict, with a reference for us.
        let dict = unsafe { handle::adopted::<Dict>(py, new, instance) }?;
        let dict = dict.ok_or_else(no_memory)?;
        Self::update(dict.bind(py), source, values)?;
        Ok(dict)
    }

    /// The number of names.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        read(slf, |dict| usize::try_from(dict.count).unwrap_or(0))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(lookup(slf, &c_key(key)?)?.is_some())
    }

    fn __getitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        get_python(slf, &c_key(key)?)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __setitem__(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        store(slf, key, value, None)
    }

    /// Stores a value as one of a type (`DictType`).
    fn set(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        r#type: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let kind = convert::number(r#type, "gf_dict_data_type_t", || {
            "Dict.set: type".to_owned()
        })?;
        store(slf, key, value, Some(kind))
    }

    /// The type of a value (`DictType`).
    fn r#type(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<u32> {
        lookup(slf, &c_key(key)?)?
            .map(|value| value.kind)
            .ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = c_key(key)?;
        if lookup(slf, &name)?.is_none() {
            return Err(PyKeyError::new_err(key.clone().unbind()));
        }
        change(slf, |own| own.remove(&name))
    }

    /// The value of a name, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        default: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let value = get_python(slf, &c_key(key)?)?;
        Ok(value.or(default).unwrap_or_else(|| slf.py().None()))
    }

    /// The bytes that are stored for a name, whatever their type; None without it.
    fn raw(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
        Ok(lookup(slf, &c_key(key)?)?.map(|value| value.bytes))
    }

    /// Takes a name out and returns its value, or `default`.
    #[pyo3(signature = (key, *default))]
    fn pop(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        default: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<PyAny>> {
        if default.len() > 1 {
            return Err(PyTypeError::new_err("Dict.pop takes a key and a default"));
        }
        match get_python(slf, &c_key(key)?)? {
            Some(value) => {
                Self::__delitem__(slf, key)?;
                Ok(value)
            }
            None if !default.is_empty() => Ok(default.get_item(0)?.unbind()),
            None => Err(PyKeyError::new_err(key.clone().unbind())),
        }
    }

    /// Takes a name out, any, and returns it with its value.
    fn popitem<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Py<PyAny>)> {
        let dict = pointer(slf)?;
        let newest = |members: &[members::Member]| {
            // SAFETY: a live member.
            members
                .first()
                .map(|(key, _)| unsafe { CStr::from_ptr(*key) }.to_owned())
        };
        // SAFETY: a live dict.
        let Some(key) = (unsafe { members::with(dict, newest) }) else {
            return Err(PyKeyError::new_err("the Dict is empty"));
        };
        // SAFETY: a live string.
        let key = unsafe { marshal::decode(slf.py(), key.as_ptr()) }?;
        let key = key.into_bound_py_any(slf.py())?;
        let value = Self::pop(slf, &key, &PyTuple::new(slf.py(), [slf.py().None()])?)?;
        Ok((key, value))
    }

    /// The value of a name; when it is not there, `default` becomes it.
    fn setdefault(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        default: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        match get_python(slf, &c_key(key)?)? {
            Some(value) => Ok(value),
            None => {
                store(slf, key, default, None)?;
                Ok(default.clone().unbind())
            }
        }
    }

    /// The names, as a list.
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (key, _) in pairs(slf)? {
            // SAFETY: a live string.
            list.append(unsafe { marshal::decode(py, key.as_ptr()) }?)?;
        }
        Ok(list)
    }

    /// The values, as a list.
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (_, value) in pairs(slf)? {
            list.append(value.into_python(py)?)?;
        }
        Ok(list)
    }

    /// Pairs of name and value, as a list.
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let list = PyList::empty(py);
        for (key, value) in pairs(slf)? {
            // SAFETY: a live string.
            let key = unsafe { marshal::decode(py, key.as_ptr()) }?;
            list.append((key, value.into_python(py)?))?;
        }
        Ok(list)
    }

    /// Stores the names and values of another mapping, or of pairs, and the keywords.
    /// Another Dict's values keep their types.
    #[pyo3(signature = (source=None, **values))]
    fn update(
        slf: &Bound<'_, Self>,
        source: Option<&Bound<'_, PyAny>>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let mut filling = Filling::new(slf)?;
        if let Some(source) = source.filter(|source| !source.is_none()) {
            if let Ok(other) = source.cast::<Dict>() {
                filling.put_all(other)?;
            } else {
                let pairs = match source.getattr("items") {
                    Ok(items) => items.call0()?,
                    Err(_) => source.clone(),
                };
                let wrong = || {
                    convert::wrong_type(source, "a mapping, or pairs of key and value", || {
                        "Dict: source".to_owned()
                    })
                };
                for pair in pairs.try_iter().map_err(|_| wrong())? {
                    let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                        pair?.extract().map_err(|_| wrong())?;
                    filling.store(&key, &value)?;
                }
            }
        }
        for (key, value) in values.into_iter().flatten() {
            filling.store(&key, &value)?;
        }
        filling.end()
    }

    /// Takes everything out.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        let names: Vec<_> = pairs(slf)?.into_iter().map(|(name, _)| name).collect();
        if names.is_empty() {
            return Ok(());
        }
        change(slf, |own| names.iter().for_each(|name| own.remove(name)))
    }

    /// A dict of its own with the same names and values.
    fn copy(slf: &Bound<'_, Self>) -> PyResult<Py<Self>> {
        handle::having(slf.py(), change::copied(slf)?)
    }

    fn __copy__(slf: &Bound<'_, Self>) -> PyResult<Py<Self>> {
        Self::copy(slf)
    }

    fn __deepcopy__(slf: &Bound<'_, Self>, _known: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        Self::copy(slf)
    }

    /// For `pickle`: the values by name.
    fn __getnewargs__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyDict>,)> {
        let all = PyDict::new(slf.py());
        for (name, value) in pairs(slf)?.into_iter().rev() {
            // SAFETY: a live string.
            let name = unsafe { marshal::decode(slf.py(), name.as_ptr()) }?;
            all.set_item(name, value.into_python(slf.py())?)?;
        }
        Ok((all,))
    }

    /// Another one, with what a mapping has, too.
    fn __or__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let both = Self::copy(slf)?;
        Self::update(both.bind(slf.py()), Some(other), None)?;
        Ok(both)
    }

    fn __ror__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let both = Self::new(slf.py(), Some(other), None)?;
        Self::update(both.bind(slf.py()), Some(slf.as_any()), None)?;
        Ok(both)
    }

    fn __ior__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::update(slf, Some(other), None)
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
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
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
