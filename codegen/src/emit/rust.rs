//! What the emitters of Rust share: identifiers, comments and the formatting.

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

/// A comment. Tokens have none, so it travels as a macro call, which [`file`] replaces.
pub fn comment(text: &str) -> TokenStream {
    let marker = format_ident!("{COMMENT}");
    quote!(#marker!(#text);)
}

/// An empty line, likewise.
pub fn blank() -> TokenStream {
    comment("")
}

const COMMENT: &str = "_glupy_comment";

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
    let mut lines = formatted.lines();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        match line
            .trim_start()
            .strip_prefix(COMMENT)
            .and_then(|rest| rest.strip_prefix("!("))
        {
            None => text += line,
            // A long one stands on three lines: `comment!(`, the text, `);`.
            Some("") => {
                let long = lines.next().unwrap_or_default();
                lines.next();
                text += &format!("{indent}// {}", long.trim().trim_matches('"'));
            }
            Some("\"\");") => {}
            Some(short) => {
                text += &format!(
                    "{indent}// {}",
                    short.trim_end_matches(");").trim_matches('"')
                )
            }
        }
        text += "\n";
    }
    Ok(text)
}
