//! From Python's object to the handle, and to the C object behind it.

use std::ptr;

use pyo3::prelude::*;

use super::{Class, Handle, HandleClass};
use crate::convert;

/// The common part of a handle of any class.
pub fn base<'a, T: HandleClass>(handle: &'a Bound<'_, T>) -> &'a Handle {
    // SAFETY: `handle_class!` makes every class extend Handle.
    let common = unsafe { erased(handle.as_any()) };
    // Python says so; what it stands for decides.
    assert!(
        ptr::eq(common.class, T::class()),
        "a handle of class {} is taken for {}",
        common.class.name,
        T::class().name
    );
    common
}

/// An object as a handle of this class, if it is one.
pub fn of_class<'a>(object: &'a Bound<'_, PyAny>, class: &'static Class) -> Option<&'a Handle> {
    if object.get_type_ptr() != (class.type_object)(object.py()) {
        return None;
    }
    // SAFETY: its class is a handle class.
    let handle = unsafe { erased(object) };
    ptr::eq(handle.class, class).then_some(handle)
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
        &*base(handle).raw(handle.py())?.ptr.cast::<T::C>()
    }))
}

/// Changes something in the C object behind a handle, which becomes its own copy.
pub fn write<T: HandleClass, R>(
    handle: &Bound<'_, T>,
    f: impl FnOnce(&mut T::C) -> PyResult<R>,
) -> PyResult<R> {
    let common = base(handle);
    common.make_unique(handle.py())?;
    // SAFETY: the handle alone owns the object, which is of its class's type; the
    // GIL keeps other users of the handle away, `f` does not come back to it.
    f(unsafe { &mut *common.raw(handle.py())?.ptr.cast::<T::C>() })
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

/// Before Python has classes that can not be changed (`sealed.rs`).
#[cfg(not(Py_3_10))]
#[pymethods]
impl Handle {
    /// The class.
    #[getter(__class__)]
    fn own_class<'py>(slf: &Bound<'py, Self>) -> Bound<'py, pyo3::types::PyType> {
        slf.get_type()
    }

    #[setter(__class__)]
    fn set_own_class(slf: &Bound<'_, Self>, _class: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = slf.get().class.name;
        Err(pyo3::exceptions::PyTypeError::new_err(format!(
            "{name}: a handle stays of its class"
        )))
    }
}
