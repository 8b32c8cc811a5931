//! The system's keyring, with a deadline: a desktop bus that accepts a connection and never answers must not hang us.

use std::time::Duration;

use keyring::Entry;

const SERVICE: &str = "mshub";
const PATIENCE: Duration = Duration::from_secs(3);

/// The secret kept for an origin.
pub(super) async fn read(origin: String) -> Result<String, String> {
    ask(move || Entry::new(SERVICE, &origin)?.get_password()).await
}

/// Keeps a secret for an origin.
pub(super) async fn write(origin: String, secret: String) -> Result<(), String> {
    ask(move || Entry::new(SERVICE, &origin)?.set_password(&secret)).await
}

/// Forgets the secret of an origin.
pub(super) async fn remove(origin: String) -> Result<(), String> {
    ask(move || Entry::new(SERVICE, &origin)?.delete_credential()).await
}

/// Runs on a thread of its own that is left behind when it hangs: the runtime would wait for one of its own.
async fn ask<T, F>(question: F) -> Result<T, String>
where
    T: Send + 'static,
    F: FnOnce() -> keyring::Result<T> + Send + 'static,
{
    let (answer, answered) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
        // Nobody waits any more after the deadline.
        let _ = answer.send(question());
    });
    spawned.map_err(|why| why.to_string())?;
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(why))) => Err(why.to_string()),
        Ok(Err(_)) => Err("it broke off".to_owned()),
        Err(_) => Err(format!("it did not answer within {} s", PATIENCE.as_secs())),
    }
}
