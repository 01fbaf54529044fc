//! What GlusterFS's loader sees: `xlator_api`, the only exported symbol.

use std::ffi::{CStr, c_void};
use std::panic;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::at_end;
use crate::dump;
use crate::ending;
use crate::frame::Frame;
use crate::gf;
use crate::instance::Instance;
use crate::layout;
use crate::limit;
use crate::log;
use crate::work;
use crate::xlator::{self, Xlator};

/// Filled with defaults by the loader; each instance copies it.
// `static mut`: the loader writes to it, so it must be in writable memory.
static mut FOPS: gf::xlator_fops = {
    // SAFETY: every slot may be NULL.
    unsafe { std::mem::zeroed() }
};

static mut CBKS: gf::xlator_cbks = {
    // SAFETY: every slot may be NULL.
    unsafe { std::mem::zeroed() }
};

static mut DUMPOPS: gf::xlator_dumpops = dump::HOOKS;

/// Accepts every option: the module knows its own. Ends with an empty entry.
static mut OPTIONS: [gf::volume_option_t; 2] = {
    // SAFETY: a volume option of all zeros is the end of the list.
    let mut options: [gf::volume_option_t; 2] = unsafe { std::mem::zeroed() };
    options[0].key[0] = c"*".as_ptr().cast_mut();
    options[0].type_ = gf::GF_OPTION_TYPE_ANY;
    options[0].description = c"Options of the Python translator".as_ptr().cast_mut();
    options
};

/// The interface that GlusterFS's loader looks for.
#[unsafe(no_mangle)]
pub static mut xlator_api: gf::xlator_api_t = {
    // SAFETY: what is not set may be zero.
    let mut api: gf::xlator_api_t = unsafe { std::mem::zeroed() };
    api.op_version[0] = 1;
    api.identifier = c"glupy".as_ptr().cast_mut();
    api.category = gf::GF_MAINTAINED;
    api.init = Some(init);
    api.fini = Some(fini);
    api.reconfigure = Some(reconfigure);
    // SAFETY: GlusterFS calls a variadic function with the three arguments that
    // every event has; on Linux they are passed as to any other function. What
    // further arguments there are, its own default_notify does not read either.
    api.notify = Some(unsafe { std::mem::transmute::<Notify, VariadicNotify>(notify) });
    api.dumpops = &raw mut DUMPOPS;
    api.fops = &raw mut FOPS;
    api.cbks = &raw mut CBKS;
    api.options = (&raw mut OPTIONS).cast();
    api
};

/// Leaves the loader nothing to read, whatever layout it expects: it then says that the
/// translator has no fops, and does not load it.
pub fn withdraw() {
    // SAFETY: the library is being loaded, nobody else has the address yet; the structure
    // may be all zero.
    unsafe { xlator_api = std::mem::zeroed() };
}

type Notify = unsafe extern "C" fn(*mut gf::xlator_t, i32, *mut c_void) -> i32;
type VariadicNotify = unsafe extern "C" fn(*mut gf::xlator_t, i32, *mut c_void, ...) -> i32;

/// The instances that have not ended.
static LIVING: Mutex<Vec<&'static Instance>> = Mutex::new(Vec::new());

/// The instance behind a translator; None if it is none of ours.
pub fn instance(xl: *mut gf::xlator_t) -> Option<&'static Instance> {
    // SAFETY: a live translator; ours alone have this table. What is in `private` is an
    // instance from the beginning of `init` on.
    unsafe {
        let ours = std::ptr::eq((*xl).dumpops, &raw const DUMPOPS);
        (ours && !(*xl).private.is_null()).then(|| Instance::of(xl))
    }
}

/// How long the end of the process, or of a translator, waits for Python.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Says how much of that is left, from now on.
fn time() -> impl Fn() -> Duration {
    let begun = Instant::now();
    move || LAST_WORDS.saturating_sub(begun.elapsed())
}

fn living<R>(f: impl FnOnce(&mut Vec<&'static Instance>) -> R) -> R {
    f(&mut LIVING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a course of C's; what went wrong in it goes into the log.
fn outcome(this: *mut gf::xlator_t, what: &str, f: impl FnOnce() -> Result<(), String>) -> i32 {
    let error = match panic::catch_unwind(panic::AssertUnwindSafe(f)) {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error,
        Err(_) => format!("a fault in glupy itself: panic in {what}"),
    };
    let name = match layout::refused() {
        true => c"glupy",
        // SAFETY: a translator has a name, and it is where the layout says.
        false => unsafe { CStr::from_ptr((*this).name) },
    };
    log::error(name, &error);
    -1
}

/// Loads the volume's Python module. Fails with the reason in the log.
unsafe extern "C" fn init(this: *mut gf::xlator_t) -> i32 {
    outcome(this, "init", || {
        // SAFETY: called by the loader with a translator to be initialized.
        let instance = unsafe {
            layout::at_init(this)?;
            Instance::start(this)?
        };
        living(|all| all.push(instance));
        Ok(())
    })
}

/// Takes other options over, all of them or none.
unsafe extern "C" fn reconfigure(this: *mut gf::xlator_t, options: *mut gf::dict_t) -> i32 {
    outcome(this, "reconfigure", || {
        // SAFETY: called by GlusterFS with an initialized translator and the options
        // that the new volfile has for it.
        let (instance, options) = unsafe { (Instance::of(this), xlator::pairs(options)) };
        instance.reconfigure(options)
    })
}

/// Tells Python of an event and passes it on.
unsafe extern "C" fn notify(this: *mut gf::xlator_t, event: i32, data: *mut c_void) -> i32 {
    // SAFETY: called by GlusterFS with a translator of ours; one whose `init` has
    // failed has nothing in `private`, if that is where it seems to be.
    let instance = unsafe {
        (!layout::refused() && !ending::has_ended() && !(*this).private.is_null())
            .then(|| Instance::of(this))
    };
    if let Some(instance) = instance.filter(|instance| instance.method("notify").is_some()) {
        instance.guard("notify", |_| {
            crate::gil::attach(|py| {
                let who = instance.neighbour(data.cast());
                let who = who
                    .map(|xl| Py::new(py, Xlator::new(xl, instance.volume)))
                    .transpose()?;
                instance.call_method(py, "notify", (event, who));
                Ok(())
            })
        });
    }
    if let Some(instance) = instance {
        match event as u32 {
            gf::GF_EVENT_PARENT_UP => crate::gil::attach(|py| instance.tasks.start(py)),
            gf::GF_EVENT_PARENT_DOWN => {
                crate::gil::attach(|py| instance.tasks.end(py));
                // SAFETY: the data of this event is a translator, as default_notify
                // expects, too.
                if unsafe { goes(this, data.cast()) } {
                    take_down(instance);
                }
            }
            _ => {}
        }
    }
    // SAFETY: default_notify is what GlusterFS calls for translators without a
    // notify of their own.
    unsafe { gf::default_notify(this, event, data) }
}

/// Whether PARENT_DOWN means that the inode table is destroyed next, references or not.
/// A graph that another has replaced stays: forget, release and answers still come.
///
/// # Safety
/// A live translator, and the data of its event.
unsafe fn goes(this: *mut gf::xlator_t, victim: *const gf::xlator_t) -> bool {
    // SAFETY: by contract; a live translator has a graph and a context.
    unsafe {
        let (context, graph) = ((*this).ctx, (*this).graph);
        let detached = victim.as_ref().is_some_and(|xl| xl.cleanup_starting != 0);
        // What is left is the end of all graphs, as in glfs_fini: then the current one
        // is told, too.
        detached || (*context).cleanup_started != 0 || ptr::eq((*context).active, graph)
    }
}

/// Gives back what Python keeps of the volume, while that is possible.
fn take_down(instance: &'static Instance) {
    instance.guard("PARENT_DOWN", |_| {
        let count = instance
            .volume
            .take_down(|py| Frame::answer_all(py, instance));
        if count > 0 {
            let text = format!(
                "the volume is taken down: what Python keeps of it is released ({count} handles)"
            );
            log::info(instance.name(), &text);
        }
        Ok(())
    });
}

/// Ends the Python side. The instance stays: requests may be on their way through
/// it. (The default would free `private`, which is not GlusterFS's memory.)
unsafe extern "C" fn fini(this: *mut gf::xlator_t) {
    // SAFETY: as in `notify`.
    unsafe {
        if !(*this).private.is_null() && !ending::has_ended() {
            let instance = Instance::of(this);
            living(|all| all.retain(|other| !ptr::eq(*other, instance)));
            end(vec![instance], After::Process, time());
            // The author's `fini` may still run, and what it has kept is used, but all of
            // that is not the graph's any more. (A graph of which another translator's `init`
            // has failed comes here without a PARENT_DOWN.)
            instance
                .volume
                .take_down(|py| Frame::answer_all(py, instance));
            instance.volume.end();
        }
    }
}

/// What is there when translators have ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The process, without the volume.
    Process,
    /// The process, without Python: what it keeps is given back.
    Graph,
    /// Nothing. Until then threads go on with requests, which use what is kept of them.
    Nothing,
}

/// Cancels what translators have spawned, calls their `fini` and lets go of what they
/// keep, if it matters. Waits for that, but not for ever.
fn end(instances: Vec<&'static Instance>, after: After, left: impl Fn() -> Duration) {
    let all = instances.clone();
    let cancelled = work::ask(left(), move |py| {
        all.iter().for_each(|one| one.tasks.end(py))
    });
    // They clean up on other threads.
    while cancelled.is_some() && !left().is_zero() {
        let all = instances.clone();
        let ended = work::ask(left(), move |py| {
            all.iter().all(|one| one.tasks.are_over(py))
        });
        if ended.unwrap_or(true) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let done = work::ask(left(), move |py| {
        for instance in instances {
            instance.call_method(py, "fini", ());
            if after != After::Nothing {
                instance.contexts.clear(py);
            }
            if after == After::Graph {
                instance.volume.let_go(py);
            }
        }
    });
    if done.is_none() {
        let text = format!("fini has not ended after {} s", LAST_WORDS.as_secs());
        log::error(c"glupy", &text);
    }
}

/// The process in which the instances live: one that it forks must not end them.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Has what still lives at the end of the process ended then: GlusterFS exits
/// without a `fini`. In a Python program the interpreter goes before the process.
///
/// # Errors
/// Why that can not be had.
pub fn end_at_exit(py: Python<'_>, joined: bool) -> Result<(), String> {
    PROCESS.store(std::process::id(), Ordering::Relaxed);
    if joined {
        return wrap_pyfunction!(end_all, py)
            .and_then(|end_all| py.import("atexit")?.call_method1("register", (end_all,)))
            .map(drop)
            .map_err(|error| error.to_string());
    }
    extern "C" fn at_exit() {
        let _ = panic::catch_unwind(|| {
            if is_own_process() {
                let left = time();
                end_living(After::Nothing, &left);
                at_end::finish(left);
            }
        });
    }
    // SAFETY: the function is never unloaded (see build.rs).
    match unsafe { libc::atexit(at_exit) } {
        0 => Ok(()),
        _ => Err("no more functions can be called at exit".to_owned()),
    }
}

#[pyfunction]
fn end_all(py: Python<'_>) {
    py.detach(|| {
        if is_own_process() {
            end_living(After::Graph, time());
        }
    });
}

fn is_own_process() -> bool {
    PROCESS.load(Ordering::Relaxed) == std::process::id()
}

fn end_living(after: After, left: impl Fn() -> Duration) {
    limit::tell_all();
    let instances = living(std::mem::take);
    if !instances.is_empty() {
        end(instances, after, left);
    }
}
