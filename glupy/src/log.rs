//! The GlusterFS log.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::gf;
use crate::instance::Handler;
use crate::marshal::c_string;
use crate::stack;

/// Logs an error of a volume.
pub fn error(volume: &CStr, text: &str) {
    record(volume, c"glupy", c"glupy", 0, gf::GF_LOG_ERROR, text);
}

/// Logs something worth knowing of a volume.
pub fn info(volume: &CStr, text: &str) {
    record(volume, c"glupy", c"glupy", 0, gf::GF_LOG_INFO, text);
}

/// Logs an error at a handler's place in the author's file.
pub fn at(volume: &CStr, handler: &Handler, text: &str) {
    let text = format!("{}: {text}", handler.place());
    record(
        volume,
        &handler.file,
        &handler.name,
        handler.line,
        gf::GF_LOG_ERROR,
        &text,
    );
}

fn record(
    volume: &CStr,
    file: &CStr,
    function: &CStr,
    line: i32,
    level: gf::gf_loglevel_t,
    text: &str,
) {
    for text in text.lines() {
        let text = c_string(text);
        // SAFETY: the strings live during the call; "%s" takes one of them.
        // _gf_log takes the log's own lock only.
        unsafe {
            gf::_gf_log(
                volume.as_ptr(),
                file.as_ptr(),
                function.as_ptr(),
                line,
                level,
                c"%s".as_ptr(),
                text.as_ptr(),
            );
        }
    }
}

/// Writes a record of Python's: the support package calls it.
///
/// The volume is the one whose handler runs on this thread (`THIS`).
#[pyfunction]
pub fn log(py: Python<'_>, level: u32, file: Text, line: i32, function: Text, text: Text) {
    // SAFETY: THIS is always a live translator; its name lives as long.
    let volume = unsafe { CStr::from_ptr((*stack::this()).name) };
    let (file, function) = (c_string(&file.0), c_string(&function.0));
    py.detach(|| record(volume, &file, &function, line, level, &text.0));
}

/// Text of Python's. What is not Unicode in it (file names may hold such) is
/// written as an escape.
pub struct Text(pub String);

impl<'a, 'py> FromPyObject<'a, 'py> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>()?;
        if let Ok(text) = text.to_cow() {
            return Ok(Text(text.into_owned()));
        }
        let bytes = text.call_method1("encode", ("utf-8", "backslashreplace"))?;
        Ok(Text(String::from_utf8_lossy(bytes.extract()?).into_owned()))
    }
}

/// Whether a record of that level would be written.
#[pyfunction]
pub fn log_enabled(level: u32) -> bool {
    // SAFETY: THIS is always a live translator with a context.
    let (own, all) = unsafe {
        let xl = stack::this();
        (
            (*xl).loglevel,
            if (*xl).ctx.is_null() {
                0
            } else {
                (*(*xl).ctx).log.loglevel
            },
        )
    };
    level <= if own == 0 { all } else { own }
}
