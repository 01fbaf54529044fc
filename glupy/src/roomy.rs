//! Room for Python on threads whose stack is small.
//!
//! The threads of io-threads have 256 KiB, on which deep Python code (which counts
//! its own calls, but not the C calls between them) runs over the end and kills the
//! process. Handlers on such threads run on a second stack, which the thread keeps.

use std::cell::Cell;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::here::Here;
use crate::log;

/// How much more room than else a call needs: AddressSanitizer surrounds what is on the
/// stack, and a debug build keeps there what an optimized one does not.
const LARGER: usize = if cfg!(any(feature = "asan", debug_assertions)) {
    8
} else {
    1
};
/// A stack below which Python gets another one: a coroutine in a `gather` in a coroutine in ...
/// takes 3 MiB up to Python's default recursion limit.
const SMALL: usize = LARGER * (4 << 20);
/// The size of that: room for Python's default recursion limit, several times.
/// Memory is taken by what is touched of it.
const SIZE: usize = LARGER * (16 << 20);

/// How long a thread waits for memory before it looks again.
const AGAIN: Duration = Duration::from_millis(1);

/// How long a thread waits for memory before the request fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// A stack of our own, with a page below it that can not be touched.
struct Stack(*mut libc::c_void);

// SAFETY: memory that one thread uses at a time.
unsafe impl Send for Stack {}

/// For who finds no memory for another one: no more than one thread is in Python at a time,
/// unless it waits there.
static RESERVE: Mutex<Option<Stack>> = Mutex::new(None);

/// Gets the reserve.
///
/// # Errors
/// That there is no memory.
pub fn start() -> Result<(), String> {
    let stack = Stack::new().ok_or("no memory for a stack for Python")?;
    put_into_reserve(stack);
    Ok(())
}

fn put_into_reserve(stack: Stack) {
    let mut reserve = RESERVE.lock().unwrap_or_else(PoisonError::into_inner);
    *reserve = Some(stack);
}

/// Waits a while for memory or for the reserve: on a small stack Python would run over its end.
#[cold]
fn wait() -> Option<(Stack, bool)> {
    log::error(
        c"glupy",
        "no memory for a stack for Python: waiting for some",
    );
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let reserve = RESERVE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(stack) = reserve {
            return Some((stack, true));
        }
        if let Some(stack) = Stack::new() {
            return Some((stack, false));
        }
        thread::sleep(AGAIN);
    }
    None
}

impl Stack {
    fn new() -> Option<Stack> {
        // SAFETY: an anonymous mapping, of which nobody else knows.
        unsafe {
            let flags =
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
            let stack = libc::mmap(
                ptr::null_mut(),
                SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            );
            if stack == libc::MAP_FAILED {
                return None;
            }
            let stack = Stack(stack);
            (libc::mprotect(stack.0, page_size(), libc::PROT_NONE) == 0).then_some(stack)
        }
    }

    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let guard = page_size();
        // SAFETY: the memory above the guard page is ours and unused: `take` gives
        // a stack to one user at a time. `f` does not unwind (see `dispatch::guard`).
        unsafe { on_stack(self.0.cast::<u8>().add(guard), SIZE - guard, f) }
    }
}

#[cfg(not(feature = "asan"))]
use psm::on_stack;

/// As `psm::on_stack`, and tells AddressSanitizer where the stack is, which it would look
/// for in vain when something in `f` does not return (vfork in its child).
///
/// # Safety
/// As for that.
#[cfg(feature = "asan")]
unsafe fn on_stack<R>(low: *mut u8, size: usize, f: impl FnOnce() -> R) -> R {
    use libc::c_void;
    unsafe extern "C" {
        fn __sanitizer_start_switch_fiber(left: *mut *mut c_void, to: *const c_void, size: usize);
        fn __sanitizer_finish_switch_fiber(
            left: *mut c_void,
            from: *mut *const c_void,
            size: *mut usize,
        );
    }
    let mut left = ptr::null_mut();
    // SAFETY: the calls surround the way there and back, as common_interface_defs.h says;
    // the rest by contract.
    unsafe {
        __sanitizer_start_switch_fiber(&raw mut left, low.cast(), size);
        let result = psm::on_stack(low, size, || {
            let (mut from, mut its_size) = (ptr::null(), 0);
            __sanitizer_finish_switch_fiber(ptr::null_mut(), &raw mut from, &raw mut its_size);
            let result = f();
            __sanitizer_start_switch_fiber(ptr::null_mut(), from, its_size);
            result
        });
        __sanitizer_finish_switch_fiber(left, ptr::null_mut(), ptr::null_mut());
        result
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and not in use: `run` borrows it.
        unsafe { libc::munmap(self.0, SIZE) };
    }
}

fn page_size() -> usize {
    // SAFETY: a plain call.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
        .try_into()
        .unwrap_or(4096)
}

/// The lowest address and the size of this thread's own stack.
pub fn own_stack() -> (usize, usize) {
    let (mut low, mut size) = (ptr::null_mut(), 0);
    // SAFETY: fills the attributes of the running thread, which are destroyed after
    // they have been read.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) == 0 {
            libc::pthread_attr_getstack(&raw const attributes, &raw mut low, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attributes);
        }
    }
    (low.addr(), size)
}

thread_local! {
    static SPARE: Cell<Option<Stack>> = const { Cell::new(None) };
}

fn is_small(own: Option<(usize, usize)>) -> bool {
    let here = 0u8;
    let here = ptr::from_ref(&here).addr();
    // A synctask, or a handler that runs on a second stack already, is elsewhere.
    own.is_some_and(|(low, size)| size < SMALL && (low..low + size).contains(&here))
}

// Neither is inlined, as in here.rs.
#[inline(never)]
fn take() -> Option<(Stack, bool)> {
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let own = spare.or_else(Stack::new).map(|stack| (stack, false));
    own.or_else(wait)
}

#[inline(never)]
fn give_back((stack, is_reserve): (Stack, bool)) {
    if is_reserve {
        return put_into_reserve(stack);
    }
    let _ = SPARE.try_with(|spare| spare.set(Some(stack)));
}

/// Runs `f`, which must not unwind, where Python has room; None if there is no memory for
/// that.
pub fn run<R>(here: Here, f: impl FnOnce() -> R) -> Option<R> {
    if !is_small(here.stack()) {
        return Some(f());
    }
    let stack = take()?;
    let result = stack.0.run(f);
    give_back(stack);
    Some(result)
}
