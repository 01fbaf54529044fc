//! The C arguments of a request, or the values of an answer, between whoever has them and
//! whoever hands them over.

use crate::fop::{MAX_ARGS, Word};
use crate::handle::CPtr;

/// Words, by their place: where a trampoline has them, or a `Hold`. An answer that is passed
/// on as it came moves no arguments.
#[derive(Clone, Copy)]
pub struct Words(CPtr<Word>);

impl Words {
    /// NULL and zero for every one.
    pub const NOTHING: Words = {
        static NOTHING: [Word; MAX_ARGS] = [Word::NULL; MAX_ARGS];
        Words(CPtr(NOTHING.as_ptr().cast_mut()))
    };

    /// These, where they are.
    pub fn at(words: &[Word]) -> Words {
        Words(CPtr(words.as_ptr().cast_mut()))
    }

    /// Whether they are the very same ones.
    pub fn is(self, other: Words) -> bool {
        std::ptr::eq(self.0.0, other.0.0)
    }

    /// As many of them as the fop has.
    ///
    /// # Safety
    /// There are as many, and they stay for as long as they are used.
    pub unsafe fn get<'a>(self, count: usize) -> &'a [Word] {
        // SAFETY: by contract.
        unsafe { std::slice::from_raw_parts(self.0.0, count) }
    }
}
