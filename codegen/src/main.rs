//! The command line: `cargo codegen ...`.

mod commands;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use codegen::diagnostics::printable;
use codegen::{describe, emit, sink};

use commands::{Outcome, Places, color, diff, import, verify};

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
    /// Hold the schema against GlusterFS's headers; fail with a report when they differ
    Verify(verify::Args),
    /// Propose entries for the fops that GlusterFS's headers have and the schema lacks
    Import(import::Args),
    /// Tell what changed between the headers of two GlusterFS versions
    Diff(diff::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let places = Places::new(args.root, args.schema);
    let outcome = run(&args.command, &places).unwrap_or_else(|error| error);
    // Whatever stood in a schema or in headers. What goes into a file or to another program,
    // such as a diff, stays as it is.
    let out = match io::stdout().is_terminal() {
        true => printable(&outcome.out, false),
        false => outcome.out,
    };
    let err = printable(&outcome.err, color());
    // Nobody reads any more: not an error (`cargo codegen model | head`).
    let _ = io::stdout().write_all(out.as_bytes());
    let _ = io::stderr().write_all(err.as_bytes());
    match outcome.failed {
        false => ExitCode::SUCCESS,
        true => ExitCode::FAILURE,
    }
}

fn run(command: &Command, places: &Places) -> commands::Result<Outcome> {
    match command {
        Command::Generate => {
            let (model, warnings) = places.load_warned()?;
            let outputs = emit::emit(&model).map_err(Outcome::error)?;
            let written = sink::write(&places.root, &outputs).map_err(Outcome::error)?;
            let lines = written.iter().map(|path| format!("wrote {path}\n"));
            Ok(Outcome::good(lines.collect::<String>()).warned(warnings))
        }
        Command::Check => {
            let (model, warnings) = places.load_warned()?;
            let outputs = emit::emit(&model).map_err(Outcome::error)?;
            let report = sink::check(&places.root, &outputs).map_err(Outcome::error)?;
            Ok(report
                .map_or_else(Outcome::default, Outcome::bad)
                .warned(warnings))
        }
        Command::Model => {
            let (_, _, model) = places.load()?;
            let json = serde_json::to_string_pretty(&model).map_err(Outcome::error)?;
            Ok(Outcome::good(json + "\n"))
        }
        Command::Fops { name } => {
            let (_, _, model) = places.load()?;
            match name {
                None => Ok(Outcome::good(describe::list(&model))),
                Some(name) => describe::one(&model, name)
                    .map(Outcome::good)
                    .map_err(Outcome::error),
            }
        }
        Command::Verify(args) => verify::run(args, places),
        Command::Import(args) => import::run(args, places),
        Command::Diff(args) => diff::run(args, places),
    }
}
