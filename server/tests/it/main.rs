//! Stories of the gateway over HTTP, on the embedded engines; the workers are not there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what helps a test is a test, but clippy cannot know")]

mod accounts;
mod admin;
mod conversions;
mod files;
mod fixture;
mod live;
mod openapi;
mod pages;
mod photos;
mod refusals;
mod rooms;
mod sessions;
mod tasks;
