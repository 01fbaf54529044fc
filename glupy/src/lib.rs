//! `features/glupy`: a GlusterFS translator that runs translators written in
//! Python.
//!
//! The flow at run time: C, trampoline (`generated/fops.rs`), `dispatch`, Python,
//! and back through the `action` queue and `stack`. See ARCHITECTURE.md.

mod action;
mod at_end;
mod below;
mod call;
mod callee;
mod compat;
mod contexts;
mod convert;
mod coroutine;
mod counters;
mod descriptors;
mod dispatch;
mod dump;
mod ending;
mod fastcall;
mod fingerprint;
mod fop;
mod fork;
mod frame;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;
mod gf;
mod gil;
mod handle;
mod handles;
mod here;
mod hold;
mod hooks;
mod instance;
mod keepers;
mod layout;
mod life;
mod limit;
mod list;
mod log;
mod long_forms;
mod marshal;
mod memory;
mod own_stack;
mod owned;
mod owner;
mod parse;
mod pool;
mod printable;
mod python;
mod recycle;
mod roomy;
mod sealed;
mod shake;
mod stack;
mod timer;
mod trampoline;
mod trashcan;
mod turns;
mod version;
mod volume;
mod words;
mod work;
mod xlator;
