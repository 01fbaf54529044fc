//! GlusterFS's side of an instance: its translator and the graph around it, which go
//! while Python may still hold what belongs to them.
//!
//! An instance is never freed, its translator is: when a brick is detached, GlusterFS
//! says PARENT_DOWN, destroys the inode table with every inode in it, references or not,
//! calls `fini` and frees the translators. Between the first two everything that Python
//! keeps is given back, and from then on nothing of it is touched.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyReferenceError;
use pyo3::prelude::*;

use crate::gf;
use crate::handle::CPtr;
use crate::keepers::Keepers;
use crate::shake;
use crate::stack;

/// How long taking down waits for calls that other threads are in.
const PATIENCE: Duration = Duration::from_secs(5);

/// What GlusterFS has of an instance. Never freed.
pub struct Volume {
    xl: CPtr<gf::xlator_t>,
    name: CString,
    /// What Python keeps of it.
    pub keepers: Keepers,
    /// Set under the GIL: Python's handles are released, and no more are kept.
    gone: AtomicBool,
    /// Nothing may call into the graph any more.
    closed: AtomicBool,
    /// `fini` is over: the translator itself may be freed.
    ended: AtomicBool,
    /// Calls into the graph that are under way, beside those for requests that have come.
    calls: AtomicUsize,
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
            closed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
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
    pub fn is_gone(&self, _py: Python<'_>) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Whether `fini` is over.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Says that `fini` is over.
    pub fn set_ended(&self) {
        self.ended.store(true, Ordering::Release);
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

    /// Calls a function of GlusterFS's that uses objects of the graph, with THIS set and
    /// without the GIL; not at all when these may be freed already.
    pub fn call<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        // Either `close` sees this count, or this thread sees `closed`.
        self.enter();
        let open = !self.closed.load(Ordering::SeqCst);
        let result = open.then(|| stack::with_this(self.xl(), f));
        self.leave();
        result
    }

    /// A call into the graph begins, or a request of the translator's own; `close` waits
    /// for its end.
    pub fn enter(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }

    /// It ends.
    pub fn leave(&self) {
        self.calls.fetch_sub(1, Ordering::Release);
    }

    /// As `call`, for Python.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn ask<R: Send>(
        &self,
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

    /// Releases what Python keeps; how many handles and structures that were.
    pub fn let_go(&self, py: Python<'_>) -> usize {
        self.gone.store(true, Ordering::Relaxed);
        self.keepers.let_go(py)
    }

    /// From now on nothing is called in the graph; what others are calling has returned.
    /// False when that takes too long. The GIL is not held.
    pub fn close(&self) -> bool {
        self.closed.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while self.calls.load(Ordering::SeqCst) > 0 {
            if begun.elapsed() > PATIENCE {
                return false;
            }
            thread::sleep(Duration::from_micros(100));
        }
        true
    }
}
