//! What is in a dict: its members are walked, put in and copied.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::slice;
use std::sync::atomic::{AtomicI64, Ordering};

use smallvec::SmallVec;

use super::keys;
use crate::gf;
use crate::gil::Locked;
use crate::stack;

/// A name and a value.
pub type Member = (*mut libc::c_char, *mut gf::data_t);

/// Calls `f` with the members of a dict, which stay as they are for so long.
///
/// # Safety
/// The dict is alive; `f` uses no function of GlusterFS's on it.
pub unsafe fn with<R>(dict: *mut gf::dict_t, f: impl FnOnce(&[Member]) -> R) -> R {
    unsafe extern "C" fn collect(
        _dict: *mut gf::dict_t,
        key: *mut libc::c_char,
        value: *mut gf::data_t,
        into: *mut c_void,
    ) -> i32 {
        // SAFETY: the vector below, which nobody else uses meanwhile.
        unsafe { (*into.cast::<SmallVec<[Member; 16]>>()).push((key, value)) };
        0
    }
    let mut members: SmallVec<[Member; 16]> = SmallVec::new();
    // SAFETY: dict_foreach takes no lock itself, and the dict's lock is a leaf that nobody
    // holds while waiting for the GIL.
    unsafe {
        stack::with_dict_lock(dict, || {
            gf::dict_foreach(dict, Some(collect), (&raw mut members).cast());
            f(&members)
        })
    }
}

/// The bytes of all its names, each with its NUL.
///
/// # Safety
/// The dict is alive.
pub unsafe fn names_size(dict: *mut gf::dict_t) -> usize {
    // SAFETY: live members.
    let size = |(key, _): &Member| unsafe { libc::strlen(*key) } + 1;
    // SAFETY: by contract.
    unsafe { with(dict, |members| members.iter().map(size).sum()) }
}

/// The bytes of a value, if there is one of that name.
///
/// # Safety
/// The dict is alive.
pub unsafe fn value_size(dict: *mut gf::dict_t, key: &CStr) -> Option<usize> {
    let mut data: *mut gf::data_t = std::ptr::null_mut();
    // SAFETY: by contract; on success `data` is referenced until data_unref.
    unsafe {
        let found = gf::dict_get_with_ref(dict, key.as_ptr().cast_mut(), &raw mut data);
        if found != 0 || data.is_null() {
            return None;
        }
        let size = (*data).len;
        gf::data_unref(data);
        Some(usize::try_from(size).unwrap_or(0))
    }
}

/// What is wrong with the values of an answer's dict under keys of GlusterFS's own, but for those
/// that a child's answer has, too.
///
/// # Safety
/// The dict is alive, and so is the child's, or NULL.
pub unsafe fn misfit(dict: *mut gf::dict_t, came: *mut gf::dict_t) -> Option<String> {
    // SAFETY: live members; data has `len` bytes.
    let bytes = |data: *mut gf::data_t| unsafe {
        let len = usize::try_from((*data).len).unwrap_or(0);
        match (*data).data {
            data if len > 0 && !data.is_null() => slice::from_raw_parts(data.cast::<u8>(), len),
            _ => &[][..],
        }
    };
    let mut wrong: Vec<(CString, Vec<u8>, String)> = Vec::new();
    let mut look = |members: &[Member]| {
        for (name, data) in members {
            // SAFETY: names of members are strings.
            let name = unsafe { CStr::from_ptr(*name) };
            if let Some(why) = keys::misfit(name, bytes(*data)) {
                wrong.push((name.to_owned(), bytes(*data).to_vec(), why));
            }
        }
    };
    // SAFETY: by contract.
    unsafe { with(dict, &mut look) };
    if !wrong.is_empty() && !came.is_null() {
        let mut leave = |members: &[Member]| {
            // SAFETY: as above.
            let is = |(name, data): &Member, (this, value): (&CString, &Vec<u8>)| unsafe {
                CStr::from_ptr(*name) == this.as_c_str() && bytes(*data) == value.as_slice()
            };
            wrong.retain(|(name, value, _)| !members.iter().any(|each| is(each, (name, value))));
        };
        // SAFETY: by contract.
        unsafe { with(came, &mut leave) };
    }
    wrong.into_iter().next().map(|(_, _, why)| why)
}

/// A reference on the dict, if all values are its own. Some are not (`is_static`): FUSE's
/// `gfid-req` lies in FUSE's request, and goes with that. Then it is a copy in which they
/// are; the dict is left as it is, since whoever put a value in may change it in its place.
/// None without memory.
///
/// # Safety
/// The dict is alive, and so are the values.
pub unsafe fn own(dict: *mut gf::dict_t) -> Option<*mut gf::dict_t> {
    let is_borrowed = |members: &[Member]| {
        // SAFETY: live members.
        let is_borrowed = |(_, data): &Member| unsafe { (**data).is_static };
        members.iter().any(is_borrowed)
    };
    // SAFETY: by contract.
    unsafe {
        if with(dict, is_borrowed) {
            return copy(dict);
        }
        let dict = gf::dict_ref(dict);
        (!dict.is_null()).then_some(dict)
    }
}

/// A dict of its own with the same members; values that are nobody's for ever are copied.
/// None without memory.
///
/// # Safety
/// As for [`own`].
pub unsafe fn copy(dict: *mut gf::dict_t) -> Option<*mut gf::dict_t> {
    // SAFETY: by contract; the new dict is nobody else's yet.
    unsafe {
        let copy = gf::dict_new();
        if copy.is_null() {
            return None;
        }
        let own = Own(copy, PhantomData);
        // The last one comes first: so it was put in.
        let all = with(dict, |members| {
            members.iter().rev().try_for_each(|(key, data)| {
                let Kept::Value(value) = keep(*data)? else {
                    return Some(());
                };
                own.add(CStr::from_ptr(*key), &value)
            })
        });
        if all.is_none() {
            gf::dict_unref(copy);
        }
        all.map(|()| copy)
    }
}

/// A dict that nobody else has: what it holds may be changed.
pub struct Own<'a>(*mut gf::dict_t, PhantomData<Locked<'a>>);

impl Own<'_> {
    /// The dict, if there is one reference on it, for as long as nobody else gets one: they
    /// are taken with the GIL.
    ///
    /// # Safety
    /// The dict is alive, and the reference that of the caller, who alone uses it.
    pub unsafe fn sole(dict: *mut gf::dict_t, _locked: Locked<'_>) -> Option<Own<'_>> {
        // SAFETY: by contract; a counter of GlusterFS's (gf.rs).
        let count = unsafe { AtomicI64::from_ptr((&raw mut (*dict).refcount).cast()) };
        (count.load(Ordering::Acquire) == 1).then_some(Own(dict, PhantomData))
    }

    /// Puts a value in, in the place of another one of the name. None without memory.
    pub fn set(&self, key: &CStr, value: &Held) -> Option<()> {
        self.insert(gf::dict_setn, key, value)
    }

    /// The same for a name that the dict does not have. A dict looks through all its names to
    /// find one, which this does not.
    pub fn add(&self, key: &CStr, value: &Held) -> Option<()> {
        self.insert(gf::dict_addn, key, value)
    }

    fn insert(&self, how: Put, key: &CStr, value: &Held) -> Option<()> {
        let len = key.to_bytes().len() as libc::c_int;
        // SAFETY: a live dict, and a live value, of which the dict takes a reference.
        (unsafe { how(self.0, key.as_ptr().cast_mut(), len, value.0) } >= 0).then_some(())
    }

    /// Takes a name out, if it is there.
    pub fn remove(&self, key: &CStr) {
        let len = key.to_bytes().len() as libc::c_int;
        // SAFETY: a live dict and a key of that length.
        unsafe { gf::dict_deln(self.0, key.as_ptr().cast_mut(), len) };
    }

    /// Its names.
    pub fn names(&self) -> HashSet<CString> {
        // SAFETY: a live dict with live members.
        unsafe {
            with(self.0, |members| {
                let name = |(key, _): &Member| CStr::from_ptr(*key).to_owned();
                members.iter().map(name).collect()
            })
        }
    }
}

type Put =
    unsafe extern "C" fn(*mut gf::dict_t, *mut libc::c_char, libc::c_int, *mut gf::data_t) -> i32;

/// A value, with a reference.
pub struct Held(*mut gf::data_t);

// SAFETY: values count their references with atomics, and do not change.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Held {
    /// The value.
    pub fn get(&self) -> &gf::data_t {
        // SAFETY: alive because of the reference.
        unsafe { &*self.0 }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: a reference of ours.
        unsafe { gf::data_unref(self.0) };
    }
}

/// What becomes of a value that is to be kept.
pub enum Kept {
    /// It, or a copy of it.
    Value(Held),
    /// An address in the memory of others, of nobody knows how many bytes
    /// (`dict_set_static_ptr`): no one can keep that.
    Lost,
}

/// Keeps a value; None without memory.
///
/// # Safety
/// The value is alive.
pub unsafe fn keep(data: *mut gf::data_t) -> Option<Kept> {
    // SAFETY: by contract `len` bytes belong to the value.
    unsafe {
        let value = &*data;
        if !value.is_static {
            return Some(Kept::Value(Held(gf::data_ref(data))));
        }
        let len = usize::try_from(value.len).unwrap_or(0);
        if len == 0 && value.data_type == gf::GF_DATA_TYPE_PTR && !value.data.is_null() {
            return Some(Kept::Lost);
        }
        let bytes = match value.data.is_null() {
            true => &[][..],
            false => std::slice::from_raw_parts(value.data.cast::<u8>(), len),
        };
        new_value(value.data_type, bytes).map(Kept::Value)
    }
}

/// A value with these bytes; None without memory, or when they are too many.
pub fn new_value(kind: u32, bytes: &[u8]) -> Option<Held> {
    let len = i32::try_from(bytes.len()).ok()?;
    // SAFETY: the memory is GlusterFS's, as what a dict owns must be, with a NUL behind the
    // bytes for who reads them as a string; it becomes the value's.
    unsafe {
        let name = c"gf_common_mt_char".as_ptr();
        let memory: *mut u8 = gf::__gf_malloc(bytes.len() + 1, gf::gf_common_mt_char, name).cast();
        if memory.is_null() {
            return None;
        }
        memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        memory.add(bytes.len()).write(0);
        let data = gf::data_from_dynptr(memory.cast(), len);
        if data.is_null() {
            gf::__gf_free(memory.cast());
            return None;
        }
        (*data).data_type = kind;
        Some(Held(gf::data_ref(data)))
    }
}
