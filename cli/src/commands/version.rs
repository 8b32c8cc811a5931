//! `mshub version`.

use serde::Serialize;

use crate::{error::CliError, global::Global};

#[derive(Serialize)]
struct Version {
    version: &'static str,
    protocol: u32,
}

/// Prints what this program is.
pub fn run(global: &Global) -> Result<(), CliError> {
    let version = Version { version: env!("CARGO_PKG_VERSION"), protocol: wire::frames::PROTOCOL };
    global.out.result(&version, version.version, || format!("mshub {}", version.version))
}
