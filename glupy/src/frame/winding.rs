//! What is asked of children.

use std::ffi::c_void;
use std::ptr;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::{Frame, FrameError, State};
use crate::action::{self, Action, Route};
use crate::coroutine::{self, Future};
use crate::fop::{Fop, Kind, MAX_ARGS, Param, Word};
use crate::gf;
use crate::gil;
use crate::handle::CPtr;
use crate::here::Here;
use crate::hold::Hold;
use crate::words::Words;

/// The longest path of a loc, in bytes. storage/posix copies it to the stack, of which threads of
/// io-threads have 256 KiB.
const MAX_PATH: usize = 32 << 10;

impl Frame {
    /// The frame that waits for a callback, one wind less open. The C frame keeps
    /// its reference while others are.
    ///
    /// # Safety
    /// `c` is a live frame of this translator whose `local`, if any, was set by
    /// [`Frame::count_wind`].
    pub unsafe fn returning(py: Python<'_>, c: *mut gf::call_frame_t) -> Option<Bound<'_, Frame>> {
        // SAFETY: by contract.
        if unsafe { (*c).local.is_null() } {
            return None;
        }
        // SAFETY: by contract.
        let object = unsafe { Frame::of_wind(py, c) };
        let frame = object.get();
        let open = frame.open.get(py) - 1;
        frame.open.store(py, open);
        frame.wound.store(py, true);
        if open == 0 {
            // SAFETY: takes back the reference that the C frame held; another
            // one is in `object`.
            unsafe {
                ffi::Py_DECREF((*c).local.cast());
                (*c).local = ptr::null_mut();
            }
        }
        Some(object)
    }

    /// The frame of a queued wind.
    ///
    /// # Safety
    /// `c` is a live frame of this translator with an open wind.
    pub unsafe fn of_wind(py: Python<'_>, c: *mut gf::call_frame_t) -> Bound<'_, Frame> {
        // SAFETY: by contract `local` is a strong reference to a Frame (`count_wind`).
        unsafe { Bound::from_borrowed_ptr(py, (*c).local.cast()).cast_into_unchecked() }
    }

    /// Asks for a wind of a fop with these arguments.
    ///
    /// # Errors
    /// `FrameError` when the request is over, or when nobody could receive the answer.
    pub fn wind(
        slf: &Bound<'_, Self>,
        here: Here,
        fop: &'static Fop,
        words: Words,
        hold: Hold,
        child: *mut gf::xlator_t,
        cookie: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<Future>>> {
        let (py, frame) = (slf.py(), slf.get());
        // First of all: what makes an object may run Python, and other threads meanwhile.
        let future = frame.awaits.get(py).then(|| Future::new(py)).transpose()?;
        frame.check_open(py, "can not wind")?;
        frame.live(py)?;
        // SAFETY: they are alive: borrowed by a running handler or held.
        let (strange, excess) = unsafe {
            (
                frame.note_strange(py, fop, words),
                frame.note_excess(py, fop, words),
            )
        };
        if let Some(future) = future {
            if cookie.is_some() {
                return Err(FrameError::new_err(format!(
                    "{}_wind: a cookie is for a cbk handler; a coroutine awaits the reply",
                    fop.name
                )));
            }
            let future = Frame::wind_awaited(slf, here, fop, words, hold, child, future)?;
            return Ok(Some(future));
        }
        let child = CPtr(child);
        if frame.instance(py).has_back(fop) {
            let route = frame.route(py, here)?;
            let c = Frame::count_wind(slf)?;
            let cookie = CPtr(cookie.map_or(ptr::null_mut(), |cookie| cookie.into_ptr().cast()));
            action::submit(
                here,
                route,
                Action::Wind {
                    fop,
                    frame: c,
                    child,
                    cookie,
                    words,
                    hold,
                },
            );
            return Ok(None);
        }
        let name = fop.name;
        if !ptr::eq(fop, frame.fop(py)) || frame.open.get(py) > 0 {
            return Err(FrameError::new_err(format!(
                "{name}_wind: nobody would see the answer: define {name}_cbk"
            )));
        }
        if cookie.is_some() {
            return Err(FrameError::new_err(format!(
                "{name}_wind: a cookie comes back to {name}_cbk, which is not defined"
            )));
        }
        if let Some(own) = strange {
            return Err(PyValueError::new_err(format!(
                "{name}_wind: {} is not the request's own, and the answer would not be either: \
                 define {name}_cbk, and answer with {} of {name}_fop",
                own.name, own.name
            )));
        }
        if let Some(excess) = excess {
            return Err(excess.unseen());
        }
        let passed_on = frame.finish_with(py, here, State::PassedOn, |frame| Action::WindTail {
            fop,
            frame,
            child,
            words,
            hold,
        });
        match passed_on {
            true => Ok(None),
            false => Err(frame.refused(py, "can not wind")),
        }
    }

    /// Asks for a wind whose reply is awaited.
    fn wind_awaited(
        slf: &Bound<'_, Self>,
        here: Here,
        fop: &'static Fop,
        words: Words,
        hold: Hold,
        child: *mut gf::xlator_t,
        future: Py<Future>,
    ) -> PyResult<Py<Future>> {
        let (py, frame) = (slf.py(), slf.get());
        let limited = coroutine::with_current(py, "wind", |task| Ok(task.get().is_limited(py)));
        // SAFETY: looks only.
        let as_another = unsafe { frame.credentials.with(py, |set| set.is_some()) };
        if limited.unwrap_or(false) || as_another {
            // The coroutine may be torn from it, and answer before the child does. Or it is asked in
            // another's name, which nobody else is to see on the request's stack.
            frame.wound.store(py, true);
            let (instance, credentials) = (frame.instance(py), frame.credentials(py)?);
            // SAFETY: the words are the request's, or have been given now.
            return unsafe { coroutine::wind(py, instance, fop, words, hold, child, &credentials) };
        }
        let route = frame.route(py, here)?;
        let wind = Action::Wind {
            fop,
            frame: Frame::count_wind(slf)?,
            child: CPtr(child),
            cookie: CPtr(future.clone_ref(py).into_ptr().cast()),
            words,
            hold,
        };
        action::submit(here, route, wind);
        Ok(future)
    }

    /// Makes a wind that is awaited, and has not been carried out, the last thing that
    /// happens to the request here: the reply passes by. False if it can not be.
    pub fn pass_on(&self, py: Python<'_>, future: &Py<Future>) -> bool {
        let c = self.c.get(py).0;
        // The future is the wind's, the coroutine's and that of whoever asks.
        let seen = gil::refcount(future) > 2;
        let strays = self.strays.get(py); // and the answer is looked at
        if seen || strays || c.is_null() || self.open.get(py) != 1 || self.has_answer(py) {
            return false;
        }
        let winds = |action: &Action| action.is_awaited_by(c, future.as_ptr().cast());
        for wind in action::withdraw(winds) {
            if let Action::Wind {
                fop,
                child,
                cookie,
                words,
                hold,
                ..
            } = wind
            {
                // SAFETY: as in `withdraw`.
                unsafe { self.uncount_wind(py, c, cookie) };
                // If that fails, another thread has answered, and nothing is to be wound.
                self.finish_with(py, Here::now(), State::PassedOn, |frame| Action::WindTail {
                    fop,
                    frame,
                    child,
                    words,
                    hold,
                });
                return true;
            }
        }
        false
    }

    /// The route of a wind.
    fn route(&self, py: Python<'_>, here: Here) -> PyResult<Route> {
        let instance = self.instance(py);
        Route::to(here, instance).ok_or_else(|| instance.volume.gone_error("Frame"))
    }

    /// A wind is open from now on; of which C frame.
    ///
    /// # Errors
    /// `FrameError` when the request is over, or has an answer.
    fn count_wind(slf: &Bound<'_, Self>) -> PyResult<CPtr<gf::call_frame_t>> {
        let (py, frame) = (slf.py(), slf.get());
        let own = slf.clone().unbind();
        let (c, _left) = gil::locked(py, |locked| {
            let (c, open) = (frame.c.get(locked), frame.open.get(locked));
            let is_over = c.0.is_null() || frame.state.get(locked) != State::Pending;
            if is_over || frame.is_lost(locked) {
                return (None, Some(own));
            }
            frame.open.store(locked, open + 1);
            if open > 0 {
                return (Some(c), Some(own));
            }
            // SAFETY: our own live frame; taken back in `returning` or `uncount_wind`.
            unsafe { (*c.get()).local = own.into_ptr().cast::<c_void>() };
            (Some(c), None)
        });
        let why = || frame.live(py).err();
        c.ok_or_else(|| why().unwrap_or_else(|| frame.refused(py, "can not wind")))
    }

    /// Forgets a wind that is not carried out.
    ///
    /// # Safety
    /// `count_wind` has counted it on this live frame; the cookie's reference was its.
    pub(super) unsafe fn uncount_wind(
        &self,
        py: Python<'_>,
        c: *mut gf::call_frame_t,
        cookie: CPtr<()>,
    ) {
        let open = self.open.get(py) - 1;
        self.open.store(py, open);
        // SAFETY: by contract; `local` was set by `count_wind`. The references go last.
        unsafe {
            let local = match open {
                0 => std::mem::replace(&mut (*c).local, ptr::null_mut()),
                _ => ptr::null_mut(),
            };
            ffi::Py_XDECREF(cookie.0.cast());
            ffi::Py_XDECREF(local.cast());
        }
    }

    /// Takes back the winds that the running handler has queued: it failed.
    pub fn withdraw(&self, py: Python<'_>, c: *mut gf::call_frame_t) {
        for wind in action::withdraw(|action| action.winds(c)) {
            match wind {
                Action::Wind { cookie, .. } => {
                    // SAFETY: the frame is live, and the wind was not carried out.
                    unsafe { self.uncount_wind(py, c, cookie) };
                }
                Action::WindTail { .. } => {
                    self.c.store(py, CPtr(c));
                    self.state.store(py, State::Pending);
                }
                _ => unreachable!("only winds are withdrawn"),
            }
        }
        // An answer may have waited for them.
        self.answer_waiting(py);
    }

    /// Checks a request as the author made it: what came as NULL may stay so. The loc of
    /// a request must have an inode, which children follow without looking; only where a
    /// file is to be put (the second loc) there may be none.
    ///
    /// # Errors
    /// `ValueError` that names the argument.
    pub fn check_request(
        &self,
        py: Python<'_>,
        function: &str,
        fop: &'static Fop,
        words: &[Word; MAX_ARGS],
    ) -> PyResult<()> {
        let came = self.args(py).filter(|_| ptr::eq(fop, self.fop(py)));
        // SAFETY: the arguments of a request that is not over are alive.
        let came = came
            .as_ref()
            .map(|(words, _)| unsafe { words.get(fop.args.len()) });
        Frame::check_words(function, fop, words, came)
    }

    /// The same for a request that may be another one than what came.
    ///
    /// # Errors
    /// `ValueError` that names the argument.
    pub fn check_words(
        function: &str,
        fop: &'static Fop,
        words: &[Word; MAX_ARGS],
        came: Option<&[Word]>,
    ) -> PyResult<()> {
        for (i, param) in fop.args.iter().enumerate() {
            if param.required && words[i].is_null() && came.is_none_or(|came| !came[i].is_null()) {
                return Err(PyValueError::new_err(format!(
                    "{function}: {} must not be None",
                    param.name
                )));
            }
        }
        for (i, param) in fop.args.iter().enumerate() {
            if came.is_none_or(|came| came[i] != words[i]) {
                // SAFETY: a loc that the author gives is held.
                unsafe { Frame::check_limits(function, param, words[i]) }?;
            }
        }
        for param in fop.args {
            let Some(length) = param.vector.map(|vector| vector.length) else {
                continue;
            };
            // cluster/disperse follows the first part without looking.
            let is_nothing = |words: &[Word]| words[length].get::<i32>() == 0;
            if is_nothing(words) && !came.is_some_and(is_nothing) {
                return Err(PyValueError::new_err(format!(
                    "{function}: {} has no parts: give b\"\", which is one of no bytes",
                    param.name
                )));
            }
        }
        let Some(i) = fop.args.iter().position(|param| param.kind == Kind::Loc) else {
            return Ok(());
        };
        let inode = |word: Word| {
            // SAFETY: a loc that came is alive until the request is over, one that the
            // author gives is held.
            unsafe { word.get::<*const gf::loc_t>().as_ref() }.map(|loc| loc.inode)
        };
        let came = came.and_then(|came| inode(came[i]));
        match inode(words[i]) {
            Some(inode) if inode.is_null() && came.is_none_or(|inode| !inode.is_null()) => Err(
                PyValueError::new_err(format!("{function}: {} has no inode", fop.args[i].name)),
            ),
            _ => Ok(()),
        }
    }

    /// What children take for granted of an argument.
    ///
    /// # Safety
    /// It is one, and alive.
    unsafe fn check_limits(function: &str, param: &Param, word: Word) -> PyResult<()> {
        let (name, max) = (param.name, param.max);
        let wrong = |text: String| Err(PyValueError::new_err(format!("{function}: {text}")));
        match param.kind {
            Kind::U64 if word.get::<u64>() > max => {
                let size = word.get::<u64>();
                wrong(format!("{name} is {size}, and can be at most {max}"))
            }
            Kind::Loc => {
                // SAFETY: by contract, NULL or a loc, whose path is NULL or a string.
                let (path, gfid, is_entry) = unsafe {
                    let Some(loc) = word.get::<*const gf::loc_t>().as_ref() else {
                        return Ok(());
                    };
                    let path = loc.path.as_ref();
                    (
                        path.map_or(0, |path| libc::strnlen(path, MAX_PATH + 1)),
                        loc.gfid,
                        !loc.parent.is_null() && loc.name.as_ref().is_some_and(|name| *name != 0),
                    )
                };
                if path > MAX_PATH {
                    return wrong(format!("path of {name} has more than {MAX_PATH} bytes"));
                }
                if param.entry && !is_entry {
                    return wrong(format!(
                        "{name} has no parent or no name, by which children go: give one of \
                         Loc.child(parent, name)"
                    ));
                }
                if param.gfid && gfid == [0; 16] {
                    return wrong(format!(
                        "{name} has no gfid, by which children go: give one whose gfid is that of \
                         its inode"
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
