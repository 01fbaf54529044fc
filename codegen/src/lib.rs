//! Generates everything in Glupy that depends on the list of GlusterFS operations.
//!
//! ```text
//! fops.yaml -> yaml -> schema -> resolve -> model -> emit -> sink
//! ```
//!
//! * [`yaml`] reads the text as a tree in which every value knows its place.
//! * [`schema`] reads the tree as fops, types, structures and so on.
//! * [`resolve`] checks them against each other and makes the model.
//! * [`model`] is what the emitters see: plain data that is known to be right.
//! * [`emit`] turns the model into texts: pure functions, one file per output.
//! * [`sink`] compares or writes; nothing else touches the disk.
//!
//! The first three share one list of [`diagnostics`], so that one run tells everything that
//! is wrong with a schema.

pub mod describe;
pub mod diagnostics;
pub mod emit;
pub mod fingerprint;
pub mod model;
pub mod names;
pub mod resolve;
pub mod schema;
pub mod sink;
pub mod yaml;

use diagnostics::{Diagnostics, Source};
use model::Model;

/// Reads and checks a schema.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load(source: &Source) -> Result<Model, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let model = yaml::parse(source, &mut diagnostics)
        .and_then(|tree| schema::read(&tree, &mut diagnostics))
        .map(|schema| resolve::resolve(&schema, &mut diagnostics));
    match model {
        Some(model) if diagnostics.is_empty() => Ok(model),
        _ => Err(diagnostics),
    }
}
