//! `features/glupy`: a GlusterFS translator that runs translators written in
//! Python.
//!
//! The flow at run time: C, trampoline (`generated/fops.rs`), `dispatch`, Python,
//! and back through the `action` queue and `stack`. See ARCHITECTURE.md.

mod action;
mod convert;
mod dispatch;
mod fop;
mod frame;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;
mod gf;
mod gil;
mod handle;
mod handles;
mod instance;
mod life;
mod list;
mod log;
mod long_forms;
mod marshal;
mod memory;
mod owned;
mod python;
mod roomy;
mod stack;
mod xlator;
