//! The values of a dict: their types, what they are in Python, and how they are written.

use std::ffi::CStr;

use pyo3::PyTypeInfo;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyMemoryView, PyString};
use smallvec::SmallVec;

use crate::convert::{self, Bytes};
use crate::gf;
use crate::handle::{self, base};
use crate::handles::{Gfid, Iatt};
use crate::marshal;

/// A value, copied out of a dict.
pub struct Value {
    /// `gf_dict_data_type_t`
    pub kind: u32,
    /// What is stored.
    pub bytes: Bytes,
}

/// The type and the length of a value.
pub type Shape = (u32, usize);

impl Value {
    /// # Safety
    /// A live value.
    pub unsafe fn of(data: &gf::data_t) -> Value {
        let len = usize::try_from(data.len).unwrap_or(0);
        Value {
            kind: data.data_type,
            // SAFETY: `len` bytes belong to a live value.
            bytes: unsafe { Bytes::at(data.data, len) },
        }
    }

    /// Its type and length.
    pub fn shape(&self) -> Shape {
        (self.kind, self.bytes.as_slice().len())
    }

    /// What it is in Python.
    pub fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
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

/// The bytes of a value.
pub type Encoded = SmallVec<[u8; 256]>;

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
pub fn type_for(value: &Bound<'_, PyAny>, known: Option<Shape>) -> PyResult<u32> {
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

/// Where extended attributes are (xattr(7)).
const NAMESPACES: [&[u8]; 4] = [b"user.", b"trusted.", b"security.", b"system."];

/// Whether a name is that of an extended attribute.
pub fn is_of_attribute(name: &CStr) -> bool {
    NAMESPACES
        .iter()
        .any(|space| name.to_bytes().starts_with(space))
}

/// Whether values of a type are text that ends in a NUL.
pub fn is_text(kind: u32) -> bool {
    matches!(
        kind,
        gf::GF_DATA_TYPE_STR
            | gf::GF_DATA_TYPE_INT
            | gf::GF_DATA_TYPE_UINT
            | gf::GF_DATA_TYPE_DOUBLE
    )
}

/// The bytes of a value of a type, as GlusterFS's own setters write them.
pub fn encode(kind: u32, value: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<Encoded> {
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
