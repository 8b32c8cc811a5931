//! The convert-worker as the gateway sees it: over HTTP, with real databases, folders and child processes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what helps a test is a test, but clippy cannot know")]

mod batches;
mod consent;
mod conversions;
mod earlier;
mod endings;
mod events;
mod forms;
mod kills;
mod line;
mod office;
mod passwords;
mod refusals;
mod reports;
mod restarts;
mod sql;
mod stalls;
mod tus;
mod urls;
mod webhooks;
mod worker;
