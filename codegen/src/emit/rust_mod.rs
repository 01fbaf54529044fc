//! `glupy/src/generated/mod.rs`.

use quote::quote;

use super::{Error, rust};
use crate::fingerprint;
use crate::model::Model;

/// The list of the generated modules, which are formatted by prettyplease and not rustfmt.
pub fn emit(model: &Model) -> Result<String, Error> {
    let blank = rust::blank();
    let fingerprint = fingerprint::of(model);
    let doc = rust::doc("The schema's fingerprint; `gluster.py` must have the same.");
    rust::file(quote! {
        //! What is generated from the schema.
        #blank
        #[rustfmt::skip]
        pub mod fops;
        #[rustfmt::skip]
        pub mod hooks;
        #[rustfmt::skip]
        pub mod keys;
        #[rustfmt::skip]
        pub mod structs;
        #blank
        #doc
        pub const FINGERPRINT: &str = #fingerprint;
    })
}
