//! Changes of a dict. GlusterFS walks through dicts without their lock, so that nobody may
//! change one that others have: a handle changes a dict that it alone has. If others have it,
//! too, a request, an answer, who has lent it or has kept a reference, the handle goes on with
//! a copy; a request that it stands for follows it (`frame/dicts.rs`).

use std::sync::Arc;

use pyo3::prelude::*;

use super::members::{self, Own};
use super::{Dict, no_memory, pointer};
use crate::frame::Frame;
use crate::gil;
use crate::handle::{HandleClass, Owner, Raw, base};
use crate::instance;

/// Changes the dict, which the handle has alone from then on, until that is handed on.
///
/// # Errors
/// `ReferenceError` when it is gone, `MemoryError`.
pub fn change<R: Send>(slf: &Bound<'_, Dict>, f: impl FnOnce(&Own<'_>) -> R + Send) -> PyResult<R> {
    let (py, handle) = (slf.py(), base(slf));
    let mut f = Some(f);
    loop {
        // Nobody comes in between, who might hand it on.
        let changed = gil::locked(py, |locked| {
            let owned = handle.owned_alone(locked)?;
            // SAFETY: an owned dict is alive.
            let own = unsafe { Own::sole(owned.ptr.cast(), locked) }?;
            f.take().map(|f| f(&own))
        });
        if let Some(changed) = changed {
            return Ok(changed);
        }
        let copy = copied(slf)?;
        Frame::follow(slf.as_any());
        handle.set_owner(py, copy);
    }
}

/// A copy of the dict that is nobody else's.
///
/// # Errors
/// As for [`change`].
pub fn copied(slf: &Bound<'_, Dict>) -> PyResult<Arc<Owner>> {
    let (py, dict) = (slf.py(), pointer(slf)?);
    let instance = base(slf).instance(py);
    if let Some(instance) = instance {
        instance.volume.check(py, Dict::class().name)?;
    }
    // SAFETY: a live dict; the new one comes with a reference for us.
    unsafe {
        let copy = instance::within(instance, || members::copy(dict)).ok_or_else(no_memory)?;
        Ok(Owner::adopt(Dict::class(), Raw::new(copy), instance))
    }
}
