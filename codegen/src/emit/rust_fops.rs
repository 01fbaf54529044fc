//! `glupy/src/generated/fops.rs`: per fop the C functions and a row of the table.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::rust::{blank, comment, ident};
use super::{Error, rust};
use crate::model::{Fop, Kind, Model, OpRet, Param};

/// All fops.
pub fn emit(model: &Model) -> Result<String, Error> {
    let modules = model
        .fops
        .iter()
        .map(module)
        .collect::<Result<Vec<_>, _>>()?;
    let rows = model.fops.iter().map(|fop| {
        let name = ident(&fop.name);
        let cfg = cfg(fop);
        quote!(#cfg &#name::FOP)
    });
    let blank = blank();
    rust::file(quote! {
        //! One module per fop, and the table of them.
        #![allow(clippy::too_many_arguments)]
        #blank
        use std::ffi::{c_char, c_void};
        use std::mem::{offset_of, transmute};
        #blank
        use crate::dispatch::{enter, leave};
        #[allow(unused_imports)]
        use crate::fop::{Fop, Kind, OpRet, Param, RawFn, Vector, Word};
        use crate::gf;
        #blank
        const fn param(name: &'static str, c_type: &'static str, kind: Kind, required: bool) -> Param {
            Param { name, c_type, kind, required, vector: None }
        }
        #blank
        #(#modules #blank)*
        /// Every fop that these headers have, in the order of `struct xlator_fops`.
        pub static TABLE: &[&Fop] = &[#(#rows),*];
    })
}

fn cfg(fop: &Fop) -> TokenStream {
    let name = format_ident!("fop_{}", fop.name);
    quote!(#[cfg(#name)])
}

fn module(fop: &Fop) -> Result<TokenStream, Error> {
    let Fop {
        name: c_name, doc, ..
    } = fop;
    let name = ident(c_name);
    let (call, back) = (function(&fop.args)?, function(&fop.cbk_args)?);
    let (call_names, call_types, call_gets) = (&call.names, &call.types, &call.gets);
    let (back_names, back_types, back_gets) = (&back.names, &back.types, &back.gets);
    let call_type = format_ident!("fop_{c_name}_t");
    let back_type = format_ident!("fop_{c_name}_cbk_t");
    let index = Literal::u32_unsuffixed(fop.index);
    let index_message =
        format!("fops.yaml says that the index of {c_name} is {index}, these headers do not");
    let c_string = std::ffi::CString::new(c_name.as_str()).map_err(Error::new)?;
    let c_string = Literal::c_string(&c_string);
    let args = fop.args.iter().map(param);
    let reply = fop.cbk_args.iter().map(param);
    let op_ret = match fop.op_ret {
        OpRet::Status => quote!(OpRet::Status),
        OpRet::Bytes => quote!(OpRet::Bytes),
        OpRet::Entries => quote!(OpRet::Entries),
    };
    let cfg = cfg(fop);
    let outer_doc = rust::doc(doc);
    let blank = blank();
    let enters = comment(&format!(
        "SAFETY: GlusterFS calls this with the arguments that {call_type} promises."
    ));
    let leaves = comment(&format!(
        "SAFETY: GlusterFS calls this with the arguments that {back_type} promises."
    ));
    let same = comment(
        "Some(...) is of the headers' type: here the compiler compares them with the schema.",
    );
    let winds = comment(&format!(
        "SAFETY: the caller gives a {call_type} and words that hold its arguments."
    ));
    let unwinds = comment(&format!(
        "SAFETY: the caller gives a {back_type} and words that hold its arguments."
    ));
    let erases = comment(
        "SAFETY: Some(function) has the function's bits; it is cast back before it is called.",
    );
    Ok(quote! {
        #outer_doc
        #cfg
        pub mod #name {
            use super::*;
            #blank
            unsafe extern "C" fn call(
                frame: *mut gf::call_frame_t,
                this: *mut gf::xlator_t,
                #(#call_names: #call_types),*
            ) -> i32 {
                #enters
                unsafe { enter(&FOP, frame, this, &[#(#call_names.into()),*]) }
            }
            #blank
            unsafe extern "C" fn back(
                frame: *mut gf::call_frame_t,
                cookie: *mut c_void,
                this: *mut gf::xlator_t,
                op_ret: i32,
                op_errno: i32,
                #(#back_names: #back_types),*
            ) -> i32 {
                #leaves
                unsafe { leave(&FOP, frame, cookie, this, op_ret, op_errno, &[#(#back_names.into()),*]) }
            }
            #blank
            #same
            #erases
            const CALL: RawFn = unsafe { transmute::<gf::#call_type, RawFn>(Some(call)) };
            #erases
            const BACK: RawFn = unsafe { transmute::<gf::#back_type, RawFn>(Some(back)) };
            const INDEX: usize = offset_of!(gf::xlator_fops, #name) / size_of::<RawFn>() + 1;
            const _: () = assert!(INDEX == #index, #index_message);
            #blank
            unsafe fn wind(
                target: RawFn,
                frame: *mut gf::call_frame_t,
                this: *mut gf::xlator_t,
                args: &[Word],
            ) -> i32 {
                type Call = unsafe extern "C" fn(
                    *mut gf::call_frame_t,
                    *mut gf::xlator_t,
                    #(#call_types),*
                ) -> i32;
                #winds
                unsafe {
                    let target = transmute::<RawFn, Call>(target);
                    target(frame, this, #(args #call_gets),*)
                }
            }
            #blank
            unsafe fn unwind(
                target: RawFn,
                frame: *mut gf::call_frame_t,
                cookie: *mut c_void,
                this: *mut gf::xlator_t,
                op_ret: i32,
                op_errno: i32,
                reply: &[Word],
            ) -> i32 {
                type Back = unsafe extern "C" fn(
                    *mut gf::call_frame_t,
                    *mut c_void,
                    *mut gf::xlator_t,
                    i32,
                    i32,
                    #(#back_types),*
                ) -> i32;
                #unwinds
                unsafe {
                    let target = transmute::<RawFn, Back>(target);
                    target(frame, cookie, this, op_ret, op_errno, #(reply #back_gets),*)
                }
            }
            #blank
            /// The fop's row in the table.
            pub static FOP: Fop = Fop {
                name: #c_name,
                c_name: #c_string,
                index: INDEX,
                doc: #doc,
                args: &[#(#args),*],
                reply: &[#(#reply),*],
                op_ret: #op_ret,
                call: CALL,
                back: BACK,
                wind,
                unwind,
            };
        }
    })
}

/// The arguments of a C function in three forms.
pub struct Function {
    pub names: Vec<proc_macro2::Ident>,
    pub types: Vec<TokenStream>,
    gets: Vec<TokenStream>,
}

pub fn function(params: &[Param]) -> Result<Function, Error> {
    Ok(Function {
        names: params.iter().map(|param| ident(&param.name)).collect(),
        types: params.iter().map(rust_type).collect::<Result<_, _>>()?,
        gets: (0..params.len())
            .map(|index| {
                let index = Literal::usize_unsuffixed(index);
                quote!([#index].get())
            })
            .collect(),
    })
}

/// The type that bindgen gives a C type.
fn rust_type(param: &Param) -> Result<TokenStream, Error> {
    let spelling = param.ty.spelling.as_str();
    if let Some(target) = spelling.strip_suffix('*') {
        let (constant, target) = match target.trim().strip_prefix("const ") {
            Some(target) => (true, target),
            None => (false, target.trim()),
        };
        let target = match target {
            "char" => quote!(c_char),
            "void" => quote!(c_void),
            "uint8_t" => quote!(u8),
            name => {
                let name: syn::Ident = syn::parse_str(name.strip_prefix("struct ").unwrap_or(name))
                    .map_err(Error::new)?;
                quote!(gf::#name)
            }
        };
        return Ok(if constant {
            quote!(*const #target)
        } else {
            quote!(*mut #target)
        });
    }
    Ok(match (spelling, param.ty.kind) {
        // Of its width in C, but a type of its own in Rust.
        ("size_t", _) => quote!(usize),
        (_, kind) => {
            let name = ident(kind.name());
            quote!(#name)
        }
    })
}

pub fn param(param: &Param) -> TokenStream {
    let Param { name, required, .. } = param;
    let c_type = &param.ty.spelling;
    let kind = kind(param.ty.kind);
    let plain = quote!(param(#name, #c_type, Kind::#kind, #required));
    let Some(vector) = param.vector else {
        return plain;
    };
    let length = Literal::usize_unsuffixed(vector.length);
    let owner = match vector.owner.map(Literal::usize_unsuffixed) {
        Some(owner) => quote!(Some(#owner)),
        None => quote!(None),
    };
    quote!(Param { vector: Some(Vector { length: #length, owner: #owner }), ..#plain })
}

/// The variant of the runtime's `Kind`: the schema's name with a capital.
fn kind(kind: Kind) -> proc_macro2::Ident {
    let name = kind.name();
    let (first, rest) = name.split_at(1);
    format_ident!("{}{rest}", first.to_uppercase())
}
