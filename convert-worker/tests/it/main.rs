//! The convert-worker as the gateway sees it: over HTTP, with real databases, folders and child processes.

mod conversions;
mod endings;
mod line;
mod refusals;
mod restarts;
mod sql;
mod worker;
