//! Objects that are used again instead of being made anew.

use std::cell::UnsafeCell;
use std::ops::Deref;

use pyo3::{Py, Python};

use crate::gil::{self, GilCell};
use crate::shake;

/// How many unused objects a pool may keep: `most`, but none in a build for tools that
/// look for memory used after its end (the feature `asan`), since a recycled object
/// hides it.
pub const fn at_most(most: usize) -> usize {
    if cfg!(feature = "asan") { 0 } else { most }
}

/// What an object of Python's is, made anew as a whole when the object is used again:
/// nothing survives there from the time before.
pub struct Renewable<T>(UnsafeCell<T>);

// SAFETY: shared references only lead out of it, but for `renew`, which asks for more.
unsafe impl<T: Send + Sync> Sync for Renewable<T> {}

impl<T> Renewable<T> {
    /// For an object that is made.
    pub const fn new(value: T) -> Self {
        Renewable(UnsafeCell::new(value))
    }

    /// For an object that is used again. It is made in its place, for nothing to be moved.
    ///
    /// # Safety
    /// Nobody else has the object, nor gets it by the collector while what it was is dropped:
    /// it is of a class that the collector does not know, or nothing of Python's is dropped.
    pub unsafe fn renew(&self, _py: Python<'_>, make: impl FnOnce() -> T) {
        /// Puts a value there even if dropping the one before panics.
        struct Write<T, F: FnOnce() -> T>(*mut T, Option<F>);
        impl<T, F: FnOnce() -> T> Drop for Write<T, F> {
            fn drop(&mut self) {
                if let Some(make) = self.1.take() {
                    // SAFETY: what was there has been dropped.
                    unsafe { self.0.write(make()) };
                }
            }
        }
        let write = Write(self.0.get(), Some(make));
        // SAFETY: by contract there is no reference into it; the GIL is held. What was there
        // is dropped once, since `write` drops nothing.
        unsafe { write.0.drop_in_place() };
    }

    /// When the object goes.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> Deref for Renewable<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: changed only when nobody has the object.
        unsafe { &*self.0.get() }
    }
}

/// Objects of a class that nobody has.
pub struct Pool<T: 'static> {
    unused: GilCell<Vec<Py<T>>>,
    most: usize,
}

impl<T> Pool<T> {
    /// For that many of them.
    pub const fn new(most: usize) -> Pool<T> {
        Pool {
            unused: GilCell::new(Vec::new()),
            most: at_most(most),
        }
    }

    /// An object that nobody else has.
    pub fn take(&self, py: Python<'_>) -> Option<Py<T>> {
        // SAFETY: `pop` runs no Python.
        let object = unsafe { self.unused.with(py, Vec::pop) }?;
        // The garbage collector shows the objects that it knows to who asks it.
        (gil::refcount(&object) == 1).then_some(object)
    }

    /// Keeps an object, if the caller is the last who has it, and nobody can have it again by a
    /// weak reference.
    #[inline]
    pub fn give(&self, py: Python<'_>, object: Py<T>) {
        let left = gil::locked(py, |locked| {
            // SAFETY: `push` and `len` run no Python.
            unsafe {
                self.unused.with(locked, |unused| {
                    let is_known = gil::refcount(&object) > 1 || gil::has_weak_references(&object);
                    if is_known || unused.len() >= self.most {
                        return Some(object);
                    }
                    unused.push(object);
                    None
                })
            }
        });
        if left.is_some() {
            shake::point_with_gil(py);
        }
        drop(left);
    }
}
