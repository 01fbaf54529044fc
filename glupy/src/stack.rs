//! GlusterFS's call stack: the macros of `stack.h`, once each, for any fop.
//!
//! None of these functions may be called with the GIL held: a child may block,
//! take locks, or answer at once and come back into Python.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::below;
use crate::fop::{Fop, MAX_ARGS, RawFn, Word};
use crate::gf;
use crate::list;
use crate::shake;

/// The name by which a trace of the call stack knows this translator's functions.
const GLUPY: *const libc::c_char = c"glupy".as_ptr();

/// The location of this thread's current translator (`THIS`).
///
/// Never kept across a call into GlusterFS: a synctask may continue on another
/// thread.
fn this_location() -> *mut *mut gf::xlator_t {
    // SAFETY: returns a pointer that is valid on this thread.
    unsafe { gf::__glusterfs_this_location() }
}

/// Runs `f` with `THIS` set to a translator, as every function of libglusterfs
/// that indexes by it needs.
pub fn with_this<R>(xl: *mut gf::xlator_t, f: impl FnOnce() -> R) -> R {
    // SAFETY: the location is read and written at once, on this thread.
    let before = unsafe { this_location().replace(xl) };
    let result = f();
    if before == xl {
        return result; // whom `f` calls leaves it as it was, too
    }
    // SAFETY: as above; the location is asked for again.
    unsafe { *this_location() = before };
    result
}

/// The translator that stands for GlusterFS itself: THIS on threads that are none of its
/// own. It is there as long as the process.
pub fn global() -> *mut gf::xlator_t {
    unsafe extern "C" {
        static mut global_xlator: gf::xlator_t;
    }
    &raw mut global_xlator
}

/// The translator that `THIS` is set to.
pub fn this() -> *mut gf::xlator_t {
    // SAFETY: valid on this thread.
    unsafe { *this_location() }
}

/// The first child of a translator (`FIRST_CHILD`); NULL when it has none.
///
/// # Safety
/// `xl` is a live translator.
pub unsafe fn first_child(xl: *mut gf::xlator_t) -> *mut gf::xlator_t {
    // SAFETY: by contract; the list is built before `init` and not changed.
    unsafe { (*xl).children.as_ref() }.map_or(ptr::null_mut(), |child| child.xlator)
}

unsafe fn increment(counter: *mut gf::gf_atomic_int64_t) {
    // SAFETY: GF_ATOMIC_INC; the layout is asserted in gf.rs and the counter is
    // part of a live translator.
    unsafe { AtomicI64::from_ptr(counter.cast()) }.fetch_add(1, Ordering::Relaxed);
}

/// Whether times are taken. The field is a C `bool` that bindgen reads as a byte.
unsafe fn measures_latency(ctx: *mut gf::glusterfs_ctx_t) -> bool {
    // SAFETY: the context is for the process's life.
    unsafe { (*ctx).measure_latency != 0 }
}

unsafe fn lock<R>(mutex: *mut gf::gf_lock_t, f: impl FnOnce() -> R) -> R {
    // SAFETY: gf_lock_t is a pthread_mutex_t (locking.h), initialized by its owner.
    unsafe { libc::pthread_mutex_lock(mutex.cast()) };
    let result = f();
    // SAFETY: locked above, on this thread.
    unsafe { libc::pthread_mutex_unlock(mutex.cast()) };
    result
}

/// Runs `f` with a dict locked, as its own functions do.
///
/// # Safety
/// The dict is alive; `f` calls nothing that takes the same lock.
pub unsafe fn with_dict_lock<R>(dict: *mut gf::dict_t, f: impl FnOnce() -> R) -> R {
    // SAFETY: by contract.
    unsafe { lock(&raw mut (*dict).lock, f) }
}

unsafe fn trace(
    frame: *mut gf::call_frame_t,
    from: *mut gf::xlator_t,
    what: &CStr,
    other: *const libc::c_char,
) {
    // SAFETY: the frame is live; the context is for the process's life.
    unsafe {
        let ctx = (*(*frame).root).ctx;
        let level = (*from).loglevel.max((*ctx).log.loglevel);
        if level >= gf::GF_LOG_TRACE {
            gf::_gf_log(
                c"stack-trace".as_ptr(),
                c"stack.rs".as_ptr(),
                GLUPY,
                line!() as i32,
                gf::GF_LOG_TRACE,
                c"stack-address: %p, %s %s (%s)".as_ptr(),
                (*frame).root,
                (*from).name,
                what.as_ptr(),
                other,
            );
        }
    }
}

/// Winds a fop to a child with a frame of its own (STACK_WIND, and with a cookie
/// STACK_WIND_COOKIE); `fop.back` of this translator receives the answer.
///
/// When there is no memory for the frame, the answer is ENOMEM (the C macro
/// forgets the request in that case).
///
/// # Safety
/// `frame` is a live frame of this translator, `child` one of its children, the
/// words are the fop's arguments and stay valid until the call returns.
pub unsafe fn wind(
    fop: &'static Fop,
    frame: *mut gf::call_frame_t,
    cookie: *mut c_void,
    child: *mut gf::xlator_t,
    args: &[Word],
) {
    shake::point();
    // SAFETY: by contract; the same steps as STACK_WIND_COMMON in stack.h.
    unsafe {
        let Some(function) = below::target((*frame).this, child, fop) else {
            wind_fails(fop, frame, cookie, libc::EOPNOTSUPP);
            return;
        };
        let root = (*frame).root;
        let new: *mut gf::call_frame_t = gf::mem_get_calloc((*(*root).pool).frame_mem_pool).cast();
        if new.is_null() {
            wind_fails(fop, frame, cookie, libc::ENOMEM);
            return;
        }
        (*new).root = root;
        (*new).this = child;
        (*new).ret = std::mem::transmute::<RawFn, gf::ret_fn_t>(fop.back);
        (*new).parent = frame;
        (*new).cookie = cookie;
        (*new).wind_from = GLUPY;
        (*new).wind_to = fop.c_name.as_ptr();
        (*new).unwind_to = fop.c_name.as_ptr();
        libc::pthread_mutex_init((&raw mut (*new).lock).cast(), ptr::null());
        lock(&raw mut (*root).stack_lock, || {
            list::prepend(&raw mut (*root).myframes, &raw mut (*new).frames)
        });
        trace(frame, (*frame).this, c"winds to", (*child).name);
        if measures_latency((*child).ctx) {
            libc::clock_gettime(libc::CLOCK_MONOTONIC, (&raw mut (*new).begin).cast());
        }
        (*new).op = fop.index as gf::glusterfs_fop_t;
        if !(*child).pass_through {
            count(child, fop.index);
        }
        with_this(child, || (fop.wind)(function, new, child, args));
    }
    shake::point();
}

/// What [`wind`] does when no child can be asked: this translator gets an error for an
/// answer.
///
/// # Safety
/// As for [`wind`].
pub unsafe fn wind_fails(
    fop: &'static Fop,
    frame: *mut gf::call_frame_t,
    cookie: *mut c_void,
    op_errno: i32,
) {
    let nothing = [Word::NULL; MAX_ARGS];
    let nothing = &nothing[..fop.reply.len()];
    // SAFETY: by contract; `back` is the callback of this fop.
    unsafe {
        let this = (*frame).this;
        (fop.unwind)(fop.back, frame, cookie, this, -1, op_errno, nothing);
    }
}

/// Hands the frame itself to a child (STACK_WIND_TAIL): this translator sees no
/// answer and the frame is no longer its own.
///
/// # Safety
/// As for [`wind`]; the frame must not be touched afterwards.
pub unsafe fn wind_tail(
    fop: &'static Fop,
    frame: *mut gf::call_frame_t,
    child: *mut gf::xlator_t,
    args: &[Word],
) {
    shake::point();
    // SAFETY: by contract; the same steps as STACK_WIND_TAIL in stack.h.
    unsafe {
        let Some(function) = below::target((*frame).this, child, fop) else {
            let nothing = [Word::NULL; MAX_ARGS];
            unwind(
                fop,
                frame,
                -1,
                libc::EOPNOTSUPP,
                &nothing[..fop.reply.len()],
            );
            return;
        };
        trace(frame, (*frame).this, c"winds on to", (*child).name);
        (*frame).this = child;
        (*frame).wind_to = fop.c_name.as_ptr();
        if !(*child).pass_through && (*child).children.is_null() {
            count(child, fop.index);
        }
        with_this(child, || (fop.wind)(function, frame, child, args));
    }
    shake::point();
}

/// Answers the frame's parent (STACK_UNWIND_STRICT).
///
/// # Safety
/// `frame` is a live frame of this translator without open winds, and is not
/// touched afterwards; the words are the values of the fop's callback and stay
/// valid until the call returns.
pub unsafe fn unwind(
    fop: &'static Fop,
    frame: *mut gf::call_frame_t,
    op_ret: i32,
    op_errno: i32,
    reply: &[Word],
) {
    shake::point();
    // SAFETY: by contract; the same steps as STACK_UNWIND_STRICT in stack.h.
    unsafe {
        let root = (*frame).root;
        let parent = (*frame).parent;
        let function = (*frame).ret.map(|ret| std::mem::transmute::<_, RawFn>(ret));
        let Some(function) = function else { return };
        trace(frame, (*frame).this, c"answers", fop.c_name.as_ptr());
        lock(&raw mut (*root).stack_lock, || {
            if op_ret < 0 && op_errno != (*root).error {
                (*root).err_xl = (*frame).this;
                (*root).error = op_errno;
            } else if op_ret == 0 {
                (*root).err_xl = ptr::null_mut();
                (*root).error = 0;
            }
        });
        let owner = (*parent).this;
        (*frame).complete = 1;
        (*frame).unwind_from = GLUPY;
        if measures_latency((*(*frame).this).ctx) {
            libc::clock_gettime(libc::CLOCK_MONOTONIC, (&raw mut (*frame).end).cast());
            if (*parent).ret.is_none() {
                libc::clock_gettime(libc::CLOCK_MONOTONIC, (&raw mut (*parent).end).cast());
            }
        }
        if op_ret < 0 {
            let stats = &raw mut (*owner).stats[(*frame).op as usize];
            increment(&raw mut (*stats).total_fop_cbk);
            increment(&raw mut (*stats).interval_fop_cbk);
        }
        let cookie = (*frame).cookie;
        with_this(owner, || {
            (fop.unwind)(function, parent, cookie, owner, op_ret, op_errno, reply)
        });
    }
    shake::point();
}

unsafe fn count(child: *mut gf::xlator_t, index: usize) {
    // SAFETY: a live translator; the index is a fop's number.
    unsafe {
        let stats = &raw mut (*child).stats[index];
        increment(&raw mut (*stats).total_fop);
        increment(&raw mut (*stats).interval_fop);
    }
}
