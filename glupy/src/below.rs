//! What the translators below make of a fop: a request that they would crash of is not wound.

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fop::{Broken, Fop, RawFn};
use crate::gf;
use crate::log;
use crate::stack;

/// The function to call for a fop in a child; None, and a line in the log, when nobody below
/// can take the request.
///
/// # Safety
/// `from` and `child` are live translators of one graph, which is complete.
pub unsafe fn target(
    from: *mut gf::xlator_t,
    child: *mut gf::xlator_t,
    fop: &Fop,
) -> Option<RawFn> {
    // SAFETY: by contract; whoever is below a live translator is live.
    unsafe {
        let called = function(child, fop);
        if !is_there(fop, child, called) {
            static TOLD: AtomicU64 = AtomicU64::new(0);
            refuse(from, fop, &TOLD, || "no translator below has it".to_owned());
            return None;
        }
        if fop.broken_in.is_empty() {
            return Some(called); // as of nearly all
        }
        if let Some((xl, broken)) = broken(child, fop) {
            static TOLD: AtomicU64 = AtomicU64::new(0);
            refuse(from, fop, &TOLD, || {
                let name = CStr::from_ptr((*xl).name).to_string_lossy();
                let (xlator, why) = (broken.xlator.to_string_lossy(), broken.why);
                format!("GlusterFS has it broken in {name} ({xlator}). {why}")
            });
            return None;
        }
        Some(called)
    }
}

/// The function in a translator's table for a fop, honouring `pass-through`.
unsafe fn function(xl: *mut gf::xlator_t, fop: &Fop) -> RawFn {
    // SAFETY: a loaded translator has filled tables whose slots are ordered by
    // fop number; the loader replaces NULL by a default.
    unsafe {
        let table = if (*xl).pass_through {
            (*xl).pass_through_fops
        } else {
            (*xl).fops
        };
        *table.cast::<RawFn>().add(fop.index - 1)
    }
}

/// Whether a child, whose function for the fop is `called`, or those below have it.
/// libglusterfs's default passes the request on to the first child, in the last translator,
/// too, which has none: it crashes there.
unsafe fn is_there(fop: &Fop, child: *mut gf::xlator_t, called: RawFn) -> bool {
    unsafe extern "C" {
        /// Complete since the first translator has been loaded.
        static mut default_fops: *mut gf::xlator_fops;
    }
    // SAFETY: all of them are translators of a graph that is there; as in `function`.
    unsafe {
        let default: Option<RawFn> = *default_fops.cast::<Option<RawFn>>().add(fop.index - 1);
        let (mut below, mut its) = (child, called);
        while default.is_some_and(|default| ptr::fn_addr_eq(default, its)) {
            below = stack::first_child(below);
            if below.is_null() {
                return false;
            }
            its = function(below, fop);
        }
        true
    }
}

/// The first translator, of this one and all below, in which GlusterFS has the fop broken. Not
/// only of those whom a request would reach: which ones, only they know. One that is passed
/// through breaks nothing.
#[cold]
unsafe fn broken(xl: *mut gf::xlator_t, fop: &Fop) -> Option<(*mut gf::xlator_t, &'static Broken)> {
    // SAFETY: a live translator of a graph, which has a type; its list of children is built
    // before `init` and not changed.
    unsafe {
        let is_its = |broken: &&Broken| broken.xlator == CStr::from_ptr((*xl).type_);
        let its = fop.broken_in.iter().find(is_its);
        if let Some(its) = its.filter(|_| !(*xl).pass_through) {
            return Some((xl, its));
        }
        let mut children = (*xl).children;
        while let Some(child) = children.as_ref() {
            if let Some(found) = broken(child.xlator, fop) {
                return Some(found);
            }
            children = child.next;
        }
        None
    }
}

/// Says, once for each fop and reason, that it is not wound.
#[cold]
unsafe fn refuse(xl: *mut gf::xlator_t, fop: &Fop, told: &AtomicU64, why: impl FnOnce() -> String) {
    let bit = 1 << fop.index;
    if told.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        // SAFETY: a live translator has a name.
        let at = unsafe { CStr::from_ptr((*xl).name) };
        let text = format!("{} is answered EOPNOTSUPP: {}", fop.name, why());
        log::error(at, &text);
    }
}
