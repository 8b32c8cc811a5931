//! `mshub formats`: what can be converted into what, right now.

use clap::Args;
use wire::conversions::{FormatPair, Formats, MissingPair};

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// List what can be converted into what, and by which engine
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub formats
  mshub formats docx
  mshub formats --engines
  mshub formats --json | jq -r 'select(.from==\"xlsx\").to'")]
pub struct FormatsArgs {
    /// Only what this format can become
    pub from: Option<String>,
    /// The engines, how they are, and what would come with those that are not here
    #[arg(long, conflicts_with = "from")]
    pub engines: bool,
}

/// Prints the matrix, or who is behind it.
pub async fn run(args: FormatsArgs, global: &Global) -> Result<(), CliError> {
    let formats = global.hub()?.formats().await?;
    match args.from {
        _ if args.engines => engines(&formats, global),
        Some(from) => of(&from.trim_start_matches('.').to_lowercase(), &formats, global),
        None => matrix(&formats.items, global),
    }
}

fn of(from: &str, formats: &Formats, global: &Global) -> Result<(), CliError> {
    let mut pairs = formats.items.clone();
    pairs.retain(|pair| pair.from == from);
    let missing: Vec<&MissingPair> = formats.missing.iter().filter(|pair| pair.from == from).collect();
    let Some(first) = missing.first() else {
        return if pairs.is_empty() { Err(nothing(from)) } else { matrix(&pairs, global) };
    };
    let targets: Vec<&str> = missing.iter().map(|pair| pair.to.as_str()).collect();
    let note = format!("with {} it could become {} here", first.install, targets.join(", "));
    if pairs.is_empty() {
        return Err(CliError::new(Kind::NotFound, format!("nothing converts {from} here")).hint(note));
    }
    matrix(&pairs, global)?;
    global.out.note(note)
}

fn nothing(from: &str) -> CliError {
    CliError::new(Kind::NotFound, format!("nothing converts {from} here"))
        .hint("`mshub formats` lists what is converted")
}

fn matrix(pairs: &[FormatPair], global: &Global) -> Result<(), CliError> {
    global.out.list(
        pairs,
        &["FROM", "TO", "KEEPS", "ENGINE"],
        |pair| format!("{} {}", pair.from, pair.to),
        |pair| {
            let engines = [std::slice::from_ref(&pair.engine), &pair.also].concat().join(", ");
            let engines = if pair.consent { format!("{engines} (with consent)") } else { engines };
            vec![pair.from.clone(), pair.to.clone(), pair.fidelity.clone(), engines]
        },
    )
}

fn engines(formats: &Formats, global: &Global) -> Result<(), CliError> {
    global.out.list(
        &formats.engines,
        &["ENGINE", "STATE", "DETAIL"],
        |health| health.engine.clone(),
        |health| {
            let consent = if health.third_party { "; with the consent of each account" } else { "" };
            vec![health.engine.clone(), health.state.clone(), format!("{}{consent}", health.detail)]
        },
    )
}
