//! The translator's part of a statedump.
//!
//! It is asked for on the thread that also handles SIGTERM, and other hooks of the dump
//! run under locks: only `priv` and `priv_to_dict` reach Python, on Glupy's own thread
//! and for a bounded time, after the native figures have been written.

use std::ffi::CStr;
use std::time::Duration;

use pyo3::prelude::*;

use crate::gf;
use crate::instance::Instance;
use crate::marshal::c_string;
use crate::printable;
use crate::python;
use crate::turns;
use crate::work;

/// How long a dump waits for Python.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest line: GlusterFS composes it in a buffer of 4096 bytes, and writes
/// beyond what fits in there.
const LONGEST: usize = 3500;

/// The table of dump hooks.
pub const HOOKS: gf::xlator_dumpops = {
    // SAFETY: every slot may be NULL.
    let mut hooks: gf::xlator_dumpops = unsafe { std::mem::zeroed() };
    hooks.priv_ = Some(into_file);
    hooks.priv_to_dict = Some(into_dict);
    hooks
};

unsafe extern "C" fn into_file(this: *mut gf::xlator_t) -> i32 {
    // SAFETY: a dump comes to translators whose `init` has succeeded.
    let instance = unsafe { Instance::of(this) };
    let section = format!("features/glupy.{}.priv", instance.name_text());
    let section = c_string(&printable::line(&section));
    // SAFETY: `%s` takes the one string. The dump's lock is held by the caller.
    unsafe { gf::gf_proc_dump_add_section(c"%s".as_ptr().cast_mut(), section.as_ptr()) };
    each(instance, |key, value| {
        let (key, value) = (c_string(key), c_string(value));
        // SAFETY: as above.
        unsafe {
            gf::gf_proc_dump_write(
                key.as_ptr().cast_mut(),
                c"%s".as_ptr().cast_mut(),
                value.as_ptr(),
            );
        }
    });
    0
}

unsafe extern "C" fn into_dict(
    this: *mut gf::xlator_t,
    dict: *mut gf::dict_t,
    brick: *mut libc::c_char,
) -> i32 {
    // SAFETY: as in `into_file`; the brick's name is a string or NULL.
    let (instance, prefix) = unsafe {
        let prefix = (!brick.is_null()).then(|| CStr::from_ptr(brick).to_string_lossy());
        (Instance::of(this), prefix)
    };
    let prefix = prefix.unwrap_or_else(|| instance.name_text().into());
    each(instance, |key, value| {
        let (key, value) = (c_string(&format!("{prefix}.{key}")), c_string(value));
        // SAFETY: the dict is alive and copies both.
        unsafe {
            gf::dict_set_dynstr_with_alloc(dict, key.as_ptr().cast_mut(), value.as_ptr());
        }
    });
    0
}

/// The lines of the dump: what is counted, then what the translator says.
fn each(instance: &'static Instance, mut write: impl FnMut(&str, &str)) {
    // All of it may be Python's: names of handlers, too.
    let mut line = |key: &str, value: &str| {
        let key = printable::line(key).replace('=', "-");
        write(cut(&key, 200), cut(&printable::line(value), LONGEST));
    };
    for handler in instance.handlers() {
        for (name, figure) in handler.counters.figures() {
            let key = format!("{}.{name}", handler.name.to_string_lossy());
            line(&key, &figure.to_string());
        }
    }
    for (name, figure) in turns::figures() {
        line(&format!("gil.{name}"), &figure.to_string());
    }
    line("contexts", &instance.contexts.len().to_string());
    line("kept", &instance.volume.keepers.len().to_string());
    if instance.method("dump").is_none() {
        return;
    }
    match work::ask(PATIENCE, move |py| said(py, instance)) {
        Some(Some(said)) => {
            for (key, value) in said {
                line(&key, &value);
            }
        }
        Some(None) => line("python", "failed"),
        None => line("python", "busy"),
    }
}

/// What the translator's `dump` returns, as lines; None when it failed, which is logged.
fn said(py: Python<'_>, instance: &'static Instance) -> Option<Vec<(String, String)>> {
    let result = instance.call_method(py, "dump", ())?;
    match python::dump_lines(py, &result) {
        Ok(lines) => Some(lines),
        Err(error) => {
            instance.report(py, instance.method("dump")?, error);
            None
        }
    }
}

fn cut(text: &str, longest: usize) -> &str {
    let mut end = text.len().min(longest);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
