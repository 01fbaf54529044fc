//! The only place that touches generated files on the disk.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use tempfile::NamedTempFile;

use crate::emit::{COMMAND, Output};

/// What is wrong with the disk.
#[derive(Debug)]
pub struct Error {
    wanted: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl Error {
    fn new(wanted: &'static str, path: &Path, error: io::Error) -> Self {
        Error {
            wanted,
            path: path.to_owned(),
            error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "can not {} {path}: {}", self.wanted, self.error)
    }
}

impl std::error::Error for Error {}

/// Writes the files that differ from what they should be; answers their paths.
///
/// # Errors
///
/// When a file can not be read or written. All are written before the first one takes its
/// place, so that there are the old ones or the new ones.
pub fn write(root: &Path, outputs: &[Output]) -> Result<Vec<&'static str>, Error> {
    let mut staged = Vec::new();
    for output in outputs {
        if read(root, output)?.as_deref() != Some(output.text.as_bytes()) {
            staged.push((
                output.path,
                Staged::new(&root.join(output.path), &output.text)?,
            ));
        }
    }
    let replaced = staged.into_iter().map(|(path, staged)| {
        staged.replace()?;
        Ok(path)
    });
    replaced.collect()
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
        if old.replace("\r\n", "\n") == output.text {
            // A diff would show lines that look alike.
            report += &format!("{}: its lines end in CR LF, not in LF\n", output.path);
            continue;
        }
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
        Err(error) => Err(Error::new("read", &path, error)),
    }
}

/// Replaces a file in one step.
///
/// # Errors
///
/// When it can not be written; then it is the old one.
pub fn replace(path: &Path, text: &str) -> Result<(), Error> {
    Staged::new(path, text)?.replace()
}

/// A new file beside the old one.
struct Staged {
    path: PathBuf,
    file: NamedTempFile,
}

impl Staged {
    fn new(path: &Path, text: &str) -> Result<Self, Error> {
        let file = written(path, text).map_err(|error| Error::new("write", path, error))?;
        let path = path.to_owned();
        Ok(Staged { path, file })
    }

    fn replace(self) -> Result<(), Error> {
        match self.file.persist(&self.path) {
            Ok(_) => Ok(()),
            Err(refused) => Err(Error::new("replace", &self.path, refused.error)),
        }
    }
}

/// A temporary file in the folder of another one.
fn written(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    // A temporary file is for its owner only; these are for everybody, as the umask allows.
    builder.permissions(fs::Permissions::from_mode(0o666));
    let mut file = builder.prefix(".codegen").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}
