//! The typed SDK of mshub: what the CLI, the TUI and the story tests speak to a hub through.
//!
//! It never prints, and it never reads the environment or a home folder: servers, folders and limits are
//! handed in. [`Hub`] is the way in; [`Live`] is the socket with resume and an outbox.

mod accounts;
mod admin;
mod ask;
mod backoff;
mod batches;
mod conversions;
mod disk;
mod download;
mod error;
mod files;
mod http;
mod hub;
mod live;
mod messages;
mod outbox;
mod pieces;
mod rooms;
mod session;
mod tokens;
mod upload;
mod verified;
mod wait;

pub use accounts::Photo;
pub use conversions::JobsQuery;
pub use download::Downloaded;
pub use error::Error;
pub use hub::{Hub, Options, SignedIn};
pub use live::{Health, Live, LiveEvent};
pub use messages::SearchQuery;
pub use outbox::{Attachment, Draft, Outbox, Receipt, Waiting};
pub use pieces::LARGE;
pub use reqwest::{Method, StatusCode};
pub use rooms::{EventsQuery, RawEvent, RawPage};
pub use session::{SessionStore, Storage};
pub use upload::{Chunks, Upload, UploadBody};
pub use url::Url;
pub use verified::Verified;
