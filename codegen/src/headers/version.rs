//! Which GlusterFS some headers belong to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::names::Version;

/// The version of the headers in a directory, and how it is known: from the package's
/// `glusterfs-api.pc` beside the directory, else from the newest protocol level that the
/// headers name, which gives the first version of a series (10.0 for 10.3).
pub fn find(dir: &Path) -> Option<(Version, String)> {
    let found = package(dir)
        .and_then(|(version, path)| Some((numbers(&version)?, path.display().to_string())));
    found.or_else(|| {
        let path = dir.join("glusterfs/globals.h");
        let text = fs::read_to_string(&path).ok()?;
        let (_, rest) = text.split_once("#define GD_OP_VERSION_MAX")?;
        let (_, digits) = rest.split_once("GD_OP_VERSION_")?;
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '_')?;
        let version = digits[..end].trim_end_matches('_').replace('_', ".");
        Some((
            numbers(&version)?,
            format!("{}: GD_OP_VERSION_MAX", path.display()),
        ))
    })
}

/// The version, as it is written, that the package's `glusterfs-api.pc` beside the directory
/// says, and where that is.
pub fn package(dir: &Path) -> Option<(String, PathBuf)> {
    package_files(dir).into_iter().find_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        Some((package_version(&text)?.to_owned(), path))
    })
}

/// Where a package that has its headers in this directory may have its description.
fn package_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(dir) = dir.canonicalize() else {
        return Vec::new();
    };
    let Some(prefix) = dir.parent() else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = ["lib", "lib64", "share"]
        .map(|name| prefix.join(name))
        .into();
    // Debian's: lib/x86_64-linux-gnu.
    for entry in fs::read_dir(prefix.join("lib"))
        .into_iter()
        .flatten()
        .flatten()
    {
        folders.push(entry.path());
    }
    folders
        .into_iter()
        .map(|folder| folder.join("pkgconfig/glusterfs-api.pc"))
        .filter(|path| path.is_file())
        .collect()
}

/// `Version: 7.10.3`: that of the interface, a dot, that of GlusterFS.
fn package_version(text: &str) -> Option<&str> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Version:"))?;
    Some(line.trim().split_once('.')?.1)
}

/// The first two numbers.
fn numbers(text: &str) -> Option<Version> {
    let mut parts = text.split('.');
    format!("{}.{}", parts.next()?, parts.next()?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("include/glusterfs")).unwrap();
        tree
    }

    fn version(tree: &tempfile::TempDir) -> Option<String> {
        find(&tree.path().join("include")).map(|(version, _)| version.to_string())
    }

    #[test]
    fn the_package_knows() {
        let tree = tree();
        let folder = tree.path().join("lib/x86_64-linux-gnu/pkgconfig");
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join("glusterfs-api.pc"),
            "Name: x\nVersion: 7.11.2\n",
        )
        .unwrap();
        assert_eq!(version(&tree).as_deref(), Some("11.2"));
        // By other names.
        let link = tree.path().join("headers");
        std::os::unix::fs::symlink("include", &link).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let far = elsewhere.path().join("headers");
        std::os::unix::fs::symlink(tree.path().join("include"), &far).unwrap();
        for dir in [link, far, tree.path().join("include/glusterfs/..")] {
            let found = find(&dir).map(|(version, _)| version.to_string());
            assert_eq!(found.as_deref(), Some("11.2"), "{}", dir.display());
        }
    }

    #[test]
    fn the_headers_know_the_series() {
        let tree = tree();
        assert_eq!(version(&tree), None);
        let text = "#define GD_OP_VERSION_MAX        \\\n    GD_OP_VERSION_11_0 /* highest */\n";
        fs::write(tree.path().join("include/glusterfs/globals.h"), text).unwrap();
        assert_eq!(version(&tree).as_deref(), Some("11.0"));
    }
}
