//! `mshub formats`: what can be converted into what, right now.

use clap::Args;

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// List what can be converted into what, and by which engine
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub formats
  mshub formats docx
  mshub formats --json | jq -r 'select(.from==\"xlsx\").to'")]
pub struct FormatsArgs {
    /// Only what this format can become
    pub from: Option<String>,
}

/// Prints the matrix.
pub async fn run(args: FormatsArgs, global: &Global) -> Result<(), CliError> {
    let mut pairs = global.hub()?.formats().await?.items;
    if let Some(from) = &args.from {
        let wanted = from.trim_start_matches('.').to_lowercase();
        pairs.retain(|pair| pair.from == wanted);
        if pairs.is_empty() {
            return Err(CliError::new(Kind::NotFound, format!("nothing converts {wanted} here"))
                .hint("`mshub formats` lists what is converted"));
        }
    }
    global.out.list(
        &pairs,
        &["FROM", "TO", "ENGINE", "KEEPS"],
        |pair| format!("{} {}", pair.from, pair.to),
        |pair| vec![pair.from.clone(), pair.to.clone(), pair.engine.clone(), pair.fidelity.clone()],
    )
}
