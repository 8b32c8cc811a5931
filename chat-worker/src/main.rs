//! Starts the service on its own.
fn main() {}
