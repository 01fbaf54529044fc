//! Handles: what Python holds instead of a C pointer.
//!
//! A handle borrows C memory while its handler runs, and owns it afterwards if
//! Python kept it. Handles that nobody kept are used again for the next call.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use pyo3::PyClass;
use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

use crate::action::{self, Action};
use crate::convert;
use crate::gf;
use crate::gil::{self, GilCell};
use crate::life;
use crate::memory;
use crate::stack;

/// An address that may travel between threads; what may be done with it is for
/// its user to know.
#[derive(Debug)]
pub struct CPtr<T>(pub *mut T);

impl<T> CPtr<T> {
    /// The address; a closure that asks for it takes the whole along.
    pub fn get(self) -> *mut T {
        self.0
    }
}

impl<T> Clone for CPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for CPtr<T> {}
impl<T> Default for CPtr<T> {
    fn default() -> Self {
        CPtr(ptr::null_mut())
    }
}
// SAFETY: an address alone can not be misused.
unsafe impl<T> Send for CPtr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for CPtr<T> {}

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
    /// Takes a reference or makes a copy; None without memory. Runs with THIS set.
    pub own: unsafe fn(Raw) -> Option<Raw>,
    /// Gives back what `own` took. Runs with THIS set and without the GIL.
    pub release: unsafe fn(Raw),
    /// Handles that no one holds.
    pub pool: GilCell<Vec<Py<PyAny>>>,
}

impl Class {
    /// The C structure's name, which is its name in ctypes, too.
    pub fn structure(&self) -> &'static str {
        self.c_type.trim_start_matches("gf::")
    }
}

/// The most unused handles that a class keeps.
const POOL_SIZE: usize = 256;

/// A C object that is owned: a reference or a copy, given back when the last
/// handle, request or action that uses it is gone.
pub struct Owner {
    class: &'static Class,
    raw: Raw,
    /// The translator whose contexts an unref may touch.
    xl: CPtr<gf::xlator_t>,
}

impl Owner {
    /// Takes a reference on an object, or copies it.
    ///
    /// # Safety
    /// The object is alive and of the class's type, the translator is live.
    pub unsafe fn of(class: &'static Class, raw: Raw, xl: *mut gf::xlator_t) -> Arc<Owner> {
        // SAFETY: by contract; THIS is set for the ref.
        let raw = stack::with_this(xl, || unsafe { (class.own)(raw) });
        // Like GlusterFS's own allocations, one that fails here is not survived.
        let raw = raw.expect("out of memory");
        Arc::new(Owner {
            class,
            raw,
            xl: CPtr(xl),
        })
    }

    /// Takes over an object that was made for Python, with its reference.
    ///
    /// # Safety
    /// The object is what `own` of its class could have made.
    pub unsafe fn adopt(class: &'static Class, raw: Raw, xl: *mut gf::xlator_t) -> Arc<Owner> {
        Arc::new(Owner {
            class,
            raw,
            xl: CPtr(xl),
        })
    }

    /// The object.
    pub fn raw(&self) -> Raw {
        self.raw
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let release = Release {
            class: self.class,
            raw: self.raw,
            xl: self.xl,
        };
        // SAFETY: only asks whether this thread holds the GIL.
        if unsafe { ffi::PyGILState_Check() } == 1 {
            action::submit(Action::Release(release));
        } else {
            release.run();
        }
    }
}

/// A reference to give back, without the GIL.
pub struct Release {
    class: &'static Class,
    raw: Raw,
    xl: CPtr<gf::xlator_t>,
}

impl Release {
    /// Gives the reference back, unless its object is freed with all others.
    pub fn run(self) {
        if life::is_detached(self.xl.0) {
            return;
        }
        // SAFETY: the reference is an `Owner`'s that is gone, THIS is set, and
        // the GIL is not held.
        stack::with_this(self.xl.0, || unsafe { (self.class.release)(self.raw) });
    }
}

/// The base of all handle classes.
#[pyclass(frozen, subclass, module = "gluster", name = "Handle")]
pub struct Handle {
    class: &'static Class,
    raw: GilCell<Raw>,
    xl: GilCell<CPtr<gf::xlator_t>>,
    /// None while the object is borrowed.
    owner: GilCell<Option<Arc<Owner>>>,
    /// The thread whose handler borrowed it.
    thread: GilCell<libc::pthread_t>,
    /// Whether ctypes may have its address.
    exposed: GilCell<bool>,
}

impl Handle {
    /// The C object.
    pub fn raw(&self, py: Python<'_>) -> Raw {
        self.raw.get(py)
    }

    /// The translator that it was given to.
    pub fn xl(&self, py: Python<'_>) -> *mut gf::xlator_t {
        self.xl.get(py).0
    }

    /// Gives it to another translator.
    pub fn set_xl(&self, py: Python<'_>, xl: *mut gf::xlator_t) {
        self.xl.set(py, CPtr(xl));
    }

    /// What keeps the C object alive; None while it is borrowed.
    pub fn owner(&self, py: Python<'_>) -> Option<Arc<Owner>> {
        // SAFETY: cloning an Arc runs no Python.
        unsafe { self.owner.with(py, |owner| owner.clone()) }
    }

    /// The C object for an action, and what keeps it alive until that is carried out.
    /// None: the handler that runs on this thread, which borrowed it.
    pub fn share(&self, py: Python<'_>) -> (Raw, Option<Arc<Owner>>) {
        // SAFETY: a plain call.
        if self.thread.get(py) != unsafe { libc::pthread_self() } {
            self.own(py);
        }
        (self.raw(py), self.owner(py))
    }

    /// Makes the handle's object live as long as the handle.
    pub fn own(&self, py: Python<'_>) -> Arc<Owner> {
        if let Some(owner) = self.owner(py) {
            return owner;
        }
        // SAFETY: the object is borrowed, hence alive.
        let owner = unsafe { Owner::of(self.class, self.raw(py), self.xl(py)) };
        self.set_owner(py, owner.clone());
        owner
    }

    /// Makes the handle's object its own alone, to be changed: a request that it
    /// was given to keeps what it got. One that ctypes sees stays where it is.
    pub fn make_unique(&self, py: Python<'_>) {
        let owner = self.own(py);
        // One is the handle's, one is `owner`.
        if Arc::strong_count(&owner) > 2 && !self.exposed.get(py) {
            // SAFETY: an owned object is alive.
            self.set_owner(py, unsafe { Owner::of(self.class, owner.raw, self.xl(py)) });
        }
    }

    /// Puts another object in the place of this one.
    pub fn set_owner(&self, py: Python<'_>, owner: Arc<Owner>) {
        self.raw.set(py, owner.raw);
        self.owner.set(py, Some(owner));
    }
}

#[pymethods]
impl Handle {
    /// The C structure, as ctypes has it. The handle owns it from now on: a copy of a
    /// plain structure, a reference on a shared object.
    #[getter]
    fn contents<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, handle) = (slf.py(), slf.get());
        let owner = handle.own(py);
        handle.exposed.set(py, true);
        memory::owned(py, handle.class.structure(), owner)
    }

    /// What ctypes passes to a C function in the place of a handle.
    #[getter]
    fn _as_parameter_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::reference(&Self::contents(slf)?)
    }
}

/// A handle class: how its C objects are named and owned.
pub trait HandleClass: PyTypeInfo + PyClass<Frozen = True> + Sync {
    /// The C structure.
    type C;
    /// The class's table entry.
    // No constant: Rust 1.85 has none that leads to what may change, here the pool.
    fn class() -> &'static Class;
}

/// Declares a handle class: `handle_class!(Loc, gf::loc_t, own, release)`.
macro_rules! handle_class {
    ($(#[$doc:meta])* $name:ident, $c:ty, $own:expr, $release:expr) => {
        $(#[$doc])*
        #[pyo3::pyclass(frozen, extends = crate::handle::Handle, module = "gluster")]
        pub struct $name;

        impl crate::handle::HandleClass for $name {
            type C = $c;
            fn class() -> &'static crate::handle::Class {
                static CLASS: crate::handle::Class = crate::handle::Class {
                    name: stringify!($name),
                    c_type: stringify!($c),
                    make: |py, handle| {
                        let init = pyo3::PyClassInitializer::from(handle).add_subclass($name);
                        Ok(pyo3::Py::new(py, init)?.into_any())
                    },
                    type_object: |py| <$name as pyo3::PyTypeInfo>::type_object_raw(py),
                    own: $own,
                    release: $release,
                    pool: crate::gil::GilCell::new(Vec::new()),
                };
                &CLASS
            }
        }
    };
}
pub(crate) use handle_class;

/// The common part of a handle of any class.
pub fn base<'a, T: HandleClass>(handle: &'a Bound<'_, T>) -> &'a Handle {
    // SAFETY: `handle_class!` makes every class extend Handle.
    unsafe { erased(handle.as_any()) }
}

/// The common part of an object that is known to be a handle.
///
/// # Safety
/// The object's class extends Handle.
pub unsafe fn erased<'a>(object: &'a Bound<'_, PyAny>) -> &'a Handle {
    // SAFETY: by contract; Handle is frozen, so shared references are always
    // allowed, and it lives as long as the object.
    unsafe { object.cast_unchecked::<Handle>() }.get()
}

/// An object as a handle of a class.
///
/// # Errors
/// `TypeError` that names the argument.
pub fn cast<'a, 'py, T: HandleClass>(
    object: &'a Bound<'py, PyAny>,
    what: &str,
) -> PyResult<&'a Bound<'py, T>> {
    object
        .cast::<T>()
        .map_err(|_| convert::wrong_type(object, T::class().name, || what.to_owned()))
}

/// Reads something from the C object behind a handle.
pub fn read<T: HandleClass, R>(handle: &Bound<'_, T>, f: impl FnOnce(&T::C) -> R) -> PyResult<R> {
    // SAFETY: a handle's object is alive, borrowed or owned (see `settle`), and
    // of its class's type.
    Ok(f(unsafe {
        &*base(handle).raw(handle.py()).ptr.cast::<T::C>()
    }))
}

/// Changes something in the C object behind a handle, which becomes its own copy.
pub fn write<T: HandleClass, R>(
    handle: &Bound<'_, T>,
    f: impl FnOnce(&mut T::C) -> PyResult<R>,
) -> PyResult<R> {
    let common = base(handle);
    common.make_unique(handle.py());
    // SAFETY: the handle alone owns the object, which is of its class's type; the
    // GIL keeps other users of the handle away, `f` does not come back to it.
    f(unsafe { &mut *common.raw(handle.py()).ptr.cast::<T::C>() })
}

/// Changes a plain structure behind a handle. Unlike in [`write`], `f` may run Python,
/// which may come back to the handle: it changes a copy.
pub fn change<T: HandleClass>(
    handle: &Bound<'_, T>,
    f: impl FnOnce(&mut T::C) -> PyResult<()>,
) -> PyResult<()>
where
    T::C: Copy,
{
    let mut changed = read(handle, |c| *c)?;
    f(&mut changed)?;
    write(handle, |c| {
        *c = changed;
        Ok(())
    })
}

/// What a constructor gives for an object that was made for Python.
pub fn initializer<T: HandleClass<BaseType = Handle>>(
    owner: Arc<Owner>,
    class: T,
) -> PyClassInitializer<T>
where
    PyClassInitializer<Handle>: From<Handle>,
{
    let handle = Handle {
        class: owner.class,
        raw: GilCell::new(owner.raw),
        xl: GilCell::new(owner.xl),
        owner: GilCell::new(Some(owner)),
        // It is owned: no thread's borrow.
        thread: GilCell::new(0),
        exposed: GilCell::new(false),
    };
    PyClassInitializer::from(handle).add_subclass(class)
}

/// A handle for a C object that is borrowed for the time of a handler.
pub fn borrow(
    py: Python<'_>,
    class: &'static Class,
    raw: Raw,
    xl: *mut gf::xlator_t,
) -> PyResult<Py<PyAny>> {
    // SAFETY: a plain call.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: `pop` runs no Python.
    if let Some(handle) = unsafe { class.pool.with(py, Vec::pop) } {
        // SAFETY: pools hold handles only.
        let common = unsafe { erased(handle.bind(py)) };
        common.raw.set(py, raw);
        common.xl.set(py, CPtr(xl));
        common.thread.set(py, thread);
        return Ok(handle);
    }
    let handle = Handle {
        class,
        raw: GilCell::new(raw),
        xl: GilCell::new(CPtr(xl)),
        owner: GilCell::new(None),
        thread: GilCell::new(thread),
        exposed: GilCell::new(false),
    };
    (class.make)(py, handle)
}

/// A handle that owns its C object from the start; None for NULL.
pub fn owned<T: HandleClass>(
    py: Python<'_>,
    ptr: *mut T::C,
    xl: *mut gf::xlator_t,
) -> PyResult<Option<Py<T>>> {
    if ptr.is_null() {
        return Ok(None);
    }
    let handle = borrow(py, T::class(), Raw::new(ptr), xl)?;
    // SAFETY: `borrow` makes an object of this class.
    unsafe { erased(handle.bind(py)) }.own(py);
    // SAFETY: as above.
    Ok(Some(
        unsafe { handle.into_bound(py).cast_into_unchecked::<T>() }.unbind(),
    ))
}

/// A handle that takes over an object with its reference; None for NULL.
///
/// # Safety
/// As for `Owner::adopt`.
pub unsafe fn adopted<T: HandleClass>(
    py: Python<'_>,
    ptr: *mut T::C,
    xl: *mut gf::xlator_t,
) -> PyResult<Option<Py<T>>> {
    if ptr.is_null() {
        return Ok(None);
    }
    let raw = Raw::new(ptr);
    // SAFETY: by contract.
    let owner = unsafe { Owner::adopt(T::class(), raw, xl) };
    let handle = borrow(py, T::class(), raw, xl)?;
    // SAFETY: `borrow` makes an object of this class.
    unsafe { erased(handle.bind(py)) }.set_owner(py, owner);
    // SAFETY: as above.
    Ok(Some(
        unsafe { handle.into_bound(py).cast_into_unchecked::<T>() }.unbind(),
    ))
}

/// Ends a borrow: a handle that Python kept becomes its own owner, any other is
/// used again.
pub fn settle(py: Python<'_>, handle: Py<PyAny>) {
    // SAFETY: only handles are given to `settle`.
    let common = unsafe { erased(handle.bind(py)) };
    if gil::refcount(&handle) > 1 {
        common.own(py);
        return;
    }
    common.owner.set(py, None);
    common.exposed.set(py, false);
    let class = common.class;
    // SAFETY: `push` and `len` run no Python.
    unsafe {
        class.pool.with(py, |pool| {
            if pool.len() < POOL_SIZE {
                pool.push(handle);
            }
        });
    }
}
