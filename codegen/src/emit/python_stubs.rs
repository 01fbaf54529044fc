//! `python/gluster.pyi`: the types of what is in `python/gluster.py`.

use super::python::view;
use super::{Error, template};
use crate::model::Model;

/// All of it.
pub fn emit(model: &Model) -> Result<String, Error> {
    template::render(
        include_str!("../../../templates/gluster.pyi.jinja"),
        view(model),
    )
}
