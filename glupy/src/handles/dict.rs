//! `dict_t`: names and values.

use std::ffi::{CStr, CString, c_void};
use std::ptr;

use pyo3::PyTypeInfo;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyKeyError, PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple};
use smallvec::SmallVec;

use super::{Gfid, Iatt};
use crate::convert::{self, Bytes};
use crate::gf;
use crate::handle::{self, Copies, base, handle_class, read};
use crate::instance::Instance;
use crate::marshal;
use crate::stack;

handle_class!(
    /// `dict_t` (dict.h): a mutable mapping of names to values, shared, like in C,
    /// with whoever else holds it: `copy()` before changing another's.
    ///
    /// What a value is depends on how it was stored: `str`, `int`, `float`, `Gfid`,
    /// `Iatt`, or `bytes` for everything else. Stored again, it keeps its type.
    Dict: mapping,
    gf::dict_t,
    |raw| {
        // SAFETY: a live dict.
        let dict = unsafe { gf::dict_ref(raw.ptr.cast()) };
        (!dict.is_null()).then_some(raw)
    },
    // SAFETY: undoes `own`.
    |raw| unsafe { gf::dict_unref(raw.ptr.cast()) },
    Copies::Nothing
);

/// A value, copied out of a dict.
struct Value {
    /// `gf_dict_data_type_t`
    kind: u32,
    bytes: Bytes,
}

impl Value {
    /// # Safety
    /// A live value.
    unsafe fn of(data: &gf::data_t) -> Value {
        let len = usize::try_from(data.len).unwrap_or(0);
        Value {
            kind: data.data_type,
            // SAFETY: `len` bytes belong to a live value.
            bytes: unsafe { Bytes::at(data.data, len) },
        }
    }

    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let bytes = self.bytes.as_slice();
        // Numbers are kept as decimal text; the length of text counts a NUL.
        let text = match self.kind {
            gf::GF_DATA_TYPE_STR => return decode(py, until_nul(bytes)),
            _ => std::str::from_utf8(until_nul(bytes)).map_or("", str::trim),
        };
        let number = match self.kind {
            gf::GF_DATA_TYPE_INT | gf::GF_DATA_TYPE_UINT => match text.parse::<i64>() {
                Ok(number) => Some(number.into_pyobject(py)?.into_any()),
                Err(_) => match text.parse::<u64>() {
                    Ok(number) => Some(number.into_pyobject(py)?.into_any()),
                    Err(_) => None,
                },
            },
            gf::GF_DATA_TYPE_DOUBLE => match text.parse::<f64>() {
                Ok(number) => Some(PyFloat::new(py, number).into_any()),
                Err(_) => None,
            },
            _ => None,
        };
        if let Some(number) = number {
            return Ok(number.unbind());
        }
        if self.kind == gf::GF_DATA_TYPE_GFUUID {
            if let Ok(gfid) = bytes.try_into() {
                return Ok(Py::new(py, Gfid(gfid))?.into_any());
            }
        }
        if self.kind == gf::GF_DATA_TYPE_IATT && bytes.len() >= size_of::<gf::iatt>() {
            // SAFETY: a value of this type is an iatt, of any alignment.
            let mut iatt: gf::iatt = unsafe { bytes.as_ptr().cast::<gf::iatt>().read_unaligned() };
            if let Some(iatt) = handle::owned::<Iatt>(py, &raw mut iatt, None)? {
                return Ok(iatt.into_any());
            }
        }
        Ok(PyBytes::new(py, bytes).into_any().unbind())
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or(bytes)
}

fn decode(py: Python<'_>, text: &[u8]) -> PyResult<Py<PyAny>> {
    // SAFETY: reads as many bytes; a new reference, or NULL with an exception.
    unsafe {
        let text = ffi::PyUnicode_DecodeFSDefaultAndSize(text.as_ptr().cast(), text.len() as isize);
        Ok(Bound::from_owned_ptr_or_err(py, text)?.unbind())
    }
}

fn pointer(slf: &Bound<'_, Dict>) -> PyResult<*mut gf::dict_t> {
    Ok(base(slf).raw(slf.py())?.ptr.cast())
}

fn pairs(slf: &Bound<'_, Dict>) -> PyResult<Vec<(CString, Value)>> {
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

    let dict = pointer(slf)?;
    let mut pairs: Vec<(CString, Value)> = Vec::new();
    // SAFETY: a live dict; dict_foreach takes no lock itself, and the dict's lock
    // is a leaf that nobody holds while waiting for the GIL.
    unsafe {
        stack::with_dict_lock(dict, || {
            gf::dict_foreach(dict, Some(collect), (&raw mut pairs).cast())
        });
    }
    Ok(pairs)
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
            return Err(convert::wrong_type(key, "str", || {
                "a key of a Dict".to_owned()
            }));
        };
        let bytes = bytes.as_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            let key = convert::shown(key);
            return Err(PyValueError::new_err(format!(
                "{key} can not be a key of a Dict"
            )));
        }
        Ok(Key(bytes.iter().copied().chain([0]).collect()))
    }

    /// The length, as C counts it.
    fn len(&self) -> libc::c_int {
        (self.0.len() - 1) as libc::c_int
    }

    fn as_ptr(&self) -> *mut libc::c_char {
        self.0.as_ptr().cast_mut().cast()
    }
}

/// The value of a key.
fn lookup(slf: &Bound<'_, Dict>, key: &Key) -> PyResult<Option<Value>> {
    let dict = pointer(slf)?;
    let mut data: *mut gf::data_t = ptr::null_mut();
    // SAFETY: a live dict; on success `data` is referenced until data_unref.
    unsafe {
        if gf::dict_get_with_ref(dict, key.as_ptr(), &raw mut data) != 0 || data.is_null() {
            return Ok(None);
        }
        let found = Value::of(&*data);
        gf::data_unref(data);
        Ok(Some(found))
    }
}

fn get_python(slf: &Bound<'_, Dict>, key: &Key) -> PyResult<Option<Py<PyAny>>> {
    lookup(slf, key)?
        .map(|value| value.into_python(slf.py()))
        .transpose()
}

type Encoded = SmallVec<[u8; 256]>;

/// Whether a value is of a type of Python's, or a number of another library's that says
/// it is as good as one (`numbers.Integral` or `numbers.Real`), as numpy's do: a number
/// must not be stored as the bytes that it has as a buffer.
fn is_a<T: PyTypeInfo>(value: &Bound<'_, PyAny>, abc: &str) -> PyResult<bool> {
    if value.is_instance_of::<T>() || !is_number(value) {
        return Ok(value.is_instance_of::<T>());
    }
    value.is_instance(&value.py().import("numbers")?.getattr(abc)?)
}

/// Whether a value can be a number, as arrays of them can, too.
fn is_number(value: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object; looks at nothing but its type.
    unsafe { ffi::PyNumber_Check(value.as_ptr()) != 0 }
}

/// The type that a value gets when none is asked for: its own, or the one that the
/// name has had, if the value fits that.
fn type_for(value: &Bound<'_, PyAny>, known: Option<&Value>) -> PyResult<u32> {
    let known = known.map(|known| (known.kind, known.bytes.as_slice().len()));
    let kind = if is_a::<PyInt>(value, "Integral")? {
        match known {
            Some((gf::GF_DATA_TYPE_DOUBLE, _)) => gf::GF_DATA_TYPE_DOUBLE,
            Some((gf::GF_DATA_TYPE_UINT, _)) if !value.lt(0).unwrap_or(false) => {
                gf::GF_DATA_TYPE_UINT
            }
            _ if value.extract::<i64>().is_err() && value.extract::<u64>().is_ok() => {
                gf::GF_DATA_TYPE_UINT
            }
            _ => gf::GF_DATA_TYPE_INT,
        }
    } else if is_a::<PyFloat>(value, "Real")? {
        gf::GF_DATA_TYPE_DOUBLE
    } else if value.is_instance_of::<PyString>() {
        gf::GF_DATA_TYPE_STR
    } else if value.is_instance_of::<Gfid>() {
        gf::GF_DATA_TYPE_GFUUID
    } else if value.is_instance_of::<Iatt>() {
        gf::GF_DATA_TYPE_IATT
    } else {
        // What comes as bytes goes as what it was.
        match (known, value.len()) {
            (Some((kind @ (gf::GF_DATA_TYPE_UNKNOWN | gf::GF_DATA_TYPE_STR_OLD), _)), _) => kind,
            (Some((kind @ (gf::GF_DATA_TYPE_MDATA | gf::GF_DATA_TYPE_GFUUID), was)), Ok(len))
                if len == was =>
            {
                kind
            }
            _ => gf::GF_DATA_TYPE_PTR,
        }
    };
    Ok(kind)
}

/// The bytes of a value of a type, as GlusterFS's own setters write them.
fn encode(kind: u32, value: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<Encoded> {
    let with_nul = |text: String| text.into_bytes().into_iter().chain([0]).collect();
    Ok(match kind {
        gf::GF_DATA_TYPE_INT => {
            with_nul(convert::number::<i64>(value, "int64_t", what)?.to_string())
        }
        gf::GF_DATA_TYPE_UINT => {
            with_nul(convert::number::<u64>(value, "uint64_t", what)?.to_string())
        }
        gf::GF_DATA_TYPE_DOUBLE => {
            if !is_a::<PyFloat>(value, "Real")? {
                return Err(convert::wrong_type(value, "float", what));
            }
            let number: f64 = value.extract().map_err(|_| {
                let value = convert::shown(value);
                PyOverflowError::new_err(format!("{} = {value} does not fit a double", what()))
            })?;
            // All its digits; dict_set_double would write six, and dict_get_double
            // reads nothing that is smaller than normal numbers.
            with_nul(match number.is_subnormal() {
                true => "0.0".to_owned(),
                false => format!("{number:?}"),
            })
        }
        gf::GF_DATA_TYPE_STR => {
            let Ok(text) = value.cast::<PyString>() else {
                return Err(convert::wrong_type(value, "str", what));
            };
            let bytes = marshal::encode(text)?;
            if bytes.as_bytes().contains(&0) {
                return Err(PyValueError::new_err(format!(
                    "{}: a str in a Dict has no NUL character; give bytes",
                    what()
                )));
            }
            bytes.as_bytes().iter().copied().chain([0]).collect()
        }
        gf::GF_DATA_TYPE_GFUUID => SmallVec::from_slice(&convert::to_gfid(value, what)?),
        gf::GF_DATA_TYPE_IATT => {
            let Ok(iatt) = value.cast::<Iatt>() else {
                return Err(convert::wrong_type(value, "Iatt", what));
            };
            let iatt: *const u8 = base(iatt).raw(value.py())?.ptr.cast();
            // SAFETY: a live iatt, all of whose bytes are fields'.
            SmallVec::from_slice(unsafe { std::slice::from_raw_parts(iatt, size_of::<gf::iatt>()) })
        }
        gf::GF_DATA_TYPE_UNKNOWN
        | gf::GF_DATA_TYPE_STR_OLD
        | gf::GF_DATA_TYPE_PTR
        | gf::GF_DATA_TYPE_MDATA => {
            // A number of a kind that a Dict does not have, such as numpy's bool.
            let is_one = is_number(value) && value.len().is_err();
            let buffer = (!is_one).then(|| PyUntypedBuffer::get(value));
            let Some(Ok(buffer)) = buffer else {
                let expected = "bytes, str, int, float, Gfid or Iatt";
                return Err(convert::wrong_type(value, expected, what));
            };
            let bytes = flat(&buffer, value)?;
            const MDATA: usize = size_of::<gf::mdata_iatt>();
            if kind == gf::GF_DATA_TYPE_MDATA && bytes.len() != MDATA {
                return Err(PyValueError::new_err(format!(
                    "{} must have {MDATA} bytes",
                    what()
                )));
            }
            SmallVec::from_vec(bytes)
        }
        _ => {
            return Err(PyValueError::new_err(format!(
                "{}: {kind} is not the type of a value (DictType)",
                what()
            )));
        }
    })
}

/// The bytes of a buffer, whatever its elements are.
fn flat(buffer: &PyUntypedBuffer, object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if buffer.is_c_contiguous() {
        let (at, len) = (buffer.buf_ptr().cast::<u8>(), buffer.len_bytes());
        if len == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: a contiguous buffer has its bytes in one run.
        return Ok(unsafe { std::slice::from_raw_parts(at, len) }.to_vec());
    }
    PyMemoryView::from(object)?
        .call_method0("tobytes")?
        .extract()
}

fn store(
    slf: &Bound<'_, Dict>,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    kind: Option<u32>,
) -> PyResult<()> {
    let name = Key::new(key)?;
    let what = || format!("Dict[{}]", convert::shown(key));
    let known = lookup(slf, &name)?;
    let kind = kind.map_or_else(|| type_for(value, known.as_ref()), Ok)?;
    let bytes = encode(kind, value, what)?;
    let Ok(len) = i32::try_from(bytes.len()) else {
        return Err(PyOverflowError::new_err(format!(
            "{} does not fit a dict",
            what()
        )));
    };
    let dict = pointer(slf)?;
    // SAFETY: a live dict and a key that ends with a NUL. The memory is GlusterFS's,
    // as what a dict owns must be, with a NUL behind the bytes for who reads them as a
    // string; a new value has no references and becomes the dict's.
    unsafe {
        let memory: *mut u8 = gf::__gf_malloc(
            bytes.len() + 1,
            gf::gf_common_mt_char,
            c"gf_common_mt_char".as_ptr(),
        )
        .cast();
        if memory.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        memory.add(bytes.len()).write(0);
        let data = gf::data_from_dynptr(memory.cast(), len);
        if data.is_null() {
            gf::__gf_free(memory.cast());
            return Err(PyMemoryError::new_err(()));
        }
        (*data).data_type = kind;
        gf::data_ref(data);
        let status = gf::dict_setn(dict, name.as_ptr(), name.len(), data);
        gf::data_unref(data);
        if status < 0 {
            return Err(PyMemoryError::new_err(()));
        }
    }
    Ok(())
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
        let dict = unsafe { handle::adopted::<Dict>(py, gf::dict_new(), Instance::current(py)) }?;
        let dict = dict.ok_or_else(|| PyMemoryError::new_err(()))?;
        Self::update(dict.bind(py), source, values)?;
        Ok(dict)
    }

    /// The number of names.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        read(slf, |dict| usize::try_from(dict.count).unwrap_or(0))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(lookup(slf, &Key::new(key)?)?.is_some())
    }

    fn __getitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        get_python(slf, &Key::new(key)?)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
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
        lookup(slf, &Key::new(key)?)?
            .map(|value| value.kind)
            .ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = Key::new(key)?;
        if lookup(slf, &name)?.is_none() {
            return Err(PyKeyError::new_err(key.clone().unbind()));
        }
        let dict = pointer(slf)?;
        // SAFETY: a live dict and a key of that length.
        unsafe { gf::dict_deln(dict, name.as_ptr(), name.len()) };
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
        Ok(lookup(slf, &Key::new(key)?)?.map(|value| value.bytes))
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
        match get_python(slf, &Key::new(key)?)? {
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
        let Some(key) = Self::keys(slf)?.iter().next() else {
            return Err(PyKeyError::new_err("the Dict is empty"));
        };
        let value = Self::pop(slf, &key, &PyTuple::new(slf.py(), [slf.py().None()])?)?;
        Ok((key, value))
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
        if let Some(source) = source.filter(|source| !source.is_none()) {
            if let Ok(other) = source.cast::<Dict>() {
                let (from, to) = (pointer(other)?, pointer(slf)?);
                if from != to {
                    // SAFETY: two live dicts; dict_copy locks the second alone. The GIL
                    // keeps away who would lock them the other way round.
                    let copy = || unsafe { gf::dict_copy(from, to) };
                    // SAFETY: as above.
                    unsafe { stack::with_dict_lock(from, copy) };
                }
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
                    store(slf, &key, &value, None)?;
                }
            }
        }
        for (key, value) in values.into_iter().flatten() {
            store(slf, &key, &value, None)?;
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
        let (py, dict) = (slf.py(), pointer(slf)?);
        // SAFETY: a live dict; the new one comes with a reference for us.
        let copy = unsafe {
            let copy = gf::dict_copy_with_ref(dict, ptr::null_mut());
            handle::adopted::<Dict>(py, copy, base(slf).instance(py))
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
