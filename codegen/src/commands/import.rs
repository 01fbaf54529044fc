//! `cargo codegen import`

use codegen::{import, sink};

use super::{HeadersArgs, Outcome, Places, Result};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    headers: HeadersArgs,

    /// Write the entries into the schema, where otherwise they are shown as a diff
    #[arg(long)]
    write: bool,
}

pub fn run(args: &Args, places: &Places) -> Result<Outcome> {
    let (source, schema, model) = places.load()?;
    let (headers, version) = args.headers.load(&model)?;
    let proposal = import::propose(&source, &schema, &model, &headers, version);
    let mut outcome = Outcome::default();
    for (fop, reason) in &proposal.refused {
        outcome.err += &format!("error: no entry for {fop}: {reason}\n");
        outcome.failed = true;
    }
    if proposal.fops.is_empty() {
        if !outcome.failed {
            let dir = &headers.dir;
            outcome.out = format!(
                "{} has every fop of GlusterFS {version} ({dir})\n",
                source.name
            );
        }
        return Ok(outcome);
    }
    if args.write {
        sink::replace(&places.schema, &proposal.text).map_err(Outcome::error)?;
        outcome.out = format!("wrote {}: {}", source.name, proposal.fops.join(", "));
        if !proposal.types.is_empty() {
            outcome.out += &format!("; new types: {}", proposal.types.join(", "));
        }
        outcome.out += "\nnext: fill in what says TODO, then cargo codegen generate\n";
    } else {
        let diff = similar::TextDiff::from_lines(&source.text, &proposal.text);
        let (old, new) = (format!("a/{}", source.name), format!("b/{}", source.name));
        outcome.out = diff.unified_diff().header(&old, &new).to_string();
    }
    Ok(outcome)
}
