//! Reading ahead: while one batch is written, the next one is read from the log and understood.

use std::{mem::take, sync::Arc, time::Duration};

use platform::bus::{ReadError, Record, Tail};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

use crate::batch::{self, Entry};

/// Records of one transaction, and one piece of the log more: fewer, and the same pages of the indexes are written again
/// and again.
const BATCH: usize = 12_288;
/// Pieces of the log that wait to be written.
const PIECES: usize = 4;
/// A piece of so many records is told at once; a smaller one grows: the rows of a room lie side by side, so that many in
/// one transaction write hardly more pages than few.
const FULL: usize = 4_096;
/// For so long after the piece before. What is not in the database yet is read from the log, so that nobody waits for
/// it; and who is alone does not wait at all.
const GROWS: Duration = Duration::from_millis(250);
/// Between two looks at what has come: the log's memory holds more than ever comes in that time.
const LOOK: Duration = Duration::from_millis(25);

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
    let (mut piece, mut due) = (Vec::new(), Instant::now());
    loop {
        match next(&mut tail, !piece.is_empty(), due).await {
            Ok(records) => piece.extend(records.into_iter().map(entry)),
            Err(error) => {
                // What nobody takes any more is read again.
                if !piece.is_empty() {
                    let _ = tell.send(Ok(piece)).await;
                }
                let _ = tell.send(Err(error)).await;
                return;
            }
        }
        let now = Instant::now();
        if piece.len() < FULL && now < due {
            sleep_until(due.min(now + LOOK)).await;
            continue;
        }
        if tell.send(Ok(take(&mut piece))).await.is_err() {
            return;
        }
        due = Instant::now() + GROWS;
    }
}

/// What comes next; nothing when a piece that is there already is due before.
async fn next(tail: &mut Tail, has_some: bool, due: Instant) -> Result<Vec<Arc<Record>>, ReadError> {
    if !has_some {
        return tail.next().await;
    }
    timeout_at(due, tail.next()).await.unwrap_or_else(|_| Ok(Vec::new()))
}

fn entry(record: Arc<Record>) -> Entry {
    let event = batch::read(&record);
    (record, event)
}
