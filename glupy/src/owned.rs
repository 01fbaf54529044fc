//! Arguments that outlive their C call.

use crate::action::{self, Action};
use crate::fop::{Kind, MAX_ARGS, Param, Word};
use crate::gf;
use crate::handle::{CPtr, Raw, Release};
use crate::marshal::class_of;
use crate::stack;

/// Words that own what they point to, each as its kind is owned: references for
/// inodes and the like, copies for values and strings.
pub struct OwnedWords {
    words: [Word; MAX_ARGS],
    params: &'static [Param],
    xl: CPtr<gf::xlator_t>,
}

impl OwnedWords {
    /// Takes a reference or a copy of each pointer among the words.
    ///
    /// # Safety
    /// The words are live arguments described by `params`; `xl` is a live
    /// translator.
    pub unsafe fn new(
        params: &'static [Param],
        words: &[Word; MAX_ARGS],
        xl: *mut gf::xlator_t,
    ) -> OwnedWords {
        let mut owned = OwnedWords {
            words: *words,
            params,
            xl: CPtr(xl),
        };
        for (i, param) in params.iter().enumerate() {
            if words[i].is_null() {
                continue;
            }
            owned.words[i] = match param.kind {
                // SAFETY: by contract a live C string.
                Kind::Str => Word::from(unsafe { libc::strdup(words[i].get()) }),
                // SAFETY: by contract a live checksum.
                Kind::Checksum => Word::from(unsafe { copy_bytes(words[i].get(), CHECKSUM_SIZE) }),
                kind => match class_of(kind) {
                    None => words[i],
                    Some(class) => {
                        let raw = raw_of(param, i, words);
                        // SAFETY: by contract live and of its kind; THIS is set.
                        let raw = stack::with_this(xl, || unsafe { (class.own)(raw) });
                        Word::from(raw.expect("out of memory").ptr)
                    }
                },
            };
        }
        owned
    }

    /// The words.
    pub fn words(&self) -> [Word; MAX_ARGS] {
        self.words
    }
}

impl Drop for OwnedWords {
    fn drop(&mut self) {
        // SAFETY: only asks whether this thread holds the GIL.
        let attached = unsafe { pyo3::ffi::PyGILState_Check() } == 1;
        for (i, param) in self.params.iter().enumerate() {
            let word = self.words[i];
            if word.is_null() {
                continue;
            }
            match param.kind {
                // SAFETY: made by strdup or malloc in `new`.
                Kind::Str | Kind::Checksum => unsafe { libc::free(word.get()) },
                kind => {
                    if let Some(class) = class_of(kind) {
                        let release = Release {
                            class,
                            raw: raw_of(param, i, &self.words),
                            xl: self.xl,
                        };
                        if attached {
                            action::submit(Action::Release(release));
                        } else {
                            release.run();
                        }
                    }
                }
            }
        }
    }
}

/// Bytes of a strong checksum (SHA-256, or zero-padded MD5).
pub const CHECKSUM_SIZE: usize = 32;

unsafe fn copy_bytes(from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller gives `len` readable bytes.
    unsafe {
        let copy: *mut u8 = libc::malloc(len).cast();
        assert!(!copy.is_null(), "out of memory");
        copy.copy_from_nonoverlapping(from, len);
        copy
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
