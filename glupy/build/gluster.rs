//! The GlusterFS that is linked with: where it is, and whether it is one that Glupy runs in.

use std::fs;
use std::path::{Path, PathBuf};

use codegen::headers::version::package;

#[path = "../src/version.rs"]
mod version;

/// The oldest GlusterFS that has what the runtime needs: before it, frames came from other
/// pools, and locks and counters were laid out in other ways.
const OLDEST: u32 = 10;

/// A libglusterfs to link with.
pub struct Library {
    /// Its folder.
    pub folder: PathBuf,
    /// The version that it is of: `10.3`.
    pub version: String,
}

/// Finds libglusterfs by pkg-config, and holds it against the headers and their folder.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn library(bindings: &syn::File, dir: &Path) -> Result<Library, String> {
    let probed = pkg_config::Config::new()
        .cargo_metadata(false)
        .probe("glusterfs-api");
    let folders = probed
        .map_err(|error| format!("GlusterFS is missing: {error}"))?
        .link_paths;
    let mut files = folders.iter().map(|folder| folder.join("libglusterfs.so"));
    let file = files.find(|file| file.exists()).ok_or_else(|| {
        format!("there is no libglusterfs.so in {folders:?}, where pkg-config looks for it")
    })?;
    println!("cargo::rerun-if-changed={}", file.display());
    let version = read(&file)?;
    let headers = headers_major(bindings);
    if headers < OLDEST {
        return Err(format!(
            "the headers in {} are those of GlusterFS {headers}: Glupy needs {OLDEST} or newer",
            dir.display()
        ));
    }
    // Within a series, too, there are structures that have changed.
    let package = package(dir);
    if let Some((_, path)) = &package {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let other = match package {
        Some((told, path)) if told != version => Some(format!("{told} ({})", path.display())),
        // The headers themselves name their series only. A development version may have none.
        None if major(&version).is_some_and(|major| major != headers) => Some(headers.to_string()),
        _ => None,
    };
    if let Some(other) = other {
        return Err(format!(
            "the headers in {} are those of GlusterFS {other}, but {} is of {version}: \
             GLUPY_INCLUDE and PKG_CONFIG_PATH must lead to the same GlusterFS",
            dir.display(),
            file.display()
        ));
    }
    println!("cargo::rustc-check-cfg=cfg(gluster_11)");
    if headers >= 11 {
        println!("cargo::rustc-cfg=gluster_11");
    }
    let folder = file.parent().expect("a file is in a folder").to_owned();
    Ok(Library { folder, version })
}

fn read(file: &Path) -> Result<String, String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let version = version::of(&bytes);
    let version = version.ok_or_else(|| format!("{} is no libglusterfs", file.display()))?;
    Ok(version.to_owned())
}

/// `10` of `10.3`.
fn major(version: &str) -> Option<u32> {
    version.split_once('.')?.0.parse().ok()
}

/// The same of the headers: the newest `GD_OP_VERSION_X_Y` is X times 10000 and Y times 100.
fn headers_major(bindings: &syn::File) -> u32 {
    let constants = bindings.items.iter().filter_map(|item| match item {
        syn::Item::Const(item) => Some(item),
        _ => None,
    });
    let versions = constants.filter(|item| item.ident.to_string().starts_with("GD_OP_VERSION_"));
    let numbers = versions.filter_map(|item| match &*item.expr {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(number),
            ..
        }) => number.base10_parse::<u32>().ok(),
        _ => None,
    });
    numbers.max().expect("the headers have GD_OP_VERSION_...") / 10000
}
