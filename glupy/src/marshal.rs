//! C arguments to Python objects and back, by kind.

use std::ffi::CString;

use std::ptr;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use smallvec::SmallVec;

use crate::call::Loan;
use crate::convert;
use crate::fop::{self, Kind, MAX_ARGS, OpRet, Param, Vector, Word};
use crate::frame::Frame;
use crate::gf;
use crate::handle::{self, Class, Handle, HandleClass, Owner, Raw};
use crate::handles::{
    Client, Dict, Dirents, Fd, Flock, Iatt, Inode, Iobref, Iovec, Lease, Loc, LockList, Statvfs,
};
use crate::handles::{dirents, iovec, locklist};
use crate::hold::Hold;
use crate::instance::Instance;
use crate::list;
use crate::memory;
use crate::owned::{CHECKSUM_SIZE, raw_of};

/// The handle class of a kind; None for values that Python has itself.
pub fn class_of(kind: Kind) -> Option<&'static Class> {
    Some(match kind {
        Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64 | Kind::Str | Kind::Checksum => return None,
        Kind::Struct | Kind::Pointer => return None,
        Kind::Loc => Loc::class(),
        Kind::Inode => Inode::class(),
        Kind::Fd => Fd::class(),
        Kind::Iatt => Iatt::class(),
        Kind::Dict => Dict::class(),
        Kind::Iobref => Iobref::class(),
        Kind::Iovec => Iovec::class(),
        Kind::Dirents => Dirents::class(),
        Kind::Flock => Flock::class(),
        Kind::Lease => Lease::class(),
        Kind::Statvfs => Statvfs::class(),
        Kind::Locklist => LockList::class(),
        Kind::Client => Client::class(),
    })
}

/// The Python objects for the arguments of a call, borrowed where they are handles.
///
/// # Safety
/// The words are live arguments described by `params`, and stay so until the
/// handles are settled, or the loan ends.
pub unsafe fn to_python(
    py: Python<'_>,
    params: &'static [Param],
    words: &[Word],
    instance: &'static Instance,
    loan: Loan,
    mut each: impl FnMut(Py<PyAny>),
) -> PyResult<()> {
    let instance = Some(instance);
    for i in 0..params.len() {
        // SAFETY: by contract.
        each(unsafe { one_to_python(py, params, words, i, instance, loan) }?);
    }
    Ok(())
}

/// The Python object for one argument of a call.
///
/// # Safety
/// As for [`to_python`].
#[inline]
pub unsafe fn one_to_python(
    py: Python<'_>,
    params: &'static [Param],
    words: &[Word],
    i: usize,
    instance: Option<&'static Instance>,
    loan: Loan,
) -> PyResult<Py<PyAny>> {
    let (param, word) = (&params[i], words[i]);
    // SAFETY: the constructors return a new reference or NULL with an exception; the
    // strings are live by contract.
    unsafe {
        let value = match param.kind {
            Kind::I32 => ffi::PyLong_FromLong(word.get::<i32>().into()),
            Kind::U32 => ffi::PyLong_FromUnsignedLong(word.get::<u32>().into()),
            Kind::I64 => ffi::PyLong_FromLongLong(word.get()),
            Kind::U64 => ffi::PyLong_FromUnsignedLongLong(word.get()),
            _ if word.is_null() => return Ok(py.None()),
            Kind::Str => ffi::PyUnicode_DecodeFSDefault(word.get()),
            Kind::Checksum => ffi::PyBytes_FromStringAndSize(word.get(), CHECKSUM_SIZE as isize),
            Kind::Struct => return memory::copied(py, param.structure, word.pointer()),
            Kind::Pointer if word == Word::LOST => return Err(is_lost("this request", param)),
            Kind::Pointer => return memory::address(py, param.structure, word.pointer()),
            kind => {
                let class = class_of(kind).expect("every other kind is a handle");
                return handle::borrow(py, class, raw_of(param, i, words), instance, loan);
            }
        };
        Ok(Bound::from_owned_ptr_or_err(py, value)?.unbind())
    }
}

/// The loc that goes down for one, or for an inode, that Python gives; None if that is it.
fn completed(param: &Param, object: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
    let loc = match (object.cast::<Loc>(), object.cast::<Inode>()) {
        (Ok(loc), _) => {
            let without = param.replaced.then(|| Loc::of_a_file(loc)).transpose()?;
            let without = without.flatten();
            let loc = without.as_ref().map_or(loc, |loc| loc.bind(object.py()));
            Loc::completed(loc)?.or(without)
        }
        (_, Ok(inode)) => Some(Loc::of(inode)?),
        _ => None,
    };
    Ok(loc.map(Py::into_any))
}

/// What is said when a pointer is asked for that is gone.
fn is_lost(function: &str, param: &Param) -> PyErr {
    PyValueError::new_err(format!(
        "{function}: {}, a {}, was C's, and only while the handler ran that got it",
        param.name, param.c_type
    ))
}

/// Checks that no pointer among some values is gone.
///
/// # Errors
/// `ValueError` that names it.
pub fn check_there(function: &str, params: &'static [Param], words: &[Word]) -> PyResult<()> {
    match fop::lost(params, words) {
        Some(param) => Err(is_lost(function, param)),
        None => Ok(()),
    }
}

/// Whether Python gave a handle for it, as opposed to a value of its own.
pub fn is_handle(kind: Kind) -> bool {
    class_of(kind).is_some()
}

/// The C arguments of a wind or the values of an answer, as they are put together.
pub struct Values<'a> {
    function: &'a str,
    params: &'static [Param],
    /// What the C function will get.
    pub words: [Word; MAX_ARGS],
    /// What keeps it valid.
    pub hold: Hold,
    /// The iovecs among them, with the length and the owner that they have.
    vectors: SmallVec<[(usize, Vector, Raw); 1]>,
    /// Whose values need not be owned by the handles that give them.
    lender: Option<&'a Frame>,
    /// In whose graph they go, where no request says it.
    home: Option<&'static Instance>,
}

impl<'a> Values<'a> {
    /// Begins with values as they came, or with zeros; `hold` keeps them valid.
    /// `function` is for messages.
    pub fn new(
        function: &'a str,
        params: &'static [Param],
        words: [Word; MAX_ARGS],
        hold: Hold,
    ) -> Values<'a> {
        let mut vectors = SmallVec::new();
        for (i, param) in params.iter().enumerate() {
            if let Some(vector) = param.vector {
                vectors.push((i, vector, raw_of(param, i, &words)));
            }
        }
        Values {
            function,
            params,
            words,
            hold,
            vectors,
            lender: None,
            home: None,
        }
    }

    /// The values are for a translator's children.
    pub fn at(mut self, instance: &'static Instance) -> Values<'a> {
        self.home = Some(instance);
        self
    }

    /// The values are for this request, which is asked for them before it is over: what it
    /// has lent to handles itself is there for so long. Everything else is owned, since the
    /// request that has lent it may be answered by another thread before.
    pub fn lent_by(mut self, frame: &'a Frame) -> Values<'a> {
        self.lender = Some(frame);
        self
    }

    fn share(&self, handle: &Handle, py: Python<'_>) -> PyResult<(Raw, Option<Arc<Owner>>)> {
        let lends = |loan| self.lender.is_some_and(|frame| frame.lends(py, loan));
        if handle.is_lent(py) && !lends(handle.loan(py)) {
            handle.own(py)?;
        }
        handle.share(py)
    }

    /// Refuses what another graph has: its inodes have other contexts, and its table another lock.
    ///
    /// # Errors
    /// `ValueError` that names the argument and the volume.
    fn check_graph(&self, i: usize, handle: &Handle, py: Python<'_>) -> PyResult<()> {
        let home = self.lender.map(|frame| frame.instance(py)).or(self.home);
        match (home, handle.instance(py)) {
            (Some(home), Some(other)) if !ptr::eq(home, other) && home.graph() != other.graph() => {
                let (function, name) = (self.function, self.params[i].name);
                Err(PyValueError::new_err(format!(
                    "{function}: {name} is of another graph, that of the volume {}: find the file in \
                     this one by its gfid",
                    other.name_text()
                )))
            }
            _ => Ok(()),
        }
    }

    /// Whose arguments they are, for messages.
    pub fn function(&self) -> &'a str {
        self.function
    }

    /// Puts a Python object into the place of an argument.
    ///
    /// # Errors
    /// `TypeError`, `OverflowError` or `ValueError` that names function and argument.
    pub fn set(&mut self, i: usize, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let (function, param) = (self.function, &self.params[i]);
        let full = match param.kind {
            Kind::Loc => completed(param, object)?,
            _ => None,
        };
        let object = full.as_ref().map_or(object, |full| full.bind(object.py()));
        let class = class_of(param.kind);
        let handle = class.and_then(|class| handle::of_class(object, class));
        if let (None, Some(handle)) = (param.vector, handle) {
            self.check_graph(i, handle, object.py())?;
            let (raw, owner) = self.share(handle, object.py())?;
            if let Some(owner) = owner {
                self.hold.owner(owner);
            }
            self.words[i] = raw.ptr.into();
            return Ok(());
        }
        let what = || format!("{function}: {}", param.name);
        if self.put_pointer(i, object)? {
            return Ok(());
        }
        self.words[i] = match param.kind {
            Kind::I32 => convert::number::<i32>(object, param.c_type, what)?.into(),
            Kind::U32 => convert::number::<u32>(object, param.c_type, what)?.into(),
            Kind::I64 => convert::number::<i64>(object, param.c_type, what)?.into(),
            Kind::U64 => convert::number::<u64>(object, param.c_type, what)?.into(),
            Kind::Iovec => {
                let raw = match object.is_none() {
                    true => Raw::new(ptr::null_mut::<gf::iovec>()),
                    false => self.iovec(object, what)?,
                };
                for (at, vector, known) in &mut self.vectors {
                    if *at == i {
                        *known = raw;
                        self.words[vector.length] = raw.len.into();
                        if let Some(owner) = vector.owner {
                            self.words[owner] = raw.iobref.into();
                        }
                    }
                }
                raw.ptr.into()
            }
            _ if object.is_none() => Word::NULL,
            Kind::Str => string(object, what, &mut self.hold)?,
            Kind::Checksum => checksum(object, what, &mut self.hold)?,
            Kind::Dirents => self.keep(dirents::build(object, what)?).ptr.into(),
            Kind::Locklist => self.keep(locklist::build(object, what)?).ptr.into(),
            Kind::Struct | Kind::Pointer => {
                let expected = format!("{} of ctypes, a pointer to it or None", param.structure);
                return Err(convert::wrong_type(object, &expected, what));
            }
            _ => {
                let class = class.expect("every other kind is a handle");
                let expected = format!("{} or None", class.name);
                return Err(convert::wrong_type(object, &expected, what));
            }
        };
        Ok(())
    }

    /// Puts a ctypes pointer or structure in; false for anything else.
    fn put_pointer(&mut self, i: usize, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let param = &self.params[i];
        let structure = match (class_of(param.kind), param.structure) {
            (None, "") => return Ok(false),
            (None, structure) => structure,
            (Some(class), _) if object.get_type_ptr() == (class.type_object)(object.py()) => {
                return Ok(false);
            }
            (Some(class), _) => class.structure(),
        };
        if object.is_none() {
            return Ok(false);
        }
        let Some((address, kept)) = memory::pointer(structure, object)? else {
            return Ok(false);
        };
        if param.kind == Kind::Pointer {
            self.hold.set_given(i);
        }
        self.words[i] = address.into();
        self.hold.object(kept);
        if let Some(vector) = self.params[i].vector {
            // How long it is, and whose, only its author knows.
            self.vectors.retain(|(at, ..)| *at != i);
            self.words[vector.length] = 0.into();
            if let Some(owner) = vector.owner {
                self.words[owner] = Word::NULL;
            }
        }
        Ok(true)
    }

    fn iovec(&mut self, object: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<Raw> {
        if let Ok(iovec) = object.cast::<Iovec>() {
            let (raw, owner) = self.share(handle::base(iovec), object.py())?;
            if let Some(owner) = owner {
                self.hold.owner(owner);
            }
            return Ok(raw);
        }
        Ok(self.keep(iovec::build(object, what)?))
    }

    fn keep(&mut self, owner: Arc<Owner>) -> Raw {
        let raw = owner.raw();
        self.hold.owner(owner);
        raw
    }

    /// Puts keyword arguments in.
    ///
    /// # Errors
    /// `TypeError` for a name that there is not; others as for `set`.
    pub fn put_all<'py>(
        &mut self,
        changes: impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    ) -> PyResult<()> {
        let mut late: SmallVec<[(usize, Bound<'_, PyAny>); 2]> = SmallVec::new();
        for (name, value) in changes {
            let name = name.cast::<PyString>()?.to_string_lossy();
            let Some(i) = self.params.iter().position(|param| param.name == name) else {
                let names: Vec<_> = self.params.iter().map(|param| param.name).collect();
                return Err(PyTypeError::new_err(format!(
                    "{}: no argument {name}; there are {}",
                    self.function,
                    names.join(", ")
                )));
            };
            // A vector brings its length and its owner, which then may be given, too.
            let mut brought = self.vectors.iter().map(|(_, vector, _)| vector);
            if brought.any(|vector| vector.length == i || vector.owner == Some(i)) {
                late.push((i, value));
            } else {
                self.set(i, &value)?;
            }
        }
        for (i, value) in &late {
            self.set(*i, value)?;
        }
        Ok(())
    }

    /// Checks what belongs together.
    ///
    /// # Errors
    /// `ValueError`, for a length that would read beyond the buffers, or an owner that
    /// does not keep them.
    pub fn check(&mut self) -> PyResult<()> {
        self.check_answer(false)
    }

    /// As `check`, for values of an answer. A failure that carries no buffers may have any number
    /// of them, as GlusterFS's own failures do (`default_readv_failure_cbk`: -1).
    ///
    /// # Errors
    /// As for `check`.
    pub fn check_answer(&mut self, fails: bool) -> PyResult<()> {
        check_there(self.function, self.params, &self.words)?;
        for (i, vector, raw) in &self.vectors {
            if fails && self.words[*i].is_null() {
                continue;
            }
            let given: i32 = self.words[vector.length].get();
            if given != raw.len && self.words[*i].is_null() {
                return Err(PyValueError::new_err(format!(
                    "{}: {} is None, but {} is {given}",
                    self.function, self.params[*i].name, self.params[vector.length].name
                )));
            }
            if given != raw.len {
                return Err(PyValueError::new_err(format!(
                    "{}: {} is {given}, but {} has {} buffers",
                    self.function, self.params[vector.length].name, self.params[*i].name, raw.len
                )));
            }
            if let Some(owner) = vector.owner {
                let given: *mut gf::iobref = self.words[owner].get();
                if given.is_null() {
                    // None beside data means: the data's own.
                    self.words[owner] = raw.iobref.into();
                } else if given != raw.iobref && !raw.ptr.is_null() {
                    return Err(PyValueError::new_err(format!(
                        "{}: {} is not the one of {}",
                        self.function, self.params[owner].name, self.params[*i].name
                    )));
                }
            }
        }
        Ok(())
    }

    /// What `op_ret` must be for these values of an answer; None when they do not say.
    pub fn op_ret(&self, counts: OpRet) -> Option<i64> {
        // What is None has none of them.
        let number = |word: Word, count: &dyn Fn() -> usize| match word.is_null() {
            true => 0,
            false => count() as i64,
        };
        let place = |kind: Kind| {
            let i = self.params.iter().position(|param| param.kind == kind)?;
            Some(self.words[i])
        };
        // SAFETY: a value that is not NULL is alive, held or borrowed.
        unsafe {
            match counts {
                OpRet::Status => None,
                OpRet::Bytes => match self.vectors.first() {
                    Some((i, _, raw)) => Some(number(self.words[*i], &|| iovec::size(*raw))),
                    None => place(Kind::Str).map(|word| number(word, &|| libc::strlen(word.get()))),
                },
                OpRet::Entries => place(Kind::Dirents)
                    .map(|word| {
                        number(word, &|| {
                            list::elements::<gf::gf_dirent_t>(word.get()).count()
                        })
                    })
                    .or_else(|| {
                        let locks = place(Kind::Locklist)?;
                        let all = || list::elements::<gf::lock_migration_info_t>(locks.get());
                        Some(number(locks, &|| all().count()))
                    }),
            }
        }
    }
}

/// A string or bytes as a C string.
///
/// # Errors
/// `TypeError` or `ValueError` that names the argument.
pub fn string(
    object: &Bound<'_, PyAny>,
    what: impl Fn() -> String,
    hold: &mut Hold,
) -> PyResult<Word> {
    let bytes = if let Ok(text) = object.cast::<PyString>() {
        encode(text)?
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        bytes.clone()
    } else {
        return Err(convert::wrong_type(object, "str, bytes or None", what));
    };
    if bytes.as_bytes().contains(&0) {
        return Err(PyValueError::new_err(format!(
            "{} has a NUL character in it",
            what()
        )));
    }
    // Python keeps a NUL behind the bytes of every bytes object.
    let word = Word::from(bytes.as_bytes().as_ptr());
    hold.object(bytes.into_any().unbind());
    Ok(word)
}

/// A string or bytes as a C string of its own.
///
/// # Errors
/// `TypeError` or `ValueError` that names the argument.
pub fn owned_string(object: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<CString> {
    let bytes = if let Ok(text) = object.cast::<PyString>() {
        encode(text)?
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        bytes.clone()
    } else {
        return Err(convert::wrong_type(object, "str or bytes", what));
    };
    CString::new(bytes.as_bytes())
        .map_err(|_| PyValueError::new_err(format!("{} has a NUL character in it", what())))
}

/// The name of a file in a directory.
///
/// # Errors
/// As for [`owned_string`], and `ValueError` for what can not be a name.
pub fn file_name(object: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<CString> {
    let name = owned_string(object, &what)?;
    if name.is_empty() || name.as_bytes().contains(&b'/') {
        let shown = convert::shown(object);
        return Err(PyValueError::new_err(format!(
            "{}: {shown} is not a name",
            what()
        )));
    }
    Ok(name)
}

fn checksum(
    object: &Bound<'_, PyAny>,
    what: impl Fn() -> String,
    hold: &mut Hold,
) -> PyResult<Word> {
    let Ok(bytes) = object.cast::<PyBytes>() else {
        return Err(convert::wrong_type(object, "bytes or None", what));
    };
    let len = bytes.as_bytes().len();
    if len != CHECKSUM_SIZE {
        return Err(PyValueError::new_err(format!(
            "{} must have {CHECKSUM_SIZE} bytes, not {len}",
            what()
        )));
    }
    let word = Word::from(bytes.as_bytes().as_ptr());
    hold.object(bytes.clone().into_any().unbind());
    Ok(word)
}

/// A string as the file system's bytes (`os.fsencode`).
pub fn encode<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    // SAFETY: EncodeFSDefault returns a new reference to a bytes object, or NULL
    // with an exception.
    unsafe {
        let bytes = ffi::PyUnicode_EncodeFSDefault(text.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(text.py(), bytes)?.cast_into_unchecked())
    }
}

/// A C string as Python reads file names (`os.fsdecode`); None for NULL.
///
/// # Safety
/// The pointer is NULL or a live C string.
pub unsafe fn decode(py: Python<'_>, string: *const libc::c_char) -> PyResult<Option<Py<PyAny>>> {
    if string.is_null() {
        return Ok(None);
    }
    // SAFETY: by contract; returns a new reference or NULL with an exception.
    unsafe {
        Ok(Some(
            Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_DecodeFSDefault(string))?.unbind(),
        ))
    }
}

/// A string for C; what can not be one (a NUL in it) is cut there.
pub fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}
