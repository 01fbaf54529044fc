//! Handles: what Python holds instead of a C pointer.
//!
//! A handle borrows C memory while its handler runs, and owns it afterwards if
//! Python kept it. Handles that nobody kept are used again for the next call.

mod accessors;
mod making;
mod parts;
mod settle;

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use pyo3::PyClass;
use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyReferenceError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

use crate::call::Loan;
use crate::convert;
use crate::gil::{self, Gil, GilCell};
use crate::here::Here;
use crate::instance::Instance;
use crate::keepers::{Keeper, Place};
use crate::memory;

pub use crate::owner::{Class, Copies, Owner, Raw, References, Release, Shown};
pub use accessors::{base, cast, change, erased, of_class, read, write};
pub use making::{adopted, borrow, having, initializer, owned};
pub use parts::{part, parts};
pub use settle::{keep, recycle, settle, settle_with};

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

/// The base of all handle classes.
#[pyclass(frozen, subclass, weakref, module = "gluster", name = "Handle")]
pub struct Handle {
    class: &'static Class,
    raw: GilCell<Raw>,
    /// Whom it was given to; None when Python has made it outside of a handler.
    instance: GilCell<Option<&'static Instance>>,
    /// None while the object is borrowed.
    owner: GilCell<Option<Arc<Owner>>>,
    /// Handles of what is in a borrowed object, borrowed like that.
    parts: GilCell<Vec<Py<PyAny>>>,
    /// Where it is registered as long as it owns something of a volume's.
    place: GilCell<Place>,
    /// For how long the object is lent.
    loan: GilCell<Loan>,
    /// Its volume has gone, and with it the object.
    gone: GilCell<bool>,
}

impl Handle {
    fn new(
        class: &'static Class,
        raw: Raw,
        instance: Option<&'static Instance>,
        loan: Loan,
    ) -> Handle {
        Handle {
            class,
            raw: GilCell::new(raw),
            instance: GilCell::new(instance),
            owner: GilCell::new(None),
            parts: GilCell::new(Vec::new()),
            place: GilCell::new(Place::NONE),
            loan: GilCell::new(loan),
            gone: GilCell::new(false),
        }
    }

    /// The C object.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone, or what has lent the object.
    pub fn raw(&self, py: Python<'_>) -> PyResult<Raw> {
        if self.is_gone(py) {
            return Err(self.gone_error(py));
        }
        if self.is_lent(py) && !self.loan(py).is_alive(py) {
            return Err(self.over_error());
        }
        Ok(self.raw.get(py))
    }

    /// For how long the object is lent, if it is.
    pub fn loan(&self, py: Python<'_>) -> Loan {
        self.loan.get(py)
    }

    #[cold]
    fn over_error(&self) -> PyErr {
        PyReferenceError::new_err(format!(
            "{}: it was lent by a request that is over",
            self.class.name
        ))
    }

    /// What tells it from others; the object's address, which may be nobody's any more.
    pub fn identity(&self, py: Python<'_>) -> (*mut c_void, bool) {
        (self.raw.get(py).ptr, self.is_gone(py))
    }

    /// Whether its volume has gone.
    pub fn is_gone(&self, py: Python<'_>) -> bool {
        self.gone.get(py)
    }

    /// What stands for one whose volume has gone.
    pub fn gone_repr(&self, py: Python<'_>) -> Option<String> {
        let instance = self.instance(py).filter(|_| self.is_gone(py))?;
        let (class, volume) = (self.class.name, instance.name_text());
        Some(format!("<{class} of the volume {volume}, which is gone>"))
    }

    #[cold]
    fn gone_error(&self, py: Python<'_>) -> PyErr {
        let instance = self.instance(py).expect("only what is a volume's goes");
        instance.volume.gone_error(self.class.name)
    }

    /// Whom it was given to.
    pub fn instance(&self, py: Python<'_>) -> Option<&'static Instance> {
        self.instance.get(py)
    }

    /// Whom it was given to, which every object of a graph has.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn home(&self, py: Python<'_>) -> PyResult<&'static Instance> {
        self.raw(py)?;
        let none = || PyRuntimeError::new_err(format!("{}: is no volume's", self.class.name));
        self.instance(py).ok_or_else(none)
    }

    /// Lets it refer to an object that was given to a translator: it belongs to that from
    /// now on, and goes with its volume.
    ///
    /// # Errors
    /// `ValueError` when it is another translator's.
    pub fn join(&self, py: Python<'_>, other: &Handle) -> PyResult<()> {
        let Some(theirs) = other.instance(py) else {
            return Ok(());
        };
        match self.instance(py) {
            Some(mine) if ptr::eq(mine, theirs) => Ok(()),
            Some(mine) => Err(PyValueError::new_err(format!(
                "{} of the volume {} can not refer to {} of {}",
                self.class.name,
                mine.name_text(),
                other.class.name,
                theirs.name_text()
            ))),
            None => {
                theirs.volume.check(py, other.class.name)?;
                let raw = self.own(py)?.raw();
                // SAFETY: an owned object is alive, and the volume is there.
                self.set_owner(py, unsafe { Owner::within(self.class, raw, Some(theirs)) });
                Ok(())
            }
        }
    }

    /// Whether the object is borrowed.
    pub fn is_lent(&self, py: Python<'_>) -> bool {
        // SAFETY: looks only.
        unsafe { self.owner.with(py, |owner| owner.is_none()) }
    }

    /// What keeps the C object alive; None while it is borrowed.
    pub fn owner(&self, py: Python<'_>) -> Option<Arc<Owner>> {
        // SAFETY: cloning an Arc runs no Python.
        unsafe { self.owner.with(py, |owner| owner.clone()) }
    }

    /// The C object for an action, and what keeps it alive until that is carried out.
    /// None: the call that has lent it.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn share(&self, py: Python<'_>) -> PyResult<(Raw, Option<Arc<Owner>>)> {
        if self.is_lent(py) && !self.loan(py).covers(py, Here::now()) {
            self.own(py)?;
        }
        Ok((self.raw(py)?, self.owner(py)))
    }

    /// Makes the handle's object live as long as the handle, or the volume.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn own(&self, py: Python<'_>) -> PyResult<Arc<Owner>> {
        if let Some(owner) = self.owner(py) {
            return Ok(owner);
        }
        let raw = self.raw(py)?;
        // SAFETY: the object is lent, hence alive.
        unsafe { self.own_live(py, raw) }
    }

    /// The same for an object that is known to be alive.
    ///
    /// # Errors
    /// As above.
    ///
    /// # Safety
    /// It is, and of the class's type.
    pub unsafe fn own_live(&self, py: Python<'_>, raw: Raw) -> PyResult<Arc<Owner>> {
        let instance = self.instance(py);
        if let (Some(instance), false) = (instance, self.class.is_plain()) {
            instance.volume.check(py, self.class.name)?;
        }
        // SAFETY: by contract.
        let owner = unsafe { Owner::within(self.class, raw, instance) };
        self.set_owner(py, owner.clone());
        Ok(owner)
    }

    /// Makes the handle's object its own alone, to be changed: a request that it
    /// was given to keeps what it got. A plain structure that ctypes shows stays where it is:
    /// nothing in there is followed.
    ///
    /// # Errors
    /// `ReferenceError` when the volume is gone.
    pub fn make_unique(&self, py: Python<'_>) -> PyResult<()> {
        let owner = self.own(py)?;
        // One is the handle's, one is `owner`.
        if Owner::users(&owner) > 2 && !(self.class.is_plain() && owner.is_shown()) {
            // SAFETY: an owned object is alive.
            let copy = unsafe { Owner::within(self.class, owner.raw(), owner.instance()) };
            self.set_owner(py, copy);
        }
        Ok(())
    }

    /// A reference on a borrowed object that would be owned as a copy: who changes it in C
    /// changes what others have, too.
    fn borrowed_whole(&self, py: Python<'_>) -> PyResult<Option<Arc<Owner>>> {
        if !self.is_lent(py) {
            return Ok(None);
        }
        let (raw, instance) = (self.raw(py)?, self.instance(py));
        if let Some(instance) = instance {
            instance.volume.check(py, self.class.name)?;
        }
        // SAFETY: the object is borrowed, hence alive.
        Ok(unsafe { Owner::referring(self.class, raw, instance) })
    }

    /// The object, if the handle has it and no request, answer or other handle has it, too;
    /// as long as the GIL is not given up.
    pub fn owned_alone(&self, gil: impl Gil) -> Option<Raw> {
        // SAFETY: looks only.
        unsafe {
            self.owner.with(gil, |owner| {
                let owner = owner.as_ref().filter(|owner| Owner::users(owner) == 1)?;
                Some(owner.raw())
            })
        }
    }

    /// Puts another object in the place of this one.
    pub fn set_owner(&self, py: Python<'_>, owner: Arc<Owner>) {
        if self.instance(py).map(ptr::from_ref) != owner.instance().map(ptr::from_ref) {
            self.unregister(py);
        }
        // Dropped at the end: that may let other threads run Python.
        let _before = gil::locked(py, |locked| {
            self.raw.store(locked, owner.raw());
            self.instance.store(locked, owner.instance());
            self.owner.replace(locked, Some(owner))
        });
        self.register(py);
    }

    fn register(&self, py: Python<'_>) {
        if let (Some(instance), Place::NONE, false) =
            (self.instance(py), self.place.get(py), self.class.is_plain())
        {
            let keeper = Keeper::Handle(NonNull::from(self));
            self.place
                .store(py, instance.volume.keepers.add(py, keeper));
        }
    }

    fn unregister(&self, py: Python<'_>) {
        if let (Some(instance), place) = (self.instance(py), self.place.get(py)) {
            if place != Place::NONE {
                self.place.store(py, Place::NONE);
                instance.volume.keepers.remove(py, place);
            }
        }
    }

    /// The volume goes: what the handle owned, which it has no more.
    pub fn lose(&self, py: Python<'_>) -> Option<Arc<Owner>> {
        self.place.store(py, Place::NONE);
        self.gone.store(py, true);
        self.owner.take(py)
    }

    /// What it was borrowed from is about to go, and Python has kept it.
    pub fn keep(&self, py: Python<'_>) {
        self.end_parts(py);
        if self.own(py).is_err() && self.has_gone_volume(py) {
            self.gone.store(py, true);
        }
    }

    fn has_gone_volume(&self, py: Python<'_>) -> bool {
        self.instance(py)
            .is_some_and(|instance| instance.volume.is_gone(py))
    }

    /// The same, if somebody else owns a copy or a reference of that already.
    fn keep_with(&self, py: Python<'_>, owner: &Arc<Owner>) {
        match self.owner(py) {
            None if !self.has_gone_volume(py) => self.set_owner(py, owner.clone()),
            _ => self.keep(py),
        }
    }

    /// Nobody has it any more, and it may be used again: each field is named, so that none
    /// is forgotten.
    fn reset(&self, py: Python<'_>) {
        self.unregister(py);
        let Handle {
            class: _, // stays
            raw: _,
            instance: _, // `borrow` sets these two
            owner,
            parts: _, // have been ended
            place: _, // `unregister` has left it
            loan,
            gone,
        } = self;
        loan.store(py, Loan::NONE);
        gone.store(py, false);
        if !self.is_lent(py) {
            owner.set(py, None);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.parts.get_mut().is_empty() {
            gil::in_drop(|py| self.end_parts(py));
        }
        if *self.place.get_mut() != Place::NONE {
            // SAFETY: Python frees its objects with the GIL.
            self.unregister(unsafe { Python::assume_attached() });
        }
    }
}

#[pymethods]
impl Handle {
    /// The C structure, as ctypes has it. The handle owns it from now on: a copy of a
    /// plain structure, a reference on a shared object.
    #[getter]
    fn contents<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, handle) = (slf.py(), slf.get());
        let owner = match handle.borrowed_whole(py)? {
            Some(owner) => owner,
            None => {
                // What is written there must not change the request that it came with.
                handle.make_unique(py)?;
                handle.own(py)?
            }
        };
        memory::owned(py, handle.class, handle.instance(py), owner)
    }

    /// What ctypes passes to a C function in the place of a handle.
    #[getter]
    fn _as_parameter_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::reference(&Self::contents(slf)?)
    }

    fn __format__<'py>(slf: &Bound<'py, Self>, how: &str) -> PyResult<Bound<'py, PyAny>> {
        convert::formatted(slf, how, || Ok(slf.get().raw(slf.py())?.ptr.addr()))
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

/// Declares a handle class: `handle_class!(Loc, gf::loc_t, own, release, copies)`.
macro_rules! handle_class {
    ($(#[$doc:meta])* $name:ident $(: $protocol:ident)?, $c:ty, $own:expr, $release:expr, $copies:expr) => {
        $(#[$doc])*
        #[pyo3::pyclass(frozen, $($protocol,)? extends = crate::handle::Handle, module = "gluster")]
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
                    copies: $copies,
                    pool: crate::recycle::Pool::new(256),
                };
                &CLASS
            }
        }
    };
}
pub(crate) use handle_class;
