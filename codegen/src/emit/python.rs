//! `python/gluster.py`: the module that translators import.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::{Error, template};
use crate::fingerprint;
use crate::model::{CType, Model};

/// All of it.
pub fn emit(model: &Model) -> Result<String, Error> {
    template::render(
        include_str!("../../../templates/gluster.py.jinja"),
        view(model),
    )
}

/// The structures that every handler gets: frame and this.
const ALWAYS: [&str; 2] = ["call_frame_t", "xlator_t"];

/// The model, and the structures of C that handlers and hooks have to do with.
pub fn view(model: &Model) -> Value {
    let fops = model.fops.iter();
    let params = fops
        .flat_map(|fop| fop.args.iter().chain(&fop.cbk_args))
        .chain(model.callbacks.iter().flat_map(|hook| &hook.args));
    let c_structures: BTreeSet<_> = params
        .map(|param| ctypes_name(&param.ty))
        .filter(|name| !name.starts_with("c_"))
        .chain(ALWAYS)
        .collect();
    let fingerprint = fingerprint::of(model);
    context! { c_structures, fingerprint, ..Value::from_serialize(model) }
}

/// The name in a ctypes type, without POINTER().
fn ctypes_name(ty: &CType) -> &str {
    ty.ctypes
        .strip_prefix("POINTER(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(&ty.ctypes)
}
