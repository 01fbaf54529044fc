//! How handles come into being: borrowed, or with an owner from the start.

use std::sync::Arc;

use pyo3::prelude::*;

use super::{Class, Handle, HandleClass, Owner, Raw, erased};
use crate::call::Loan;
use crate::instance::Instance;

/// What a constructor gives for plain values that were made for Python.
pub fn initializer<T: HandleClass<BaseType = Handle>>(
    owner: Arc<Owner>,
    class: T,
) -> PyClassInitializer<T>
where
    PyClassInitializer<Handle>: From<Handle>,
{
    let mut handle = Handle::new(owner.class(), owner.raw(), owner.instance(), Loan::NONE);
    *handle.owner.get_mut() = Some(owner);
    PyClassInitializer::from(handle).add_subclass(class)
}

/// A handle for a C object that is lent for some time.
pub fn borrow(
    py: Python<'_>,
    class: &'static Class,
    raw: Raw,
    instance: Option<&'static Instance>,
    loan: Loan,
) -> PyResult<Py<PyAny>> {
    if let Some(handle) = class.pool.take(py) {
        // SAFETY: pools hold handles only.
        let common = unsafe { erased(handle.bind(py)) };
        common.raw.store(py, raw);
        common.instance.store(py, instance);
        common.loan.store(py, loan);
        return Ok(handle);
    }
    (class.make)(py, Handle::new(class, raw, instance, loan))
}

/// A handle that owns its C object from the start; None for NULL.
///
/// # Errors
/// `ReferenceError` when the volume is gone.
pub fn owned<T: HandleClass>(
    py: Python<'_>,
    ptr: *mut T::C,
    instance: Option<&'static Instance>,
) -> PyResult<Option<Py<T>>> {
    if ptr.is_null() {
        return Ok(None);
    }
    let raw = Raw::new(ptr);
    let handle = borrow(py, T::class(), raw, instance, Loan::NONE)?;
    // SAFETY: `borrow` makes an object of this class; what is given is alive.
    unsafe { erased(handle.bind(py)).own_live(py, raw) }?;
    // SAFETY: as above.
    Ok(Some(
        unsafe { handle.into_bound(py).cast_into_unchecked::<T>() }.unbind(),
    ))
}

/// A handle that takes over an object with its reference; None for NULL.
///
/// # Errors
/// `ReferenceError` when the volume is gone.
///
/// # Safety
/// As for `Owner::adopt`.
pub unsafe fn adopted<T: HandleClass>(
    py: Python<'_>,
    ptr: *mut T::C,
    instance: Option<&'static Instance>,
) -> PyResult<Option<Py<T>>> {
    if ptr.is_null() {
        return Ok(None);
    }
    // SAFETY: by contract.
    let owner = unsafe { Owner::adopt(T::class(), Raw::new(ptr), instance) };
    having::<T>(py, owner).map(Some)
}

/// A handle for what is owned.
///
/// # Errors
/// `ReferenceError` when the volume is gone.
pub fn having<T: HandleClass>(py: Python<'_>, owner: Arc<Owner>) -> PyResult<Py<T>> {
    if let Some(instance) = owner.instance() {
        instance.volume.check(py, T::class().name)?;
    }
    let handle = borrow(py, T::class(), owner.raw(), owner.instance(), Loan::NONE)?;
    // SAFETY: `borrow` makes an object of this class.
    unsafe { erased(handle.bind(py)) }.set_owner(py, owner);
    // SAFETY: as above.
    Ok(unsafe { handle.into_bound(py).cast_into_unchecked::<T>() }.unbind())
}
