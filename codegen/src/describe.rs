//! Fops in words, for `codegen fops`.

use std::fmt::Write;

use crate::diagnostics::closest;
use crate::model::{Fop, Kind, Model, Param};

/// What `required` means for an argument.
pub const NEVER_NULL: &str = "Never NULL.";

/// What `required` means for a callback value.
pub const NOT_NULL: &str = "Not NULL in a success.";

/// All fops, a line each.
pub fn list(model: &Model) -> String {
    let width = model
        .fops
        .iter()
        .map(|fop| fop.name.len())
        .max()
        .unwrap_or_default();
    model
        .fops
        .iter()
        .map(|fop| format!("{:width$}  {}\n", fop.name, fop.doc))
        .collect()
}

/// One fop.
///
/// # Errors
///
/// When there is none of that name; the text says so, and which one may be meant.
pub fn one(model: &Model, name: &str) -> Result<String, String> {
    match model.fops.iter().find(|fop| fop.name == name) {
        Some(fop) => Ok(describe(fop)),
        None => {
            let similar = closest(name, model.fops.iter().map(|fop| fop.name.as_str()));
            let hint = similar.map_or(String::new(), |name| format!("; did you mean {name}?"));
            Err(format!("there is no fop {name}{hint}"))
        }
    }
}

fn describe(fop: &Fop) -> String {
    let mut text = format!("{}: {}\n", fop.name, fop.doc);
    let mut line = |label: &str, value: String| {
        // Writing to a String can not fail.
        let _ = writeln!(text, "  {label:<8} {value}");
    };
    line("number", format!("GF_FOP_{} = {}", fop.gf_fop, fop.index));
    for (label, text) in [("when", &fop.when), ("reply", &fop.reply)] {
        if !text.is_empty() {
            line(label, text.clone());
        }
    }
    if let Some(since) = fop.since {
        line("since", format!("GlusterFS {since}"));
    }
    if let Some(until) = fop.until {
        line("until", format!("GlusterFS {until}"));
    }
    for broken in &fop.broken_in {
        line("broken", format!("in {}: {}", broken.xlator, broken.why));
    }
    line(
        "op_ret",
        format!("{} in a success, -1 in a failure", fop.op_ret.describe()),
    );
    for (title, params, never_null) in [
        ("arguments, after frame and this", &fop.args, NEVER_NULL),
        (
            "callback values, after frame, cookie, this, op_ret and op_errno",
            &fop.cbk_args,
            NOT_NULL,
        ),
    ] {
        text += &format!("\n  {title}:\n");
        text += &table(params, never_null);
    }
    text
}

/// What there is to know of an argument beside its types, in sentences. `quote` stands around
/// names.
pub fn notes(param: &Param, siblings: &[Param], never_null: &str, quote: &str) -> String {
    let mut notes = Vec::new();
    if !param.doc.is_empty() {
        notes.push(param.doc.clone());
    }
    if let Some(vector) = param.vector {
        let name = |index: usize| format!("{quote}{}{quote}", siblings[index].name);
        let owner = vector.owner.map(name);
        let owner = owner.map_or(String::new(), |owner| format!(", kept by {owner}"));
        notes.push(format!("It has {} parts{owner}.", name(vector.length)));
    }
    if let Some(size) = param.size {
        notes.push(format!("{size} bytes."));
    }
    if let Some(max) = param.max {
        notes.push(match param.ty.kind {
            Kind::Dict => format!("Its names have at most {max} bytes, each with a NUL."),
            _ => format!("At most {max}."),
        });
    }
    if let Some(inode) = param.of {
        let name = &siblings[inode].name;
        notes.push(format!(
            "Its {quote}ia_gfid{quote} is needed where {quote}{name}{quote} has no GFID yet."
        ));
    }
    if let Some(stat) = param.content {
        let name = &siblings[stat].name;
        notes.push(format!(
            "If {quote}glusterfs.content{quote} is in it, that has at least {quote}{name}.ia_size{quote} \
             bytes."
        ));
    }
    if let Some(within) = &param.within {
        let name = &within.name;
        notes.push(format!(
            "At most the {quote}{name}{quote} of the request, in bytes."
        ));
    }
    if param.gfid {
        notes.push(format!("Its {quote}gfid{quote} is needed."));
    }
    if param.entry {
        notes.push(format!(
            "Its {quote}parent{quote} and {quote}name{quote} are needed."
        ));
    }
    if let Some(own) = &param.own {
        notes.push(format!("The request's own: {quote}{}{quote}.", own.name));
    }
    if param.required {
        notes.push(never_null.to_owned());
    }
    notes.join(" ")
}

fn table(params: &[Param], never_null: &str) -> String {
    let width = |of: fn(&Param) -> &str| {
        params
            .iter()
            .map(|param| of(param).len())
            .max()
            .unwrap_or_default()
    };
    let names = width(|param| &param.name);
    let types = width(|param| &param.ty.spelling);
    let pythons = width(|param| &param.ty.python);
    let row = |param: &Param| {
        let Param { name, ty, .. } = param;
        let notes = notes(param, params, never_null, "");
        let row = format!(
            "    {name:names$}  {:types$}  {:pythons$}  {notes}",
            ty.spelling, ty.python
        );
        row.trim_end().to_owned() + "\n"
    };
    params.iter().map(row).collect()
}
