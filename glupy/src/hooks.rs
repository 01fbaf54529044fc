//! What GlusterFS tells a translator beside fops: the generated trampolines of
//! `struct xlator_cbks` call [`now`] or [`late`].
//!
//! A callback that comes with a lock held must not wait for the GIL: whoever has the
//! GIL may be waiting for that lock. Those of `late` may come so, and their object's
//! reference count is 0: Python hears of them later, on Glupy's own thread.

use std::ffi::{CStr, CString};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::call::Call;
use crate::compat;
use crate::contexts::Holder;
use crate::convert;
use crate::fop::{Kind, Param, Word};
use crate::gf;
use crate::gil;
use crate::handle;
use crate::here::Here;
use crate::instance::Instance;
use crate::marshal;
use crate::work;

/// A callback.
pub struct Hook {
    /// The name of its slot, and of the method.
    pub name: &'static str,
    /// Its arguments after `this`.
    pub args: &'static [Param],
    /// Whether Python hears of it later, when the object is gone.
    pub late: bool,
    /// Puts the trampoline into its slot.
    pub install: fn(&mut gf::xlator_cbks),
}

impl Hook {
    /// Whether something has to be done even if Python does not want to know.
    pub fn frees_context(&self) -> bool {
        self.late && matches!(self.args, [param] if matches!(param.kind, Kind::Inode | Kind::Fd))
    }
}

/// Calls Python's method while C waits.
///
/// # Safety
/// Called by the trampoline of `hook` with what GlusterFS gave it.
pub unsafe fn now(hook: &'static Hook, this: *mut gf::xlator_t, words: &[Word]) {
    // SAFETY: the slot is set only in the table of a translator of ours.
    let instance = unsafe { Instance::of(this) };
    let here = Here::now();
    let call = Call::begin(here);
    instance.guard_at(hook.name, here, || {
        gil::attach_at(here, |py| {
            let _inside = instance.volume.inside(py);
            let mut objects = Vec::new();
            // SAFETY: alive until the callback returns, and settled before.
            let made = unsafe {
                marshal::to_python(py, hook.args, words, instance, call.loan(), |object| {
                    objects.push(object)
                })
            };
            let called = made.map(|()| {
                let arguments = objects.iter().map(|object| object.clone_ref(py));
                PyTuple::new(py, arguments).map(|arguments| {
                    instance.call_method(py, hook.name, arguments);
                })
            });
            for (object, param) in objects.into_iter().zip(hook.args) {
                if marshal::is_handle(param.kind) && !object.is_none(py) {
                    handle::settle(object.into_bound(py));
                }
            }
            call.end(py);
            called?
        })
    });
}

/// Keeps what is left of the object, for Python to be told later.
///
/// # Safety
/// Called by the trampoline of `hook` with what GlusterFS gave it.
pub unsafe fn late(hook: &'static Hook, this: *mut gf::xlator_t, words: &[Word]) {
    // SAFETY: as in `now`.
    let instance = unsafe { Instance::of(this) };
    // SAFETY: by contract the words are what `args` says.
    let Some(left) = (unsafe { Left::of(hook.args[0].kind, words[0], this) }) else {
        return;
    };
    work::post(move |py| instance.guard(hook.name, |_| left.tell(py, instance, hook.name)));
}

/// What is left of an object that GlusterFS has freed.
enum Left {
    Inode {
        gfid: gf::uuid_t,
        context: u64,
    },
    Fd {
        gfid: gf::uuid_t,
        flags: i32,
        context: u64,
    },
    Client {
        uid: CString,
    },
}

impl Left {
    /// None for an object with which this translator keeps nothing.
    ///
    /// # Safety
    /// The word is an object of that kind in its last callback.
    unsafe fn of(kind: Kind, word: Word, xl: *mut gf::xlator_t) -> Option<Left> {
        // SAFETY: by contract; no reference is taken, and none of this waits for
        // anything but the object's own lock, which nobody else has any more.
        unsafe {
            match kind {
                Kind::Inode => {
                    let inode: *mut gf::inode_t = word.get();
                    let context = Holder::Inode(inode).number(xl);
                    let gfid = (*inode).gfid;
                    (context != 0).then_some(Left::Inode { gfid, context })
                }
                Kind::Fd => {
                    let fd: *mut gf::fd_t = word.get();
                    let context = Holder::Fd(fd).number(xl);
                    let inode = (*fd).inode.as_ref();
                    let gfid = inode.map_or([0; 16], |inode| inode.gfid);
                    let flags = (*fd).flags;
                    (context != 0).then_some(Left::Fd {
                        gfid,
                        flags,
                        context,
                    })
                }
                _ => {
                    let client: *mut gf::client_t = word.get();
                    let uid = compat::client_uid(client);
                    (!uid.is_null()).then(|| Left::Client {
                        uid: CStr::from_ptr(uid).to_owned(),
                    })
                }
            }
        }
    }

    /// Calls the translator's method, if it has one, and lets go of the context.
    fn tell(&self, py: Python<'_>, instance: &'static Instance, name: &str) -> PyResult<()> {
        let context = match self {
            Left::Inode { context, .. } | Left::Fd { context, .. } => {
                instance.contexts.remove(py, *context)
            }
            Left::Client { .. } => None,
        };
        if instance.method(name).is_none() {
            return Ok(());
        }
        let arguments = match self {
            Left::Inode { gfid, .. } => (convert::gfid(gfid), context).into_pyobject(py)?,
            Left::Fd { gfid, flags, .. } => {
                (convert::gfid(gfid), flags, context).into_pyobject(py)?
            }
            Left::Client { uid } => {
                // SAFETY: a live C string.
                let uid = unsafe { marshal::decode(py, uid.as_ptr()) }?;
                (uid,).into_pyobject(py)?
            }
        };
        instance.call_method(py, name, arguments);
        Ok(())
    }
}
