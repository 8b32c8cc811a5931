//! Uploads that come in pieces (tus 1.0): what is acknowledged is an object already, and the last piece makes the job.
//!
//! The gateway speaks the protocol; here is what it means. Several workers may hear of the same upload: its row says how
//! far it is and who appends, so that no byte is taken twice, and the key of its job that there is one.

mod append;
mod begin;
mod checksum;
mod finish;
mod remove;
mod show;
mod source;
mod sql;
mod sweep;
mod turns;

use platform::service::{ApiError, Outcome};
use wire::{Code, Timestamp, UploadId, UserId};

use crate::state::App;
use sql::Row;

pub(crate) use append::append;
pub(crate) use begin::begin;
pub(crate) use remove::remove;
pub(crate) use show::show;
pub(crate) use sweep::Rounds;
pub(crate) use turns::Turns;

/// The upload of this person, unless it is kept no more.
async fn of(app: &App, owner: UserId, id: UploadId) -> Outcome<Row> {
    let row = sql::find(&app.db, owner, id).await?.ok_or_else(|| ApiError::not_found("upload"))?;
    if row.is_gone(app.clock.now()) { Err(gone()) } else { Ok(row) }
}

fn gone() -> ApiError {
    ApiError::new(Code::UploadGone, "the upload has expired, or was given up").hint("begin another one")
}

/// Until when an upload is kept for which something came just now.
fn expiry(app: &App) -> Timestamp {
    let seconds = i64::try_from(app.config.uploads_kept.as_secs()).unwrap_or(i64::MAX);
    app.clock.now().plus_seconds(seconds)
}
