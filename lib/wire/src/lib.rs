//! What travels between the parts of mshub: requests, replies, frames, bus events, ids, problems and paths.
//!
//! Compatible means append-only: a new optional field or a new variant, never a silent change of meaning.
//! Nothing here does I/O, and nothing here knows who sends or receives.

pub mod accounts;
pub mod batches;
pub mod conversions;
pub mod document_password;
pub mod events;
pub mod files;
pub mod frames;
pub mod heads;
pub mod ids;
pub mod messages;
pub mod paths;
pub mod problem;
pub mod record;
pub mod rooms;
pub mod signs;
pub mod time;
pub mod uploads;

pub use ids::{BatchId, ClientId, FileId, JobId, MessageId, RoomId, UploadId, UserId};
pub use problem::{Code, FieldError, Problem};
pub use time::Timestamp;
