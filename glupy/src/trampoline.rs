//! The C functions of a fop: in from GlusterFS to `dispatch`, out from `stack` to
//! GlusterFS.
//!
//! Those of two fops differ in the types of their arguments only. So they are written
//! once, generic over these types, for each number of arguments that there may be.

use std::ffi::c_void;
use std::mem::transmute;

use crate::dispatch::{enter, leave};
use crate::fop::{Fop, InWord, RawFn, Word};
use crate::gf;

/// A fop as a type, for its functions to know it by.
pub trait Row {
    /// Its row in the table.
    const FOP: &'static Fop;
}

/// What the fop `F` takes after `frame` and `this`, or answers after `op_errno`: a
/// tuple of the C types.
pub trait Values<F> {
    /// The type of a fop that takes these values, as bindgen writes it.
    type Call;
    /// The type of a callback that takes these values.
    type Back;
    /// A `Call`; see [`Fop::call`].
    const CALL: RawFn;
    /// A `Back`; see [`Fop::back`].
    const BACK: RawFn;

    /// See [`Fop::wind`].
    ///
    /// # Safety
    /// The target is a `Call`, the words hold these values.
    unsafe fn wind(
        target: RawFn,
        frame: *mut gf::call_frame_t,
        this: *mut gf::xlator_t,
        args: &[Word],
    ) -> i32;

    /// See [`Fop::unwind`].
    ///
    /// # Safety
    /// The target is a `Back`, the words hold these values.
    unsafe fn unwind(
        target: RawFn,
        frame: *mut gf::call_frame_t,
        cookie: *mut c_void,
        this: *mut gf::xlator_t,
        op_ret: i32,
        op_errno: i32,
        reply: &[Word],
    ) -> i32;
}

/// `Fop::call` of the fop `F`. Compiles only when what the schema says that the fop
/// takes (`Args`) makes the type that the headers give it (`Header`).
pub const fn call<F, Args: Values<F, Call = Header>, Header>() -> RawFn {
    Args::CALL
}

/// `Fop::back` of the fop `F`, checked likewise.
pub const fn back<F, Reply: Values<F, Back = Header>, Header>() -> RawFn {
    Reply::BACK
}

macro_rules! values {
    ($($T:ident $value:ident),*) => {
        impl<F: Row, $($T: InWord),*> Values<F> for ($($T,)*) {
            type Call = Option<
                unsafe extern "C" fn(*mut gf::call_frame_t, *mut gf::xlator_t, $($T),*) -> i32,
            >;
            type Back = Option<
                unsafe extern "C" fn(
                    *mut gf::call_frame_t,
                    *mut c_void,
                    *mut gf::xlator_t,
                    i32,
                    i32,
                    $($T),*
                ) -> i32,
            >;

            const CALL: RawFn = {
                unsafe extern "C" fn call<F: Row, $($T: InWord),*>(
                    frame: *mut gf::call_frame_t,
                    this: *mut gf::xlator_t,
                    $($value: $T),*
                ) -> i32 {
                    let args = [$($value.into()),*];
                    // SAFETY: GlusterFS calls this through the slot of F.
                    unsafe { enter(F::FOP, frame, this, &args) }
                }
                let call: <Self as Values<F>>::Call = Some(call::<F, $($T),*>);
                // SAFETY: Some(function) has the function's bits.
                unsafe { transmute::<<Self as Values<F>>::Call, RawFn>(call) }
            };

            const BACK: RawFn = {
                unsafe extern "C" fn back<F: Row, $($T: InWord),*>(
                    frame: *mut gf::call_frame_t,
                    cookie: *mut c_void,
                    this: *mut gf::xlator_t,
                    op_ret: i32,
                    op_errno: i32,
                    $($value: $T),*
                ) -> i32 {
                    let reply = [$($value.into()),*];
                    // SAFETY: GlusterFS calls this to answer a wind of F.
                    unsafe { leave(F::FOP, frame, cookie, this, op_ret, op_errno, &reply) }
                }
                let back: <Self as Values<F>>::Back = Some(back::<F, $($T),*>);
                // SAFETY: Some(function) has the function's bits.
                unsafe { transmute::<<Self as Values<F>>::Back, RawFn>(back) }
            };

            unsafe fn wind(
                target: RawFn,
                frame: *mut gf::call_frame_t,
                this: *mut gf::xlator_t,
                args: &[Word],
            ) -> i32 {
                let &[$($value),*] = args else {
                    unreachable!("a word for each value")
                };
                // SAFETY: by contract; a function's bits are Some(function).
                unsafe {
                    let target = transmute::<RawFn, <Self as Values<F>>::Call>(target);
                    target.unwrap_unchecked()(frame, this, $($value.get()),*)
                }
            }

            unsafe fn unwind(
                target: RawFn,
                frame: *mut gf::call_frame_t,
                cookie: *mut c_void,
                this: *mut gf::xlator_t,
                op_ret: i32,
                op_errno: i32,
                reply: &[Word],
            ) -> i32 {
                let &[$($value),*] = reply else {
                    unreachable!("a word for each value")
                };
                // SAFETY: by contract; a function's bits are Some(function).
                unsafe {
                    let target = transmute::<RawFn, <Self as Values<F>>::Back>(target);
                    target.unwrap_unchecked()(
                        frame, cookie, this, op_ret, op_errno, $($value.get()),*
                    )
                }
            }
        }
    };
}

// One for each number of values up to `fop::MAX_ARGS`.
values!();
values!(A a);
values!(A a, B b);
values!(A a, B b, C c);
values!(A a, B b, C c, D d);
values!(A a, B b, C c, D d, E e);
values!(A a, B b, C c, D d, E e, G g);
values!(A a, B b, C c, D d, E e, G g, H h);
values!(A a, B b, C c, D d, E e, G g, H h, I i);
values!(A a, B b, C c, D d, E e, G g, H h, I i, J j);
values!(A a, B b, C c, D d, E e, G g, H h, I i, J j, K k);
