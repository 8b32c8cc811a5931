//! The SDK against a hub that does what a test tells it to.

mod double;
mod http;
mod live;
mod tokens;
mod upload;
mod wait;
