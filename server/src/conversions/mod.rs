//! Conversions: uploads stream on to the convert-worker, which keeps them; downloads are signed links.

pub(crate) mod card;
pub(crate) mod download;
pub(crate) mod in_room;
pub(crate) mod jobs;
mod progress;
mod under_way;
pub(crate) mod upload;

pub(crate) use under_way::Cards;
