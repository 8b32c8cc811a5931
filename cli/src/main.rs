//! The `mshub` command.
fn main() {}
