//! Every action of mshub as a command, and the only place that knows all parts: `mshub up` puts them together.
//!
//! A command line goes from [`args`] through one file of `commands` to [`output`], which is the only file that
//! prints. What went wrong on the way is an [`error::CliError`] with an exit code of its own.

pub mod args;
pub mod commands;
pub mod config;
pub mod error;
mod fields;
pub mod files;
pub mod global;
pub mod output;
pub mod progress;
pub mod prompt;
mod run;
pub mod several;
mod signals;
mod text;
mod trace;
#[cfg(feature = "up")]
mod up;

pub use run::main;
