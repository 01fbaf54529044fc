//! One Glupy volume: its Python translator, its handlers, its fops table.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::callee::Callee;
use crate::contexts::Contexts;
use crate::coroutine::Tasks;
use crate::counters::Counters;
use crate::descriptors;
use crate::ending::{self, Arguments};
use crate::fop::{Fop, RawFn, SLOTS};
use crate::fork;
use crate::generated;
use crate::gf;
use crate::gil::GilCell;
use crate::handle::CPtr;
use crate::here::Here;
use crate::log;
use crate::marshal::c_string;
use crate::python::{self, Settings};
use crate::roomy;
use crate::stack;
use crate::volume::Volume;
use crate::xlator::{self, Xlator};

/// A handler of the author's.
pub struct Handler {
    /// The author's function.
    pub callee: Callee,
    /// Its name, for messages.
    pub name: CString,
    /// The author's file.
    pub file: CString,
    /// The line of its definition there.
    pub line: i32,
    /// Whether calling it makes a coroutine.
    pub is_async: bool,
    /// What is counted of it.
    pub counters: Counters,
    /// How many of its next requests are expected to be open when their wind returns.
    later: GilCell<u32>,
}

/// How many are expected to be, when one was.
const EXPECTED: u32 = 15;

impl Handler {
    fn new(py: Python<'_>, loaded: python::LoadedMethod) -> Handler {
        Handler {
            callee: Callee::new(loaded.function.into_bound(py)),
            name: c_string(&loaded.name),
            file: c_string(&loaded.file),
            line: loaded.line,
            is_async: loaded.is_async,
            counters: Counters::default(),
            later: GilCell::new(0),
        }
    }

    /// A request was open when its wind had returned: the child answers later, from another
    /// thread.
    pub fn set_later(&self, py: Python<'_>) {
        self.later.set(py, EXPECTED);
    }

    /// Whether this request is expected to be, too. One in some is not, to see whether that
    /// is still so.
    pub fn is_later(&self, py: Python<'_>) -> bool {
        let left = self.later.get(py);
        self.later.set(py, left.saturating_sub(1));
        left > 0
    }

    /// Its name and place: `lookup_fop (negative.py:12)`.
    pub fn place(&self) -> String {
        let (name, file, line) = self.definition();
        format!("{name} ({file}:{line})")
    }

    /// Its name, the author's file and the line there.
    pub fn definition(&self) -> (String, String, i32) {
        let text = |string: &CStr| string.to_string_lossy().into_owned();
        (text(&self.name), text(&self.file), self.line)
    }
}

/// The handlers of a fop.
#[derive(Default)]
struct Pair {
    call: Option<Handler>,
    back: Option<Handler>,
}

/// The author's translator, as the runtime sees it.
struct Loaded {
    translator: Py<PyAny>,
    handlers: Vec<Pair>,
    /// Its methods that are no handlers of fops, by name.
    methods: HashMap<String, Handler>,
}

/// A Glupy volume. It is made by `init` and never freed: threads may be on their
/// way through it.
pub struct Instance {
    /// GlusterFS's side of it.
    pub volume: &'static Volume,
    /// The Python object for it.
    this: Py<Xlator>,
    /// What has been loaded; not there while the author's `__init__` runs.
    loaded: OnceLock<Loaded>,
    /// The coroutines that it has spawned.
    pub tasks: Tasks,
    /// What it keeps with inodes and fds.
    pub contexts: Contexts,
    passes_on_exception: AtomicBool,
    children: Vec<CPtr<gf::xlator_t>>,
    graph: CPtr<gf::glusterfs_graph_t>,
}

impl Instance {
    /// The instance behind a translator of ours.
    ///
    /// # Safety
    /// `init` of the translator has succeeded.
    pub unsafe fn of(this: *mut gf::xlator_t) -> &'static Instance {
        // SAFETY: set by `start`, never freed.
        unsafe { &*(*this).private.cast::<Instance>() }
    }

    /// The instance for which Python runs on this thread; None on a thread of Python's, and
    /// when the volume is gone.
    pub fn current(py: Python<'_>) -> Option<&'static Instance> {
        let instance = Here::now().instance();
        instance.filter(|instance| !instance.volume.is_gone(py))
    }

    /// Loads the author's translator and puts its handlers into a fops table of
    /// this volume's own.
    ///
    /// # Errors
    /// What went wrong, in words for the log.
    ///
    /// # Safety
    /// `xl` is a translator in its `init`.
    pub unsafe fn start(xl: *mut gf::xlator_t) -> Result<&'static Instance, String> {
        // SAFETY: by contract.
        let children = unsafe { xlator::children(xl) };
        if children.is_empty() {
            return Err(
                "a features/glupy volume needs a subvolume: add a line `subvolumes NAME`"
                    .to_owned(),
            );
        }
        python::start()?;
        fork::started();
        // SAFETY: by contract.
        let volume = unsafe {
            descriptors::learn(xl);
            Volume::new(xl)
        };
        let this = crate::gil::attach(|py| Py::new(py, Xlator::new(xl, volume)));
        let instance: &'static Instance = Box::leak(Box::new(Instance {
            volume,
            this: this.map_err(|error| error.to_string())?,
            loaded: OnceLock::new(),
            tasks: Tasks::default(),
            contexts: Contexts::default(),
            passes_on_exception: AtomicBool::new(false),
            children: children.into_iter().map(CPtr).collect(),
            // SAFETY: by contract.
            graph: CPtr(unsafe { (*xl).graph }),
        }));
        let private = ptr::from_ref(instance).cast_mut().cast();
        // SAFETY: the translator is being initialized: no other thread uses it.
        unsafe { (*xl).private = private };
        let settings = match instance.load() {
            Ok(settings) => settings,
            Err(error) => {
                // SAFETY: as above.
                unsafe { (*xl).private = ptr::null_mut() };
                volume.take_down(|_| ()); // GlusterFS frees the translator
                volume.end();
                return Err(error);
            }
        };
        // SAFETY: as above.
        unsafe {
            (*xl).fops = instance.table((*xl).fops);
            (*xl).cbks = instance.callbacks((*xl).cbks);
        }
        instance.set(&settings);
        Ok(instance)
    }

    /// Makes the author's translator; what its options ask of the runtime.
    fn load(&'static self) -> Result<Settings, String> {
        self.attach(|py| {
            let loaded = python::load(py, self.this.clone_ref(py)).inspect_err(|_| {
                self.tasks.end(py);
            })?;
            let mut handlers: Vec<Pair> = Vec::new();
            handlers.resize_with(SLOTS + 1, Pair::default);
            for handler in loaded.handlers {
                let pair = &mut handlers[handler.index];
                let slot = if handler.down {
                    &mut pair.call
                } else {
                    &mut pair.back
                };
                *slot = Some(Handler::new(py, handler.method));
            }
            let methods = loaded.methods.into_iter();
            let methods = methods.map(|method| (method.name.clone(), Handler::new(py, method)));
            let methods = methods.collect();
            let ready = Loaded {
                translator: loaded.translator,
                handlers,
                methods,
            };
            self.loaded
                .set(ready)
                .map_err(|_| "it is loaded already".to_owned())?;
            Ok(loaded.settings)
        })
    }

    /// Runs `f` with the GIL, for this instance.
    fn attach<R>(&'static self, f: impl FnOnce(Python<'_>) -> R) -> R {
        let here = Here::now();
        here.run_for(Some(self), || crate::gil::attach_at(here, f))
    }

    fn loaded(&self) -> &Loaded {
        self.loaded.get().expect("set by `start`")
    }

    /// Gives the translator other options.
    ///
    /// # Errors
    /// What is wrong with them, in words for the log; then nothing has changed.
    pub fn reconfigure(&'static self, options: Vec<(String, String)>) -> Result<(), String> {
        let settings =
            self.attach(|py| python::reconfigure(py, self.loaded().translator.bind(py), options))?;
        self.set(&settings);
        Ok(())
    }

    fn set(&self, settings: &Settings) {
        // A parent's wind then takes the default fops, see `below::target`.
        // SAFETY: a live translator; a parent reads the flag with each wind.
        unsafe { (*self.xl()).pass_through = settings.pass_through };
        self.passes_on_exception
            .store(settings.passes_on_exception, Ordering::Relaxed);
        for handler in self.handlers() {
            handler.counters.time_all(settings.latency_measurement);
        }
    }

    /// A copy of the shared table, as the loader has filled it, with the slots of
    /// the intercepted fops replaced.
    ///
    /// # Safety
    /// `shared` is a table of a loaded translator.
    unsafe fn table(&self, shared: *mut gf::xlator_fops) -> *mut gf::xlator_fops {
        // SAFETY: by contract. The copy is leaked, as the instance is: other
        // translators' winds read it without a lock.
        let table = Box::leak(Box::new(unsafe { ptr::read(shared) }));
        let slots: *mut RawFn = ptr::from_mut(table).cast();
        for fop in crate::generated::fops::TABLE {
            let pair = &self.loaded().handlers[fop.index];
            if pair.call.is_some() || pair.back.is_some() {
                // SAFETY: the slot at this position has the trampoline's type.
                unsafe { slots.add(fop.index - 1).write(fop.call) };
            }
        }
        table
    }

    /// A copy of the shared table of callbacks with those that this translator has a
    /// method for, or that free what it keeps.
    ///
    /// # Safety
    /// As for `table`.
    unsafe fn callbacks(&self, shared: *mut gf::xlator_cbks) -> *mut gf::xlator_cbks {
        // SAFETY: by contract; leaked as in `table`.
        let table = Box::leak(Box::new(unsafe { ptr::read(shared) }));
        for hook in generated::hooks::TABLE {
            if hook.frees_context() || self.method(hook.name).is_some() {
                (hook.install)(table);
            }
        }
        table
    }

    /// The translator.
    pub fn xl(&self) -> *mut gf::xlator_t {
        self.volume.xl()
    }

    /// The graph that it is in, or was, to be compared.
    pub fn graph(&self) -> *mut gf::glusterfs_graph_t {
        self.graph.get()
    }

    /// The volume's name, for the log.
    pub fn name(&self) -> &CStr {
        self.volume.name()
    }

    /// The volume's name, for messages.
    pub fn name_text(&self) -> String {
        self.name().to_string_lossy().into_owned()
    }

    /// The Python object for the translator.
    pub fn this(&self) -> &Py<Xlator> {
        &self.this
    }

    /// The fop handler.
    pub fn call(&self, fop: &Fop) -> Option<&Handler> {
        self.loaded().handlers[fop.index].call.as_ref()
    }

    /// The cbk handler.
    pub fn back(&self, fop: &Fop) -> Option<&Handler> {
        self.loaded().handlers[fop.index].back.as_ref()
    }

    /// Whether answers of that fop come to Python.
    pub fn has_back(&self, fop: &Fop) -> bool {
        self.back(fop).is_some()
    }

    /// The child that is asked when none is named, as in C (`FIRST_CHILD`).
    pub fn first_child(&self) -> *mut gf::xlator_t {
        self.children[0].0 // `start` refuses a translator without
    }

    /// Whether a translator is a child of this one.
    pub fn is_child(&self, xl: *mut gf::xlator_t) -> bool {
        self.children.iter().any(|child| child.0 == xl)
    }

    /// The translator of that address, if it is this one or next to it. An event's
    /// data may be anything else, too, and is not looked at.
    pub fn neighbour(&self, address: *mut gf::xlator_t) -> Option<*mut gf::xlator_t> {
        // SAFETY: a live translator; the lists are not changed after `init`.
        let parents = unsafe { xlator::in_list((*self.xl()).parents) };
        let known = self.is_child(address) || parents.contains(&address);
        (known || address == self.xl()).then_some(address)
    }

    /// All handlers, in the order of the fops.
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        let pairs = self.loaded().handlers.iter();
        pairs.flat_map(|pair| pair.call.iter().chain(&pair.back))
    }

    /// A method that is no handler of a fop, if the translator has it.
    pub fn method(&self, name: &str) -> Option<&Handler> {
        self.loaded.get()?.methods.get(name)
    }

    /// Calls such a method. None when there is none, or when it failed, which is logged.
    pub fn call_method<'py>(
        &'static self,
        py: Python<'py>,
        name: &str,
        arguments: impl Arguments<'py>,
    ) -> Option<Bound<'py, PyAny>> {
        let method = self.method(name)?;
        if self.volume.has_ended() {
            return None; // told of what came before that, but late
        }
        self.run(|| {
            let result = ending::call(method.callee.callable(py), arguments, None);
            result
                .inspect_err(|error| self.report(py, method, error.clone_ref(py)))
                .ok()
        })
    }

    /// Logs an exception of a method that answers nobody.
    pub fn report(&'static self, py: Python<'_>, method: &Handler, error: PyErr) {
        self.run(|| python::report(py, method, error))
            .unwrap_or_else(|error| self.indescribable(method, &error));
    }

    /// Runs Python for this instance, on this thread.
    fn run<R>(&'static self, f: impl FnOnce() -> R) -> R {
        Here::now().run_for(Some(self), f)
    }

    /// Logs an exception of a coroutine that answers nobody; what goes on to those that await
    /// it.
    pub fn report_spawned(&'static self, coroutine: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
        let value = error.into_value(coroutine.py()).into_bound(coroutine.py());
        self.run(|| {
            if let Err(error) = python::report_spawned(coroutine, &value) {
                let text = format!("an exception that can not be described: {error}");
                log::error(self.name(), &text);
            }
        });
        PyErr::from_value(value.into_any())
    }

    /// Logs what a coroutine that answers nobody does wrong.
    pub fn complain(&'static self, coroutine: &Bound<'_, PyAny>, what: &str, text: &str) {
        let complained = self.run(|| python::complain(coroutine, what, text));
        if complained.is_err() {
            log::error(self.name(), text);
        }
    }

    fn indescribable(&self, handler: &Handler, error: &PyErr) {
        let text = format!("an exception that can not be described: {error}");
        log::at(self.name(), handler, "indescribable", &text);
    }

    /// Reports an exception of a handler, unless it is the errno that answers the request:
    /// what was asked, and what becomes of it, if it has no answer yet.
    pub fn failed(
        &'static self,
        py: Python<'_>,
        handler: &Handler,
        error: PyErr,
        subject: &str,
        outcome: Option<&str>,
    ) -> Option<i32> {
        let outcome = outcome.unwrap_or_default();
        let failed = self.run(|| python::failed(py, handler, error, subject, outcome));
        let op_errno = failed.unwrap_or_else(|error| {
            self.indescribable(handler, &error);
            0
        });
        if op_errno == 0 {
            handler.counters.exception(py);
            return None;
        }
        Some(op_errno)
    }

    /// Whether a request passes on when its handler fails (`option on-exception`).
    pub fn passes_on_exception(&self) -> bool {
        self.passes_on_exception.load(Ordering::Relaxed)
    }

    /// As `guard_at`, where the current thread's place is not known.
    pub fn guard(&'static self, name: &str, f: impl FnOnce(Here) -> PyResult<()>) {
        let here = Here::now();
        self.guard_at(name, here, || f(here));
    }

    /// Runs a handler's course where there is room for Python; a panic or a Python
    /// error of the runtime itself does not leave it. Whether it ran: not if there was no
    /// memory for that room.
    pub fn guard_at(
        &'static self,
        name: &str,
        here: Here,
        f: impl FnOnce() -> PyResult<()>,
    ) -> bool {
        here.run_for(Some(self), || {
            let caught = || panic::catch_unwind(AssertUnwindSafe(f));
            let fault = match roomy::run(here, caught) {
                Some(Ok(Ok(()))) => return true,
                Some(Ok(Err(error))) => Some(error.to_string()),
                Some(Err(_)) => Some("panic".to_owned()),
                None => None,
            };
            let text = match &fault {
                Some(text) => format!("{name}: a fault in glupy itself: {text}"),
                None => format!("{name}: no memory for a stack for Python for some seconds"),
            };
            log::error(self.name(), &text);
            fault.is_some()
        })
    }
}

/// Runs `f` with THIS set to an instance's translator; for none, to GlusterFS's own, which
/// is always there. The volume of the instance is not gone, and `f` keeps the GIL.
pub fn within<R>(instance: Option<&'static Instance>, f: impl FnOnce() -> R) -> R {
    let xl = instance.map_or_else(stack::global, Instance::xl);
    stack::with_this(xl, f)
}
