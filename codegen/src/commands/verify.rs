//! `cargo codegen verify`

use std::path::PathBuf;

use codegen::headers;
use codegen::names::Version;
use codegen::verify::{report, verify};

use super::{Format, Outcome, Places, Result, color};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that holds `glusterfs/xlator.h`, such as /usr/include
    #[arg(long, value_name = "DIR")]
    headers: PathBuf,

    /// The GlusterFS that the headers belong to [default: what glusterfs-api.pc beside them or
    /// they themselves say]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    gluster_version: Option<Version>,

    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A version on the command line.
pub fn version(text: &str) -> std::result::Result<Version, String> {
    text.parse()
        .map_err(|()| "expected two numbers with a dot, such as 10.3".into())
}

pub fn run(args: &Args, places: &Places) -> Result<Outcome> {
    let (source, schema, model) = places.load()?;
    let headers =
        headers::load(&args.headers, &model, args.gluster_version).map_err(Outcome::error)?;
    let Some((version, how)) = &headers.version else {
        return Err(Outcome::error(format!(
            "which GlusterFS the headers in {} belong to is not known: there is no \
             glusterfs-api.pc beside them; say --gluster-version",
            headers.dir
        )));
    };
    let report = verify(&schema, &model, &headers, *version);
    let failed = !report.differences.is_empty();
    Ok(match (args.format, failed) {
        (Format::Json, _) => Outcome {
            out: report::json(&report, &source, &headers, *version),
            failed,
            ..Outcome::default()
        },
        (Format::Text, true) => {
            Outcome::bad(report::text(&report, &source, &headers, *version, color()))
        }
        (Format::Text, false) => {
            let mut text = format!(
                "{} is as the headers of GlusterFS {version} in {} say ({how}): {} fops, \
                 {} callbacks, {} dump hooks, {} structures, {} enums\n",
                source.name,
                headers.dir,
                model.fops.len() - report.left_out.len(),
                model.callbacks.len(),
                model.dumpops.len(),
                model.structures.len(),
                model.enums.len(),
            );
            if !report.left_out.is_empty() {
                text += &format!("not in this version: {}\n", report.left_out.join(", "));
            }
            Outcome::good(text)
        }
    })
}
