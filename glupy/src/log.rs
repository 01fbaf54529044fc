//! The GlusterFS log.

use std::ffi::{CStr, CString};

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::fork;
use crate::gf;
use crate::here::Here;
use crate::instance::Handler;
use crate::limit::{self, Place};
use crate::marshal::c_string;
use crate::printable;
use crate::shake;
use crate::stack;

/// Logs an error of a volume.
pub fn error(volume: &CStr, text: &str) {
    record(volume, c"glupy", c"glupy", 0, gf::GF_LOG_ERROR, text);
}

/// Logs something worth knowing of a volume.
pub fn info(volume: &CStr, text: &str) {
    record(volume, c"glupy", c"glupy", 0, gf::GF_LOG_INFO, text);
}

/// Logs an error at a handler's place in the author's file, unless the same (`what`) has
/// been logged there just now.
pub fn at(volume: &CStr, handler: &Handler, what: &str, text: &str) {
    if limit::admit(&limit::place_of(volume, handler.definition(), what)) {
        let text = format!("{}: {text}", handler.place());
        error_at(volume, &handler.file, &handler.name, handler.line, &text);
    }
}

/// Logs an error at a place in the author's file.
pub fn error_at(volume: &CStr, file: &CStr, function: &CStr, line: i32, text: &str) {
    record(volume, file, function, line, gf::GF_LOG_ERROR, text);
}

/// The one way into the log: all of it may be Python's, and is printable from here on.
fn record(
    volume: &CStr,
    file: &CStr,
    function: &CStr,
    line: i32,
    level: gf::gf_loglevel_t,
    text: &str,
) {
    let (volume, file, function) = (printable(volume), printable(file), printable(function));
    in_log(|| {
        for text in text.lines() {
            let text = c_string(&printable::line(text));
            if fork::is_strange() && !is_free() {
                // SAFETY: writes bytes of a string.
                unsafe {
                    libc::write(
                        libc::STDERR_FILENO,
                        text.as_ptr().cast(),
                        text.count_bytes(),
                    )
                };
                continue;
            }
            // SAFETY: the strings live during the call; "%s" takes one of them. THIS is a
            // translator that is there, with its context, which has the log. _gf_log takes
            // the log's own lock only.
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
    });
}

/// Whether the log can be written to. In a forked process a lock of its may be another thread's, which is
/// not there and will not give it back.
fn is_free() -> bool {
    // SAFETY: THIS is a translator that is there, with its context, which has the locks.
    unsafe {
        let log = &raw mut (*(*stack::this()).ctx).log;
        let locks = [&raw mut (*log).logfile_mutex, &raw mut (*log).log_buf_lock];
        locks.into_iter().all(|lock| {
            let is_free = libc::pthread_mutex_trylock(lock.cast()) == 0;
            if is_free {
                libc::pthread_mutex_unlock(lock.cast());
            }
            is_free
        })
    }
}

/// Runs `f` with THIS set for the log of the volume for which this thread runs; once that
/// is gone, perhaps with its log, for that of the process. (THIS of a thread that runs for
/// none is GlusterFS's own, or that of whom GlusterFS calls on it.)
fn in_log<R>(f: impl Fn() -> R) -> R {
    match Here::now().instance() {
        None => f(),
        Some(instance) => {
            let logged = instance.volume.with_translator(&f);
            logged.unwrap_or_else(|| stack::with_this(stack::global(), f))
        }
    }
}

/// A name in the head of a record, `[file:line:function] volume:`.
fn printable(name: &CStr) -> CString {
    let name = printable::line(&name.to_string_lossy());
    c_string(&name.replace(']', "\\x5d"))
}

/// The volume for which Python runs on this thread. On a thread that an author has started
/// that is none: then the one that is named, if there is one.
fn volume(named: &Text) -> CString {
    match Here::now().instance() {
        Some(instance) => instance.name().to_owned(),
        None if !named.0.is_empty() => c_string(&named.0),
        // SAFETY: THIS of a thread that runs for no volume of ours is a live translator.
        None => unsafe { CStr::from_ptr((*stack::this()).name) }.to_owned(),
    }
}

/// Writes a record of Python's: the support package calls it.
#[pyfunction]
#[pyo3(signature = (level, file, line, function, text, volume))]
pub fn log(
    py: Python<'_>,
    level: u32,
    file: Text,
    line: i32,
    function: Text,
    text: Text,
    volume: Text,
) {
    let volume = self::volume(&volume);
    let (file, function) = (c_string(&file.0), c_string(&function.0));
    shake::point_with_gil(py);
    py.detach(|| record(&volume, &file, &function, line, level, &text.0));
}

/// Whether something that has gone wrong may be told, or has been just now.
#[pyfunction]
pub fn admit(file: Text, line: i32, what: Text, volume: Text) -> bool {
    limit::admit(&Place {
        volume: self::volume(&volume).to_string_lossy().into_owned(),
        file: file.0,
        line,
        what: what.0,
    })
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
    let (own, all) = in_log(|| {
        let xl = stack::this();
        // SAFETY: a live translator; its context, if it has one, is there as long.
        unsafe {
            let all = (*xl).ctx.as_ref().map_or(0, |ctx| ctx.log.loglevel);
            ((*xl).loglevel, all)
        }
    });
    level <= if own == 0 { all } else { own }
}
