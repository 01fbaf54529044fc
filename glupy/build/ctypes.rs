//! The structures of the headers as a Python module of ctypes structures.

use std::fmt::Write;

use crate::layout::{Body, Member, Structure, Type, structures};

const HEAD: &str = r#"# Generated when glupy is built, from the headers of the GlusterFS that it is built for.
"""The structures of GlusterFS's headers, as ctypes.

Layouts are those of this build. Names are the typedefs' (`loc_t`) or the tags' (`iatt`).
Strings read from them are bytes; function pointers are addresses.
"""

from ctypes import *

from glupy.pointers import Structure, Union

"#;

/// The text of the module.
pub fn module(bindings: &syn::File) -> String {
    let structures = structures(bindings);
    let mut text = HEAD.to_owned();
    for structure in &structures {
        let base = if structure.union {
            "Union"
        } else {
            "Structure"
        };
        let _ = write!(
            text,
            "\nclass {}({base}):\n    \"\"\"{}\"\"\"\n",
            structure.name, structure.doc
        );
    }
    // Structures that point to each other: all must be there first.
    for structure in &structures {
        describe(&mut text, structure);
    }
    text.push_str("\n__all__ = [\n");
    for structure in structures.iter().filter(|s| !s.name.starts_with('_')) {
        let _ = writeln!(text, "    {:?},", structure.name);
    }
    text.push_str("]\n");
    text
}

fn describe(text: &mut String, structure: &Structure) {
    let name = &structure.name;
    let members = match &structure.body {
        Body::Undefined => return,
        Body::Members(members) => members,
        Body::Memory { size, align } => {
            let unit = (*align).min(8);
            let (bits, count) = (unit * 8, size / unit);
            if unit < *align {
                // Python looks at this since 3.13, and can not align so far before.
                let _ = writeln!(text, "\n{name}._align_ = {align}");
            }
            let _ = writeln!(
                text,
                "\n{name}._fields_ = [(\"memory\", c_uint{bits} * {count})]"
            );
            return;
        }
    };
    text.push('\n');
    if structure.packed {
        let _ = writeln!(text, "{name}._pack_ = 1");
    }
    let anonymous = members.iter().filter(|member| member.anonymous);
    let anonymous: Vec<String> = anonymous.map(|m| format!("{:?}", m.name)).collect();
    if !anonymous.is_empty() {
        let _ = writeln!(text, "{name}._anonymous_ = [{}]", anonymous.join(", "));
    }
    let _ = writeln!(text, "{name}._fields_ = [");
    for Member { name, ty, bits, .. } in members {
        let bits = bits.map_or(String::new(), |bits| format!(", {bits}"));
        let _ = writeln!(text, "    ({name:?}, {}{bits}),", expression(ty));
    }
    text.push_str("]\n");
}

fn expression(ty: &Type) -> String {
    match ty {
        Type::Plain(name) => (*name).to_owned(),
        Type::Structure(name) => name.clone(),
        Type::Pointer(target) => format!("POINTER({})", expression(target)),
        Type::Array(element, len) => format!("({} * {len})", expression(element)),
    }
}
