//! What the tests that read GlusterFS's headers share.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use codegen::diagnostics::Source;
use codegen::model::Model;
use codegen::names::Version;
use codegen::schema::Schema;
use tempfile::TempDir;

/// The folder with the installed headers; None, with a reason printed, when there are none.
pub fn installed() -> Option<PathBuf> {
    let output = Command::new("pkg-config")
        .args(["--variable=includedir", "glusterfs-api"])
        .output();
    let dir = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let dir = dir
        .map(|dir| PathBuf::from(dir.trim()))
        .filter(|dir| dir.join("glusterfs/xlator.h").is_file());
    if dir.is_none() {
        eprintln!("skipped: no headers of GlusterFS (Debian: apt-get install libglusterfs-dev)");
    }
    dir
}

/// A copy of the installed headers, to be changed. Its version is in the headers only.
pub fn copy(installed: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join("glusterfs");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(installed.join("glusterfs")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    copy
}

/// The version that the installed headers have.
pub fn version(installed: &Path) -> Version {
    codegen::headers::version::find(installed)
        .expect("the headers have a version")
        .0
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of the schema.
pub fn schema_text() -> String {
    fs::read_to_string(repository().join("fops.yaml")).unwrap()
}

pub fn load(text: &str) -> (Source, Schema, Model) {
    let source = Source::new("fops.yaml", text.as_bytes().to_vec());
    match codegen::load_with_places(&source) {
        Ok(loaded) => (source, loaded.schema, loaded.model),
        Err(errors) => panic!("{}", errors.render(&source, false)),
    }
}

/// Runs the command in a folder that holds a schema.
pub fn codegen(root: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_codegen"))
        .arg("--root")
        .arg(root)
        .args(args)
        .output()
        .unwrap()
}

/// The line of an offset, from 1.
pub fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}
