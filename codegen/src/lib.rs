//! Generates everything in Glupy that depends on the list of GlusterFS operations.
//!
//! ```text
//! fops.yaml -> yaml -> schema -> resolve -> model -> emit -> sink
//! ```
//!
//! * [`yaml`] reads the text as a tree in which every value knows its place; `advice` says
//!   what may be meant where it can not.
//! * [`schema`] reads the tree as fops, types, structures and so on.
//! * [`resolve`] checks them against each other and makes the model.
//! * [`model`] is what the emitters see: plain data that is known to be right.
//! * [`emit`] turns the model into texts: pure functions, one file per output.
//! * [`sink`] compares or writes; nothing else touches the disk.
//! * [`headers`] reads GlusterFS's headers, [`verify`] holds the schema against them,
//!   [`import`] writes entries for what it lacks, [`changes`] compares two versions.
//!
//! The first three share one list of [`diagnostics`], so that one run tells everything that
//! is wrong with a schema.

mod advice;
pub mod changes;
pub mod describe;
pub mod diagnostics;
pub mod emit;
pub mod fingerprint;
pub mod headers;
pub mod import;
pub mod locs;
pub mod model;
pub mod names;
pub mod resolve;
pub mod schema;
pub mod sink;
pub mod verify;
pub mod yaml;

use diagnostics::{Diagnostics, Source};
use model::Model;
use schema::Schema;

/// Reads and checks a schema.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load(source: &Source) -> Result<Model, Diagnostics> {
    load_with_places(source).map(|loaded| loaded.model)
}

/// What a schema says.
#[derive(Debug)]
pub struct Loaded {
    /// With the places; its lists have the order of the model's.
    pub schema: Schema,
    /// Checked.
    pub model: Model,
    /// What is not wrong, but not as it should stay.
    pub warnings: Diagnostics,
}

/// Reads and checks a schema; answers what it says beside the model: that has the places.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_with_places(source: &Source) -> Result<Loaded, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let loaded = yaml::parse(source, &mut diagnostics)
        .and_then(|tree| schema::read(&tree, &mut diagnostics))
        .map(|schema| {
            let mut model = resolve::resolve(&schema, &mut diagnostics);
            for (fop, (_, raw)) in model.fops.iter_mut().zip(&schema.fops) {
                fop.yaml = source.lines(&raw.span).to_owned();
            }
            (schema, model)
        });
    match loaded {
        Some((schema, model)) if diagnostics.no_errors() => Ok(Loaded {
            schema,
            model,
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}
