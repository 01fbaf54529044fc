//! What Python sees of a frame.

use std::ptr;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use smallvec::SmallVec;

use super::{Came, Frame, FrameError, State, errno};
use crate::convert::{self, Bytes};
use crate::fastcall::{self, Function, Given};
use crate::fop::padded;
use crate::gf;
use crate::handle;
use crate::handles::Client;
use crate::hold::Hold;
use crate::instance::Instance;
use crate::marshal::{self, Values};
use crate::memory;
use crate::own_stack::{self, Credentials};
use crate::xlator::Xlator;

/// The most groups of a request (`GF_MAX_AUX_GROUPS`, glusterfs.h).
const MAX_GROUPS: usize = 65535;

/// The child to wind to: the given one, or the first, as in C.
///
/// # Errors
/// `ValueError` for a translator that is not a child.
pub fn child_of(
    instance: &Instance,
    function: &str,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<*mut gf::xlator_t> {
    let Some(child) = child.filter(|child| !child.is_none()) else {
        return Ok(instance.first_child());
    };
    let xl = if let Ok(xlator) = child.cast::<Xlator>() {
        xlator.get().ptr()
    } else if let Some((xl, _)) = memory::pointer("xlator_t", child)? {
        xl.cast()
    } else {
        return Err(PyTypeError::new_err(format!(
            "{function}: child must be one of this.children or None"
        )));
    };
    if instance.is_child(xl) {
        Ok(xl)
    } else {
        Err(PyValueError::new_err(format!(
            "{function}: {} is not a child of {}",
            child.repr()?,
            instance.name_text()
        )))
    }
}

/// Arguments that are given by name.
type Changes<'py> = SmallVec<[(Bound<'py, PyAny>, Bound<'py, PyAny>); 4]>;

/// `frame.wind(*, child=None, cookie=None, **changes)`
struct WindMethod;

impl Function for WindMethod {
    type This = Frame;

    fn call<'py>(slf: &Bound<'py, Frame>, given: Given<'_, 'py>) -> PyResult<Py<PyAny>> {
        const NAME: &str = "frame.wind";
        let (py, frame) = (slf.py(), slf.get());
        let fop = frame.fop(py);
        if let count @ 1.. = given.positional().len() {
            return Err(fastcall::too_many(NAME, &[], count));
        }
        let (mut child, mut cookie) = (None, None);
        let mut changes = Changes::new();
        for (name, value) in given.named() {
            match name.cast::<PyString>()?.to_str()? {
                "child" => child = Some(value),
                "cookie" => cookie = Some(value),
                _ => changes.push((name, value.to_owned())),
            }
        }
        frame.check_open(py, "can not wind")?;
        frame.own_unless_covered(py, given.here());
        let Some((came, mut hold)) = frame.asked(py) else {
            let name = fop.name;
            let text = format!("can not wind: its arguments were not kept (define {name}_fop)");
            return Err(frame.refused(py, &text));
        };
        // SAFETY: the arguments of a request that is not over are alive.
        let args = unsafe { came.get(fop.args.len()) };
        let words = if changes.is_empty() {
            marshal::check_there(NAME, fop.args, args)?;
            came
        } else {
            let mut values = Values::new(NAME, fop.args, padded(args), hold).lent_by(frame);
            values.put_all(changes.into_iter())?;
            values.check()?;
            // A value may have run Python, and another thread meanwhile: `args` may be gone.
            frame.check_open(py, "can not wind")?;
            frame.check_request(py, NAME, fop, &values.words)?;
            hold = values.hold;
            hold.store(values.words)
        };
        let child = child_of(frame.instance(py), NAME, child.as_deref())?;
        let cookie = cookie.filter(|cookie| !cookie.is_none());
        let cookie = cookie.map(|cookie| cookie.to_owned().unbind());
        let future = Frame::wind(slf, given.here(), fop, words, hold, child, cookie)?;
        Ok(future.map_or_else(|| py.None(), Py::into_any))
    }
}

/// `frame.unwind(op_ret=None, op_errno=None, **changes)`
struct UnwindMethod;

impl Function for UnwindMethod {
    type This = Frame;

    fn call<'py>(slf: &Bound<'py, Frame>, given: Given<'_, 'py>) -> PyResult<Py<PyAny>> {
        const NAME: &str = "frame.unwind";
        const STATUS: [&str; 2] = ["op_ret", "op_errno"];
        let (py, frame) = (slf.py(), slf.get());
        let fop = frame.fop(py);
        let reply = frame
            .reply(py, given.here())
            .filter(|reply| ptr::eq(reply.fop, fop));
        if let (true, Some(reply), false) = (given.is_empty(), &reply, frame.awaits(py)) {
            // As it came, and not looked at.
            let (words, hold) = frame.answered(py, reply);
            // SAFETY: an answer that the frame has is alive.
            let values = unsafe { words.get(fop.reply.len()) };
            marshal::check_there(NAME, fop.reply, values)?;
            if reply.op_ret >= 0 {
                // SAFETY: as above.
                unsafe { Frame::check_values(fop, words, Some(reply.words(py))) }?;
            }
            let here = given.here();
            frame.answer(py, here, reply.op_ret, reply.op_errno, words, hold)?;
            return Ok(py.None());
        }
        let mut status = [None, None];
        if given.positional().len() > status.len() {
            return Err(fastcall::too_many(NAME, &STATUS, given.positional().len()));
        }
        let number = |i: usize, value: &Bound<'_, PyAny>| -> PyResult<Option<i32>> {
            let name = || format!("{NAME}: {}", STATUS[i]);
            match value.is_none() {
                true => Ok(None),
                false => convert::number(value, "int32_t", name).map(Some),
            }
        };
        for (i, value) in given.positional().enumerate() {
            status[i] = number(i, &value)?;
        }
        let mut changes = Changes::new();
        for (name, value) in given.named() {
            let text = name.cast::<PyString>()?.to_str()?;
            match STATUS.iter().position(|known| *known == text) {
                Some(i) if i < given.positional().len() => {
                    return Err(PyTypeError::new_err(format!(
                        "{NAME}: {text} is given twice"
                    )));
                }
                Some(i) => status[i] = number(i, &value)?,
                None => changes.push((name, value.to_owned())),
            }
        }
        let [op_ret, op_errno] = status;
        let fails = op_ret.is_some_and(|op_ret| op_ret < 0);
        // A failure that came stays one, whatever it carries.
        let known_failure = reply
            .as_ref()
            .map(|reply| reply.op_ret)
            .filter(|op_ret| *op_ret < 0);
        let answered = reply.as_ref().map(|reply| frame.answered(py, reply));
        let words = match &answered {
            // SAFETY: an answer that the frame has is alive.
            Some((words, _)) if !fails => padded(unsafe { words.get(fop.reply.len()) }),
            None if op_ret.is_none() && changes.is_empty() => {
                return Err(frame.refused(
                    py,
                    "no answer has come that could be passed on; give op_ret and op_errno",
                ));
            }
            _ => padded(&[]),
        };
        let op_ret = op_ret.or(known_failure);
        let op_errno = op_errno.unwrap_or_else(|| {
            let came = reply.as_ref().map(Came::status);
            errno::unless_given(op_ret.unwrap_or(0), came)
        });
        let hold = answered.map_or_else(Hold::default, |(_, hold)| hold);
        let mut values = Values::new(NAME, fop.reply, words, hold).lent_by(frame);
        values.put_all(changes.into_iter())?;
        frame.unwind(py, given.here(), values, op_ret, op_errno)?;
        Ok(py.None())
    }
}

/// Gives frames the methods that are called for each request.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<Frame>();
    fastcall::add_method::<WindMethod>(
        &class,
        c"wind",
        c"wind($self, /, *, child=None, cookie=None, **changes)\n--\n\n\
          Passes the request on to a child as it came, with single arguments changed.",
    )?;
    fastcall::add_method::<UnwindMethod>(
        &class,
        c"unwind",
        c"unwind($self, /, op_ret=None, op_errno=None, **changes)\n--\n\n\
          Answers the request: as the answer came, with single values changed, or with an error.",
    )
}

#[pymethods]
impl Frame {
    /// Whatever the translator keeps with the request, for its cbk handler.
    #[getter]
    fn local(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        // SAFETY: taking a reference runs no Python.
        unsafe {
            self.local
                .with(py, |local| local.as_ref().map(|local| local.clone_ref(py)))
        }
    }

    #[setter]
    fn set_local(&self, py: Python<'_>, local: Py<PyAny>) {
        self.local.set(py, Some(local));
    }

    /// The C structure, as ctypes has it, until the request is answered.
    #[getter]
    fn contents<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::guarded("call_frame_t", slf)
    }

    /// Its address, until the request is answered.
    #[getter]
    fn _address_(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.live(py)?.expose_provenance())
    }

    /// What ctypes passes to a C function in the place of a frame.
    #[getter]
    fn _as_parameter_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        memory::reference(&Self::contents(slf)?)
    }

    /// The user for whom children are asked.
    #[getter]
    fn uid(&self, py: Python<'_>) -> PyResult<u32> {
        self.asker(py, |asker| asker.uid, |root| root.uid)
    }

    #[setter]
    fn set_uid(&self, py: Python<'_>, uid: &Bound<'_, PyAny>) -> PyResult<()> {
        let uid = convert::number(uid, "uid_t", || "frame.uid".to_owned())?;
        self.ask_as(py, "uid", |asker| asker.uid = uid)
    }

    /// The group of that user.
    #[getter]
    fn gid(&self, py: Python<'_>) -> PyResult<u32> {
        self.asker(py, |asker| asker.gid, |root| root.gid)
    }

    #[setter]
    fn set_gid(&self, py: Python<'_>, gid: &Bound<'_, PyAny>) -> PyResult<()> {
        let gid = convert::number(gid, "gid_t", || "frame.gid".to_owned())?;
        self.ask_as(py, "gid", |asker| asker.gid = gid)
    }

    /// The client of the brick that asks; None where there is none, as on a mount.
    #[getter]
    fn client(&self, py: Python<'_>) -> PyResult<Option<Py<Client>>> {
        let client = self.root(py, |root| root.client)?;
        handle::owned(py, client, Some(self.instance(py)))
    }

    /// The process that asks; negative for GlusterFS's own.
    #[getter]
    fn pid(&self, py: Python<'_>) -> PyResult<i32> {
        self.root(py, |root| root.pid)
    }

    /// The user's further groups.
    #[getter]
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let groups = self.asker(py, |asker| asker.groups.clone(), own_stack::groups)?;
        PyTuple::new(py, groups)
    }

    #[setter]
    fn set_groups(&self, py: Python<'_>, groups: &Bound<'_, PyAny>) -> PyResult<()> {
        let what = || "frame.groups".to_owned();
        let all = groups
            .try_iter()?
            .map(|gid| convert::number(&gid?, "gid_t", what));
        let all = all.collect::<PyResult<SmallVec<[u32; 16]>>>()?;
        if all.len() > MAX_GROUPS {
            let (len, max) = (all.len(), MAX_GROUPS);
            return Err(PyValueError::new_err(format!(
                "frame.groups: {len} groups, and a request has at most {max}"
            )));
        }
        self.ask_as(py, "groups", |asker| asker.groups = all)
    }

    /// The owner under whom the request's locks are held, as bytes.
    #[getter]
    fn lk_owner(&self, py: Python<'_>) -> PyResult<Bytes> {
        self.root(py, |root| convert::lk_owner(&root.lk_owner))
    }

    /// The request's number.
    #[getter]
    fn unique(&self, py: Python<'_>) -> PyResult<u64> {
        self.root(py, |root| root.unique)
    }

    /// The fop's name.
    #[getter]
    fn op(&self, py: Python<'_>) -> &'static str {
        self.fop(py).name
    }

    fn __format__<'py>(slf: &Bound<'py, Self>, how: &str) -> PyResult<Bound<'py, PyAny>> {
        convert::formatted(slf, how, || slf.get()._address_(slf.py()))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let open = self.open.get(py);
        let state = match self.state.get(py) {
            State::Pending if open > 0 => format!("{open} wound"),
            State::Pending => "pending".to_owned(),
            State::Answering => "answering".to_owned(),
            State::Answered => "answered".to_owned(),
            State::PassedOn => "passed on".to_owned(),
        };
        format!("<Frame {} {state}>", self.fop(py).name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs with the GIL and traversal runs no Python.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: `visit` runs no Python.
        unsafe {
            self.local.with(py, |local| {
                local.as_ref().map_or(Ok(()), |local| visit.call(local))
            })
        }
    }

    fn __clear__(&self) {
        // SAFETY: called by the collector, with the GIL.
        let py = unsafe { Python::assume_attached() };
        drop(self.local.take(py));
    }
}

impl Frame {
    /// Who asks children: the user of the request, or the one whom Python has set.
    fn asker<R>(
        &self,
        py: Python<'_>,
        set: impl FnOnce(&Credentials) -> R,
        of_root: impl FnOnce(&gf::call_stack_t) -> R,
    ) -> PyResult<R> {
        self.live(py)?;
        // SAFETY: copies.
        match unsafe { self.credentials.with(py, |kept| kept.as_deref().map(set)) } {
            Some(value) => Ok(value),
            None => self.root(py, of_root),
        }
    }

    /// Changes who asks children from now on. The stack of the request is not touched: others use
    /// it at the same time, and answer by it. What is wound gets a stack of its own.
    fn ask_as(
        &self,
        py: Python<'_>,
        what: &str,
        change: impl FnOnce(&mut Credentials),
    ) -> PyResult<()> {
        if !self.awaits.get(py) {
            return Err(FrameError::new_err(format!(
                "frame.{what} can be set in a coroutine only, which awaits what is asked in \
                 another's name: async def {}_fop",
                self.fop(py).name
            )));
        }
        self.check_open(py, "can not ask as another user")?;
        self.live(py)?;
        let mut credentials = self.credentials(py)?;
        change(&mut credentials);
        self.credentials.set(py, Some(Box::new(credentials)));
        Ok(())
    }

    fn root<R>(&self, py: Python<'_>, f: impl FnOnce(&gf::call_stack_t) -> R) -> PyResult<R> {
        let c = self.live(py)?;
        // SAFETY: a live frame has a live root.
        Ok(f(unsafe { &*(*c).root }))
    }
}
