//! The SDK against a hub that does what a test tells it to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what helps a test is a test, but clippy cannot know")]

mod attachments;
mod double;
mod http;
mod live;
mod outbox;
mod tokens;
mod upload;
mod wait;
