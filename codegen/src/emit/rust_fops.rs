//! `glupy/src/generated/fops.rs`: per fop the C functions and a row of the table.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::rust::{blank, ident};
use super::{Error, rust};
use crate::headers::ctype;
use crate::model::{Broken, Fop, Kind, Model, OpRet, Own, Param, Time};

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
    // None of GlusterFS's own fops has one.
    let structs = |fop: &Fop| {
        let mut params = fop.args.iter().chain(&fop.cbk_args);
        params.any(|param| param.ty.kind == Kind::Struct)
    };
    let plain_size = (model.fops.iter().any(structs)).then(|| {
        quote!(
            use crate::fop::plain_size;
        )
    });
    let blank = blank();
    rust::file(quote! {
        //! One module per fop, and the table of them. The compiler holds the schema's types
        //! (`Args`, `Reply`) and index against the headers'; see `trampoline` and `slot`.
        #blank
        use std::ffi::c_char;
        use std::mem::offset_of;
        #blank
        #plain_size
        use crate::fop::{Broken, Fop, Kind, OpRet, Own, Param, owns, slot};
        use crate::gf;
        use crate::trampoline::{Row, Values, back, call};
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
    let arg_types = rust_types(&fop.args)?;
    let reply_types = rust_types(&fop.cbk_args)?;
    let call_type = format_ident!("fop_{c_name}_t");
    let back_type = format_ident!("fop_{c_name}_cbk_t");
    let index = Literal::u32_unsuffixed(fop.index);
    let c_string = std::ffi::CString::new(c_name.as_str()).map_err(Error::new)?;
    let c_string = Literal::c_string(&c_string);
    let args = fop.args.iter().map(param);
    let reply = fop.cbk_args.iter().map(param);
    let op_ret = match fop.op_ret {
        OpRet::Status => quote!(OpRet::Status),
        OpRet::Bytes => quote!(OpRet::Bytes),
        OpRet::Entries => quote!(OpRet::Entries),
    };
    let own = fop.cbk_args.iter().enumerate();
    let own: Vec<_> = own
        .filter_map(|(value, param)| Some(self::own(value, param.own.as_ref()?)))
        .collect();
    let own = match own.is_empty() {
        true => quote!(&[]),
        false => quote!(owns(&[#(#own),*])),
    };
    let within = fop.cbk_args.iter().find_map(|param| param.within.as_ref());
    let within = match within.map(|within| Literal::usize_unsuffixed(within.arg)) {
        Some(arg) => quote!(Some(#arg)),
        None => quote!(None),
    };
    let times = times(&fop.times);
    let broken_in = broken_in(&fop.broken_in)?;
    let cfg = cfg(fop);
    let outer_doc = rust::doc(doc);
    let blank = blank();
    Ok(quote! {
        #outer_doc
        #cfg
        pub mod #name {
            use super::*;
            #blank
            enum This {}
            impl Row for This {
                const FOP: &'static Fop = &FOP;
            }
            type Args = (#(#arg_types,)*);
            type Reply = (#(#reply_types,)*);
            #blank
            /// The fop's row in the table.
            pub static FOP: Fop = Fop {
                name: #c_name,
                c_name: #c_string,
                index: slot(#index, offset_of!(gf::xlator_fops, #name)),
                doc: #doc,
                args: &[#(#args),*],
                reply: &[#(#reply),*],
                op_ret: #op_ret,
                own: #own,
                within: #within,
                times: #times,
                broken_in: #broken_in,
                call: call::<This, Args, gf::#call_type>(),
                back: back::<This, Reply, gf::#back_type>(),
                wind: <Args as Values<This>>::wind,
                unwind: <Reply as Values<This>>::unwind,
            };
        }
    })
}

/// A value of the answer that is the request's own.
fn own(value: usize, own: &Own) -> TokenStream {
    let (value, arg) = (
        Literal::usize_unsuffixed(value),
        Literal::usize_unsuffixed(own.arg),
    );
    let name = &own.name;
    match own.inode {
        true => quote!(Own::inode_of(#value, #arg, #name)),
        false => quote!(Own::argument(#value, #arg, #name)),
    }
}

/// The types of translators that must not be asked, and why.
fn broken_in(broken: &[Broken]) -> Result<TokenStream, Error> {
    let one = |broken: &Broken| {
        let xlator = std::ffi::CString::new(broken.xlator.as_str()).map_err(Error::new)?;
        let (xlator, why) = (Literal::c_string(&xlator), &broken.why);
        Ok(quote!(Broken { xlator: #xlator, why: #why }))
    };
    let all = broken.iter().map(one).collect::<Result<Vec<_>, Error>>()?;
    Ok(quote!(&[#(#all),*]))
}

/// The headers' flags.
fn times(times: &[Time]) -> TokenStream {
    let flags = times.iter().map(|time| match time {
        Time::Ctime => quote!(gf::MDATA_CTIME),
        Time::Mtime => quote!(gf::MDATA_MTIME),
        Time::Atime => quote!(gf::MDATA_ATIME),
        Time::ParentCtime => quote!(gf::MDATA_PAR_CTIME),
        Time::ParentMtime => quote!(gf::MDATA_PAR_MTIME),
    });
    match times.is_empty() {
        true => quote!(0),
        false => quote!(#(#flags)|*),
    }
}

/// The types that bindgen gives the C types.
pub fn rust_types(params: &[Param]) -> Result<Vec<TokenStream>, Error> {
    params.iter().map(rust_type).collect()
}

fn rust_type(param: &Param) -> Result<TokenStream, Error> {
    let spelling = param.ty.spelling.as_str();
    if let Some(target) = spelling.strip_suffix('*') {
        return rust_pointer(target.trim_end());
    }
    Ok(match (spelling, param.ty.kind) {
        // Of their width in C, but types of their own in Rust.
        ("size_t", _) => quote!(usize),
        ("ssize_t", _) => quote!(isize),
        (_, kind) => {
            let name = ident(kind.name());
            quote!(#name)
        }
    })
}

/// A pointer to a C type: `const char`, `struct iatt`, `dict_t *`, `char *const`.
fn rust_pointer(target: &str) -> Result<TokenStream, Error> {
    let (constant, target) = match target.strip_suffix("const") {
        Some(pointer) if pointer.ends_with('*') => (true, pointer),
        _ if target.ends_with('*') => (false, target),
        _ => match target.strip_prefix("const ") {
            Some(target) => (true, target),
            None => (false, target),
        },
    };
    let target = match (target.strip_suffix('*'), target) {
        (Some(target), _) => rust_pointer(target.trim_end())?,
        (None, "void") => quote!(std::ffi::c_void),
        (None, "char") => quote!(c_char),
        (None, number) if ctype::rust(number).is_some() => {
            let name: syn::Path =
                syn::parse_str(ctype::rust(number).unwrap_or_default()).map_err(Error::new)?;
            quote!(#name)
        }
        (None, name) => {
            let tags = ["struct ", "union ", "enum "];
            let tagless = tags.iter().find_map(|tag| name.strip_prefix(tag));
            let name: syn::Ident = syn::parse_str(tagless.unwrap_or(name)).map_err(Error::new)?;
            quote!(gf::#name)
        }
    };
    Ok(match constant {
        true => quote!(*const #target),
        false => quote!(*mut #target),
    })
}

/// What the runtime needs to know of a structure that has no handle class: its name in
/// ctypes, and how many bytes to copy.
fn structure(param: &Param) -> Option<TokenStream> {
    let class = param.ty.ctypes.as_str();
    let inner = class
        .strip_prefix("POINTER(")
        .and_then(|rest| rest.strip_suffix(')'));
    let class = inner.unwrap_or(class);
    match param.ty.kind {
        Kind::Struct => {
            let name = ident(class);
            let pointer = rust_type(param).ok()?;
            Some(quote!(.structure(#class, plain_size::<gf::#name, #pointer>())))
        }
        Kind::Pointer => Some(quote!(.structure(#class, 0))),
        _ => None,
    }
}

pub fn param(param: &Param) -> TokenStream {
    let name = &param.name;
    let c_type = &param.ty.spelling;
    let kind = kind(param.ty.kind);
    let required = param.required.then(|| quote!(.required()));
    let vector = param.vector.map(|vector| {
        let length = Literal::usize_unsuffixed(vector.length);
        let owner = match vector.owner.map(Literal::usize_unsuffixed) {
            Some(owner) => quote!(Some(#owner)),
            None => quote!(None),
        };
        quote!(.vector(#length, #owner))
    });
    let max = param.max.map(|max| {
        let max = Literal::u32_unsuffixed(max);
        quote!(.max(#max))
    });
    let gfid = param.gfid.then(|| quote!(.gfid()));
    let entry = param.entry.then(|| quote!(.entry()));
    let replaced = param.replaced.then(|| quote!(.replaced()));
    let of = param.of.map(|inode| {
        let inode = Literal::usize_unsuffixed(inode);
        quote!(.of(#inode))
    });
    let content = param.content.map(|stat| {
        let stat = Literal::usize_unsuffixed(stat);
        quote!(.content(#stat))
    });
    let structure = structure(param);
    quote!(Param::new(#name, #c_type, Kind::#kind) #required #vector #max #gfid #entry #replaced #of #content #structure)
}

/// The variant of the runtime's `Kind`: the schema's name with a capital.
fn kind(kind: Kind) -> proc_macro2::Ident {
    let name = kind.name();
    let (first, rest) = name.split_at(1);
    format_ident!("{}{rest}", first.to_uppercase())
}
