//! Parts that several screens are made of.

pub mod field;
pub mod footer;
pub mod frame;
pub mod messages;
pub mod progress;
