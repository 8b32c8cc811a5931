//! The program as people run it.

#![expect(clippy::unwrap_used, reason = "what helps a test is a test, but clippy cannot know")]

mod check;
