//! `mshub file`: files of rooms.

use clap::Subcommand;
use client::Hub;
use wire::FileId;

use crate::{
    error::CliError,
    files::{Arriving, Destination, safe_name},
    global::Global,
    progress::Progress,
    text,
};

/// What can be done with a file of a room.
#[derive(Debug, Subcommand)]
pub enum FileCommand {
    /// Fetch a file of a room that you are in, and check that it is whole
    #[command(after_help = "Examples:
  mshub file get 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2
  mshub file get 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2 -o - | less")]
    Get {
        /// The file; `mshub chat files ROOM` lists them
        id: FileId,
        /// Where to put it; - for standard output. Without it, its own name in this folder
        #[arg(long, short, value_name = "FILE")]
        output: Option<String>,
        /// Replace a file of that name
        #[arg(long)]
        overwrite: bool,
    },
}

/// Does it.
pub async fn run(command: FileCommand, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    match command {
        FileCommand::Get { id, output, overwrite } => get(global, &hub, id, output, overwrite).await,
    }
}

async fn get(
    global: &Global,
    hub: &Hub,
    id: FileId,
    output: Option<String>,
    overwrite: bool,
) -> Result<(), CliError> {
    let out = &global.out;
    let file = hub.file(id).await?;
    let name = output.unwrap_or_else(|| safe_name(&file.name, &id.to_string()));
    let is_text = file.media_type.starts_with("text/");
    let destination = Destination::of(&name, overwrite, is_text, out)?;
    let arriving = Arriving::begin(&destination)?;
    let mut sink = arriving.sink()?;

    let bar = Progress::new(out).bar(&name);
    let fetched = hub.fetch_file(&file, &mut sink, |bytes| bar.sent(bytes, Some(file.bytes))).await;
    bar.end();
    let fetched = fetched?;

    let Some(path) = arriving.finish(out)? else { return Ok(()) };
    let about = serde_json::json!({
        "id": id, "output": path, "bytes": fetched.bytes, "sha256": fetched.sha256, "media_type": file.media_type,
    });
    out.result(&about, path.display(), || format!("{}  {}", path.display(), text::size(fetched.bytes)))
}
