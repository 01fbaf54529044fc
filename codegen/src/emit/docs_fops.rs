//! `docs/fops.md`: the reference for authors of translators.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::{Error, template};
use crate::describe::{NEVER_NULL, NOT_NULL, notes};
use crate::model::{CType, Fop, Model, Param};

/// What everything has in common, and a section per fop.
pub fn emit(model: &Model) -> Result<String, Error> {
    let fops: Vec<Value> = model.fops.iter().map(section).collect();
    let types = types(model);
    let view = context! { glusterfs => model.glusterfs, types, fops };
    template::render(include_str!("../../../templates/fops.md.jinja"), view)
}

/// The types of arguments and callback values that are described, in the order of their
/// Python names.
fn types(model: &Model) -> Vec<Value> {
    let params = model
        .fops
        .iter()
        .flat_map(|fop| fop.args.iter().chain(&fop.cbk_args));
    let types: BTreeMap<(&str, &str), &CType> = params
        .map(|param| &param.ty)
        .filter(|ty| !ty.doc.is_empty())
        .map(|ty| ((ty.python.as_str(), ty.spelling.as_str()), ty))
        .collect();
    let view =
        |ty: &CType| context! { c_type => ty.spelling, python => ty.python, doc => cell(&ty.doc) };
    types.into_values().map(view).collect()
}

fn section(fop: &Fop) -> Value {
    context! {
        summary => cell(&fop.doc),
        args => rows(&fop.args, NEVER_NULL),
        cbk_args => rows(&fop.cbk_args, NOT_NULL),
        success => fop.op_ret.describe(),
        ..Value::from_serialize(fop)
    }
}

fn rows(params: &[Param], never_null: &str) -> Vec<Value> {
    let notes = |param| cell(&notes(param, params, never_null, "`"));
    let row = |param| context! { notes => notes(param), ..Value::from_serialize(param) };
    params.iter().map(row).collect()
}

/// Text in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
