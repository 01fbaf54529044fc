//! `glupy/src/generated/structs.rs`: the fields of structures, and what all their classes
//! have in common, for Python.

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
        //! The fields of the structures that fops pass by value, for Python.
        #blank
        use pyo3::prelude::*;
        use pyo3::types::PyDict;
        #blank
        use crate::convert;
        use crate::gf;
        use crate::handle::{change, read};
        use crate::handles::values::{self, Fields, Value};
        use crate::handles::{Gfid, #(#classes),*};
        #(#blank #structures)*
    })
}

fn structure(structure: &Structure) -> TokenStream {
    let class = ident(&structure.python);
    let names = structure.fields.iter().map(|field| &field.name);
    let setters = structure
        .fields
        .iter()
        .map(|field| set_field(&structure.python, field));
    let properties = structure.fields.iter().map(property);
    let blank = blank();
    let made = rust::doc(&format!(
        "Made from another `{}` or nothing; keywords set fields.",
        structure.python
    ));
    let c_name = ident(structure.c_type.trim_start_matches("struct "));
    quote! {
        impl Fields for #class {
            const FIELDS: &[&str] = &[#(#names),*];
            #blank
            fn set_field(
                c: &mut gf::#c_name,
                name: &str,
                value: &Bound<'_, PyAny>,
            ) -> PyResult<bool> {
                match name {
                    #(#setters)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
        #blank
        #[pymethods]
        impl #class {
            #made
            #[new]
            #[pyo3(signature = (source=None, **fields))]
            fn new(
                source: Option<&Bound<'_, PyAny>>,
                fields: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<PyClassInitializer<Self>> {
                values::make(source, fields, #class)
            }
            #blank
            /// A copy of its own.
            fn copy(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
                values::duplicate(slf)
            }
            #blank
            fn __copy__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
                values::duplicate(slf)
            }
            #blank
            /// For `pickle`: no argument, and all fields by name.
            fn __getnewargs_ex__<'py>(
                slf: &Bound<'py, Self>,
            ) -> PyResult<((), Bound<'py, PyDict>)> {
                values::fields(slf).map(|fields| ((), fields))
            }
            #blank
            fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
                values::equal(slf, other)
            }
            #blank
            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                Self::shown(slf)
            }
            #(#properties)*
        }
    }
}

/// An arm of `set_field`.
fn set_field(class: &str, field: &Field) -> TokenStream {
    let name = ident(&field.name);
    let text = &field.name;
    let what = format!("{class}.{text}");
    let what = quote!(|| #what.to_owned());
    let value = match field.ty.kind {
        Kind::Gfid => quote!(convert::to_gfid(value, #what)?),
        Kind::LkOwner => quote!(convert::to_lk_owner(value, #what)?),
        Kind::Bytes => quote!(convert::to_bytes(value, #what)?),
        Kind::Prot => quote!(convert::to_prot(value, #what)?),
        _ => {
            let c_type = &field.ty.spelling;
            quote!(convert::number(value, #c_type, #what)?)
        }
    };
    quote!(#text => c.#name = #value,)
}

/// A property of the Python class.
fn property(field: &Field) -> TokenStream {
    let name = ident(&field.name);
    let text = &field.name;
    let setter = ident(&format!("set_{text}"));
    let doc = rust::doc(&field.doc);
    let (ty, value) = match field.ty.kind {
        Kind::Gfid => (quote!(Gfid), quote!(convert::gfid(&c.#name))),
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
        #[setter]
        fn #setter(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
            change(slf, |c| Self::set_field(c, #text, value).map(drop))
        }
    }
}
