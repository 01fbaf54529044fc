//! `uuid_t`: a file's identity.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{self, Bytes};

/// A file's identity in the volume: 16 bytes that are the same on every brick.
///
/// Made from a string, 16 bytes, a `uuid.UUID` or another `Gfid`; `str()` writes it
/// as people do. False when it is null, that is not known.
#[pyclass(frozen, module = "gluster", eq)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gfid(pub [u8; 16]);

impl fmt::Display for Gfid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_char('-')?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[pymethods]
impl Gfid {
    #[new]
    fn new(value: &Bound<'_, PyAny>) -> PyResult<Gfid> {
        convert::to_gfid(value, || "Gfid".to_owned()).map(Gfid)
    }

    /// The 16 bytes.
    #[getter]
    fn bytes(&self) -> Bytes {
        Bytes::of(&self.0)
    }

    fn __bytes__(&self) -> Bytes {
        self.bytes()
    }

    fn __bool__(&self) -> bool {
        self.0 != [0; 16]
    }

    fn __str__(&self) -> String {
        self.to_string()
    }

    /// As the text is formatted: `f"{gfid:>40}"`.
    fn __format__<'py>(&self, py: Python<'py>, how: &str) -> PyResult<Bound<'py, PyAny>> {
        let text = PyString::new(py, &self.to_string());
        text.call_method1("__format__", (how,))
    }

    fn __repr__(&self) -> String {
        format!("Gfid('{self}')")
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (Bytes,)) {
        (slf.get_type().into_any().unbind(), (slf.get().bytes(),))
    }
}
