//! Reading ahead: while one batch is written, the next one is read from the log and understood.

use std::{sync::Arc, time::Duration};

use platform::bus::{ReadError, Record, Tail};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::batch::{self, Entry};

/// Records of one transaction, and one piece of the log more: fewer, and the same pages of the indexes are written again
/// and again.
const BATCH: usize = 12_288;
/// Pieces of the log that wait to be written.
const PIECES: usize = 4;
/// After a piece smaller than this the next one is left to grow: a transaction costs as much as the rows of hundreds.
const SMALL: usize = 512;
/// For so long. What is not in the database yet is read from the log, so that nobody waits for it.
const GROWS: Duration = Duration::from_millis(50);

/// What a task reads. Dropped, the task ends; what it has read is read again by the next one.
pub(crate) struct Ahead {
    pieces: mpsc::Receiver<Result<Vec<Entry>, ReadError>>,
    _reader: AbortOnDropHandle<()>,
}

impl Ahead {
    pub(crate) fn of(tail: Tail) -> Self {
        let (tell, pieces) = mpsc::channel(PIECES);
        Self { pieces, _reader: AbortOnDropHandle::new(tokio::spawn(read(tail, tell))) }
    }

    /// Everything that was read, up to the size of a batch; waits until there is something.
    ///
    /// Cancel-safe: a call that is dropped has taken nothing.
    pub(crate) async fn next(&mut self) -> Result<Vec<Entry>, ReadError> {
        let ended = || ReadError::Failed("nobody reads it any more".to_owned());
        let mut entries = self.pieces.recv().await.ok_or_else(ended)??;
        while entries.len() < BATCH
            && let Ok(more) = self.pieces.try_recv()
        {
            entries.extend(more?);
        }
        Ok(entries)
    }
}

/// Reads until the log fails, or nobody wants more.
async fn read(mut tail: Tail, tell: mpsc::Sender<Result<Vec<Entry>, ReadError>>) {
    loop {
        let read = tail.next().await;
        let is_over = read.is_err();
        let is_small = read.as_ref().is_ok_and(|records| records.len() < SMALL);
        let told = tell.send(read.map(|records| records.into_iter().map(entry).collect())).await;
        if is_over || told.is_err() {
            return;
        }
        if is_small {
            tokio::time::sleep(GROWS).await;
        }
    }
}

fn entry(record: Arc<Record>) -> Entry {
    let event = batch::read(&record);
    (record, event)
}
