//! Files on their way into a room, before the message that they go with.

use std::path::{Path, PathBuf};

use client::{Hub, UploadBody};
use sha2::{Digest as _, Sha256};
use wire::{ClientId, FileId, files::NewFile};

use crate::{
    error::{CliError, Kind},
    global::Global,
    progress::Progress,
};

/// Uploads files for the message `cid`, within the time limit. A message that is sent again with the same id finds the
/// same uploads.
pub(super) async fn upload(
    global: &Global,
    hub: &Hub,
    room: &str,
    cid: ClientId,
    files: &[PathBuf],
) -> Result<Vec<FileId>, CliError> {
    let uploaded = all(global, hub, room, cid, files);
    match global.timeout() {
        Some(limit) => {
            let late = || Err(not_kept(client::Error::Timeout));
            tokio::time::timeout(limit, uploaded).await.unwrap_or_else(|_| late())
        }
        None => uploaded.await,
    }
}

async fn all(
    global: &Global,
    hub: &Hub,
    room: &str,
    cid: ClientId,
    files: &[PathBuf],
) -> Result<Vec<FileId>, CliError> {
    let progress = Progress::new(&global.out);
    let mut uploaded = Vec::with_capacity(files.len());
    for (nth, path) in files.iter().enumerate() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let key = format!("{cid}-{nth}-{}", digest(path).await?);
        let bar = progress.bar(&name);
        let sent = bar.clone();
        let body = UploadBody::File(path.clone());
        let told = move |bytes, total| sent.sent(bytes, total);
        let file = hub.upload_file(room, NewFile { name }, body, &key, told).await;
        bar.end();
        uploaded.push(file.map_err(not_kept)?.id);
    }
    Ok(uploaded)
}

/// What is in the file, so that another content is another upload.
async fn digest(path: &Path) -> Result<String, CliError> {
    let failed = format!("cannot read {}", path.display());
    let path = path.to_owned();
    let read = move || {
        let mut hash = Sha256::new();
        std::io::copy(&mut std::fs::File::open(path)?, &mut hash)?;
        Ok(hex::encode(hash.finalize()))
    };
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(std::io::Error::other).flatten().map_err(CliError::io(failed))
}

/// A message whose files are not there yet cannot wait in the outbox: that is said.
fn not_kept(error: client::Error) -> CliError {
    let error = CliError::from(error);
    match error.kind {
        Kind::Unreachable => {
            error.hint("nothing was sent or kept: a message with files needs the hub; try again")
        }
        _ => error,
    }
}
