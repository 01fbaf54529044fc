//! `glupy/src/generated/structs.rs`: the fields of structures, for Python.

use proc_macro2::TokenStream;
use quote::quote;

use super::rust::{blank, ident};
use super::{Error, rust};
use crate::model::{Field, Kind, Model, Structure};

/// All structures.
pub fn emit(model: &Model) -> Result<String, Error> {
    let classes = model
        .structures
        .iter()
        .map(|structure| ident(&structure.python));
    let structures = model.structures.iter().map(structure);
    let blank = blank();
    rust::file(quote! {
        //! Getters for the fields of the structures that fops pass by value.
        #blank
        use pyo3::prelude::*;
        #blank
        use crate::convert;
        use crate::handle::read;
        use crate::handles::{#(#classes),*};
        #(#blank #structures)*
    })
}

fn structure(structure: &Structure) -> TokenStream {
    let class = ident(&structure.python);
    let names = structure.fields.iter().map(|field| &field.name);
    let getters = structure.fields.iter().map(getter);
    let blank = blank();
    let doc = rust::doc(&format!(
        "The fields of `{}`, in C order.",
        structure.c_type
    ));
    quote! {
        impl #class {
            #doc
            pub const FIELDS: &[&str] = &[#(#names),*];
        }
        #blank
        #[pymethods]
        impl #class {
            #(#getters)*
        }
    }
}

fn getter(field: &Field) -> TokenStream {
    let name = ident(&field.name);
    let doc = rust::doc(&field.doc);
    let (ty, value) = match field.ty.kind {
        Kind::Gfid => (quote!(convert::Bytes), quote!(convert::gfid(&c.#name))),
        Kind::LkOwner => (quote!(convert::Bytes), quote!(convert::lk_owner(&c.#name))),
        Kind::Bytes => (quote!(convert::Bytes), quote!(convert::bytes(&c.#name))),
        Kind::Prot => (quote!(u32), quote!(convert::ia_prot(&c.#name))),
        // Anything else is a number of its own name: the schema's check allows nothing more.
        kind => {
            let ty = ident(kind.name());
            (quote!(#ty), quote!(c.#name))
        }
    };
    quote! {
        #doc
        #[getter]
        fn #name(slf: &Bound<'_, Self>) -> PyResult<#ty> {
            read(slf, |c| #value)
        }
    }
}
