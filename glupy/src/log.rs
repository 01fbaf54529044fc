//! The GlusterFS log.

use std::ffi::CStr;

use pyo3::prelude::*;

use crate::gf;
use crate::instance::Handler;
use crate::marshal::c_string;
use crate::stack;

/// Logs an error of a volume.
pub fn error(volume: &CStr, text: &str) {
    record(volume, c"glupy", c"glupy", 0, gf::GF_LOG_ERROR, text);
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

/// Writes a record of Python's: `gluster` of the support package calls it.
///
/// The volume is the one whose handler runs on this thread (`THIS`).
#[pyfunction]
pub fn log(py: Python<'_>, level: u32, file: &str, line: i32, function: &str, text: &str) {
    let (file, function) = (c_string(file), c_string(function));
    // SAFETY: THIS is always a live translator; its name lives as long.
    let volume = unsafe { CStr::from_ptr((*stack::this()).name) };
    py.detach(|| record(volume, &file, &function, line, level, text));
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
