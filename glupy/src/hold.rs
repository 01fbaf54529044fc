//! What keeps the words of an action valid until it has been carried out.

use std::sync::Arc;

use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::fop::{MAX_ARGS, Param, Word};
use crate::gf;
use crate::gil;
use crate::handle::Owner;
use crate::here::Here;
use crate::owned::OwnedWords;
use crate::words::Words;

/// Nothing, when the words are as they came: they are borrowed from a call that is not over.
/// Hence the box; a thread uses its last one again.
#[derive(Default)]
pub struct Hold(Option<Box<Held>>);

/// What a [`Hold`] holds.
#[derive(Default)]
pub struct Held {
    /// The words themselves, when they were made for the action.
    words: [Word; MAX_ARGS],
    /// Python objects whose memory the words point to.
    objects: SmallVec<[Py<PyAny>; 2]>,
    /// C objects that the words point to.
    owners: SmallVec<[Arc<Owner>; 2]>,
    /// Whole sets of words, such as a request's own arguments.
    sets: SmallVec<[Arc<OwnedWords>; 1]>,
    /// Positions of pointers that Python has given, which the objects keep.
    given: u16,
    /// What another one holds, too.
    more: Option<Arc<Hold>>,
}

impl Hold {
    /// Holds a set of words, if there is one: what came is borrowed or a frame's own.
    pub fn of(words: Option<Arc<OwnedWords>>) -> Hold {
        let mut hold = Hold::default();
        if let Some(words) = words {
            hold.words(words);
        }
        hold
    }

    fn held(&mut self) -> &mut Held {
        let spare = || Here::now().take_spare().unwrap_or_default();
        self.0.get_or_insert_with(spare)
    }

    /// Lets go of it. The GIL is not held.
    #[inline]
    pub fn end(self) {
        if let Some(mut held) = self.0 {
            if held.objects.is_empty() && held.more.is_none() {
                held.clear();
            } else {
                gil::attach(|_| held.clear());
            }
            Here::now().keep_spare(held);
        }
    }

    /// Keeps the words themselves.
    pub fn store(&mut self, words: [Word; MAX_ARGS]) -> Words {
        let held = self.held();
        held.words = words;
        Words::at(&held.words)
    }

    /// Keeps a Python object.
    pub fn object(&mut self, object: Py<PyAny>) {
        self.held().objects.push(object);
    }

    /// Keeps a C object.
    pub fn owner(&mut self, owner: Arc<Owner>) {
        self.held().owners.push(owner);
    }

    /// Keeps a set of words; where they are.
    pub fn words(&mut self, words: Arc<OwnedWords>) -> Words {
        let place = Words::at(words.words());
        self.held().sets.push(words);
        place
    }

    /// Takes references and copies of what words point to, and keeps them.
    ///
    /// # Safety
    /// As for [`OwnedWords::new`].
    pub unsafe fn own(
        &mut self,
        params: &'static [Param],
        words: Words,
        xl: *mut gf::xlator_t,
    ) -> Words {
        // SAFETY: by contract.
        let owned = unsafe {
            let words = words.get(params.len());
            OwnedWords::new(params, words, xl, self.given())
        };
        self.words(Arc::new(owned))
    }

    /// Says that Python has given the pointer at a position, which an object keeps.
    pub fn set_given(&mut self, i: usize) {
        self.held().given |= 1 << i;
    }

    /// Positions of pointers that Python has given.
    pub fn given(&self) -> u16 {
        let (mut given, mut held) = (0, self.0.as_deref());
        while let Some(one) = held {
            given |= one.given;
            held = one.more.as_ref().and_then(|more| more.0.as_deref());
        }
        given
    }

    /// Keeps what another one holds.
    pub fn more(&mut self, more: Arc<Hold>) {
        self.held().more = Some(more);
    }
}

impl Held {
    /// For another action: each field is named, so that none is forgotten.
    fn clear(&mut self) {
        let Held {
            words: _, // those that count are stored, all at once
            objects,
            owners,
            sets,
            given,
            more: _, // below
        } = self;
        objects.clear();
        owners.clear();
        sets.clear();
        *given = 0;
        self.drop_more();
    }

    /// One after the other: of a reply that was made from another one, which was made from
    /// another one, there may be as many as an author likes.
    fn drop_more(&mut self) {
        let mut more = self.more.take();
        while let Some(mut last) = more.and_then(Arc::into_inner) {
            more = last.0.as_mut().and_then(|held| held.more.take());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.drop_more();
    }
}
