//! Reading the log: from the ring in memory, and from the file what is not there any more.

use std::sync::Arc;

use tokio::sync::watch;
use wire::Timestamp;

use super::State;
use crate::bus::{ReadError, Record};

/// Records of one read from the file.
const PAGE: i64 = 4_096;

/// Follows one topic.
pub struct Tail {
    pub(super) topic: &'static str,
    pub(super) after: u64,
    pub(super) head: watch::Receiver<u64>,
    pub(super) state: Arc<State>,
}

impl Tail {
    pub(in crate::bus) async fn next(&mut self) -> Result<Vec<Arc<Record>>, ReadError> {
        loop {
            let after = self.after;
            let head = *self
                .head
                .wait_for(|head| *head > after)
                .await
                .map_err(|_| ReadError::Failed("the log is closed".into()))?;
            let mut records = match self.state.topic(self.topic).after(self.after) {
                Some(records) => records,
                None => self.read_file().await?,
            };
            let Some(first) = records.first() else { continue };
            if first.pos != self.after + 1 {
                return Err(ReadError::Hole { partition: 0, expected: self.after + 1, found: first.pos });
            }
            // Up to the first that does not follow the one before it: the next read begins there, and says so.
            let follows = |(record, pos): &(&Arc<Record>, u64)| record.pos == *pos;
            let whole = records.iter().zip(first.pos..).take_while(follows).count();
            records.truncate(whole);
            // Whoever follows what is flushed has a head of his own.
            records.truncate(records.partition_point(|record| record.pos <= head));
            self.after = records.last().map_or(self.after, |newest| newest.pos);
            return Ok(records);
        }
    }

    async fn read_file(&self) -> Result<Vec<Arc<Record>>, ReadError> {
        let page = "SELECT pos, at, key, payload, trace FROM records WHERE topic = $1 AND pos > $2 ORDER BY pos LIMIT $3";
        let rows = sqlx::query_as::<_, (i64, i64, String, String, Option<String>)>(page)
            .bind(self.topic)
            .bind(self.after.cast_signed())
            .bind(PAGE)
            .fetch_all(&self.state.read)
            .await
            .map_err(|error| ReadError::Failed(error.to_string()))?;
        let record = |(pos, at, key, payload, trace): (i64, i64, String, String, Option<String>)| {
            let (at, trace) = (Timestamp::from_micros(at), trace.and_then(|trace| trace.parse().ok()));
            Arc::new(Record { partition: 0, pos: pos.unsigned_abs(), key, payload, at, trace })
        };
        Ok(rows.into_iter().map(record).collect())
    }
}
