//! Conversions: uploads stream on to the convert-worker, which keeps them; downloads are signed links.

pub(crate) mod batches;
pub(crate) mod card;
pub(crate) mod download;
pub(crate) mod events;
pub(crate) mod in_room;
pub(crate) mod jobs;
mod news;
mod progress;
mod under_way;
pub(crate) mod upload;
mod wait;

pub(crate) use news::News;
pub(crate) use under_way::Cards;
