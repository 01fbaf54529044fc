//! `Reply`: an answer as a coroutine gets it, and gives it on. There is a class for each
//! fop, whose attributes have the names of C.

mod fields;

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};
use smallvec::SmallVec;

use crate::call::Lent;
use crate::convert;
use crate::fop::{Fop, Kind, MAX_ARGS, SLOTS, Word, padded};
use crate::frame::{self, errno, errno::Status};
use crate::gf;
use crate::gil::{self, Gil, GilCell};
use crate::handle::{self, Handle, Owner};
use crate::here::Here;
use crate::hold::Hold;
use crate::instance::Instance;
use crate::keepers::{Keeper, Place};
use crate::marshal::{self, Values};
use crate::owned::OwnedWords;
use crate::recycle::{Pool, Renewable};
use crate::shake;
use crate::words::Words;

pub use fields::install;

/// Values by their position.
type Seen = SmallVec<[(usize, Py<PyAny>); 4]>;

/// The answer to a fop.
#[pyclass(frozen, subclass, weakref, module = "gluster")]
pub struct Reply(Renewable<Answer>);

/// What a `Reply` stands for.
pub struct Answer {
    fop: &'static Fop,
    /// Whose values they are; None when Python has made it of none.
    instance: GilCell<Option<&'static Instance>>,
    /// Where it is registered as long as it owns something of a volume's.
    place: GilCell<Place>,
    op_ret: GilCell<i32>,
    op_errno: GilCell<i32>,
    words: GilCell<[Word; MAX_ARGS]>,
    /// What keeps the words valid; nothing while they are borrowed from a callback.
    hold: GilCell<Option<Arc<Hold>>>,
    /// Where the callback has them, as long as they are borrowed from it.
    borrowed: GilCell<Option<Lent>>,
    /// Whether a child has answered so.
    came: GilCell<bool>,
    /// Positions that may be NULL, because the child's answer had it so.
    nulls: GilCell<u32>,
    /// What Python has seen of the values.
    seen: GilCell<Seen>,
}

impl Deref for Reply {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        &self.0
    }
}

/// The class of each fop's replies, and replies that nobody holds.
static CLASSES: [OnceLock<Py<PyType>>; SLOTS + 1] = [const { OnceLock::new() }; SLOTS + 1];
static POOLS: [Pool<Reply>; SLOTS + 1] = [const { Pool::new(64) }; SLOTS + 1];

impl Answer {
    /// Success, with no values.
    fn new(fop: &'static Fop) -> Answer {
        Answer {
            fop,
            instance: GilCell::new(None),
            place: GilCell::new(Place::NONE),
            op_ret: GilCell::new(0),
            op_errno: GilCell::new(0),
            words: GilCell::new([Word::NULL; MAX_ARGS]),
            hold: GilCell::new(None),
            borrowed: GilCell::new(None),
            came: GilCell::new(false),
            nulls: GilCell::new(0),
            seen: GilCell::new(Seen::new()),
        }
    }

    /// `op_ret` and `op_errno`.
    pub fn status(&self, py: Python<'_>) -> Status {
        (self.op_ret.get(py), self.op_errno.get(py))
    }

    /// What keeps the values valid longer than the running step.
    fn hold(&self, py: Python<'_>) -> Hold {
        let mut hold = Hold::default();
        // SAFETY: counts an Arc up.
        if let Some(more) = unsafe { self.hold.with(py, |hold| hold.clone()) } {
            hold.more(more);
        }
        hold
    }

    /// Puts other values in.
    fn change(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let fop = self.fop;
        let function = format!("{}_reply_t", fop.name);
        let Some(changes) = changes else {
            return Ok(());
        };
        let others = changes.copy()?;
        let status = |name: &str| -> PyResult<Option<i32>> {
            let Some(value) = others.get_item(name)? else {
                return Ok(None);
            };
            others.del_item(name)?;
            convert::number(&value, "int32_t", || format!("{function}: {name}")).map(Some)
        };
        let (op_ret, op_errno) = (status("op_ret")?, status("op_errno")?);
        if self.instance.get(py).is_none() {
            let theirs = |(_, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
                value.cast::<Handle>().ok()?.get().instance(py)
            };
            self.instance.store(py, others.iter().find_map(theirs));
        }
        let (words, hold) = (self.words.get(py), self.hold(py));
        let mut values = Values::new(&function, fop.reply, words, hold);
        values.put_all(others.iter())?;
        let before = self.status(py);
        values.check_answer(op_ret.unwrap_or(before.0) < 0)?;
        let op_ret = match op_ret {
            None if !others.is_empty() && before.0 >= 0 => match values.op_ret(fop.op_ret) {
                Some(count) => count.try_into().map_err(|_| {
                    PyTypeError::new_err(format!("{function}: op_ret can not be {count}"))
                })?,
                None => before.0,
            },
            given => given.unwrap_or(before.0),
        };
        let op_errno = op_errno.unwrap_or_else(|| errno::unless_given(op_ret, Some(before)));
        errno::check(&function, (op_ret, op_errno), Some(before))?;
        self.words.store(py, values.words);
        self.hold.set(py, Some(Arc::new(values.hold)));
        self.op_ret.store(py, op_ret);
        self.op_errno.store(py, op_errno);
        self.came.store(py, false);
        Ok(())
    }
}

impl Reply {
    fn of(py: Python<'_>, answer: Answer) -> PyResult<Py<Reply>> {
        let object = loop {
            if let Some(unused) = POOLS[answer.fop.index].take(py) {
                break unused;
            }
            shake::point_with_gil(py);
            let class = CLASSES[answer.fop.index].get().expect("made by `install`");
            let new = class.bind(py).getattr("__new__")?;
            let made = new.call1((class,))?.cast_into::<Reply>()?.unbind();
            // The garbage collector shows the objects that it knows to who asks it.
            if gil::refcount(&made) == 1 {
                break made;
            }
        };
        // SAFETY: nobody else has it, and it is empty: made now, or settled.
        unsafe { object.get().0.renew(py, || answer) };
        Ok(object)
    }

    /// An answer that a callback has brought, borrowed until [`Reply::settle`].
    pub fn borrowed(
        py: Python<'_>,
        fop: &'static Fop,
        xl: *mut gf::xlator_t,
        op_ret: i32,
        op_errno: i32,
        values: &[Word],
        lent: Lent,
    ) -> PyResult<Py<Reply>> {
        let nulls = values.iter().enumerate().filter(|(_, word)| word.is_null());
        let nulls = nulls.fold(0, |mask, (i, _)| mask | 1 << i);
        // SAFETY: it came to a translator of ours.
        let instance = unsafe { Instance::of(xl) };
        let answer = Answer {
            instance: GilCell::new(Some(instance)),
            op_ret: GilCell::new(op_ret),
            op_errno: GilCell::new(op_errno),
            words: GilCell::new(padded(values)),
            borrowed: GilCell::new(Some(lent)),
            came: GilCell::new(true),
            nulls: GilCell::new(nulls),
            ..Answer::new(fop)
        };
        Reply::of(py, answer)
    }

    /// The callback is about to return: a reply that Python kept becomes its own owner,
    /// any other is used again.
    pub fn settle(object: Py<Reply>, py: Python<'_>) {
        let reply = object.get();
        if gil::refcount(&object) > 1 || gil::has_weak_references(&object) {
            reply.own(py);
            return;
        }
        reply.borrowed.store(py, None);
        reply.unregister(py);
        reply.release_seen(py);
        // The collector shows unused replies, too, to who asks it.
        reply.words.store(py, [Word::NULL; MAX_ARGS]);
        reply.hold.set(py, None);
        let index = reply.fop.index;
        let is_its = |class: &Py<PyType>| class.as_ptr().cast() == object.bind(py).get_type_ptr();
        if CLASSES[index].get().is_some_and(is_its) {
            POOLS[index].give(py, object);
        }
    }

    fn release_seen(&self, py: Python<'_>) {
        let fop = self.fop(py);
        for (i, object) in self.seen.take(py) {
            if marshal::is_handle(fop.reply[i].kind) && !object.is_none(py) {
                handle::settle(object.into_bound(py));
            }
        }
    }

    /// Makes what it has borrowed its own.
    fn own(&self, py: Python<'_>) {
        if !self.is_borrowed(py) {
            return;
        }
        let (fop, words) = (self.fop(py), self.words.get(py));
        let instance = self.instance.get(py).expect("what is borrowed came to one");
        if instance.volume.is_gone(py) {
            self.borrowed.store(py, None);
            self.release_seen(py);
            return;
        }
        // SAFETY: what is borrowed is alive until the callback returns, which `settle`
        // comes before.
        let owned = unsafe { OwnedWords::new(fop.reply, &words, instance.xl(), 0) };
        let owned = Arc::new(owned);
        let mut hold = Hold::default();
        hold.words(owned.clone());
        let words = *owned.words();
        let hold = Arc::new(hold);
        let _others = gil::locked(py, |locked| {
            if !self.is_borrowed(locked) {
                return Some(hold); // another thread was faster
            }
            self.words.store(locked, words);
            self.borrowed.store(locked, None);
            self.hold.replace(locked, Some(hold))
        });
        self.register(py);
        for (i, object) in self.seen.take(py) {
            if let Some(owner) = owned.owner(i) {
                self.own_seen(i, object.into_bound(py), owner);
            }
        }
    }

    /// Ends the borrow of a value's handle. A Dict that Python may change, or has changed,
    /// stays with the reply, which hands on what it has by then.
    fn own_seen(&self, i: usize, handle: Bound<'_, PyAny>, owner: &Arc<Owner>) {
        let py = handle.py();
        let is_dict = self.fop.reply[i].kind == Kind::Dict;
        // SAFETY: what has an owner is a handle's.
        let is_changed = is_dict && !unsafe { handle::erased(&handle) }.is_lent(py);
        let kept = match is_changed {
            true => Some(handle),
            false => handle::settle_with(handle, Some(owner)),
        };
        if let (Some(handle), true) = (kept, is_dict) {
            // SAFETY: `push` runs no Python.
            unsafe { self.seen.with(py, |seen| seen.push((i, handle.unbind()))) };
        }
    }

    fn register(&self, py: Python<'_>) {
        if let (Some(instance), Place::NONE) = (self.instance.get(py), self.place.get(py)) {
            let keeper = Keeper::Reply(NonNull::from(self));
            self.place
                .store(py, instance.volume.keepers.add(py, keeper));
        }
    }

    fn unregister(&self, py: Python<'_>) {
        let place = self.place.replace(py, Place::NONE);
        if let (Some(instance), true) = (self.instance.get(py), place != Place::NONE) {
            instance.volume.keepers.remove(py, place);
        }
    }

    /// The volume goes: what the reply owned, which it has no more.
    pub fn lose(&self, py: Python<'_>) -> Hold {
        let mut hold = Hold::default();
        if let Some(more) = self.hold.take(py) {
            hold.more(more);
        }
        self.place.store(py, Place::NONE);
        self.words.store(py, [Word::NULL; MAX_ARGS]);
        hold
    }

    /// Whether it has its values.
    ///
    /// # Errors
    /// `ReferenceError` when its volume has gone.
    pub fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self.instance.get(py) {
            // What a callback has brought is there until that returns.
            Some(instance) if !self.is_borrowed(py) => instance.volume.check(py, "Reply"),
            _ => Ok(()),
        }
    }

    /// The fop.
    pub fn fop(&self, _py: Python<'_>) -> &'static Fop {
        self.fop
    }

    /// The values for an answer that the running step asks for, and what keeps them.
    pub fn values(&self, py: Python<'_>, here: Here) -> (Words, Hold) {
        let covered = |lent: Lent| lent.loan.covers(py, here);
        if self.borrowed.get(py).is_some_and(|lent| !covered(lent)) {
            self.own(py); // what uses it may last longer than its callback
        }
        let mut hold = self.hold(py);
        let words = match self.borrowed.get(py).and_then(|lent| lent.words(py)) {
            Some(words) => words,
            None => hold.store(self.words.get(py)),
        };
        let params = self.fop.reply;
        // SAFETY: the words are there; what stands for a Dict is a handle, and no Python runs.
        unsafe {
            self.seen.with(py, |seen| {
                let is_dict = |(i, object): &&(usize, Py<PyAny>)| {
                    params[*i].kind == Kind::Dict && !object.is_none(py)
                };
                let dicts = seen.iter().filter(is_dict).map(|(i, object)| (*i, object));
                frame::follow(py, dicts, params.len(), words, hold)
            })
        }
    }

    fn is_borrowed(&self, gil: impl Gil) -> bool {
        self.borrowed.get(gil).is_some()
    }

    /// Whether a child has answered so.
    pub fn came(&self, py: Python<'_>) -> bool {
        self.came.get(py)
    }

    /// The values as a child has answered them; None when Python has given others.
    pub fn came_words(&self, py: Python<'_>) -> Option<[Word; MAX_ARGS]> {
        self.came.get(py).then(|| self.words.get(py))
    }

    /// Positions that may be NULL in an answer made of it.
    pub fn nulls(&self, py: Python<'_>) -> u32 {
        self.nulls.get(py)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if *self.0.get_mut().place.get_mut() != Place::NONE {
            // SAFETY: Python frees its objects with the GIL.
            self.unregister(unsafe { Python::assume_attached() });
        }
    }
}

/// Values that are given by position, under their names.
fn by_name<'py>(
    fop: &'static Fop,
    given: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    if given.is_empty() {
        return Ok(named.cloned());
    }
    let all = named.map_or_else(|| Ok(PyDict::new(given.py())), PyDictMethods::copy)?;
    let mut names = ["op_ret", "op_errno"]
        .into_iter()
        .chain(fop.reply.iter().map(|param| param.name));
    for value in given {
        let wrong = match names.next() {
            Some(name) if !all.contains(name)? => {
                all.set_item(name, value)?;
                continue;
            }
            Some(name) => format!("{name} is given twice"),
            None => format!("{} values at most", fop.reply.len() + 2),
        };
        return Err(PyTypeError::new_err(format!(
            "{}_reply_t: {wrong}",
            fop.name
        )));
    }
    Ok(Some(all))
}

#[pymethods]
impl Reply {
    /// An answer of one's own: `lookup_reply_t(op_ret=0, inode=..., buf=...)`, or by position, in
    /// the order of the callback: `lookup_reply_t(0, 0, inode, buf)`.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*given, **values))]
    fn new(
        cls: &Bound<'_, PyType>,
        given: &Bound<'_, PyTuple>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Reply> {
        let py = cls.py();
        let class = |fop: &&&'static Fop| {
            let class = CLASSES[fop.index].get();
            class.is_some_and(|class| class.is(cls))
        };
        let Some(fop) = crate::generated::fops::TABLE.iter().find(class) else {
            return Err(PyTypeError::new_err(
                "make a reply of a fop: lookup_reply_t(...)",
            ));
        };
        let values = by_name(fop, given, values)?;
        let answer = Answer::new(fop);
        answer.change(py, values.as_ref())?;
        Ok(Reply(Renewable::new(answer)))
    }

    /// The same answer with other values.
    #[pyo3(signature = (**changes))]
    fn replace(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<Py<Reply>> {
        self.own(py);
        self.check(py)?;
        let (words, hold) = self.values(py, Here::now());
        // SAFETY: `hold` keeps them.
        let words = padded(unsafe { words.get(self.fop.reply.len()) });
        let answer = Answer {
            instance: GilCell::new(self.instance.get(py)),
            op_ret: GilCell::new(self.op_ret.get(py)),
            op_errno: GilCell::new(self.op_errno.get(py)),
            words: GilCell::new(words),
            hold: GilCell::new(Some(Arc::new(hold))),
            came: GilCell::new(self.came.get(py)),
            nulls: GilCell::new(self.nulls.get(py)),
            ..Answer::new(self.fop)
        };
        answer.change(py, changes)?;
        let object = Reply::of(py, answer)?;
        object.get().register(py);
        Ok(object)
    }

    /// What the fop has answered: 0 or more for success, -1 for an error.
    #[getter]
    fn op_ret(&self, py: Python<'_>) -> i32 {
        self.op_ret.get(py)
    }

    /// The error, when `op_ret` is negative.
    #[getter]
    fn op_errno(&self, py: Python<'_>) -> i32 {
        self.op_errno.get(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (name, (op_ret, op_errno)) = (self.fop(py).name, self.status(py));
        format!("<{name}_reply_t op_ret={op_ret} op_errno={op_errno}>")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        unsafe {
            let py = Python::assume_attached();
            self.seen.with(py, |seen| {
                seen.iter().try_for_each(|(_, object)| visit.call(object))
            })
        }
    }
}
