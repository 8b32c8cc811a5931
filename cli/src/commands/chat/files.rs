//! `mshub chat files`.

use clap::Args;

use crate::{
    error::CliError,
    global::Global,
    text::{moment, size},
};

/// List the files of a room, newest first
#[derive(Debug, Args)]
#[command(
    after_help = "With --json one object a line: id, name, bytes, sha256, media_type, room, pos, by, ts.

Examples:
  mshub chat files general
  mshub chat files general --json=id,name | head -1"
)]
pub struct FilesArgs {
    /// The room
    room: String,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Lists.
pub(super) async fn run(args: FilesArgs, global: &Global) -> Result<(), CliError> {
    let files = global.hub()?.files(&args.room, args.limit as usize).await?;
    global.out.list(
        &files,
        &["NAME", "SIZE", "WHEN", "AT", "ID"],
        |row| row.file.id.to_string(),
        |row| {
            let (bytes, when) = (size(row.file.bytes), moment(row.ts));
            vec![row.file.name.clone(), bytes, when, row.pos.to_string(), row.file.id.to_string()]
        },
    )
}
