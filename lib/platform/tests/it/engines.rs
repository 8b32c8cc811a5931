//! Which engines a contract is told on: the embedded one always, and the real one where it is (see `platform::testing`).

use mshub_platform::testing::engines;

/// The embedded engine, then the real one.
fn both(embedded: String, real: anyhow::Result<Option<String>>) -> Vec<String> {
    std::iter::once(embedded).chain(real.unwrap()).collect()
}

/// Databases that are empty.
pub(crate) async fn databases(folder: &tempfile::TempDir) -> Vec<String> {
    engines::databases(folder.path()).await.unwrap()
}

/// Fan-outs that nobody else uses.
pub(crate) async fn fanouts() -> Vec<String> {
    both("embedded:".into(), engines::fanout().await)
}

/// Object stores that are empty.
pub(crate) async fn objects(folder: &tempfile::TempDir) -> Vec<String> {
    both(format!("file:{}", folder.path().display()), engines::objects().await)
}

/// Logs that are empty.
pub(crate) async fn buses(folder: &tempfile::TempDir) -> Vec<String> {
    both(format!("embedded:{}", folder.path().display()), engines::bus().await)
}

/// A log on Kafka that is empty, where there is a broker.
#[cfg(feature = "kafka")]
pub(crate) async fn kafka() -> Option<String> {
    engines::bus().await.unwrap()
}
