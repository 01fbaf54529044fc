//! The interpreter: started once per process, or joined where the process is a
//! Python program. Holds the Python side of Glupy, which travels in this library.

use std::ffi::{CStr, c_void};
use std::sync::{Mutex, OnceLock};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict};

use crate::coroutine;
use crate::ending;
use crate::fingerprint;
use crate::fork;
use crate::frame::{self, Frame, FrameError, errno};
use crate::gil;
use crate::handle::Handle;
use crate::handles;
use crate::instance::Handler;
use crate::life;
use crate::log;
use crate::long_forms;
use crate::marshal::c_string;
use crate::memory;
use crate::parse;
use crate::sealed;
use crate::xlator::Xlator;

/// The Python side: the name, the text and the bytecode of each module, which runs when it is
/// imported first.
const MODULES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// What the runtime calls in Python.
struct Support {
    load: Py<PyAny>,
    reconfigure: Py<PyAny>,
    failed: Py<PyAny>,
    report: Py<PyAny>,
    report_spawned: Py<PyAny>,
    complain: Py<PyAny>,
    dump_lines: Py<PyAny>,
}

static SUPPORT: OnceLock<Support> = OnceLock::new();

/// How far the start has come: what fails is tried again with the next volume, and nothing is
/// done twice.
struct Start {
    joined: Option<bool>,
    has_room: bool,
    works: bool,
    times: bool,
    watches: bool,
    ends: bool,
    done: bool,
}

static START: Mutex<Start> = Mutex::new(Start {
    joined: None,
    has_room: false,
    works: false,
    times: false,
    watches: false,
    ends: false,
    done: false,
});

/// Starts Python, once.
///
/// # Errors
/// Why it does not start, in words for the log.
pub fn start() -> Result<(), String> {
    let mut start = START
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if start.done {
        return Ok(());
    }
    promote_libpython();
    // SAFETY: may be called at any time.
    let is_there = || unsafe { ffi::Py_IsInitialized() } != 0;
    let joined = *start.joined.get_or_insert_with(is_there);
    if !is_there() {
        initialize()?;
    }
    gil::attach(|py| {
        if SUPPORT.get().is_none() {
            let support = modules(py, joined).map_err(|error| {
                format!(
                    "Glupy's own Python modules do not load: {}",
                    describe(py, &error)
                )
            })?;
            let _ = SUPPORT.set(support);
        }
        once(&mut start.has_room, crate::roomy::start)?;
        once(&mut start.works, crate::work::start)?;
        once(&mut start.times, crate::timer::start)?;
        once(&mut start.watches, || fork::watch(py, joined))?;
        once(&mut start.ends, ending::watch)?;
        once(&mut start.done, || life::end_at_exit(py, joined))
    })
}

fn once(done: &mut bool, f: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    if !*done {
        f()?;
        *done = true;
    }
    Ok(())
}

/// Makes libpython's symbols visible to extension modules: GlusterFS loads this
/// library, and with it libpython, for itself alone.
fn promote_libpython() {
    // SAFETY: dladdr fills the structure; the name that it gives lives as long as
    // the library, which RTLD_NOLOAD does not load a second time.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let symbol: *const c_void = ffi::Py_IsInitialized as *const () as *const c_void;
        if libc::dladdr(symbol, &raw mut info) != 0 {
            libc::dlopen(
                info.dli_fname,
                libc::RTLD_NOW | libc::RTLD_GLOBAL | libc::RTLD_NOLOAD,
            );
        }
    }
}

/// `PYMEM_ALLOCATOR_MALLOC` of `cpython/pymem.h`, which PyO3 does not have.
const PYMEM_ALLOCATOR_MALLOC: std::ffi::c_int = 3;

/// Starts an interpreter that is isolated from the environment.
fn initialize() -> Result<(), String> {
    let home = wide(env!("GLUPY_PYTHON_HOME"));
    let executable = wide(env!("GLUPY_PYTHON_EXECUTABLE"));
    // SAFETY: the order of calls that PEP 587 prescribes; `config` is initialized
    // before use and cleared on every way out, the strings live until then. The
    // GIL that initialization takes is released at the end.
    unsafe {
        let mut preconfig: ffi::PyPreConfig = std::mem::zeroed();
        ffi::PyPreConfig_InitIsolatedConfig(&raw mut preconfig);
        // GlusterFS runs in the C locale; file names are UTF-8 all the same.
        preconfig.utf8_mode = 1;
        if cfg!(feature = "asan") {
            // Python's own pools hide a use after the end, too.
            preconfig.allocator = PYMEM_ALLOCATOR_MALLOC;
        }
        check(ffi::Py_PreInitialize(&raw const preconfig))?;
        let mut config: ffi::PyConfig = std::mem::zeroed();
        ffi::PyConfig_InitIsolatedConfig(&raw mut config);
        config.install_signal_handlers = 0;
        // storage/posix sets the umask to 0: whoever likes could change what is written.
        config.write_bytecode = 0;
        // `glupy.sites` adds the folders that nobody else can change.
        config.site_import = 0;
        let (home_field, executable_field) = (&raw mut config.home, &raw mut config.executable);
        let mut status = ffi::PyConfig_SetString(&raw mut config, home_field, home.as_ptr());
        if ffi::PyStatus_Exception(status) == 0 {
            status =
                ffi::PyConfig_SetString(&raw mut config, executable_field, executable.as_ptr());
        }
        if ffi::PyStatus_Exception(status) == 0 {
            status = ffi::Py_InitializeFromConfig(&raw const config);
        }
        ffi::PyConfig_Clear(&raw mut config);
        check(status)?;
        ffi::PyEval_SaveThread();
    }
    Ok(())
}

fn wide(text: &str) -> Vec<libc::wchar_t> {
    text.chars()
        .map(|c| c as libc::wchar_t)
        .chain([0])
        .collect()
}

fn check(status: ffi::PyStatus) -> Result<(), String> {
    // SAFETY: looks at the status only; its message is a static string.
    unsafe {
        if ffi::PyStatus_Exception(status) == 0 {
            return Ok(());
        }
        let message = if status.err_msg.is_null() {
            c"unknown"
        } else {
            CStr::from_ptr(status.err_msg)
        };
        Err(format!(
            "Python does not start: {}",
            message.to_string_lossy()
        ))
    }
}

fn modules(py: Python<'_>, joined: bool) -> PyResult<Support> {
    let sys = py.import("sys")?;
    let known = sys.getattr("modules")?.cast_into::<PyDict>()?;
    if known.contains("_gluster")? {
        return Err(pyo3::exceptions::PyImportError::new_err(
            "another glupy.so is in this process; use one file for all volumes",
        ));
    }
    let native = native(py)?;
    known.set_item("_gluster", &native)?;
    let finder = PyModule::from_code(
        py,
        &c_string(include_str!("../../python/glupy/finder.py")),
        c"<glupy.so>/glupy/finder.py",
        c"glupy.finder",
    )?;
    finder.call_method0("install")?;
    if !joined {
        py.import("glupy.sites")?.call_method0("install")?;
    }
    fingerprint::python(py).inspect_err(|_| {
        let _ = known.del_item("_gluster");
    })?;
    // `gluster` has just been imported, which adds to the sequences among them.
    sealed::seal(&py.get_type::<memory::View>());
    sealed::seal_all(&native);
    let load = py.import("glupy.load")?;
    py.import("glupy.imports")?.call_method0("install")?;
    py.import("glupy.log")?.call_method1("install", (joined,))?;
    let report = py.import("glupy.report")?;
    if !joined {
        for each in ["glupy.report", "glupy.signals", "glupy.processes"] {
            py.import(each)?.call_method0("install")?;
        }
    }
    Ok(Support {
        load: load.getattr("load")?.unbind(),
        reconfigure: load.getattr("reconfigure")?.unbind(),
        failed: report.getattr("failed")?.unbind(),
        report: report.getattr("report")?.unbind(),
        report_spawned: report.getattr("report_spawned")?.unbind(),
        complain: report.getattr("complain")?.unbind(),
        dump_lines: load.getattr("dump_lines")?.unbind(),
    })
}

/// The module `_gluster`: what of `gluster` is written in Rust.
fn native(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    let module = PyModule::new(py, "_gluster")?;
    module.add_class::<Handle>()?;
    module.add_class::<Frame>()?;
    frame::install(py)?;
    module.add("FrameError", py.get_type::<FrameError>())?;
    module.add_class::<Xlator>()?;
    module.add_class::<handles::Buffer>()?;
    module.add_class::<handles::Client>()?;
    module.add_class::<handles::Dict>()?;
    module.add_class::<handles::Dirent>()?;
    module.add_class::<handles::Dirents>()?;
    module.add_class::<handles::Fd>()?;
    module.add_class::<handles::Flock>()?;
    module.add_class::<handles::Gfid>()?;
    module.add_class::<handles::Iatt>()?;
    module.add_class::<handles::Inode>()?;
    module.add_class::<handles::InodeTable>()?;
    module.add_class::<handles::Iobref>()?;
    module.add_class::<handles::Iovec>()?;
    module.add_class::<handles::Lease>()?;
    module.add_class::<handles::Loc>()?;
    module.add_class::<handles::LockList>()?;
    module.add_class::<handles::Statvfs>()?;
    module.add_function(wrap_pyfunction!(log::log, &module)?)?;
    module.add_function(wrap_pyfunction!(log::admit, &module)?)?;
    module.add_function(wrap_pyfunction!(log::log_enabled, &module)?)?;
    module.add_function(wrap_pyfunction!(parse::parse_bool, &module)?)?;
    module.add_function(wrap_pyfunction!(parse::parse_int, &module)?)?;
    module.add_function(wrap_pyfunction!(parse::parse_percent, &module)?)?;
    module.add_function(wrap_pyfunction!(parse::parse_size, &module)?)?;
    module.add_function(wrap_pyfunction!(parse::parse_time, &module)?)?;
    module.add(
        "fops",
        crate::generated::fops::TABLE
            .iter()
            .map(|fop| fop.name)
            .collect::<Vec<_>>(),
    )?;
    module.add("built_for", fingerprint::built_for())?;
    let sources = MODULES.iter().map(|(name, source, _)| (*name, *source));
    module.add("sources", sources.into_py_dict(py)?)?;
    let bytecode = MODULES
        .iter()
        .map(|(name, _, code)| (*name, PyBytes::new(py, code)));
    module.add("bytecode", bytecode.into_py_dict(py)?)?;
    coroutine::install(&module)?;
    long_forms::add(&module)?;
    Ok(module)
}

/// A method of the author's translator.
#[derive(FromPyObject)]
pub struct LoadedMethod {
    /// The bound method.
    pub function: Py<PyAny>,
    /// Its name.
    pub name: String,
    /// The author's file, without its folder.
    pub file: String,
    /// The line of its definition.
    pub line: i32,
    /// Whether calling it makes a coroutine.
    pub is_async: bool,
}

/// A method that handles a fop.
#[derive(FromPyObject)]
pub struct LoadedHandler {
    /// The fop's number.
    pub index: usize,
    /// Fop handler, or cbk handler.
    pub down: bool,
    /// The method.
    pub method: LoadedMethod,
}

/// An author's translator, ready to be called.
#[derive(FromPyObject)]
pub struct Loaded {
    /// The object.
    pub translator: Py<PyAny>,
    /// Its handlers.
    pub handlers: Vec<LoadedHandler>,
    /// Its other methods that the runtime calls.
    pub methods: Vec<LoadedMethod>,
    /// What the volume's options ask of the runtime.
    pub settings: Settings,
}

/// Options that are the runtime's own.
#[derive(FromPyObject)]
pub struct Settings {
    /// Whether the translator is out of the way.
    pub pass_through: bool,
    /// Whether every call of Python is timed.
    pub latency_measurement: bool,
    /// Whether a request passes on when its handler fails.
    pub passes_on_exception: bool,
}

fn support() -> &'static Support {
    SUPPORT.get().expect("`start` comes first")
}

/// Loads the module that a volume names and makes its translator.
///
/// # Errors
/// The line and the traceback for the log.
pub fn load(py: Python<'_>, this: Py<Xlator>) -> Result<Loaded, String> {
    let loaded = support()
        .load
        .call1(py, (this,))
        .and_then(|loaded| loaded.extract(py));
    loaded.map_err(|error| describe(py, &error))
}

/// Gives a translator other options; those that are the runtime's.
///
/// # Errors
/// What is wrong with them, for the log.
pub fn reconfigure(
    py: Python<'_>,
    translator: &Bound<'_, PyAny>,
    options: Vec<(String, String)>,
) -> Result<Settings, String> {
    let settings = options
        .into_py_dict(py)
        .and_then(|options| support().reconfigure.call1(py, (translator, options)))
        .and_then(|settings| settings.extract(py));
    settings.map_err(|error| describe(py, &error))
}

/// Reports an exception of a handler, unless it is the errno that answers the request:
/// what was asked, and what becomes of it ("" when it has its answer).
///
/// # Errors
/// An exception of the report itself.
pub fn failed(
    py: Python<'_>,
    handler: &Handler,
    error: PyErr,
    subject: &str,
    outcome: &str,
) -> PyResult<i32> {
    let args = (handler.definition(), error.into_value(py), subject, outcome);
    // It goes to FUSE, whatever Python's comparisons say of it.
    let number: i32 = ending::call(support().failed.bind(py), args, None)?.extract()?;
    Ok(if errno::is_errno(number) { number } else { 0 })
}

/// Logs an exception of a method that answers nobody.
///
/// # Errors
/// An exception of the report itself.
pub fn report(py: Python<'_>, method: &Handler, error: PyErr) -> PyResult<()> {
    let args = (method.definition(), error.into_value(py));
    ending::call(support().report.bind(py), args, None).map(drop)
}

/// Logs an exception of a coroutine that answers nobody.
///
/// # Errors
/// An exception of the report itself.
pub fn report_spawned(coroutine: &Bound<'_, PyAny>, error: &Bound<'_, PyAny>) -> PyResult<()> {
    let report = support().report_spawned.bind(coroutine.py());
    ending::call(report, (coroutine, error), None).map(drop)
}

/// Logs what a coroutine that answers nobody does wrong.
///
/// # Errors
/// An exception of the report itself.
pub fn complain(coroutine: &Bound<'_, PyAny>, what: &str, text: &str) -> PyResult<()> {
    let complain = support().complain.bind(coroutine.py());
    ending::call(complain, (coroutine, what, text), None).map(drop)
}

/// What a translator's `dump` returned, as keys and values of a statedump.
///
/// # Errors
/// `TypeError` for what is no mapping and no text.
pub fn dump_lines(py: Python<'_>, said: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    support().dump_lines.call1(py, (said,))?.extract(py)
}

/// An error of loading, as text: what `glupy.load` says, or all that is known.
fn describe(py: Python<'_>, error: &PyErr) -> String {
    let traceback = error
        .traceback(py)
        .and_then(|traceback| traceback.format().ok())
        .unwrap_or_default();
    let value = error.value(py);
    match value
        .getattr("report")
        .and_then(|report| report.extract::<log::Text>())
    {
        Ok(report) => report.0,
        Err(_) => format!("{error}\n{traceback}"),
    }
}
