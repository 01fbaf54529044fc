//! `glupy/src/generated/mod.rs`.

use quote::quote;

use super::{Error, rust};
use crate::model::Model;

/// The list of the generated modules, which are formatted by prettyplease and not rustfmt.
pub fn emit(_: &Model) -> Result<String, Error> {
    let blank = rust::blank();
    rust::file(quote! {
        //! What is generated from the schema.
        #blank
        #[rustfmt::skip]
        pub mod fops;
        #[rustfmt::skip]
        pub mod hooks;
        #[rustfmt::skip]
        pub mod structs;
    })
}
