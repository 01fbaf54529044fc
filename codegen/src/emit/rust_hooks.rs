//! `glupy/src/generated/hooks.rs`: the callbacks other than fops that Python hears of.

use proc_macro2::TokenStream;
use quote::quote;

use super::rust::{blank, comment, ident};
use super::rust_fops::{param, rust_types};
use super::{Error, rust};
use crate::model::{Call, Hook, Model};

/// All callbacks that may reach Python.
pub fn emit(model: &Model) -> Result<String, Error> {
    let hooks: Vec<_> = model
        .callbacks
        .iter()
        .filter(|hook| hook.call != Call::Never)
        .collect();
    let modules = hooks
        .iter()
        .map(|hook| module(hook))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = hooks.iter().map(|hook| {
        let name = ident(&hook.name);
        quote!(&#name::HOOK)
    });
    let blank = blank();
    rust::file(quote! {
        //! One module per callback, and the table of them.
        #blank
        use crate::fop::{Kind, Param};
        use crate::gf;
        use crate::hooks::{Hook, late, now};
        #blank
        #(#modules #blank)*
        /// Every callback that may reach Python, in the order of `struct xlator_cbks`.
        pub static TABLE: &[&Hook] = &[#(#rows),*];
    })
}

fn module(hook: &Hook) -> Result<TokenStream, Error> {
    let c_name = &hook.name;
    let name = ident(c_name);
    let names: Vec<_> = hook.args.iter().map(|arg| ident(&arg.name)).collect();
    let types = rust_types(&hook.args)?;
    let args = hook.args.iter().map(param);
    let (receive, late) = match hook.call {
        Call::Late => (quote!(late), true),
        _ => (quote!(now), false),
    };
    let (returns, result) = match &hook.returns {
        Some(ty) => {
            let ty = ident(ty.kind.name());
            (quote!(-> #ty), quote!(0))
        }
        None => (quote!(), quote!()),
    };
    let outer_doc = rust::doc(&hook.doc);
    let blank = blank();
    let safe = comment(&format!(
        "SAFETY: GlusterFS calls this with what `{c_name}` of struct xlator_cbks promises."
    ));
    let same = comment("The compiler compares the header's type with the schema's.");
    Ok(quote! {
        #outer_doc
        mod #name {
            use super::*;
            #blank
            unsafe extern "C" fn call(this: *mut gf::xlator_t, #(#names: #types),*) #returns {
                #safe
                unsafe { #receive(&HOOK, this, &[#(#names.into()),*]) };
                #result
            }
            #blank
            #same
            /// The callback's row in the table.
            pub static HOOK: Hook = Hook {
                name: #c_name,
                args: &[#(#args),*],
                late: #late,
                install: |table| table.#name = Some(call),
            };
        }
    })
}
