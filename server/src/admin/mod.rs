//! Administration: who is on this hub, and how it is.

pub(crate) mod dead_letters;
pub(crate) mod overview;
pub(crate) mod users;
