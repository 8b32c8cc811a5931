//! Conversions: uploads stream on to the convert-worker, which keeps them; downloads are signed links.

pub(crate) mod download;
pub(crate) mod jobs;
pub(crate) mod upload;
