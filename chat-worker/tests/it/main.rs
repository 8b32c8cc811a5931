//! Stories of the chat-worker: what is in the log comes to be in the history, once, in order.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fixture;
mod heads;
mod history;
mod hole;
mod messages;
mod program;
mod rebuild;
mod restart;
mod search;
mod several;
