//! `docs/fops.md`: the reference for authors of translators.

use minijinja::{Value, context};

use super::{Error, template};
use crate::describe::{NEVER_NULL, NOT_NULL, notes};
use crate::model::{Fop, Model, Param};

/// A section per fop.
pub fn emit(model: &Model) -> Result<String, Error> {
    let fops: Vec<Value> = model.fops.iter().map(section).collect();
    let view = context! { glusterfs => model.glusterfs, fops };
    template::render(include_str!("../../../templates/fops.md.jinja"), view)
}

fn section(fop: &Fop) -> Value {
    context! {
        args => rows(&fop.args, NEVER_NULL),
        cbk_args => rows(&fop.cbk_args, NOT_NULL),
        success => fop.op_ret.describe(),
        ..Value::from_serialize(fop)
    }
}

fn rows(params: &[Param], never_null: &str) -> Vec<Value> {
    let row = |param| context! { notes => notes(param, params, never_null, "`"), ..Value::from_serialize(param) };
    params.iter().map(row).collect()
}
