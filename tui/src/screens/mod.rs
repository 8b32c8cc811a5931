//! The screens and what lies over them, a file each.

pub mod chat;
pub mod commands;
pub mod confirm;
pub mod connecting;
pub mod convert;
pub mod help;
pub mod prompt;
pub mod rooms;
pub mod sign_in;
pub mod sign_up;
pub mod verify;
