//! GlusterFS's types and functions as bindgen reads them from the installed
//! headers. Names and fields are those of the C headers.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals
)]
#![allow(
    dead_code,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]
#![allow(unknown_lints, unnecessary_transmutes)]

include!(concat!(env!("OUT_DIR"), "/gf.rs"));

// Without HAVE_ATOMIC_BUILTINS the headers compile to other layouts than the
// library's, silently: the counter then holds a lock.
const _: () = assert!(
    size_of::<gf_atomic_int64_t>() == 8,
    "headers without HAVE_ATOMIC_BUILTINS"
);
