//! Signals: the first asks to stop, the second stops at once.

use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first SIGINT or SIGTERM. Returns the signal's number, for the exit code.
pub async fn until_asked(stop: CancellationToken) -> std::io::Result<i32> {
    let number = next().await?;
    stop.cancel();
    Ok(number)
}

/// The next SIGINT (2) or SIGTERM (15).
pub async fn next() -> std::io::Result<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(2),
        _ = terminate.recv() => Ok(15),
    }
}
