//! `Reply`: an answer as a coroutine gets it, and gives it on. There is a class for each
//! fop, whose attributes have the names of C.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};
use smallvec::SmallVec;

use crate::action::Hold;
use crate::convert;
use crate::fop::{Fop, MAX_ARGS, SLOTS, Word};
use crate::gf;
use crate::gil::{self, GilCell};
use crate::handle::{self, CPtr};
use crate::marshal::{self, Values};
use crate::owned::OwnedWords;

/// Values by their position.
type Seen = SmallVec<[(usize, Py<PyAny>); 4]>;

/// The answer to a fop.
#[pyclass(frozen, subclass, module = "gluster")]
pub struct Reply {
    fop: GilCell<Option<&'static Fop>>,
    xl: GilCell<CPtr<gf::xlator_t>>,
    op_ret: GilCell<i32>,
    op_errno: GilCell<i32>,
    words: GilCell<[Word; MAX_ARGS]>,
    /// What keeps the words valid; nothing while they are borrowed from a callback.
    owned: GilCell<SmallVec<[Arc<OwnedWords>; 1]>>,
    hold: GilCell<Option<Arc<Hold>>>,
    borrowed: GilCell<bool>,
    /// Whether a child has answered so.
    came: GilCell<bool>,
    /// Positions that may be NULL, because the child's answer had it so.
    nulls: GilCell<u32>,
    /// What Python has seen of the values.
    seen: GilCell<Seen>,
}

/// The class of each fop's replies, and replies that nobody holds.
static CLASSES: [OnceLock<Py<PyType>>; SLOTS + 1] = [const { OnceLock::new() }; SLOTS + 1];
static POOLS: [GilCell<Vec<Py<Reply>>>; SLOTS + 1] =
    [const { GilCell::new(Vec::new()) }; SLOTS + 1];
const POOL_SIZE: usize = 64;

impl Reply {
    fn empty() -> Reply {
        Reply {
            fop: GilCell::new(None),
            xl: GilCell::default(),
            op_ret: GilCell::new(0),
            op_errno: GilCell::new(0),
            words: GilCell::new([Word::NULL; MAX_ARGS]),
            owned: GilCell::default(),
            hold: GilCell::new(None),
            borrowed: GilCell::new(false),
            came: GilCell::new(false),
            nulls: GilCell::new(0),
            seen: GilCell::default(),
        }
    }

    fn of(py: Python<'_>, fop: &'static Fop) -> PyResult<Py<Reply>> {
        // SAFETY: `pop` runs no Python.
        if let Some(reply) = unsafe { POOLS[fop.index].with(py, Vec::pop) } {
            return Ok(reply);
        }
        let class = CLASSES[fop.index].get().expect("made by `install`");
        let new = class.bind(py).getattr("__new__")?;
        let reply = new.call1((class,))?.cast_into::<Reply>()?;
        reply.get().fop.set(py, Some(fop));
        Ok(reply.unbind())
    }

    /// An answer that a callback has brought, borrowed until [`Reply::settle`].
    pub fn borrowed(
        py: Python<'_>,
        fop: &'static Fop,
        xl: *mut gf::xlator_t,
        op_ret: i32,
        op_errno: i32,
        values: &[Word],
    ) -> PyResult<Py<Reply>> {
        let object = Reply::of(py, fop)?;
        let reply = object.get();
        let mut words = [Word::NULL; MAX_ARGS];
        words[..values.len()].copy_from_slice(values);
        let nulls = values.iter().enumerate().filter(|(_, word)| word.is_null());
        reply
            .nulls
            .set(py, nulls.fold(0, |mask, (i, _)| mask | 1 << i));
        reply.xl.set(py, CPtr(xl));
        reply.op_ret.set(py, op_ret);
        reply.op_errno.set(py, op_errno);
        reply.words.set(py, words);
        reply.borrowed.set(py, true);
        reply.came.set(py, true);
        Ok(object)
    }

    /// The callback is about to return: a reply that Python kept becomes its own owner,
    /// any other is used again.
    pub fn settle(object: Py<Reply>, py: Python<'_>) {
        let reply = object.get();
        if gil::refcount(&object) > 1 {
            reply.own(py);
            return;
        }
        reply.borrowed.set(py, false);
        reply.release_seen(py);
        reply.owned.set(py, SmallVec::new());
        reply.hold.set(py, None);
        let pool = &POOLS[reply.fop(py).index];
        if gil::refcount(&object) == 1 {
            // SAFETY: `push` and `len` run no Python.
            unsafe {
                pool.with(py, |pool| {
                    if pool.len() < POOL_SIZE {
                        pool.push(object);
                    }
                });
            }
        }
    }

    fn release_seen(&self, py: Python<'_>) {
        let fop = self.fop(py);
        for (i, object) in self.seen.take(py) {
            if marshal::is_handle(fop.reply[i].kind) && !object.is_none(py) {
                handle::settle(py, object);
            }
        }
    }

    /// Makes what it has borrowed its own.
    fn own(&self, py: Python<'_>) {
        if !self.borrowed.replace(py, false) {
            return;
        }
        let (fop, words) = (self.fop(py), self.words.get(py));
        // SAFETY: what is borrowed is alive until the callback returns, which `settle`
        // comes before.
        let owned = unsafe { OwnedWords::new(fop.reply, &words, self.xl.get(py).0, 0) };
        self.words.set(py, owned.words());
        self.owned.set(py, SmallVec::from_iter([Arc::new(owned)]));
        self.release_seen(py);
    }

    /// The fop.
    pub fn fop(&self, py: Python<'_>) -> &'static Fop {
        self.fop.get(py).expect("set when it is made")
    }

    /// `op_ret` and `op_errno`.
    pub fn status(&self, py: Python<'_>) -> (i32, i32) {
        (self.op_ret.get(py), self.op_errno.get(py))
    }

    /// The values, and what keeps them valid longer than the running step.
    pub fn values(&self, py: Python<'_>) -> ([Word; MAX_ARGS], Hold) {
        let mut hold = Hold::default();
        // SAFETY: counts Arcs up.
        unsafe {
            self.owned
                .with(py, |owned| hold.words.extend(owned.iter().cloned()));
            self.hold.with(py, |more| {
                hold.given = more.as_ref().map_or(0, |more| more.given);
                hold.more = more.clone();
            });
        }
        (self.words.get(py), hold)
    }

    /// Whether a child has answered so.
    pub fn came(&self, py: Python<'_>) -> bool {
        self.came.get(py)
    }

    /// Positions that may be NULL in an answer made of it.
    pub fn nulls(&self, py: Python<'_>) -> u32 {
        self.nulls.get(py)
    }

    /// Puts other values in.
    fn change(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let fop = self.fop(py);
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
        let (words, hold) = self.values(py);
        let mut values = Values::new(&function, fop.reply, words, hold);
        values.own_handles();
        values.put_all(Some(&others))?;
        values.check()?;
        let op_ret = match op_ret {
            None if !others.is_empty() => match values.op_ret(fop.op_ret) {
                Some(count) if self.op_ret.get(py) >= 0 => {
                    Some(count.try_into().map_err(|_| {
                        PyTypeError::new_err(format!("{function}: op_ret can not be {count}"))
                    })?)
                }
                _ => None,
            },
            given => given,
        };
        self.words.set(py, values.words);
        self.owned.set(py, SmallVec::new());
        self.hold.set(py, Some(Arc::new(values.hold)));
        if let Some(op_ret) = op_ret {
            self.op_ret.set(py, op_ret);
        }
        if let Some(op_errno) = op_errno {
            self.op_errno.set(py, op_errno);
        }
        self.came.set(py, false);
        Ok(())
    }
}

#[pymethods]
impl Reply {
    /// An answer of one's own: `lookup_reply_t(op_ret=0, inode=..., buf=...)`.
    #[new]
    #[classmethod]
    #[pyo3(signature = (**values))]
    fn new(cls: &Bound<'_, PyType>, values: Option<&Bound<'_, PyDict>>) -> PyResult<Reply> {
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
        let reply = Reply::empty();
        reply.fop.set(py, Some(fop));
        reply.change(py, values)?;
        Ok(reply)
    }

    /// The same answer with other values.
    #[pyo3(signature = (**changes))]
    fn replace(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<Py<Reply>> {
        self.own(py);
        let object = Reply::of(py, self.fop(py))?;
        let other = object.get();
        let (words, hold) = self.values(py);
        other.xl.set(py, self.xl.get(py));
        other.op_ret.set(py, self.op_ret.get(py));
        other.op_errno.set(py, self.op_errno.get(py));
        other.words.set(py, words);
        other.owned.set(py, hold.words);
        other.hold.set(py, hold.more);
        other.came.set(py, self.came.get(py));
        other.nulls.set(py, self.nulls.get(py));
        other.change(py, changes)?;
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

/// A value of a reply: an attribute of the fop's class.
#[pyclass(frozen, module = "gluster")]
struct Field {
    index: usize,
    doc: String,
}

#[pymethods]
impl Field {
    fn __get__(
        slf: Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        _class: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let (py, i) = (slf.py(), slf.get().index);
        let Ok(reply) = object.cast::<Reply>() else {
            return Ok(slf.into_any().unbind());
        };
        let reply = reply.get();
        // SAFETY: taking a reference runs no Python.
        let seen = unsafe {
            reply.seen.with(py, |seen| {
                let found = seen.iter().find(|(at, _)| *at == i);
                found.map(|(_, object)| object.clone_ref(py))
            })
        };
        if let Some(object) = seen {
            return Ok(object);
        }
        let fop = reply.fop(py);
        let words = reply.words.get(py);
        // SAFETY: the values are alive, borrowed or owned; `settle` ends the borrow of
        // the handle with that of the reply, and an owned one owns for itself.
        let object =
            unsafe { marshal::one_to_python(py, fop.reply, &words, i, reply.xl.get(py).0) }?;
        if marshal::is_handle(fop.reply[i].kind) && !object.is_none(py) && !reply.borrowed.get(py) {
            // SAFETY: its kind is a handle's.
            unsafe { handle::erased(object.bind(py)) }.own(py);
        }
        // SAFETY: `push` runs no Python.
        unsafe {
            reply
                .seen
                .with(py, |seen| seen.push((i, object.clone_ref(py))));
        }
        Ok(object)
    }

    fn __set__(&self, _object: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyAttributeError::new_err(
            "a reply does not change: reply.replace(...) gives another one",
        ))
    }

    #[getter]
    fn __doc__(&self) -> &str {
        &self.doc
    }
}

/// Makes the classes `X_reply_t`.
///
/// # Errors
/// What Python raises.
pub fn install(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let base = py.get_type::<Reply>();
    module.add("Reply", &base)?;
    for fop in crate::generated::fops::TABLE {
        let attributes = PyDict::new(py);
        attributes.set_item("__slots__", PyTuple::empty(py))?;
        attributes.set_item("__module__", "gluster")?;
        attributes.set_item(
            "__doc__",
            format!("The answer to {}. {}", fop.name, fop.doc),
        )?;
        for (index, param) in fop.reply.iter().enumerate() {
            let doc = param.c_type.to_owned();
            attributes.set_item(param.name, Py::new(py, Field { index, doc })?)?;
        }
        let name = format!("{}_reply_t", fop.name);
        let class = py.get_type::<PyType>();
        let class = class.call1((&name, (&base,), attributes))?;
        module.add(name.as_str(), &class)?;
        let _ = CLASSES[fop.index].set(class.cast_into::<PyType>()?.unbind());
    }
    Ok(())
}
