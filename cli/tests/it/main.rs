//! The `mshub` command as scripts and people meet it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what helps a test is a test, but clippy cannot know")]

mod command;
mod deploy;
mod errors;
#[cfg(feature = "engines")]
mod fleet;
mod help;
#[cfg(feature = "up")]
mod hub;
#[cfg(feature = "up")]
mod parts;
#[cfg(feature = "up")]
mod story_batch;
mod story_card;
#[cfg(feature = "up")]
mod story_chat;
#[cfg(feature = "up")]
mod story_consent;
#[cfg(feature = "up")]
mod story_convert;
#[cfg(feature = "engines")]
mod story_engines;
#[cfg(feature = "up")]
mod story_files;
#[cfg(feature = "engines")]
mod story_fleet;
#[cfg(all(target_os = "linux", feature = "up"))]
mod story_flush;
#[cfg(feature = "up")]
mod story_here;
#[cfg(feature = "up")]
mod story_messages;
#[cfg(feature = "engines")]
mod story_migrate;
#[cfg(feature = "up")]
mod story_one_line;
#[cfg(all(unix, feature = "up"))]
mod story_outbox;
#[cfg(feature = "engines")]
mod story_partition;
#[cfg(feature = "up")]
mod story_pieces;
#[cfg(feature = "up")]
mod story_resend;
#[cfg(feature = "up")]
mod story_restart;
#[cfg(feature = "up")]
mod story_rooms;
#[cfg(feature = "up")]
mod story_signup;
mod story_traces;
#[cfg(all(unix, feature = "up"))]
mod story_tui;
#[cfg(feature = "up")]
mod story_up;
#[cfg(feature = "up")]
mod story_upload;
#[cfg(feature = "up")]
mod story_verify;
#[cfg(feature = "up")]
mod story_worker;
#[cfg(all(unix, feature = "up"))]
mod terminal;
mod tidy;
