//! `mshub profile`: one's own account, and what others show of theirs.

use bytes::Bytes;
use clap::{Args, Subcommand};
use wire::{
    UserId,
    accounts::{EditProfile, Me, Profile},
};

use crate::{
    error::CliError,
    files::{self, Destination},
    global::Global,
    text,
};

/// A photo larger than this is refused by any hub.
const LARGEST_PHOTO: u64 = 32 * 1024 * 1024;

/// What can be done with profiles.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  mshub profile show
  mshub profile set --name 'Ann Example' --tz Europe/Prague
  mshub profile set --allow-third-party true
  mshub profile photo set me.jpg")]
pub enum ProfileCommand {
    /// Show your profile, or somebody's
    Show {
        /// Somebody's id
        user: Option<UserId>,
    },
    /// Change what you give
    Set(SetArgs),
    /// Your photo
    #[command(subcommand)]
    Photo(PhotoCommand),
}

/// What can be changed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct SetArgs {
    /// What others see
    #[arg(long)]
    pub name: Option<String>,
    /// A few words about yourself
    #[arg(long)]
    pub bio: Option<String>,
    /// Your time zone, such as Europe/Prague; empty to clear it
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Whether your files may go to conversion services of somebody else, where the hub has such
    #[arg(long, value_name = "true|false")]
    pub allow_third_party: Option<bool>,
}

/// What can be done with the photo.
#[derive(Debug, Subcommand)]
pub enum PhotoCommand {
    /// Replace it by a PNG, JPEG, WebP or GIF
    Set {
        /// The picture, - for standard input
        file: String,
    },
    /// Fetch it
    Get {
        /// Where to; - for standard output [default: photo.jpg or the like, in this folder]
        #[arg(short, long, value_name = "FILE")]
        output: Option<String>,
        /// Replace a file that is there
        #[arg(long)]
        overwrite: bool,
    },
    /// Remove it
    Rm,
}

/// Does it.
pub async fn run(command: ProfileCommand, global: &Global) -> Result<(), CliError> {
    match command {
        ProfileCommand::Show { user: None } => mine(global, &global.hub()?.me().await?),
        ProfileCommand::Show { user: Some(user) } => theirs(global, &global.hub()?.user(user).await?),
        ProfileCommand::Set(SetArgs { name, bio, tz, allow_third_party }) => {
            let changes = EditProfile { name, bio, tz, allow_third_party };
            mine(global, &global.hub()?.edit_profile(&changes).await?)
        }
        ProfileCommand::Photo(PhotoCommand::Set { file }) => set_photo(global, &file).await,
        ProfileCommand::Photo(PhotoCommand::Get { output, overwrite }) => {
            get_photo(global, output, overwrite).await
        }
        ProfileCommand::Photo(PhotoCommand::Rm) => {
            global.hub()?.remove_photo().await?;
            global.out.result(&serde_json::json!({"has_photo": false}), "", || "photo removed".to_owned())
        }
    }
}

fn mine(global: &Global, me: &Me) -> Result<(), CliError> {
    global.out.result(me, me.id, || {
        let role = if me.role == wire::accounts::Role::Admin { "admin, " } else { "" };
        let (photo, since) = (if me.has_photo { "yes" } else { "none" }, text::moment(me.created_at));
        let files = if me.allow_third_party {
            "may go to conversion services of others"
        } else {
            "stay on this hub and its own converters"
        };
        format!(
            "{}\nid     {}\nemail  {}\nbio    {}\nzone   {}\nphoto  {photo}\nfiles  {files}\n{role}since {since}",
            me.name, me.id, me.email, me.bio, me.tz
        )
    })
}

fn theirs(global: &Global, profile: &Profile) -> Result<(), CliError> {
    global.out.result(profile, profile.id, || {
        format!("{}\nid    {}\nbio   {}\nzone  {}", profile.name, profile.id, profile.bio, profile.tz)
    })
}

async fn set_photo(global: &Global, file: &str) -> Result<(), CliError> {
    let picture = files::read(file, LARGEST_PHOTO).await?;
    let bytes = picture.len() as u64;
    global.hub()?.set_photo(Bytes::from(picture)).await?;
    global.out.result(&serde_json::json!({"has_photo": true, "bytes": bytes}), file, || {
        format!("photo set, {}", text::size(bytes))
    })
}

async fn get_photo(global: &Global, output: Option<String>, overwrite: bool) -> Result<(), CliError> {
    let photo = global.hub()?.my_photo().await?;
    let ending = photo.media_type.strip_prefix("image/").unwrap_or("bin").replace("jpeg", "jpg");
    let name = output.unwrap_or_else(|| format!("photo.{ending}"));
    let destination = Destination::of(&name, overwrite, false, &global.out)?;
    let path = files::put(&destination, &photo.bytes, &global.out).await?;
    let Some(path) = path else { return Ok(()) };
    let about =
        serde_json::json!({"output": path, "bytes": photo.bytes.len(), "media_type": photo.media_type});
    global.out.result(&about, path.display(), || {
        format!("{} ({})", path.display(), text::size(photo.bytes.len() as u64))
    })
}
