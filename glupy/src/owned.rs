//! Arguments that outlive their C call.

use std::ffi::c_void;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::fop::{self, Kind, MAX_ARGS, Param, Word};
use crate::gf;
use crate::handle::{CPtr, Owner, Raw};
use crate::marshal::class_of;

/// Words that own what they point to, each as its kind is owned: references for
/// inodes and the like, copies for values and strings.
pub struct OwnedWords {
    words: [Word; MAX_ARGS],
    /// Strings, checksums and structures, from malloc.
    memory: SmallVec<[CPtr<c_void>; 2]>,
    /// Everything else, by position.
    owners: SmallVec<[(usize, Arc<Owner>); 4]>,
}

impl OwnedWords {
    /// Takes a reference or a copy of each pointer among the words. What nobody knows how
    /// to keep is lost, but for the positions in `given`, which Python has given and keeps.
    ///
    /// # Safety
    /// The words are live arguments described by `params`; `xl` is a live
    /// translator.
    pub unsafe fn new(
        params: &'static [Param],
        words: &[Word],
        xl: *mut gf::xlator_t,
        given: u16,
    ) -> OwnedWords {
        let mut owned = OwnedWords {
            words: fop::padded(&words[..params.len()]),
            memory: SmallVec::new(),
            owners: SmallVec::new(),
        };
        for (i, param) in params.iter().enumerate() {
            if words[i].is_null() {
                continue;
            }
            owned.words[i] = match param.kind {
                // SAFETY: by contract a live C string.
                Kind::Str => owned.keep(unsafe { libc::strdup(words[i].get()) }.cast()),
                // SAFETY: by contract a live checksum.
                Kind::Checksum => owned.keep(unsafe { copy_bytes(words[i].get(), CHECKSUM_SIZE) }),
                // SAFETY: by contract a live structure of that size.
                Kind::Struct => owned.keep(unsafe { copy_bytes(words[i].get(), param.size) }),
                Kind::Pointer if given & (1 << i) != 0 => words[i],
                Kind::Pointer => Word::LOST,
                kind => match class_of(kind) {
                    None => words[i],
                    Some(class) => {
                        // SAFETY: by contract live and of its kind.
                        let owner = unsafe { Owner::of(class, raw_of(param, i, words), xl) };
                        let word = Word::from(owner.raw().ptr);
                        owned.owners.push((i, owner));
                        word
                    }
                },
            };
        }
        owned
    }

    /// What owns the object at a position; None for what no handle stands for.
    pub fn owner(&self, i: usize) -> Option<&Arc<Owner>> {
        let owners = &mut self.owners.iter();
        owners.find_map(|(at, owner)| (*at == i).then_some(owner))
    }

    fn keep(&mut self, memory: *mut c_void) -> Word {
        assert!(!memory.is_null(), "out of memory");
        self.memory.push(CPtr(memory));
        Word::from(memory)
    }

    /// The words.
    pub fn words(&self) -> &[Word; MAX_ARGS] {
        &self.words
    }
}

impl Drop for OwnedWords {
    fn drop(&mut self) {
        for memory in &self.memory {
            // SAFETY: made by strdup or malloc in `new`.
            unsafe { libc::free(memory.0) }
        }
    }
}

/// Bytes of a strong checksum (SHA-256, or zero-padded MD5).
pub const CHECKSUM_SIZE: usize = 32;

unsafe fn copy_bytes(from: *const u8, len: usize) -> *mut c_void {
    // SAFETY: the caller gives `len` readable bytes.
    unsafe {
        let copy: *mut u8 = libc::malloc(len).cast();
        if !copy.is_null() {
            copy.copy_from_nonoverlapping(from, len);
        }
        copy.cast()
    }
}

/// A pointer argument with, for an iovec, what its siblings say of it.
pub fn raw_of(param: &Param, i: usize, words: &[Word]) -> Raw {
    let mut raw = Raw::new(words[i].pointer());
    if let Some(vector) = param.vector {
        raw.len = words[vector.length].get();
        raw.iobref = vector
            .owner
            .map_or(std::ptr::null_mut(), |owner| words[owner].get());
    }
    raw
}
