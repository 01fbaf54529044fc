//! What the emitters of Rust share: identifiers, docs and the formatting.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::{Error, first_line};

/// An identifier, raw where Rust wants it.
pub fn ident(name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        // A keyword since the edition of 2024, which syn does not know yet.
        Ok(ident) if name != "gen" => ident,
        _ => Ident::new_raw(name, Span::call_site()),
    }
}

/// An empty line. Tokens have none, so it travels as a macro call, which [`file`] replaces.
pub fn blank() -> TokenStream {
    let marker = format_ident!("{BLANK}");
    quote!(#marker!();)
}

const BLANK: &str = "_glupy_blank";

/// A doc comment, with the space that one puts there by hand.
pub fn doc(text: &str) -> TokenStream {
    let text = format!(" {text}");
    quote!(#[doc = #text])
}

/// Formats a file.
pub fn file(tokens: TokenStream) -> Result<String, Error> {
    let file = syn::parse2(tokens).map_err(Error::new)?;
    let formatted = prettyplease::unparse(&file);
    let mut text = format!("// {}\n\n", first_line());
    for line in formatted.lines() {
        if !line.trim_start().starts_with(BLANK) {
            text += line;
        }
        text += "\n";
    }
    Ok(text)
}
