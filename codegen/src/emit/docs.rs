//! `docs/fops.md`: the reference for authors of translators.

use super::{Error, template};
use crate::model::Model;

/// A section per fop.
pub fn emit(model: &Model) -> Result<String, Error> {
    template::render(include_str!("../../../templates/fops.md.jinja"), model)
}
