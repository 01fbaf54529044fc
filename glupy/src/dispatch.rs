//! Where GlusterFS's threads enter and leave: the generated trampolines call
//! [`enter`] on the way down and [`leave`] on the way up.
//!
//! Both do the same: take the GIL, call the handler, collect what it asks for,
//! release the GIL, carry it out.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::action::{self, Action, Queue, Route};
use crate::call::{Call, Lent, Loan};
use crate::coroutine::{self, Future, Reply, Task};
use crate::fop::{Fop, MAX_ARGS, Param, Word};
use crate::frame::Frame;
use crate::gf;
use crate::gil;
use crate::handle::{self, CPtr};
use crate::here::Here;
use crate::instance::{Handler, Instance};
use crate::marshal;
use crate::shake;
use crate::stack;

/// Receives a fop on the way down.
///
/// # Safety
/// Called by a trampoline of `fop` with what GlusterFS gave it.
pub unsafe fn enter(
    fop: &'static Fop,
    c: *mut gf::call_frame_t,
    this: *mut gf::xlator_t,
    args: &[Word],
) -> i32 {
    // SAFETY: the slot is set only in the table of a translator of ours.
    let instance = unsafe { Instance::of(this) };
    let Some(handler) = instance.call(fop) else {
        // Only the answer is intercepted.
        // SAFETY: by contract.
        unsafe { stack::wind(fop, c, ptr::null_mut(), stack::first_child(this), args) };
        return 0;
    };
    let here = Here::now();
    let call = Call::begin(here);
    let mut queue = Queue::of_call(this);
    let mut made = false;
    let ran = instance.guard_at(fop.name, here, || {
        gil::attach_at(here, |py| {
            let _inside = instance.volume.inside(py);
            let mut waiting = None;
            // Callbacks that come inside of this call after all carry out for themselves.
            let mut alone = false;
            let result = call.collect(here, &mut queue, || {
                let object = Frame::new(py, instance, fop, c)?;
                made = true; // and answers for itself from now on
                Frame::borrow(&object, &call, args);
                let frame = object.get();
                frame.set_handler(py, handler);
                // SAFETY: by contract, until this function returns.
                waiting = unsafe { call_down(py, &object, c, instance, handler, &call, args) };
                if !frame.is_over(py) && handler.is_later(py) {
                    // Now, while there is the GIL: nothing is left to do in the end.
                    frame.promote(py);
                    alone = true;
                }
                Frame::release(object);
                if call.is_settled() {
                    call.end(py);
                }
                Ok(())
            });
            if !alone {
                // SAFETY: the frame of an open wind is alive, and so are the arguments.
                unsafe { carry(py, waiting, c, &call, &mut queue) };
            }
            result
        })
    });
    call.carry_out(&mut queue);
    if !made {
        let errno = if ran { libc::EIO } else { libc::ENOMEM };
        // SAFETY: a live frame that nothing was done with.
        unsafe { fail(fop, c, errno) };
    } else if !call.is_settled() {
        let here = Here::now();
        gil::attach_at(here, |py| {
            let mut releases = Queue::default();
            releases.collect(here, || {
                // It may have been over while this thread waited for the GIL.
                if let Some(frame) = call.frame(py) {
                    frame.get().promote(py);
                    handler.set_later(py);
                }
                call.end(py);
            });
            py.detach(|| releases.carry_out());
        });
    }
    0
}

/// Receives an answer on the way up.
///
/// # Safety
/// Called by a trampoline of `fop` with what GlusterFS gave it.
pub unsafe fn leave(
    fop: &'static Fop,
    c: *mut gf::call_frame_t,
    cookie: *mut c_void,
    this: *mut gf::xlator_t,
    op_ret: i32,
    op_errno: i32,
    reply: &[Word],
) -> i32 {
    // SAFETY: a frame that this translator has wound comes back to it.
    let instance = unsafe { Instance::of(this) };
    let here = Here::now();
    let call = Call::begin(here);
    let mut queue = Queue::of_call(this);
    let mut made = false;
    let mut course = || {
        gil::attach_at(here, |py| {
            let _inside = instance.volume.inside(py);
            let mut waiting = None;
            let result = call.collect(here, &mut queue, || {
                // SAFETY: NULL or a reference that was given away with the wind.
                let cookie = unsafe { Bound::from_owned_ptr_or_opt(py, cookie.cast()) };
                let lent = Lent::by(&call, reply);
                let answer = || Reply::borrowed(py, fop, this, op_ret, op_errno, reply, lent);
                // SAFETY: a live frame; only the roots of our own stacks have no parent.
                if unsafe { (*c).parent.is_null() } {
                    made = true;
                    waiting = awaited(py, cookie, answer());
                    if let Some(route) = Route::to(here, instance) {
                        action::submit(here, route, Action::Destroy { frame: CPtr(c) });
                    }
                    return Ok(());
                }
                // SAFETY: our frame; see `Frame::count_wind`.
                let object = match unsafe { Frame::returning(py, c) } {
                    Some(object) => object,
                    None => Frame::new(py, instance, fop, c)?,
                };
                made = true; // and answers for itself from now on
                let frame = object.get();
                frame.note_own(py, fop, reply);
                // This callback might outlive the call that the request came in by.
                frame.own_unless_covered(py, here);
                if frame.awaits(py) {
                    let answer = answer();
                    if let (true, Ok(reply)) = (instance.passes_on_exception(), &answer) {
                        frame.keep_awaited(py, reply);
                    }
                    waiting = awaited(py, cookie, answer);
                } else {
                    frame.set_reply(py, fop, op_ret, op_errno, lent);
                    let answer = Answer {
                        cookie,
                        op_ret,
                        op_errno,
                        call: &call,
                    };
                    // SAFETY: by contract, until this function returns.
                    unsafe { call_back(py, &object, c, instance, fop, answer, reply) };
                    Frame::settle_reply(&object, here);
                }
                frame.answer_waiting(py);
                Frame::release(object);
                Ok(())
            });
            // What it has lent has been given back.
            call.end(py);
            // SAFETY: the frame of an open wind is alive, and so is what the words refer to.
            unsafe { carry(py, waiting, c, &call, &mut queue) };
            result
        })
    };
    // Somebody waits for it, who can not be told without Python: it is tried until there
    // is room.
    while !instance.guard_at(fop.name, here, &mut course) {}
    call.carry_out(&mut queue);
    if !made {
        // SAFETY: a live frame without open winds that nothing was done with.
        unsafe { fail(fop, c, libc::EIO) };
    }
    0
}

/// Calls a fop handler; the coroutine that waits in the end.
///
/// # Safety
/// As for `enter`.
unsafe fn call_down<'py>(
    py: Python<'py>,
    object: &Bound<'py, Frame>,
    c: *mut gf::call_frame_t,
    instance: &'static Instance,
    handler: &'static Handler,
    call: &Call,
    args: &[Word],
) -> Option<Bound<'py, Task>> {
    let frame = object.get();
    let mut waiting = None;
    let mut arguments = Arguments::new(py, frame.fop(py).args);
    // SAFETY: by contract.
    match unsafe { arguments.fill(object, None, instance, args, call.loan()) } {
        Ok(()) => {
            // SAFETY: they are `arguments`, which stays until they are given back.
            let running = unsafe { call.run(object, arguments.given()) };
            let begun = handler.counters.begin(py);
            let result = arguments.call(handler).and_then(|returned| {
                if handler.is_async {
                    frame.set_awaits(py);
                    let task = Task::request(object.as_unbound(), instance, handler, &returned)?;
                    waiting = Task::step(task, None);
                }
                Ok(())
            });
            handler.counters.end(py, begun);
            drop(running);
            arguments.end(|i, kept| frame.add_handle(i, kept));
            finish(py, frame, c, handler, result);
        }
        Err(error) => finish(py, frame, c, handler, Err(error)),
    }
    waiting
}

/// Calls a cbk handler.
///
/// # Safety
/// As for `leave`.
unsafe fn call_back(
    py: Python<'_>,
    object: &Bound<'_, Frame>,
    c: *mut gf::call_frame_t,
    instance: &'static Instance,
    fop: &'static Fop,
    answer: Answer<'_, '_>,
    reply: &[Word],
) {
    let handler = instance
        .back(fop)
        .expect("a wind without cbk handler is a tail wind");
    let frame = object.get();
    frame.set_handler(py, handler);
    let mut arguments = Arguments::new(py, fop.reply);
    let call = answer.call;
    // SAFETY: by contract.
    match unsafe { arguments.fill(object, Some(&answer), instance, reply, call.loan()) } {
        Ok(()) => {
            // SAFETY: they are `arguments`, which stays until they are given back.
            let running = unsafe { call.run(object, arguments.given()) };
            let begun = handler.counters.begin(py);
            let result = arguments.call(handler).map(drop);
            handler.counters.end(py, begun);
            finish(py, frame, c, handler, result);
            drop(running);
            arguments.end(|i, kept| frame.keep_of_reply(i, kept));
        }
        Err(error) => finish(py, frame, c, handler, Err(error)),
    }
}

/// Gives a coroutine the reply that it awaits; the one that waits in the end.
fn awaited<'py>(
    py: Python<'py>,
    cookie: Option<Bound<'py, PyAny>>,
    reply: PyResult<Py<Reply>>,
) -> Option<Bound<'py, Task>> {
    // SAFETY: the cookie of a wind that is awaited is its future.
    let future = unsafe { cookie?.cast_into_unchecked::<Future>() };
    match reply {
        Ok(reply) => {
            let outcome = Ok(reply.clone_ref(py).into_any());
            let waiters = future.get().complete(py, outcome);
            // If nobody else has it, nobody else sees the reply.
            drop(future);
            let waiting = coroutine::go_on(py, waiters);
            Reply::settle(reply, py);
            waiting
        }
        Err(error) => coroutine::go_on(py, future.get().complete(py, Err(error))),
    }
}

/// Goes on with coroutines on a thread of Glupy's own, and carries out what they ask for.
/// The GIL is not held.
pub fn go_on(f: impl for<'py> FnOnce(Python<'py>) -> Option<Bound<'py, Task>>) {
    let here = Here::now();
    let call = Call::begin(here);
    let mut queue = Queue::default();
    gil::attach_at(here, |py| {
        let course = AssertUnwindSafe(|| call.collect(here, &mut queue, || f(py)));
        // What has panicked is logged by Rust's hook.
        let waiting = panic::catch_unwind(course).unwrap_or(None);
        // SAFETY: there is no frame, and nothing is lent.
        unsafe { carry(py, waiting, ptr::null_mut(), &call, &mut queue) };
    });
    call.carry_out(&mut queue);
}

/// Lets a call carry out what is in the queue for the coroutine that waits, or for the frame
/// with an open wind in the queue; leaves it to an outer call that does so already.
///
/// # Safety
/// If a wind of `c` is in the queue, its frame is alive. What the handler that has asked
/// for all that was given is, too.
unsafe fn carry(
    py: Python<'_>,
    waiting: Option<Bound<'_, Task>>,
    c: *mut gf::call_frame_t,
    call: &Call,
    queue: &mut Queue,
) {
    if let Some(task) = waiting {
        if !task.get().is_over(py) && queue.has_winds() {
            // SAFETY: by contract.
            unsafe { call.carry_for(py, task.get().carrying(), queue) };
        }
    } else if queue.winds(c) {
        // SAFETY: by contract.
        unsafe {
            let frame = Frame::of_wind(py, c);
            call.carry_for(py, frame.get().carrying(), queue);
        }
    }
}

/// Answers for a request for which no `Frame` could be made.
///
/// # Safety
/// As for `stack::unwind`.
unsafe fn fail(fop: &'static Fop, c: *mut gf::call_frame_t, errno: i32) {
    let nothing = [Word::NULL; MAX_ARGS];
    // SAFETY: by contract.
    unsafe { stack::unwind(fop, c, -1, errno, &nothing[..fop.reply.len()]) };
}

/// What comes after a handler: an exception answers the request.
fn finish(
    py: Python<'_>,
    frame: &Frame,
    c: *mut gf::call_frame_t,
    handler: &Handler,
    result: PyResult<()>,
) {
    if let Err(error) = result {
        frame.failed(py, c, handler, error);
    }
}

/// What a cbk handler gets before the answer's values.
struct Answer<'a, 'py> {
    cookie: Option<Bound<'py, PyAny>>,
    op_ret: i32,
    op_errno: i32,
    /// That has lent the values.
    call: &'a Call,
}

/// Room for two places of the callee's, up to five objects that are no arguments, and those.
const PLACES: usize = 2 + 5 + MAX_ARGS;

/// The objects of a handler's call.
struct Arguments<'a, 'py> {
    py: Python<'py>,
    /// The first places are for [`Callee::call`](crate::callee::Callee::call); then frame,
    /// (cookie,) this, (op_ret, op_errno,) and the arguments.
    objects: [*mut ffi::PyObject; PLACES],
    /// How many there are.
    len: usize,
    /// Where those begin that are this call's own; those before are others'.
    own: usize,
    /// Where the arguments begin.
    first: usize,
    params: &'static [Param],
    /// The frame, the cookie and the translator, which outlive the call.
    others: PhantomData<&'a Py<PyAny>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// With room for them.
    fn new(py: Python<'py>, params: &'static [Param]) -> Self {
        Arguments {
            py,
            objects: [ptr::null_mut(); PLACES],
            len: 2,
            own: PLACES,
            first: 2,
            params,
            others: PhantomData,
        }
    }

    fn push(&mut self, object: *mut ffi::PyObject) {
        self.objects[self.len] = object;
        self.len += 1;
    }

    /// Makes them. What is there when it fails goes with `self`.
    ///
    /// # Safety
    /// As for `marshal::to_python`.
    unsafe fn fill(
        &mut self,
        frame: &'a Bound<'py, Frame>,
        answer: Option<&'a Answer<'a, 'py>>,
        instance: &'static Instance,
        words: &[Word],
        loan: Loan,
    ) -> PyResult<()> {
        let py = self.py;
        self.push(frame.as_ptr());
        if let Some(answer) = answer {
            let cookie = answer.cookie.as_ref();
            // SAFETY: None is for ever.
            self.push(cookie.map_or_else(|| unsafe { ffi::Py_None() }, Bound::as_ptr));
        }
        self.push(instance.this().as_ptr());
        self.own = self.len;
        if let Some(answer) = answer {
            for number in [answer.op_ret, answer.op_errno] {
                self.push(number.into_pyobject(py)?.into_ptr());
            }
        }
        self.first = self.len;
        // SAFETY: by contract.
        unsafe {
            marshal::to_python(py, self.params, words, instance, loan, |object| {
                self.push(object.into_ptr());
            })
        }
    }

    /// Calls the handler.
    fn call(&mut self, handler: &Handler) -> PyResult<Bound<'py, PyAny>> {
        self.objects[1] = handler.callee.receiver();
        // SAFETY: they are live objects.
        let result = unsafe { handler.callee.call(self.py, &mut self.objects[..self.len]) };
        shake::point_with_gil(self.py);
        result
    }

    /// What the fop's arguments are in Python.
    fn given(&self) -> &[*mut ffi::PyObject] {
        &self.objects[self.first..self.len]
    }

    /// Ends it. Handles that nobody has kept are used again, for others `kept` is called,
    /// with their positions.
    fn end(&mut self, mut kept: impl FnMut(usize, Bound<'py, PyAny>)) {
        let end = std::mem::replace(&mut self.len, self.first);
        let objects = self.objects[self.first..end].iter();
        for (i, (object, param)) in objects.zip(self.params).enumerate() {
            // SAFETY: a reference of ours, which is not among `len` any more.
            let object = unsafe { Bound::from_owned_ptr(self.py, *object) };
            if !marshal::is_handle(param.kind) || object.is_none() {
                continue; // and is dropped
            }
            if let Some(object) = handle::recycle(object) {
                kept(i, object);
            }
        }
    }
}

impl Drop for Arguments<'_, '_> {
    fn drop(&mut self) {
        for object in &self.objects[self.own.min(self.len)..self.len] {
            // SAFETY: a reference of ours; the GIL is held, as `py` says.
            unsafe { ffi::Py_DECREF(*object) };
        }
    }
}
