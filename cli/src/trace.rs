//! `-v`: what happens underneath, told on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Begins to tell; without `-v` nothing is told. A hub and the full-screen client have ways of their own.
pub(crate) fn begin(verbosity: u8) {
    let filter = match verbosity {
        0 => return,
        1 => "warn,mshub=debug,mshub_client=debug",
        _ => "debug",
    };
    let lines =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(std::io::stderr);
    // A file is read by programs as well.
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    // A second beginning, in tests, changes nothing.
    let _ = lines.with_target(false).try_init();
}
