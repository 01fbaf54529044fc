//! `cargo codegen verify`

use codegen::verify::{report, verify};

use super::{Format, HeadersArgs, Outcome, Places, Result, color};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    headers: HeadersArgs,

    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn run(args: &Args, places: &Places) -> Result<Outcome> {
    let (source, schema, model) = places.load()?;
    let (headers, version) = args.headers.load(&model)?;
    let report = verify(&schema, &model, &headers, version);
    let failed = !report.differences.is_empty();
    Ok(match (args.format, failed) {
        (Format::Json, _) => Outcome {
            out: report::json(&report, &source, &headers, version),
            failed,
            ..Outcome::default()
        },
        (Format::Text, true) => {
            Outcome::bad(report::text(&report, &source, &headers, version, color()))
        }
        (Format::Text, false) => {
            let how = headers.version.as_ref().map_or("", |(_, how)| how);
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
