//! What is owned of GlusterFS's: how objects of each C type are referred to or copied,
//! and how that is given back.

use std::ffi::c_void;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::action;
use crate::gf;
use crate::handle::Handle;
use crate::instance::{self, Instance};
use crate::recycle::Pool;

/// A C object: its address, and for an iovec its length and the owner of its data.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    /// The object. Never NULL in a handle that Python can see.
    pub ptr: *mut c_void,
    /// Number of elements, for an iovec.
    pub len: i32,
    /// What keeps an iovec's data alive; may be NULL.
    pub iobref: *mut gf::iobref,
}

// SAFETY: as for CPtr.
unsafe impl Send for Raw {}
// SAFETY: as for CPtr.
unsafe impl Sync for Raw {}

impl Raw {
    /// An object that is not an iovec.
    pub fn new<T>(ptr: *mut T) -> Raw {
        Raw {
            ptr: ptr.cast(),
            len: 0,
            iobref: ptr::null_mut(),
        }
    }
}

/// How the objects of one C type are owned, and where unused handles wait.
pub struct Class {
    /// The Python class's name.
    pub name: &'static str,
    /// The C structure, as `gf::loc_t`.
    pub c_type: &'static str,
    /// Makes a Python object.
    pub make: fn(Python<'_>, Handle) -> PyResult<Py<PyAny>>,
    /// The Python class.
    pub type_object: fn(Python<'_>) -> *mut ffi::PyTypeObject,
    /// Takes a reference or makes a copy: what is there as long as that is kept, whoever
    /// has made it. None without memory. Runs with THIS set.
    pub own: unsafe fn(Raw) -> Option<Raw>,
    /// Gives back what `own` took. Runs with THIS set and without the GIL.
    pub release: unsafe fn(Raw),
    /// What `own` copies.
    pub copies: Copies,
    /// Handles that no one holds.
    pub pool: Pool<PyAny>,
}

impl Class {
    /// Whether its objects are values that do not go with a volume.
    pub fn is_plain(&self) -> bool {
        matches!(self.copies, Copies::All)
    }

    /// The C structure's name, which is its name in ctypes, too.
    pub fn structure(&self) -> &'static str {
        self.c_type.trim_start_matches("gf::")
    }
}

/// References that were in a copy: what they are to, and the objects.
pub type References = SmallVec<[(&'static Class, Raw); 2]>;

/// What `own` of a class makes a copy of.
#[derive(Clone, Copy)]
pub enum Copies {
    /// Nothing: it takes a reference on the object.
    Nothing,
    /// The object, when something in it is in the memory of others; otherwise it takes a
    /// reference, too.
    Borrowed {
        /// Takes a reference, whatever is in it.
        refer: unsafe fn(Raw) -> Raw,
    },
    /// All of it: no reference of GlusterFS's is in there. `release` may run anywhere.
    All,
    /// A structure that refers to objects.
    References {
        /// Takes the references out; what is left may be read.
        strip: unsafe fn(Raw) -> References,
        /// Frees what is left. May run anywhere.
        free: unsafe fn(Raw),
    },
}

/// A C object that is owned: a reference or a copy, given back when the last
/// handle, request or action that uses it is gone.
pub struct Owner {
    class: &'static Class,
    raw: Raw,
    /// Whose contexts an unref may touch. None: made by Python outside of a handler,
    /// so that it does not lead into any graph.
    instance: Option<&'static Instance>,
    /// Only the memory of a copy is left.
    stripped: AtomicBool,
    /// How many of those who have it only show it.
    shown: AtomicUsize,
}

/// An owner that somebody has who only shows the object: a structure of ctypes.
pub struct Shown(Arc<Owner>);

impl Shown {
    /// One more.
    pub fn new(owner: Arc<Owner>) -> Shown {
        owner.shown.fetch_add(1, Ordering::Relaxed);
        Shown(owner)
    }
}

impl Deref for Shown {
    type Target = Arc<Owner>;

    fn deref(&self) -> &Arc<Owner> {
        &self.0
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.shown.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Owner {
    /// Takes a reference on an object, or copies it, for a translator.
    ///
    /// # Safety
    /// The object is alive and of the class's type, the translator is one of ours and live.
    pub unsafe fn of(class: &'static Class, raw: Raw, xl: *mut gf::xlator_t) -> Arc<Owner> {
        // SAFETY: by contract.
        unsafe { Owner::within(class, raw, Some(Instance::of(xl))) }
    }

    /// Takes a reference on an object, or copies it.
    ///
    /// # Safety
    /// The object is alive and of the class's type, the instance's volume is not gone.
    pub unsafe fn within(
        class: &'static Class,
        raw: Raw,
        instance: Option<&'static Instance>,
    ) -> Arc<Owner> {
        // SAFETY: by contract; THIS is set for the ref.
        let raw = instance::within(instance, || unsafe { (class.own)(raw) });
        // Like GlusterFS's own allocations, one that fails here is not survived.
        let raw = raw.expect("out of memory");
        // SAFETY: `own` has made it.
        unsafe { Owner::adopt(class, raw, instance) }
    }

    /// Takes a reference on an object without a look at what is in it; None for a class of
    /// which nothing else is ever owned.
    ///
    /// # Safety
    /// As for [`Owner::within`].
    pub unsafe fn referring(
        class: &'static Class,
        raw: Raw,
        instance: Option<&'static Instance>,
    ) -> Option<Arc<Owner>> {
        let Copies::Borrowed { refer } = class.copies else {
            return None;
        };
        // SAFETY: by contract; THIS is set for the ref, which `release` gives back.
        let raw = instance::within(instance, || unsafe { refer(raw) });
        // SAFETY: as for what `own` has made.
        Some(unsafe { Owner::adopt(class, raw, instance) })
    }

    /// Takes over an object that was made for Python, with its reference.
    ///
    /// # Safety
    /// The object is what `own` of its class could have made.
    pub unsafe fn adopt(
        class: &'static Class,
        raw: Raw,
        instance: Option<&'static Instance>,
    ) -> Arc<Owner> {
        Arc::new(Owner {
            class,
            raw,
            instance,
            stripped: AtomicBool::new(false),
            shown: AtomicUsize::new(0),
        })
    }

    /// The object.
    pub fn raw(&self) -> Raw {
        self.raw
    }

    /// Its class.
    pub fn class(&self) -> &'static Class {
        self.class
    }

    /// Whose it is.
    pub fn instance(&self) -> Option<&'static Instance> {
        self.instance
    }

    /// Whether it is a copy, the memory of which is its own.
    pub fn is_copy(&self) -> bool {
        matches!(self.class.copies, Copies::All | Copies::References { .. })
    }

    /// How many have it and do more than to show it: handles, requests, answers. It becomes
    /// more only with the GIL.
    pub fn users(owner: &Arc<Owner>) -> usize {
        let users = Arc::strong_count(owner) - owner.shown.load(Ordering::Relaxed);
        // What those did with the object who have it no more comes before what is done now.
        fence(Ordering::Acquire);
        users
    }

    /// Whether a structure of ctypes shows it.
    pub fn is_shown(&self) -> bool {
        self.shown.load(Ordering::Relaxed) > 0
    }

    /// Takes what a copy refers to out of it. Nobody but the structures that show the
    /// copy may use it; the GIL keeps those away.
    pub fn strip(&self) -> Vec<Arc<Owner>> {
        let Copies::References { strip, .. } = self.class.copies else {
            return Vec::new();
        };
        if self.stripped.swap(true, Ordering::Relaxed) {
            return Vec::new();
        }
        // SAFETY: a copy of this class, and nobody looks at it meanwhile; the references
        // were its own.
        unsafe {
            let references = strip(self.raw).into_iter();
            references
                .map(|(class, raw)| Owner::adopt(class, raw, self.instance))
                .collect()
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        match self.class.copies {
            // SAFETY: a copy that refers to nothing, with no user any more.
            Copies::All => return unsafe { (self.class.release)(self.raw) },
            Copies::References { free, .. } if *self.stripped.get_mut() => {
                // SAFETY: as above.
                return unsafe { free(self.raw) };
            }
            _ => {}
        }
        let release = Release {
            class: self.class,
            raw: self.raw,
            instance: self.instance,
        };
        // SAFETY: only asks whether this thread holds the GIL.
        if unsafe { ffi::PyGILState_Check() } == 1 {
            action::release(release);
        } else {
            release.run();
        }
    }
}

/// A reference to give back, without the GIL.
pub struct Release {
    class: &'static Class,
    raw: Raw,
    instance: Option<&'static Instance>,
}

impl Release {
    /// Gives the reference back, unless its object is freed with all others.
    pub fn run(self) {
        // SAFETY: the reference is an `Owner`'s that is gone, THIS is set, and the GIL
        // is not held.
        let release = || unsafe { (self.class.release)(self.raw) };
        let Some(instance) = self.instance else {
            return release();
        };
        if instance.volume.call(release).is_none() {
            if let Copies::References { strip, free } = self.class.copies {
                // SAFETY: as above; what it refers to is forgotten.
                unsafe {
                    strip(self.raw);
                    free(self.raw);
                }
            }
        }
    }
}
