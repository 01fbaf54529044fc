//! Where GlusterFS's threads enter and leave: the generated trampolines call
//! [`enter`] on the way down and [`leave`] on the way up.
//!
//! Both do the same: take the GIL, call the handler, collect what it asks for,
//! release the GIL, carry it out.

use std::ffi::c_void;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::action::Queue;
use crate::fop::{Fop, MAX_ARGS, Param, Word};
use crate::frame::{Entering, Frame};
use crate::gf;
use crate::gil;
use crate::handle;
use crate::instance::{Handler, Instance};
use crate::marshal;
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
    let entering = Entering::new();
    let mut queue = Queue::default();
    // The address of a frame that is still open; alive as long as it is not over.
    let mut open: *const Frame = ptr::null();
    let mut made = false;
    instance.guard(fop.name, || {
        gil::attach(|py| {
            queue.collect(|| {
                let object = Frame::new(py, instance, fop, c, Some(args))?;
                made = true; // and answers for itself from now on
                let frame = object.get();
                frame.set_handler(py, handler);
                frame.set_entering(py, &entering);
                // SAFETY: by contract, until this function returns.
                let arguments =
                    unsafe { Arguments::new(py, &object, None, instance, fop.args, args) };
                match arguments {
                    Ok(mut arguments) => {
                        entering.set_running(py, arguments.given());
                        let result = arguments.call(py, handler);
                        entering.set_running(py, &[]);
                        frame.set_handles(py, arguments.handles());
                        drop(arguments);
                        finish(py, frame, c, instance, handler, result);
                    }
                    Err(error) => finish(py, frame, c, instance, handler, Err(error)),
                }
                if !frame.is_over(py) {
                    open = frame;
                }
                Frame::release(object, py);
                Ok(())
            })
        })
    });
    entering.carry_out(queue);
    if !made {
        // SAFETY: a live frame that nothing was done with.
        unsafe { fail(fop, c) };
    } else if !open.is_null() && !entering.is_over() {
        gil::attach(|py| {
            let mut releases = Queue::default();
            releases.collect(|| {
                if !entering.is_over() {
                    // SAFETY: a frame that is not over is alive, and it can not
                    // get over while this thread has the GIL.
                    unsafe { &*open }.promote(py);
                }
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
    let mut queue = Queue::default();
    // On the stack that GlusterFS came by; the handler may get another one.
    let call = Entering::new();
    let here = ptr::from_ref(&call).addr();
    // The address of a frame for which this call carries out; see `enter`.
    let mut open: *const Frame = ptr::null();
    let mut made = false;
    instance.guard(fop.name, || {
        gil::attach(|py| {
            let result = queue.collect(|| {
                // SAFETY: a cookie is NULL or a reference that `Frame::wind` gave away.
                let cookie = unsafe { Bound::from_owned_ptr_or_opt(py, cookie.cast()) };
                // SAFETY: our frame; see `Frame::count_wind`.
                let object = match unsafe { Frame::returning(py, c) } {
                    Some(object) => object,
                    None => Frame::new(py, instance, fop, c, None)?,
                };
                made = true; // and answers for itself from now on
                let frame = object.get();
                frame.promote_unless_nested(py, here);
                frame.set_reply(py, fop, op_ret, op_errno, reply);
                let answer = Answer {
                    cookie,
                    op_ret,
                    op_errno,
                };
                let handler = instance
                    .back(fop)
                    .expect("a wind without cbk handler is a tail wind");
                frame.set_handler(py, handler);
                // SAFETY: by contract, until this function returns.
                match unsafe {
                    Arguments::new(py, &object, Some(answer), instance, fop.reply, reply)
                } {
                    Ok(mut arguments) => {
                        let result = arguments.call(py, handler);
                        finish(py, frame, c, instance, handler, result);
                        let handles = arguments.handles();
                        drop(arguments);
                        handles
                            .into_iter()
                            .for_each(|object| handle::settle(py, object));
                    }
                    Err(error) => finish(py, frame, c, instance, handler, Err(error)),
                }
                Frame::settle_reply(&object, py);
                frame.answer_waiting(py);
                Frame::release(object, py);
                Ok(())
            });
            if queue.winds(c) {
                // SAFETY: the wind is open until it has been carried out.
                let frame = unsafe { Frame::of_wind(py, c) };
                if frame.get().carry(py, &mut queue, &call) {
                    open = frame.get();
                }
            }
            result
        })
    });
    call.carry_out(queue);
    if !made {
        // SAFETY: a live frame without open winds that nothing was done with.
        unsafe { fail(fop, c) };
    } else if !open.is_null() && !call.is_over() {
        gil::attach(|py| {
            if !call.is_over() {
                // SAFETY: as in `enter`.
                unsafe { &*open }.carried(py);
            }
        });
    }
    0
}

/// Answers for a request for which no `Frame` could be made.
///
/// # Safety
/// As for `stack::unwind`.
unsafe fn fail(fop: &'static Fop, c: *mut gf::call_frame_t) {
    let nothing = [Word::NULL; MAX_ARGS];
    // SAFETY: by contract.
    unsafe { stack::unwind(fop, c, -1, libc::EIO, &nothing[..fop.reply.len()]) };
}

/// What comes after a handler: an exception answers the request.
fn finish(
    py: Python<'_>,
    frame: &Frame,
    c: *mut gf::call_frame_t,
    instance: &Instance,
    handler: &Handler,
    result: PyResult<()>,
) {
    if let Err(error) = result {
        frame.withdraw(py, c);
        let op_errno = instance.failed(py, handler, error, frame.has_answer(py));
        frame.fail(py, op_errno);
    }
}

/// What a cbk handler gets before the answer's values.
struct Answer<'py> {
    cookie: Option<Bound<'py, PyAny>>,
    op_ret: i32,
    op_errno: i32,
}

/// The objects of a handler's call.
struct Arguments<'a> {
    /// The first place is the callee's to use (vectorcall); then frame, (cookie,)
    /// this, (op_ret, op_errno,) and the arguments.
    objects: SmallVec<[*mut ffi::PyObject; MAX_ARGS + 6]>,
    /// Where the arguments begin.
    first: usize,
    params: &'a [Param],
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// As for `marshal::to_python`.
    unsafe fn new(
        py: Python<'_>,
        frame: &Py<Frame>,
        answer: Option<Answer<'_>>,
        instance: &Instance,
        params: &'static [Param],
        words: &[Word],
    ) -> PyResult<Self> {
        let mut all = Arguments {
            objects: SmallVec::new(),
            first: 0,
            params,
        };
        all.objects.push(ptr::null_mut());
        all.push(frame.clone_ref(py).into_any());
        let op = answer.map(|answer| {
            all.push(answer.cookie.map_or_else(|| py.None(), Bound::unbind));
            (answer.op_ret, answer.op_errno)
        });
        all.push(instance.this(py));
        if let Some((op_ret, op_errno)) = op {
            all.push(op_ret.into_pyobject(py)?.into_any().unbind());
            all.push(op_errno.into_pyobject(py)?.into_any().unbind());
        }
        all.first = all.objects.len();
        // SAFETY: by contract.
        unsafe { marshal::to_python(py, params, words, instance.xl(), |object| all.push(object))? };
        Ok(all)
    }

    fn push(&mut self, object: Py<PyAny>) {
        self.objects.push(object.into_ptr());
    }

    /// Calls the handler; what it returns is not looked at.
    fn call(&mut self, py: Python<'_>, handler: &Handler) -> PyResult<()> {
        let count = self.objects.len() - 1;
        let begun = handler.counters.begin(py);
        // SAFETY: `count` live objects behind a place that the callee may use,
        // as the offset flag says; the result is a new reference or NULL.
        let result = unsafe {
            let result = ffi::PyObject_Vectorcall(
                handler.function.as_ptr(),
                self.objects.as_mut_ptr().add(1),
                count | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET,
                ptr::null_mut(),
            );
            Bound::from_owned_ptr_or_err(py, result).map(drop)
        };
        handler.counters.end(py, begun);
        result
    }

    /// What the fop's arguments are in Python.
    fn given(&self) -> &[*mut ffi::PyObject] {
        &self.objects[self.first..]
    }

    /// Takes the handles out.
    fn handles(&mut self) -> SmallVec<[Py<PyAny>; MAX_ARGS]> {
        let mut handles = SmallVec::<[Py<PyAny>; MAX_ARGS]>::new();
        for (object, param) in self.objects[self.first..].iter_mut().zip(self.params) {
            // SAFETY: the GIL is held by the handler's course; the reference is
            // given away once: its place is NULL from now on.
            let object = unsafe {
                if !marshal::is_handle(param.kind) || *object == ffi::Py_None() {
                    continue;
                }
                let object = std::mem::replace(object, ptr::null_mut());
                Bound::from_owned_ptr(Python::assume_attached(), object)
            };
            handles.push(object.unbind());
        }
        handles
    }
}

impl Drop for Arguments<'_> {
    fn drop(&mut self) {
        for object in &self.objects {
            // SAFETY: each place is NULL or a reference of ours; the GIL is held
            // by the handler's course.
            unsafe { ffi::Py_XDECREF(*object) };
        }
    }
}
