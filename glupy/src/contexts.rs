//! What a translator keeps with an inode or an fd: `inode.ctx`, `fd.ctx`.
//!
//! GlusterFS keeps a number for each translator with the object; the Python object of
//! that number is kept here, so that what an instance keeps can be let go of as a
//! whole, and a number that comes too late does no harm.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::compat;
use crate::gf;
use crate::gil::GilCell;
use crate::instance::Instance;
use crate::stack;

/// The objects of one instance.
#[derive(Default)]
pub struct Contexts {
    objects: GilCell<Objects>,
    /// How many there are, for who can not have the GIL.
    live: AtomicUsize,
}

/// The object of number `n` is at `n - 1`: zero says that there is none.
#[derive(Default)]
struct Objects {
    slots: Vec<Option<Py<PyAny>>>,
    free: Vec<u64>,
}

impl Objects {
    fn slot(&mut self, number: u64) -> Option<&mut Option<Py<PyAny>>> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.slots.get_mut(index)
    }
}

// Objects that leave are returned, never dropped inside of `with`: that may run Python.
impl Contexts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    fn get(&self, py: Python<'_>, number: u64) -> Option<Py<PyAny>> {
        // SAFETY: taking a reference runs no Python.
        unsafe {
            self.objects.with(py, |objects| {
                let object = objects.slot(number)?.as_ref()?;
                Some(object.clone_ref(py))
            })
        }
    }

    /// Puts an object in and returns its number.
    fn insert(&self, py: Python<'_>, object: Py<PyAny>) -> u64 {
        self.live.fetch_add(1, Ordering::Relaxed);
        // SAFETY: only moves the object.
        unsafe {
            self.objects.with(py, |objects| {
                let number = objects.free.pop().unwrap_or_else(|| {
                    objects.slots.push(None);
                    objects.slots.len() as u64
                });
                objects.slots[number as usize - 1] = Some(object);
                number
            })
        }
    }

    /// Puts an object in the place of another, which it returns; or gives it back.
    fn replace(
        &self,
        py: Python<'_>,
        number: u64,
        object: Py<PyAny>,
    ) -> Result<Py<PyAny>, Py<PyAny>> {
        // SAFETY: only moves objects.
        unsafe {
            self.objects.with(py, |objects| {
                match objects.slot(number).and_then(Option::as_mut) {
                    Some(slot) => Ok(std::mem::replace(slot, object)),
                    None => Err(object),
                }
            })
        }
    }

    /// Takes what was kept under a number, which may be given again.
    pub fn remove(&self, py: Python<'_>, number: u64) -> Option<Py<PyAny>> {
        // SAFETY: only moves the object.
        unsafe {
            self.objects.with(py, |objects| {
                let object = objects.slot(number)?.take()?;
                self.live.fetch_sub(1, Ordering::Relaxed);
                objects.free.push(number);
                if objects.free.len() == objects.slots.len() {
                    *objects = Objects::default(); // gives the memory back
                }
                Some(object)
            })
        }
    }

    /// Lets go of everything. A number that GlusterFS still has stands for nothing
    /// from now on: it is not given again.
    pub fn clear(&self, py: Python<'_>) {
        // SAFETY: only moves the objects.
        let gone: Vec<_> = unsafe {
            self.objects.with(py, |objects| {
                objects.slots.iter_mut().filter_map(Option::take).collect()
            })
        };
        self.live.fetch_sub(gone.len(), Ordering::Relaxed);
    }
}

/// A C object that keeps a number for each translator.
#[derive(Clone, Copy)]
pub enum Holder {
    /// An inode.
    Inode(*mut gf::inode_t),
    /// An open file or directory.
    Fd(*mut gf::fd_t),
}

impl Holder {
    /// The number that a translator keeps with the object; zero when it keeps none.
    ///
    /// # Safety
    /// The object is alive, or it is being freed and this is its forget or release.
    pub unsafe fn number(self, xl: *mut gf::xlator_t) -> u64 {
        // SAFETY: by contract. The lock that these take is the object's own, below
        // which nothing waits for the GIL (see `hooks`).
        unsafe {
            match self {
                Holder::Inode(inode) => {
                    let mut number = 0;
                    gf::inode_ctx_get0(inode, xl, &raw mut number);
                    number
                }
                Holder::Fd(fd) => compat::fd_ctx_get(fd, xl),
            }
        }
    }

    unsafe fn set_number(self, xl: *mut gf::xlator_t, mut number: u64) -> bool {
        // SAFETY: as for `number`; a live object of the graph that `xl` is part of.
        let status = stack::with_this(xl, || unsafe {
            match self {
                Holder::Inode(inode) => gf::inode_ctx_set0(inode, xl, &raw mut number),
                Holder::Fd(fd) if number == 0 => {
                    compat::fd_ctx_del(fd, xl);
                    0
                }
                Holder::Fd(fd) => gf::fd_ctx_set(fd, xl, number),
            }
        });
        status == 0
    }

    /// What a translator keeps with the object.
    ///
    /// # Safety
    /// The object is alive.
    pub unsafe fn get(self, py: Python<'_>, instance: &Instance) -> Option<Py<PyAny>> {
        // SAFETY: by contract.
        let number = unsafe { self.number(instance.xl()) };
        instance.contexts.get(py, number)
    }

    /// Keeps something with the object; None lets go of what is kept.
    ///
    /// # Errors
    /// `RuntimeError` when GlusterFS does not take it.
    ///
    /// # Safety
    /// The object is alive.
    pub unsafe fn set(
        self,
        py: Python<'_>,
        instance: &Instance,
        object: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let (xl, contexts) = (instance.xl(), &instance.contexts);
        // SAFETY: by contract.
        let number = unsafe { self.number(xl) };
        let Some(object) = object else {
            if number != 0 {
                // SAFETY: by contract.
                unsafe { self.set_number(xl, 0) };
                contexts.remove(py, number);
            }
            return Ok(());
        };
        let Err(object) = contexts.replace(py, number, object) else {
            return Ok(());
        };
        let number = contexts.insert(py, object);
        // SAFETY: by contract.
        if !unsafe { self.set_number(xl, number) } {
            contexts.remove(py, number);
            return Err(PyRuntimeError::new_err(
                "GlusterFS can not keep a context with this object",
            ));
        }
        Ok(())
    }
}
