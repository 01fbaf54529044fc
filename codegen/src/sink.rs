//! The only place that touches generated files on the disk.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use crate::emit::{COMMAND, Output};

/// What is wrong with the disk.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Error {}

/// Writes the files that differ from what they should be; answers their paths.
///
/// # Errors
///
/// When a file can not be read or written. A file is replaced in one step: it is the old
/// one or the new one.
pub fn write(root: &Path, outputs: &[Output]) -> Result<Vec<&'static str>, Error> {
    let mut written = Vec::new();
    for output in outputs {
        if read(root, output)?.as_deref() != Some(output.text.as_bytes()) {
            let path = root.join(output.path);
            replace(&path, &output.text).map_err(|error| Error { path, error })?;
            written.push(output.path);
        }
    }
    Ok(written)
}

/// Compares the files with what they should be. Answers what differs, as a diff that ends
/// with the command that mends it; None when nothing does.
///
/// # Errors
///
/// When a file can not be read.
pub fn check(root: &Path, outputs: &[Output]) -> Result<Option<String>, Error> {
    let mut report = String::new();
    let mut different = 0;
    for output in outputs {
        let old = read(root, output)?;
        if old.as_deref() == Some(output.text.as_bytes()) {
            continue;
        }
        different += 1;
        let from = if old.is_some() {
            format!("a/{}", output.path)
        } else {
            "/dev/null".into()
        };
        let old = String::from_utf8_lossy(old.as_deref().unwrap_or_default()).into_owned();
        let diff = similar::TextDiff::from_lines(&old, &output.text);
        report += &diff
            .unified_diff()
            .header(&from, &format!("b/{}", output.path))
            .to_string();
    }
    if different == 0 {
        return Ok(None);
    }
    let files = if different == 1 {
        "1 file is"
    } else {
        &format!("{different} files are")
    };
    report += &format!("\n{files} not as fops.yaml says; mend with: {COMMAND}\n");
    Ok(Some(report))
}

/// None when there is no such file.
fn read(root: &Path, output: &Output) -> Result<Option<Vec<u8>>, Error> {
    let path = root.join(output.path);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error { path, error }),
    }
}

/// Replaces a file in one step.
///
/// # Errors
///
/// When it can not be written; then it is the old one.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    // A temporary file is for its owner only; these are for everybody, as the umask allows.
    builder.permissions(fs::Permissions::from_mode(0o666));
    let mut file = builder.prefix(".codegen").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
