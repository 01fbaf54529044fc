//! `cargo codegen diff`

use std::path::{Path, PathBuf};

use codegen::changes;
use codegen::headers::{self, model::Headers};
use codegen::model::Model;
use serde_json::json;

use super::{Format, Outcome, Places, Result};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folders that hold `glusterfs/xlator.h`: give it twice, the older version first
    #[arg(long, value_name = "DIR", required = true)]
    headers: Vec<PathBuf>,

    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn run(args: &Args, places: &Places) -> Result<Outcome> {
    let [old, new] = args.headers.as_slice() else {
        return Err(Outcome::error(format!(
            "expected two folders, --headers OLD --headers NEW, not {}",
            args.headers.len()
        )));
    };
    // What the schema has to do with is what is compared.
    let (_, _, model) = places.load()?;
    let (old, new) = (load(old, &model)?, load(new, &model)?);
    let changes = changes::compare(&old, &new);
    if args.format == Format::Json {
        let side = |headers: &Headers| json!({ "headers": headers.dir, "glusterfs": headers.version.as_ref().map(|(version, _)| version) });
        let value = json!({ "old": side(&old), "new": side(&new), "changes": changes });
        return Ok(Outcome::good(format!("{value:#}\n")));
    }
    let count = match changes.len() {
        1 => "1 change".into(),
        count => format!("{count} changes"),
    };
    let last = format!(
        "{count} from GlusterFS {} to {}\n",
        title(&old),
        title(&new)
    );
    Ok(Outcome::good(changes::text(&changes) + &last))
}

fn load(dir: &Path, model: &Model) -> Result<Headers> {
    headers::load(dir, model, None).map_err(Outcome::error)
}

fn title(headers: &Headers) -> String {
    match &headers.version {
        Some((version, _)) => format!("{version} ({})", headers.dir),
        None => headers.dir.clone(),
    }
}
