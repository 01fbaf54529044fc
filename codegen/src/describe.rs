//! Fops in words, for `codegen fops`.

use std::fmt::Write;

use crate::diagnostics::closest;
use crate::model::{Fop, Model, OpRet, Param};

/// All fops, a line each.
pub fn list(model: &Model) -> String {
    let width = model.fops.iter().map(|fop| fop.name.len()).max().unwrap_or_default();
    model.fops.iter().map(|fop| format!("{:width$}  {}\n", fop.name, fop.doc)).collect()
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
    if let Some(since) = fop.since {
        line("since", format!("GlusterFS {since}"));
    }
    if let Some(until) = fop.until {
        line("until", format!("GlusterFS {until}"));
    }
    line(
        "op_ret",
        match fop.op_ret {
            OpRet::Status => "0 in a success, -1 in a failure".into(),
            OpRet::Bytes => "a number of bytes, -1 in a failure".into(),
            OpRet::Entries => "a number of entries, -1 in a failure".into(),
        },
    );
    for (title, params, never_null) in [
        ("arguments, after frame and this", &fop.args, "never NULL"),
        ("callback values, after frame, cookie, this, op_ret and op_errno", &fop.cbk_args, "not NULL in a success"),
    ] {
        text += &format!("\n  {title}:\n");
        text += &table(params, never_null);
    }
    text
}

fn table(params: &[Param], never_null: &str) -> String {
    let width = |of: fn(&Param) -> &str| params.iter().map(|param| of(param).len()).max().unwrap_or_default();
    let (names, types) = (width(|param| &param.name), width(|param| &param.ty.spelling));
    let row = |param: &Param| {
        let mut notes = vec![format!("{} in Python", param.ty.python)];
        if param.required {
            notes.push(never_null.into());
        }
        if let Some(vector) = param.vector {
            notes.push(format!("{} parts", params[vector.length].name));
            if let Some(owner) = vector.owner {
                notes.push(format!("memory kept by {}", params[owner].name));
            }
        }
        if let Some(size) = param.size {
            notes.push(format!("{size} bytes"));
        }
        format!("    {:names$}  {:types$}  {}\n", param.name, param.ty.spelling, notes.join(", "))
    };
    params.iter().map(row).collect()
}
