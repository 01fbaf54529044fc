//! What the commands share. A file per command that is more than a call.

pub mod diff;
pub mod import;
pub mod verify;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use codegen::Loaded;
use codegen::diagnostics::Source;
use codegen::headers::{self, model::Headers};
use codegen::model::Model;
use codegen::names::Version;
use codegen::schema::Schema;

/// What a command answers.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For stdout.
    pub out: String,
    /// For stderr.
    pub err: String,
    /// Exit status 1.
    pub failed: bool,
}

impl Outcome {
    /// Text for stdout.
    pub fn good(out: impl Into<String>) -> Self {
        Outcome {
            out: out.into(),
            ..Outcome::default()
        }
    }

    /// Text for stderr, as it is.
    pub fn bad(err: impl Into<String>) -> Self {
        Outcome {
            err: err.into(),
            failed: true,
            ..Outcome::default()
        }
    }

    /// The same, with warnings in front of what goes to stderr.
    pub fn warned(mut self, warnings: String) -> Self {
        self.err.insert_str(0, &warnings);
        self
    }

    /// An error of one line.
    pub fn error(error: impl Display) -> Self {
        Outcome::bad(format!("error: {error}\n"))
    }
}

/// A command's result; both sides are printed.
pub type Result<T> = std::result::Result<T, Outcome>;

/// Which headers.
#[derive(Debug, clap::Args)]
pub struct HeadersArgs {
    /// The folder that holds `glusterfs/xlator.h`, such as /usr/include
    #[arg(long, value_name = "DIR")]
    headers: PathBuf,

    /// The GlusterFS that the headers belong to [default: what glusterfs-api.pc beside them or
    /// they themselves say]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    gluster_version: Option<Version>,
}

/// A version on the command line.
fn version(text: &str) -> std::result::Result<Version, String> {
    text.parse()
        .map_err(|()| "expected two numbers with a dot, such as 10.3".into())
}

impl HeadersArgs {
    /// Reads them, as far as the model has to do with them.
    pub fn load(&self, model: &Model) -> Result<(Headers, Version)> {
        let headers =
            headers::load(&self.headers, model, self.gluster_version).map_err(Outcome::error)?;
        let Some((version, _)) = headers.version else {
            return Err(Outcome::error(format!(
                "which GlusterFS the headers in {} belong to is not known: there is no \
                 glusterfs-api.pc beside them; say --gluster-version",
                headers.dir
            )));
        };
        if headers.fops.is_empty() {
            return Err(Outcome::error(format!(
                "{}: `struct xlator_fops` has no fops: these are no headers of GlusterFS",
                headers.dir
            )));
        }
        Ok((headers, version))
    }
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For machines
    Json,
}

/// The most bytes of a schema. Glupy's own has 100,000; who names a device is told so.
const LONGEST: u64 = 16 << 20;

/// Where the schema may be found.
const WAY_OUT: &str =
    "name the schema with --schema FILE, or with --root DIR the folder that holds fops.yaml";

/// Where things are.
#[derive(Debug)]
pub struct Places {
    /// The top of the repository.
    pub root: PathBuf,
    /// The schema.
    pub schema: PathBuf,
    /// What errors call it.
    pub schema_name: String,
}

impl Places {
    pub fn new(root: Option<PathBuf>, schema: Option<PathBuf>) -> Self {
        let root = root
            .or_else(find_root)
            .unwrap_or_else(|| PathBuf::from("."));
        let (schema, schema_name) = match schema {
            Some(path) => {
                let name = path.display().to_string();
                (path, name)
            }
            None => (root.join("fops.yaml"), "fops.yaml".into()),
        };
        Places {
            root,
            schema,
            schema_name,
        }
    }

    /// Reads and checks the schema; its text and places beside the model.
    pub fn load(&self) -> Result<(Source, Schema, Model)> {
        let (source, loaded) = self.read()?;
        Ok((source, loaded.schema, loaded.model))
    }

    /// The same for who writes or checks what is made of it: the model, and the warnings.
    pub fn load_warned(&self) -> Result<(Model, String)> {
        let (source, loaded) = self.read()?;
        let warnings = loaded.warnings.render(&source, color());
        Ok((loaded.model, warnings))
    }

    fn read(&self) -> Result<(Source, Loaded)> {
        let refused = |why: &dyn Display| {
            let path = self.schema.display();
            Outcome::error(format!("can not read {path}: {why}; {WAY_OUT}"))
        };
        let mut bytes = Vec::new();
        File::open(&self.schema)
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
            .map_err(|error| refused(&error))?;
        if bytes.len() as u64 > LONGEST {
            return Err(refused(&format!("it has more than {LONGEST} bytes")));
        }
        let source = Source::new(&self.schema_name, bytes);
        match codegen::load_with_places(&source) {
            Ok(loaded) => Ok((source, loaded)),
            Err(errors) => Err(Outcome::bad(errors.render(&source, color()))),
        }
    }
}

/// Whether errors may have colors.
pub fn color() -> bool {
    io::stderr().is_terminal()
}

fn find_root() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .find(|folder| folder.join("fops.yaml").is_file())
        .map(ToOwned::to_owned)
}
