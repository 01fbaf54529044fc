//! GlusterFS's side of an instance: its translator and the graph around it, which go
//! while Python may still hold what belongs to them.
//!
//! An instance is never freed, its translator is: when a brick is detached, or by
//! `glfs_fini`, GlusterFS says PARENT_DOWN, destroys the inode table with every inode in
//! it, references or not, calls `fini` and frees the translators, and in `glfs_fini` their
//! context with its log. Between the first two [`Volume::take_down`] gives back everything
//! that Python keeps, and from then on nothing of it is touched: whoever wants to call into
//! the graph on a thread that is not GlusterFS's needs a [`Pass`] of a [`Gate`], which is
//! closed then, when all passes have come back. Another gate, for the translator itself and
//! its log, closes at the end of `fini`.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyReferenceError;
use pyo3::prelude::*;

use crate::action::Queue;
use crate::gf;
use crate::gil::{self, Gil, GilCell};
use crate::handle::CPtr;
use crate::here::Here;
use crate::keepers::Keepers;
use crate::log;
use crate::shake;
use crate::stack;

/// How long taking down waits for answers to requests of the volume's own, and when it says
/// that it waits for calls that other threads are in.
const PATIENCE: Duration = Duration::from_secs(5);

/// What GlusterFS has of an instance. Never freed.
pub struct Volume {
    xl: CPtr<gf::xlator_t>,
    name: CString,
    /// What Python keeps of it.
    pub keepers: Keepers,
    /// Set under the GIL: Python's handles are released, and no more are kept.
    gone: AtomicBool,
    /// To the graph.
    graph: Gate,
    /// To the translator, its context and its log.
    translator: Gate,
    /// Requests of its own that have no answer.
    requests: AtomicUsize,
    /// Handlers that run on threads of GlusterFS's, which return to the graph.
    handlers: GilCell<usize>,
}

/// Lets threads use something, until it is closed.
#[derive(Default)]
struct Gate {
    closed: AtomicBool,
    passes: AtomicUsize,
}

/// The right to use what is behind a gate, which stays there as long as this.
pub struct Pass(&'static Gate);

impl Gate {
    /// None when it is closed.
    fn pass(&'static self) -> Option<Pass> {
        // Either who closes it sees this count, or this thread sees that it is closed.
        self.passes.fetch_add(1, Ordering::SeqCst);
        let pass = Pass(self);
        (!self.closed.load(Ordering::SeqCst)).then_some(pass)
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether all have come back.
    fn is_empty(&self) -> bool {
        self.passes.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.passes.fetch_sub(1, Ordering::Release);
    }
}

/// A handler that runs on a thread of GlusterFS's: what has called it waits for it, and
/// stays there as long as this.
pub struct Inside<'py>(Python<'py>, &'static Volume);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let handlers = self.1.handlers.get(self.0);
        self.1.handlers.store(self.0, handlers - 1);
    }
}

impl Volume {
    /// For a translator in its `init`.
    ///
    /// # Safety
    /// `xl` is live.
    pub unsafe fn new(xl: *mut gf::xlator_t) -> &'static Volume {
        // SAFETY: a translator has a name.
        let name = unsafe { CStr::from_ptr((*xl).name) }.to_owned();
        Box::leak(Box::new(Volume {
            xl: CPtr(xl),
            name,
            keepers: Keepers::default(),
            gone: AtomicBool::new(false),
            graph: Gate::default(),
            translator: Gate::default(),
            requests: AtomicUsize::new(0),
            handlers: GilCell::new(0),
        }))
    }

    /// The translator; freed when [`Volume::has_ended`].
    pub fn xl(&self) -> *mut gf::xlator_t {
        self.xl.0
    }

    /// Its name.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Whether what Python kept has been released.
    pub fn is_gone(&self, _gil: impl Gil) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Whether `fini` is over.
    pub fn has_ended(&self) -> bool {
        self.translator.closed.load(Ordering::Acquire)
    }

    /// `fini` is over: when this returns the translator is not used any more.
    pub fn end(&self) {
        self.translator.close();
        waits(|| self.translator.is_empty(), || true);
    }

    /// What reading something of a volume that is gone raises.
    pub fn gone_error(&self, what: &str) -> PyErr {
        PyReferenceError::new_err(format!(
            "{what}: the volume {} is gone: GlusterFS has taken it down (PARENT_DOWN), and what \
             was kept of it has been released",
            self.name.to_string_lossy()
        ))
    }

    /// An error when the volume is gone.
    pub fn check(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        match self.is_gone(py) {
            true => Err(self.gone_error(what)),
            false => Ok(()),
        }
    }

    /// The right to call into the graph; None when that may be freed.
    pub fn pass(&'static self) -> Option<Pass> {
        self.graph.pass()
    }

    /// Uses the translator, with THIS set to it, which waits for nothing; not at all when it
    /// may be freed already.
    pub fn with_translator<R>(&'static self, f: impl FnOnce() -> R) -> Option<R> {
        let _pass = self.translator.pass()?;
        Some(stack::with_this(self.xl(), f))
    }

    /// Calls a function of GlusterFS's that uses objects of the graph, with THIS set and
    /// without the GIL; not at all when these may be freed already.
    pub fn call<R>(&'static self, f: impl FnOnce() -> R) -> Option<R> {
        let _pass = self.pass()?;
        Some(stack::with_this(self.xl(), f))
    }

    /// As `call`, for Python.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn ask<R: Send>(
        &'static self,
        py: Python<'_>,
        what: &str,
        f: impl FnOnce() -> R + Send,
    ) -> PyResult<R> {
        py.detach(|| {
            shake::point();
            self.call(f)
        })
        .ok_or_else(|| self.gone_error(what))
    }

    /// A handler begins on a thread of GlusterFS's.
    pub fn inside<'py>(&'static self, py: Python<'py>) -> Inside<'py> {
        self.handlers.store(py, self.handlers.get(py) + 1);
        Inside(py, self)
    }

    /// A request of the volume's own begins.
    pub fn request(&self) {
        self.requests.fetch_add(1, Ordering::SeqCst);
    }

    /// It has got its answer.
    pub fn answered(&self) {
        self.requests.fetch_sub(1, Ordering::Release);
    }

    /// Has the requests answered that are kept, gives back what Python keeps, while that is
    /// possible, and sees to it that nothing calls into the graph any more; how many handles
    /// and structures that were. The GIL is not held, and GlusterFS waits for this call.
    pub fn take_down(&'static self, answer: impl FnOnce(Python<'_>)) -> usize {
        let mut queue = Queue::of_call(self.xl());
        let count = gil::attach(|py| {
            queue.collect(Here::now(), || {
                // The second time the inodes of the requests are gone.
                if !self.gone.swap(true, Ordering::Relaxed) {
                    answer(py);
                }
                self.let_go(py)
            })
        });
        queue.carry_out();
        self.close();
        count
    }

    /// Gives back what Python keeps.
    pub fn let_go(&self, py: Python<'_>) -> usize {
        self.gone.store(true, Ordering::Relaxed);
        self.keepers.let_go(py)
    }

    /// From now on there are no passes to the graph; those that were given have come back,
    /// and the handlers have returned.
    fn close(&self) {
        self.graph.close();
        let answered = || self.requests.load(Ordering::SeqCst) == 0;
        if !waits(answered, || false) {
            let text = "the volume is taken down while children have not answered requests of \
                        its own";
            log::error(&self.name, text);
        }
        // To go on before they return would be to free what they return to.
        let returned = || {
            self.graph.is_empty() && (is_handler() || gil::attach(|py| self.handlers.get(py) == 0))
        };
        waits(returned, || {
            log::error(
                &self.name,
                "the volume is taken down while Python uses it: this waits until the handlers \
                 and calls that run have returned",
            );
            true
        });
    }
}

/// Whether the current thread is in a handler: it can not wait for that.
fn is_handler() -> bool {
    !Here::now().queue().is_null()
}

/// Waits for a condition. When that takes long `on` says whether to go on; false if not.
fn waits(condition: impl Fn() -> bool, on: impl Fn() -> bool) -> bool {
    let mut begun = Instant::now();
    while !condition() {
        if begun.elapsed() > PATIENCE {
            if !on() {
                return false;
            }
            begun = Instant::now();
        }
        thread::sleep(Duration::from_micros(100));
    }
    true
}
