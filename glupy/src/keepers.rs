//! What Python keeps of a volume: handles and replies that own something, and ctypes
//! structures that show it. All of it is given back when the volume goes.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use slab::Slab;

use crate::coroutine::Reply;
use crate::gil::GilCell;
use crate::handle::{Handle, Owner};
use crate::memory::View;
use crate::shake;

/// Something that keeps an object of GlusterFS's. Python objects do not move, and each
/// takes itself out before it is freed.
#[derive(Clone, Copy)]
pub enum Keeper {
    /// A handle.
    Handle(NonNull<Handle>),
    /// What keeps the memory of a ctypes structure.
    View(NonNull<View>),
    /// An answer.
    Reply(NonNull<Reply>),
}

// SAFETY: used with the GIL only.
unsafe impl Send for Keeper {}

/// Where a keeper is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// Not registered.
    pub const NONE: Place = Place(usize::MAX);
}

/// What keeps objects of one volume.
#[derive(Default)]
pub struct Keepers {
    all: GilCell<Slab<Keeper>>,
    /// How many there are, for who can not have the GIL.
    count: AtomicUsize,
}

impl Keepers {
    /// Registers one.
    pub fn add(&self, py: Python<'_>, keeper: Keeper) -> Place {
        self.count.fetch_add(1, Ordering::Relaxed);
        // SAFETY: runs no Python.
        Place(unsafe { self.all.with(py, |all| all.insert(keeper)) })
    }

    /// Takes one out.
    pub fn remove(&self, py: Python<'_>, place: Place) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: runs no Python.
        unsafe { self.all.with(py, |all| all.remove(place.0)) };
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Releases all of them, but for what a request still uses; how many there were.
    pub fn let_go(&self, py: Python<'_>) -> usize {
        let keepers = self.all.replace(py, Slab::new());
        self.count.store(0, Ordering::Relaxed);
        let (mut views, mut replies) = (Vec::new(), Vec::new());
        // Dropped when none of the keepers is looked at any more: that may run Python.
        let mut owners: Vec<Arc<Owner>> = Vec::new();
        for (_, keeper) in &keepers {
            match keeper {
                Keeper::Handle(handle) => {
                    // SAFETY: alive, because it has not taken itself out.
                    owners.extend(unsafe { handle.as_ref() }.lose(py));
                }
                // SAFETY: as above.
                Keeper::View(view) => views.push(unsafe { view.as_ref() }),
                // SAFETY: as above.
                Keeper::Reply(reply) => replies.push(unsafe { reply.as_ref() }.lose(py)),
            }
        }
        shake::point_with_gil(py);
        drop(replies);
        owners.extend(self.views(py, &views, &owners));
        keepers.len()
    }

    /// Structures that show a copy go on to show it, without what it refers to. Others
    /// give up what they show.
    fn views(&self, py: Python<'_>, views: &[&View], lost: &[Arc<Owner>]) -> Vec<Arc<Owner>> {
        let mut given_up = Vec::new();
        let mut users: HashMap<*const Owner, usize> = HashMap::new();
        for owner in lost {
            *users.entry(Arc::as_ptr(owner)).or_default() += 1;
        }
        let shown: Vec<_> = views.iter().filter_map(|view| view.forget(py)).collect();
        for owner in &shown {
            *users.entry(Arc::as_ptr(owner)).or_default() += 1;
        }
        for (view, owner) in views.iter().zip(shown) {
            if !owner.is_copy() {
                given_up.push(owner);
                continue;
            }
            // Others than those counted are requests, which use the copy still.
            if users[&Arc::as_ptr(&owner)] == Arc::strong_count(&owner) {
                given_up.extend(owner.strip());
            }
            view.show(py, owner);
        }
        given_up
    }
}
