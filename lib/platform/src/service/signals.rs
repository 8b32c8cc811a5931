//! Signals: the first asks to stop, the second stops at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGINT and SIGTERM, caught from the moment this is made: before a program says that it is ready.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch them.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next SIGINT (2) or SIGTERM (15).
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// Cancels `stop` at the first SIGINT or SIGTERM. Returns the signal's number, for the exit code.
pub async fn until_asked(stop: CancellationToken) -> std::io::Result<i32> {
    let number = Signals::catch()?.next().await;
    stop.cancel();
    Ok(number)
}
