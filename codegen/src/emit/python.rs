//! `python/gluster.py` and its stubs.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};

use super::{Error, template};
use crate::model::{CType, Model};

/// The module that translators import.
pub fn module(model: &Model) -> Result<String, Error> {
    template::render(
        include_str!("../../../templates/gluster.py.jinja"),
        view(model),
    )
}

/// Its types.
pub fn stubs(model: &Model) -> Result<String, Error> {
    template::render(
        include_str!("../../../templates/gluster.pyi.jinja"),
        view(model),
    )
}

/// The model, and the ctypes that the fops' arguments need: Python's own and ours.
fn view(model: &Model) -> Value {
    let mut own = BTreeSet::new();
    let mut opaque = BTreeMap::new();
    for param in model
        .fops
        .iter()
        .flat_map(|fop| fop.args.iter().chain(&fop.cbk_args))
    {
        let name = ctypes_name(&param.ty);
        if name.starts_with("c_") {
            own.insert(name);
        } else {
            opaque.insert(name, param.ty.spelling.trim_end_matches([' ', '*']));
        }
    }
    context! { own, opaque, ..Value::from_serialize(model) }
}

/// The name in a ctypes type, without POINTER().
fn ctypes_name(ty: &CType) -> &str {
    ty.ctypes
        .strip_prefix("POINTER(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(&ty.ctypes)
}
