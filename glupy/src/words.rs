//! The C arguments of a request, or the values of an answer, between whoever has them and
//! whoever hands them over.

use crate::fop::{MAX_ARGS, Word};
use crate::handle::CPtr;

/// Words, by their place: an answer that is passed on as it came moves no arguments.
pub enum Words {
    /// Where a trampoline, or what the action holds, has them.
    At(CPtr<Word>),
    /// Made for this action.
    Own(Box<[Word; MAX_ARGS]>),
}

impl Words {
    /// NULL and zero for every one.
    pub const NOTHING: Words = {
        static NOTHING: [Word; MAX_ARGS] = [Word::NULL; MAX_ARGS];
        Words::At(CPtr(NOTHING.as_ptr().cast_mut()))
    };

    /// As many of them as the fop has.
    ///
    /// # Safety
    /// There are as many, and they stay.
    pub unsafe fn get(&self, count: usize) -> &[Word] {
        match self {
            // SAFETY: by contract.
            Words::At(place) => unsafe { place.words(count) },
            Words::Own(words) => &words[..count],
        }
    }
}

impl From<[Word; MAX_ARGS]> for Words {
    fn from(words: [Word; MAX_ARGS]) -> Words {
        Words::Own(Box::new(words))
    }
}

impl CPtr<Word> {
    /// Where a slice stands.
    pub fn to(words: &[Word]) -> CPtr<Word> {
        CPtr(words.as_ptr().cast_mut())
    }

    /// What stands there.
    ///
    /// # Safety
    /// There are so many words, and they stay for as long as they are used.
    pub unsafe fn words<'a>(self, count: usize) -> &'a [Word] {
        // SAFETY: by contract.
        unsafe { std::slice::from_raw_parts(self.0, count) }
    }
}
