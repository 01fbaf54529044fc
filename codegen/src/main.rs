//! The command line: `cargo codegen ...`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use codegen::diagnostics::Source;
use codegen::model::Model;
use codegen::{describe, emit, sink};

/// Generates everything in Glupy that depends on the list of GlusterFS operations.
#[derive(Debug, Parser)]
#[command(name = "codegen", bin_name = "cargo codegen", version)]
struct Args {
    /// The top of the repository [default: the first folder above this one with a fops.yaml]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The schema [default: fops.yaml at the top of the repository]
    #[arg(long, global = true, value_name = "FILE")]
    schema: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the generated files that differ from what they should be
    Generate,
    /// Write nothing; fail with a diff when a generated file differs from what it should be
    Check,
    /// Print the checked schema as JSON
    Model,
    /// List the fops, or describe one
    Fops {
        /// The fop to describe
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(text) => {
            // Nobody reads any more: not an error (`cargo codegen model | head`).
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(text) => {
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Answers what goes to stdout, or to stderr with exit status 1.
fn run(args: &Args) -> Result<String, String> {
    let line = |error: &dyn std::fmt::Display| format!("error: {error}\n");
    let root = match &args.root {
        Some(root) => root.clone(),
        None => find_root().unwrap_or_else(|| PathBuf::from(".")),
    };
    let model = load(&root, args.schema.as_deref())?;
    match &args.command {
        Command::Generate => {
            let outputs = emit::emit(&model).map_err(|error| line(&error))?;
            let written = sink::write(&root, &outputs).map_err(|error| line(&error))?;
            Ok(written
                .iter()
                .map(|path| format!("wrote {path}\n"))
                .collect())
        }
        Command::Check => {
            let outputs = emit::emit(&model).map_err(|error| line(&error))?;
            match sink::check(&root, &outputs).map_err(|error| line(&error))? {
                None => Ok(String::new()),
                Some(report) => Err(report),
            }
        }
        Command::Model => {
            let json = serde_json::to_string_pretty(&model).map_err(|error| line(&error))?;
            Ok(json + "\n")
        }
        Command::Fops { name: None } => Ok(describe::list(&model)),
        Command::Fops { name: Some(name) } => {
            describe::one(&model, name).map_err(|error| line(&error))
        }
    }
}

fn load(root: &Path, schema: Option<&Path>) -> Result<Model, String> {
    let (path, name) = match schema {
        Some(path) => (path.to_owned(), path.display().to_string()),
        None => (root.join("fops.yaml"), "fops.yaml".into()),
    };
    let bytes =
        std::fs::read(&path).map_err(|error| format!("error: {}: {error}\n", path.display()))?;
    let source = Source::new(name, bytes);
    codegen::load(&source).map_err(|errors| errors.render(&source, io::stderr().is_terminal()))
}

fn find_root() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .find(|folder| folder.join("fops.yaml").is_file())
        .map(Path::to_owned)
}
