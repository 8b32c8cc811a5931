//! Administration: who is on this hub, and how it is.

pub(crate) mod overview;
pub(crate) mod users;
