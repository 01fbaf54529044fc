//! `glupy/src/generated/keys.rs`: the keys of dicts whose values must be of a shape.

use std::collections::BTreeSet;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::rust::{blank, ident};
use super::{Error, rust};
use crate::model::{Holds, Key, Model};

/// Names, sorted, and patterns.
pub fn emit(model: &Model) -> Result<String, Error> {
    let (patterns, mut names): (Vec<&Key>, Vec<&Key>) =
        model.keys.iter().partition(|key| key.is_pattern());
    names.sort_by(|one, other| one.name.cmp(&other.name));
    let first: BTreeSet<u8> = model
        .keys
        .iter()
        .filter_map(|key| key.name.bytes().next())
        .collect();
    let first = Literal::byte_string(&first.into_iter().collect::<Vec<_>>());
    let names = names.into_iter().map(row);
    let patterns = patterns.into_iter().map(row);
    let blank = blank();
    rust::file(quote! {
        //! The keys of dicts whose values GlusterFS's translators take for something.
        #blank
        use crate::gf;
        use crate::handles::dict_keys::{Holds, Key};
        #blank
        /// What their names begin with.
        pub static FIRST: &[u8] = #first;
        #blank
        /// By name, sorted.
        pub static NAMES: &[Key] = &[#(#names),*];
        #blank
        /// The first one that fits is it.
        pub static PATTERNS: &[Key] = &[#(#patterns),*];
    })
}

fn row(key: &Key) -> TokenStream {
    let (name, xlator, parts) = (&key.name, &key.xlator, key.parts());
    let holds = match &key.holds {
        Holds::Size(sizes) => {
            let sizes = sizes.iter().map(|size| Literal::u32_unsuffixed(*size));
            quote!(Holds::Size(&[#(#sizes),*]))
        }
        Holds::Max(size) => {
            let size = Literal::u32_unsuffixed(*size);
            quote!(Holds::Max(#size))
        }
        Holds::Struct { c_type, python } => {
            let c_name = ident(c_type.trim_start_matches("struct "));
            quote!(Holds::Struct(#c_type, #python, size_of::<gf::#c_name>()))
        }
        Holds::String => quote!(Holds::String),
        Holds::Internal => quote!(Holds::Internal),
    };
    quote!(Key { name: #name, parts: &[#(#parts),*], holds: #holds, xlator: #xlator })
}
