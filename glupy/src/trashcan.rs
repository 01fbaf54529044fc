//! How objects are freed that hold one another in a chain: one inside of the other only so
//! deep, the rest afterwards. Python does so for its own containers (its "trashcan"), but a
//! chain of a hundred thousand coroutines, or of frames, would go over the end of the stack.

use std::cell::Cell;

use pyo3::ffi;

/// How many may be freed inside of each other.
const DEEPEST: u32 = 50;

/// What a thread is freeing.
#[derive(Default)]
pub struct Trashcan {
    depth: Cell<u32>,
    /// Objects that nobody has, to be freed when the outermost one has been.
    later: Cell<Vec<(*mut ffi::PyObject, ffi::destructor)>>,
}

/// Frees an object by the `tp_dealloc` of its class, or has it done a little later.
///
/// # Safety
/// Called by Python as the `tp_dealloc` of the object's own class, with the GIL.
pub unsafe fn free(
    trashcan: Option<&Trashcan>,
    object: *mut ffi::PyObject,
    dealloc: ffi::destructor,
) {
    let Some(trashcan) = trashcan else {
        // SAFETY: by contract. (A thread that is ending.)
        return unsafe { dealloc(object) };
    };
    let depth = trashcan.depth.get();
    if depth >= DEEPEST {
        // SAFETY: the collector must not see what has no references.
        unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
        let mut later = trashcan.later.take();
        later.push((object, dealloc));
        trashcan.later.set(later);
        return;
    }
    trashcan.depth.set(depth + 1);
    // SAFETY: by contract.
    unsafe { dealloc(object) };
    if depth == 0 {
        while let Some((object, dealloc)) = trashcan.next() {
            // SAFETY: put there instead of being freed, once.
            unsafe { dealloc(object) };
        }
    }
    trashcan.depth.set(depth);
}

impl Trashcan {
    fn next(&self) -> Option<(*mut ffi::PyObject, ffi::destructor)> {
        let mut later = self.later.take();
        let next = later.pop();
        self.later.set(later);
        next
    }
}

/// Has the objects of classes freed so, which may hold one another.
#[macro_export]
macro_rules! free_in_turn {
    ($py:expr, $($class:ty),+ $(,)?) => {$({
        use pyo3::{PyTypeInfo, ffi};
        use std::sync::OnceLock;
        static DEALLOC: OnceLock<ffi::destructor> = OnceLock::new();
        unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
            let original = *DEALLOC.get().expect("set before there are objects");
            // SAFETY: Python frees an object that nobody has, with the GIL. A subclass made in
            // Python calls this one in the midst of its own, which takes turns itself.
            unsafe {
                match (*ffi::Py_TYPE(object)).tp_dealloc {
                    Some(own) if std::ptr::fn_addr_eq(own, dealloc as ffi::destructor) => {
                        $crate::trashcan::free($crate::here::Here::now().trashcan(), object, original)
                    }
                    _ => original(object),
                }
            }
        }
        let class = <$class as PyTypeInfo>::type_object_raw($py);
        // SAFETY: a ready class, of which there are no objects yet.
        unsafe {
            let original = (*class).tp_dealloc.expect("every class has it");
            if DEALLOC.set(original).is_ok() {
                (*class).tp_dealloc = Some(dealloc);
            }
        }
    })+};
}
