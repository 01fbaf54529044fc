//! GlusterFS's headers as plain data.
//!
//! ```text
//! headers -> read (bindgen) -> parse (syn) -> model
//!                                locate: the lines of it all
//! ```
//!
//! * [`read`] says how the headers are read, here and when `glupy` is built.
//! * [`parse`] finds the fops and the rest in what bindgen makes of them; [`ctype`] spells
//!   the types as C does.
//! * [`locate`] finds the lines: bindgen tells where a typedef, structure or constant stands,
//!   the text itself where an argument, a field or a value does.
//! * [`model`] is what the others see.
//! * [`version`] finds out which GlusterFS the headers belong to.

pub mod ctype;
pub mod locate;
pub mod model;
pub mod parse;
pub mod read;
pub mod version;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::Model;
use crate::names::Version;
use model::Headers;
use read::Wanted;

/// The header with the tables of functions: where it is, the others should be.
const XLATOR_H: &str = "glusterfs/xlator.h";

/// Why headers can not be read.
#[derive(Debug)]
pub enum Error {
    /// The directory lacks headers of GlusterFS, named from it.
    Missing {
        /// The directory.
        dir: PathBuf,
        /// Such as `glusterfs/xlator.h`.
        headers: Vec<String>,
    },
    /// Headers of others, which GlusterFS's include, are not on this machine.
    Foreign(Vec<String>),
    /// clang does not understand them; its messages, which it has written to stderr.
    Clang(String),
    /// There is no libclang.
    NoClang(String),
    /// They say something that this program does not understand.
    Unexpected(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing { dir, headers } => {
                let dir = dir.display();
                if headers.iter().any(|name| name == XLATOR_H) {
                    write!(
                        f,
                        "GlusterFS's headers are not in {dir}: there is no {XLATOR_H}"
                    )?;
                } else {
                    let missing = list(headers);
                    write!(
                        f,
                        "{dir} has not all of GlusterFS's headers: {missing} missing"
                    )?;
                }
                f.write_str(
                    "; it should be the folder that holds `glusterfs/`, such as /usr/include \
                     (Debian: libglusterfs-dev)",
                )
            }
            Error::Foreign(headers) => write!(
                f,
                "GlusterFS's headers include {}, not found (Debian: apt-get install liburcu-dev \
                 libssl-dev uuid-dev libc6-dev)",
                headers.join(", ")
            ),
            Error::Clang(messages) => {
                let first = messages.lines().next().unwrap_or_default();
                write!(f, "clang can not read the headers: {first}")
            }
            Error::NoClang(reason) => write!(
                f,
                "libclang, which reads the headers, is not there (Debian: apt-get install \
                 libclang-dev, or set LIBCLANG_PATH): {reason}"
            ),
            Error::Unexpected(what) => write!(f, "these headers are not as expected: {what}"),
        }
    }
}

impl std::error::Error for Error {}

fn list(headers: &[String]) -> String {
    match headers {
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

/// Reads the headers in a directory (the one that holds `glusterfs/`), as far as the model
/// has to do with them. `version` is what they are told to be.
///
/// # Errors
///
/// When headers are missing, or clang does not understand them.
pub fn load(dir: &Path, model: &Model, version: Option<Version>) -> Result<Headers, Error> {
    let read = read::read(dir, &Wanted::by(model))?;
    let mut headers = parse::parse(&read)?;
    headers.version = match version {
        Some(version) => Some((version, "as told".into())),
        None => version::find(dir),
    };
    Ok(headers)
}
