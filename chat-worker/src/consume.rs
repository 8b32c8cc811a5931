//! Following the log: every partition in one reader, batch after batch, each of which counts exactly once.
//!
//! Several instances may run. Whoever finds that another has moved a partition on stands back, and takes over when
//! that one falls silent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use platform::{
    bus::{Bus, Positions, ReadError},
    db::Db,
    engines::OpenError,
    fanout::Fanout,
    traces::{Kind, Span},
};
use wire::{events::Hint, paths::SUBJECT_HINTS, paths::TOPIC_CHAT};

use crate::{
    SERVICE,
    ahead::Ahead,
    batch::{Batch, Entry, Taken},
    search, sql,
    state::State,
};

/// Between two tries after the database or the log failed.
const AGAIN: Duration = Duration::from_millis(250);
/// How long another instance may stand still before this one takes over.
const STAND_BACK: Duration = Duration::from_secs(3);
/// After so long without anything new, messages that came too many at once are put into the index.
const QUIET: Duration = Duration::from_millis(400);
/// Of so few at once the database has time for the index as well: a hub that is never quiet is not always busy.
const FEW: usize = 512;
/// With more messages than these behind it, the index waits for no quiet.
const PASSED_BY: usize = 1_000_000;
/// How far behind the consumer may be before it is not ready.
const BEHIND: u64 = 100_000;
/// How long the database may stand still while the log grows: a large batch, or another instance to take over from,
/// takes seconds.
pub(crate) const WEDGED: Duration = Duration::from_secs(15);

/// Why a batch was not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the log failed: {0}")]
    Log(#[from] ReadError),
    #[error("another instance has taken in partition {0} beyond {1}")]
    Fenced(i32, u64),
    #[error("the database has other events at places of this batch")]
    Taken,
    #[error("partition {0} of the log is of another generation than the history")]
    AnotherLog(i32),
}

/// Starts to take the log in where the database says it stopped.
pub(crate) async fn start(state: &Arc<State>) -> anyhow::Result<()> {
    begin(&state.db, &state.bus).await?;
    state.tasks.spawn("consume", run(state.clone()));
    Ok(())
}

/// Begins to count partitions that were not there before; refuses a history that was written from another log.
pub(crate) async fn begin(db: &Db, bus: &Bus) -> anyhow::Result<()> {
    for partition in bus.heads(TOPIC_CHAT).await?.into_keys() {
        sql::begin_progress(db, partition, &bus.epoch(partition)).await?;
    }
    let progress = sql::progress(db).await?;
    // Asked afterwards: another instance may move both on.
    let heads = bus.heads(TOPIC_CHAT).await?;
    for (partition, (kept, pos)) in progress {
        let epoch = bus.epoch(partition);
        let head = heads.get(&partition).copied().unwrap_or(0);
        if kept == epoch && pos > head {
            return Err(replaced(format!(
                "the history was written from this log up to {pos}, but the log here ends at {head}: it is an older copy. \
                 Put the newest one back, or give the history up and begin anew with `mshub-chat-worker rebuild --discard`"
            )));
        }
        if bus.same_upto(&kept).is_some_and(|upto| pos <= upto) {
            sql::set_epoch(db, partition, &epoch).await?;
        } else if kept != epoch {
            return Err(replaced(format!(
                "the history was written from log {kept} up to {pos}, but the log here is {epoch}: put the log's file \
                 back, or give that history up and begin anew with `mshub-chat-worker rebuild --discard`"
            )));
        }
    }
    Ok(())
}

fn replaced(why: String) -> anyhow::Error {
    OpenError::Replaced(why).into()
}

/// Fails when the database is far behind the log, or behind and nobody brings it on.
pub(crate) async fn ping(state: &State) -> Result<(), String> {
    let heads = state.bus.heads(TOPIC_CHAT).await.map_err(|error| error.to_string())?;
    let progress = sql::progress(&state.db).await.map_err(|error| error.to_string())?;
    let kept: Positions = progress.into_iter().map(|(partition, (_, pos))| (partition, pos)).collect();
    for (partition, head) in &heads {
        let behind = head.saturating_sub(kept.get(partition).copied().unwrap_or(0));
        if behind > BEHIND {
            return Err(format!("the database is {behind} records behind partition {partition} of the log"));
        }
    }
    let wedged = state.wedge.check(&kept, &heads, Instant::now());
    wedged.map_err(|wedged| format!("nobody takes the log in: {wedged}"))
}

async fn run(state: Arc<State>) {
    loop {
        let failure = tokio::select! {
            () = state.tasks.stopping() => return,
            failure = follow(&state) => failure,
        };
        match failure {
            Failure::Fenced(..) => {
                tracing::info!(%failure, "standing back");
                tokio::select! {
                    () = state.tasks.stopping() => return,
                    () = stand_back(&state.db) => {}
                }
            }
            failure => {
                tracing::warn!(error = %failure, "the log is not taken in right now; trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Waits until nobody has moved on for a while.
async fn stand_back(db: &Db) {
    let mut before = sql::progress(db).await.ok();
    loop {
        tokio::time::sleep(STAND_BACK).await;
        let now = sql::progress(db).await.ok();
        if now.is_some() && now == before {
            return;
        }
        before = now;
    }
}

/// Takes in batch after batch until something fails; the next call begins where the database stands.
async fn follow(state: &State) -> Failure {
    let mut follower = match Follower::open(&state.db, &state.bus).await {
        Ok(follower) => follower,
        Err(failure) => return failure,
    };
    loop {
        if let Err(failure) = follower.step(&state.db, &state.fanout).await {
            return failure;
        }
    }
}

/// A reader of the whole log, and how far the database is.
pub(crate) struct Follower {
    ahead: Ahead,
    positions: Positions,
    /// Whether the index may have to come to some messages.
    unindexed: bool,
    /// Messages that the index has yet to come to, at most.
    passed_by: usize,
    /// How long nothing has to come in before the index is brought on.
    patience: Duration,
}

impl Follower {
    pub(crate) async fn open(db: &Db, bus: &Bus) -> Result<Self, Failure> {
        let mut positions = Positions::new();
        for (partition, (epoch, pos)) in sql::progress(db).await? {
            if epoch != bus.epoch(partition) {
                return Err(Failure::AnotherLog(partition));
            }
            positions.insert(partition, pos);
        }
        // Nothing that the loss of power could take back: the database would be ahead of the log.
        let tail = bus.tail_flushed(TOPIC_CHAT, positions.clone()).await?;
        let (ahead, patience) = (Ahead::of(tail), Duration::ZERO);
        Ok(Self { ahead, positions, unindexed: true, passed_by: 0, patience })
    }

    /// Whether everything up to these positions is in the database.
    pub(crate) fn has_reached(&self, heads: &Positions) -> bool {
        heads.iter().all(|(partition, head)| self.positions.get(partition).is_some_and(|pos| pos >= head))
    }

    /// Takes in what comes next, and tells how far the database is; while nothing comes, the index catches up. Where it
    /// never ends, the index comes on as fast.
    pub(crate) async fn step(&mut self, db: &Db, fanout: &Fanout) -> Result<(), Failure> {
        let entries = tokio::select! {
            biased;
            entries = self.ahead.next() => entries?,
            () = tokio::time::sleep(self.patience), if self.unindexed => return self.index(db).await,
        };
        self.patience = QUIET;
        let mut spans: Vec<_> = entries.iter().filter_map(keeps).collect();
        let taken = Batch::of(entries, &self.positions).take(db).await;
        if let Err(failure) = &taken {
            spans.iter_mut().for_each(|span| span.fail(failure));
        }
        drop(spans);
        let taken = taken?;
        self.positions.extend(taken.positions.clone());
        self.unindexed = taken.unindexed;
        self.passed_by += taken.rows;
        let has_time = taken.rows < FEW;
        announce(fanout, taken).await;
        if self.unindexed && has_time {
            self.index(db).await?;
        }
        while self.unindexed && self.passed_by > PASSED_BY {
            self.index(db).await?;
        }
        Ok(())
    }

    /// Brings the index on by a part.
    async fn index(&mut self, db: &Db) -> Result<(), Failure> {
        let mut tx = db.begin().await?;
        self.unindexed = search::catch_up(&mut tx).await?;
        tx.commit().await?;
        self.passed_by = if self.unindexed { self.passed_by.saturating_sub(search::CHUNK) } else { 0 };
        self.patience = Duration::ZERO;
        Ok(())
    }

    /// Brings the index up to the database.
    pub(crate) async fn index_all(&mut self, db: &Db) -> Result<(), Failure> {
        while self.unindexed {
            self.index(db).await?;
        }
        Ok(())
    }
}

/// What a record that somebody watches is here: on its way into the database.
fn keeps((record, _): &Entry) -> Option<Span> {
    let mut span = Span::follow(SERVICE, "keep", Kind::Consumer, Some(record.trace?));
    span.note("mshub.pos", record.pos);
    Some(span)
}

async fn announce(fanout: &Fanout, Taken { heads, voids, rows, .. }: Taken) {
    metrics::counter!("mshub_events_persisted_total").increment(rows as u64);
    let voids = voids.into_iter().map(|(room, pos)| Hint::Voided { room, pos });
    let persisted = (!heads.is_empty()).then_some(Hint::Persisted { heads });
    for hint in persisted.into_iter().chain(voids) {
        match serde_json::to_string(&hint) {
            Ok(hint) => fanout.publish(SUBJECT_HINTS, hint).await,
            Err(error) => tracing::error!(%error, "a watermark could not be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::{
        service::{Tasks, Wedge, internal::InternalKey},
        testing::TestEngines,
    };
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::MIGRATIONS;

    #[tokio::test]
    async fn a_worker_that_takes_nothing_in_is_not_ready_until_it_does() {
        let engines = TestEngines::open().await.unwrap();
        let state = Arc::new(State {
            key: InternalKey::derive(&engines.secret),
            db: Db::open(&engines.database_url(), "chat", MIGRATIONS).await.unwrap(),
            bus: engines.bus.clone(),
            fanout: engines.fanout.clone(),
            tasks: Tasks::under(&CancellationToken::new()),
            wedge: Wedge::after(Duration::from_millis(50)),
        });
        begin(&state.db, &state.bus).await.unwrap();
        let idle = ping(&state).await;
        let appended = state.bus.append(TOPIC_CHAT, "room", "no event".to_owned()).await.unwrap();

        let at_first = ping(&state).await;
        let mut hangs = ping(&state).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        while hangs.is_ok() && Instant::now() < deadline {
            hangs = ping(&state).await;
        }
        let mut follower = Follower::open(&state.db, &state.bus).await.unwrap();
        while !follower.has_reached(&[(appended.partition, appended.pos)].into()) {
            follower.step(&state.db, &state.fanout).await.unwrap();
        }

        assert_eq!((idle, at_first), (Ok(()), Ok(())));
        // deploy/README.md: readiness fails and says which partition stands where
        let said = hangs.unwrap_err();
        assert!(said.starts_with("nobody takes the log in: partition 0 stands at 0"), "{said}");
        assert_eq!(ping(&state).await, Ok(()));
    }
}
