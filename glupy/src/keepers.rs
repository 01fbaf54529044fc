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
use crate::handle::{Handle, Owner, Shown};
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

    /// Releases all of them, but for what a request still uses; how many there were. From
    /// the volume's being gone on, handles and replies do not register themselves any more.
    ///
    /// To drop something may run Python, on this thread and others, which may free keepers.
    /// So whatever they keep is only moved while they are looked at, and is dropped when none
    /// of them is known here any more.
    pub fn let_go(&self, py: Python<'_>) -> usize {
        let before = self.len();
        // First what may share an owner with a structure, which is seen by its count.
        let replies = self.take(py, |keeper| match keeper {
            // SAFETY: alive, because it has not taken itself out.
            Keeper::Reply(reply) => Some(unsafe { reply.as_ref() }.lose(py)),
            _ => None,
        });
        shake::point_with_gil(py);
        drop(replies);
        let mut views = Vec::new();
        let handles = self.take(py, |keeper| match keeper {
            // SAFETY: as above.
            Keeper::Handle(handle) => Some(unsafe { handle.as_ref() }.lose(py)),
            Keeper::View(view) => {
                // SAFETY: as above.
                let view = unsafe { view.as_ref() };
                views.push((view, view.forget(py)));
                Some(None)
            }
            Keeper::Reply(_) => None,
        });
        let handles: Vec<_> = handles.into_iter().flatten().collect();
        let given_up = Keepers::settle(py, views, &handles);
        drop((handles, given_up));
        before
    }

    /// Takes those out for which there is something that they have lost.
    fn take<R>(&self, py: Python<'_>, mut lose: impl FnMut(Keeper) -> Option<R>) -> Vec<R> {
        let mut lost = Vec::with_capacity(self.len());
        // SAFETY: `lose` moves what a keeper has, and drops nothing: no Python runs.
        unsafe {
            self.all.with(py, |all| {
                all.retain(|_, keeper| {
                    let found = lose(*keeper);
                    let stays = found.is_none();
                    lost.extend(found);
                    stays
                });
            });
        }
        self.count.fetch_sub(lost.len(), Ordering::Relaxed);
        lost
    }

    /// Structures that show a copy go on to show it, without what it refers to. Others
    /// have given up what they show. What is to be dropped when no view is known any more.
    fn settle(
        py: Python<'_>,
        views: Vec<(&View, Option<Shown>)>,
        lost: &[Arc<Owner>],
    ) -> (Vec<Shown>, Vec<Arc<Owner>>) {
        let (mut given_up, mut stripped) = (Vec::new(), Vec::new());
        let mut users: HashMap<*const Owner, usize> = HashMap::new();
        let shown = views.iter().filter_map(|(_, owner)| owner.as_deref());
        for owner in lost.iter().chain(shown) {
            *users.entry(Arc::as_ptr(owner)).or_default() += 1;
        }
        for (view, owner) in views {
            let Some(owner) = owner else { continue };
            if !owner.is_copy() {
                given_up.push(owner);
                continue;
            }
            // Others than those counted are requests, which use the copy still.
            if users[&Arc::as_ptr(&owner)] == Arc::strong_count(&owner) {
                stripped.extend(owner.strip());
            }
            view.show(py, owner);
        }
        (given_up, stripped)
    }
}
