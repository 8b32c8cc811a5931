//! Ctrl-C and SIGTERM as errors with exit codes of their own.

use crate::error::{CliError, Kind};

/// Ends when the process is asked to stop.
pub(crate) async fn stop() -> CliError {
    tokio::select! {
        () = interrupted() => CliError::new(Kind::Interrupted, "interrupted"),
        () = terminated() => CliError::new(Kind::Terminated, "terminated"),
    }
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
