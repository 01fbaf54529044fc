//! Which of the schema's fops these headers have: `cfg(fop_X)`.

use std::collections::BTreeSet;
use std::fs;

/// Sets `cfg(fop_X)` for each fop that the headers and the schema have, and says
/// which ones are left out.
pub fn fops(bindings: &syn::File) {
    let headers = table_slots(bindings);
    for fop in generated_fops() {
        println!("cargo::rustc-check-cfg=cfg(fop_{fop})");
        if headers.contains(&fop) {
            println!("cargo::rustc-cfg=fop_{fop}");
        } else {
            println!("cargo::warning=left out: these GlusterFS headers have no fop {fop}");
        }
    }
}

/// The fields of `struct xlator_fops`.
fn table_slots(bindings: &syn::File) -> BTreeSet<String> {
    let table = bindings.items.iter().find_map(|item| match item {
        syn::Item::Struct(item) if item.ident == "xlator_fops" => Some(item),
        _ => None,
    });
    let table = table.expect("the headers have struct xlator_fops");
    table
        .fields
        .iter()
        .filter_map(|field| field.ident.as_ref())
        .map(ToString::to_string)
        .collect()
}

/// The modules of `generated/fops.rs`, one for each fop of the schema.
fn generated_fops() -> Vec<String> {
    let text = fs::read_to_string("src/generated/fops.rs")
        .expect("src/generated/fops.rs is missing: cargo codegen generate");
    let file = syn::parse_file(&text).expect("generated/fops.rs is Rust");
    file.items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        })
        .map(|name| name.trim_start_matches("r#").to_owned())
        .collect()
}
