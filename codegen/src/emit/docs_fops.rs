//! `docs/fops.md`: the reference for authors of translators.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::{Error, template};
use crate::describe::{NEVER_NULL, NOT_NULL, notes};
use crate::locs::{self, Place, Row};
use crate::model::{
    CType, Derived, Enum, EnumValue, Field, Fop, Holds, Key, Kind, Model, Param, Structure,
};

/// What everything has in common, and a section per fop.
pub fn emit(model: &Model) -> Result<String, Error> {
    let measured = locs::rows().map_err(|error| Error::new(format!("docs/locs.json: {error}")))?;
    let fops = model.fops.iter().map(|fop| section(fop, &measured));
    let fops: Vec<Value> = fops.collect();
    let types = types(model);
    let structures: Vec<Value> = model.structures.iter().map(structure).collect();
    let enums: Vec<Value> = model.enums.iter().map(constants).collect();
    let keys: Vec<Value> = model.keys.iter().map(key).collect();
    let view = context! { glusterfs => model.glusterfs, types, fops, structures, keys, enums };
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

fn section(fop: &Fop, measured: &[Row]) -> Value {
    let locs = fop.args.iter().filter(|arg| arg.ty.kind == Kind::Loc);
    context! {
        locs => locs.map(|loc| parts(fop, loc, measured)).collect::<Vec<_>>(),
        summary => cell(&fop.doc),
        args => rows(&fop.args, NEVER_NULL),
        cbk_args => rows(&fop.cbk_args, NOT_NULL),
        success => fop.op_ret.describe(),
        ..Value::from_serialize(fop)
    }
}

/// What a loc has where: a row for each place in which the fop has come.
fn parts(fop: &Fop, loc: &Param, measured: &[Row]) -> Value {
    let of = |row: &&Row| row.fop == fop.name && row.arg == loc.name;
    let measured: Vec<&Row> = measured.iter().filter(of).collect();
    let row = |(place, name): &(Place, &str)| {
        let row = measured.iter().find(|row| row.on == *place);
        context! { place => name, parts => row.map(Value::from_serialize) }
    };
    let places: Vec<Value> = Place::ALL.iter().map(row).collect();
    context! { name => loc.name, places, measured => !measured.is_empty() }
}

fn rows(params: &[Param], never_null: &str) -> Vec<Value> {
    let notes = |param| cell(&notes(param, params, never_null, "`"));
    let row = |param| context! { notes => notes(param), ..Value::from_serialize(param) };
    params.iter().map(row).collect()
}

fn structure(structure: &Structure) -> Value {
    let field =
        |field: &Field| context! { doc => cell(&field.doc), ..Value::from_serialize(field) };
    let derived =
        |field: &Derived| context! { doc => cell(&field.doc), ..Value::from_serialize(field) };
    context! {
        fields => structure.fields.iter().map(field).collect::<Vec<_>>(),
        derived => structure.derived.iter().map(derived).collect::<Vec<_>>(),
        ..Value::from_serialize(structure)
    }
}

fn key(key: &Key) -> Value {
    let holds = match &key.holds {
        Holds::Size(sizes) => {
            let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
            format!("{} bytes", sizes.join(" or "))
        }
        Holds::Max(size) => format!("{size} bytes at most"),
        Holds::Struct { c_type, python } => format!("`{c_type}`: {python}"),
        Holds::String => "a string that ends in NUL: str".to_owned(),
        Holds::Internal => "nothing that Python can set".to_owned(),
    };
    context! { name => key.name, xlator => key.xlator, doc => cell(&key.doc), holds }
}

fn constants(item: &Enum) -> Value {
    let value =
        |value: &EnumValue| context! { doc => cell(&value.doc), ..Value::from_serialize(value) };
    context! {
        values => item.values.iter().map(value).collect::<Vec<_>>(),
        ..Value::from_serialize(item)
    }
}

/// Text in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
