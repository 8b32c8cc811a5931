//! Taking the log in: rows, heads and position in one transaction, so that each record counts exactly once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use platform::bus::{Positions, ReadError, Record, Tail};
use wire::{
    ClientId, RoomId, UserId,
    events::{ChatRecord, Hint, RoomEvent},
    paths::{SUBJECT_HINTS, TOPIC_CHAT},
};

use crate::{heads::Standing, sql, state::State};

/// Records of one transaction.
const BATCH: usize = 1_000;
/// Between two tries after the database or the log failed.
const AGAIN: Duration = Duration::from_millis(250);
/// How far behind the consumer may be before it is not ready.
const BEHIND: u64 = 100_000;

/// Why a batch was not taken in.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the log failed: {0}")]
    Log(#[from] ReadError),
    #[error("another instance has taken in the log beyond {0}")]
    Fenced(u64),
}

/// Starts to take the log in where the database says it stopped.
pub(crate) async fn start(state: &Arc<State>) -> anyhow::Result<()> {
    let epoch = state.bus.epoch(0);
    sql::begin_progress(&state.db, 0, &epoch).await?;
    if let Some((kept, pos)) = sql::progress(&state.db, 0).await?
        && kept != epoch
    {
        anyhow::bail!(
            "the history was written from log {kept} up to {pos}, but the log here is {epoch}: \
             put the log's file back, or move the chat database away to begin anew"
        );
    }
    state.tasks.spawn("consume", run(state.clone()));
    Ok(())
}

/// Fails when the database is far behind the log.
pub(crate) async fn ping(state: &State) -> Result<(), String> {
    let heads = state.bus.heads(TOPIC_CHAT).await.map_err(|error| error.to_string())?;
    let progress = sql::progress(&state.db, 0).await.map_err(|error| error.to_string())?;
    let pos = progress.map_or(0, |(_, pos)| pos);
    match heads.get(&0).copied().unwrap_or(0).saturating_sub(pos) {
        behind if behind > BEHIND => Err(format!("the database is {behind} records behind the log")),
        _ => Ok(()),
    }
}

async fn run(state: Arc<State>) {
    loop {
        let failure = tokio::select! {
            () = state.tasks.stopping() => return,
            failure = follow(&state) => failure,
        };
        tracing::warn!(error = %failure, "the log is not taken in right now; trying again");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Takes in batch after batch until something fails; the next call begins where the database stands.
async fn follow(state: &State) -> Failure {
    let mut follower = match Follower::open(state).await {
        Ok(follower) => follower,
        Err(failure) => return failure,
    };
    loop {
        if let Err(failure) = follower.step(state).await {
            return failure;
        }
    }
}

struct Follower {
    tail: Tail,
    pos: u64,
    /// Where rooms stand, as far as this process wrote it. A failure throws it away.
    standings: HashMap<RoomId, Standing>,
}

impl Follower {
    async fn open(state: &State) -> Result<Self, Failure> {
        let pos = sql::progress(&state.db, 0).await?.map_or(0, |(_, pos)| pos);
        let tail = state.bus.tail(TOPIC_CHAT, Positions::from([(0, pos)])).await?;
        Ok(Self { tail, pos, standings: HashMap::new() })
    }

    async fn step(&mut self, state: &State) -> Result<(), Failure> {
        let records = self.tail.next().await?;
        for batch in records.chunks(BATCH) {
            self.take(state, batch).await?;
        }
        Ok(())
    }

    async fn take(&mut self, state: &State, batch: &[Arc<Record>]) -> Result<(), Failure> {
        let Some(to) = batch.last().map(|record| record.pos) else { return Ok(()) };
        let mut tx = state.db.begin().await?;
        let mut changed = HashMap::new();
        let mut fresh = Vec::with_capacity(batch.len());
        let mut seen = HashSet::new();
        for record in batch {
            match read(record) {
                Ok(event) => {
                    if !self.is_repeated(&mut tx, &mut seen, &event).await? {
                        fresh.push(self.stand(&mut tx, &mut changed, event).await?);
                    }
                }
                Err(reason) => {
                    tracing::error!(pos = record.pos, reason, "a record cannot be read and is kept aside");
                    metrics::counter!("mshub_dead_letters_total").increment(1);
                    sql::bury(&mut tx, record, &reason).await?;
                }
            }
        }
        sql::insert(&mut tx, &fresh).await?;
        sql::set_standings(&mut tx, &changed).await?;
        if !sql::advance(&mut tx, 0, self.pos, to).await? {
            return Err(Failure::Fenced(self.pos));
        }
        tx.commit().await?;

        self.pos = to;
        metrics::counter!("mshub_events_persisted_total").increment(fresh.len() as u64);
        let heads = changed.iter().map(|(room, standing)| standing.head(*room)).collect();
        self.standings.extend(changed);
        announce(state, heads).await;
        Ok(())
    }

    /// Whether a message was taken in before: by this batch, or long ago. Only a resend can repeat one.
    async fn is_repeated(
        &self,
        tx: &mut platform::db::Transaction,
        seen: &mut HashSet<(RoomId, UserId, ClientId)>,
        event: &RoomEvent,
    ) -> Result<bool, Failure> {
        Ok(!seen.insert((event.room, event.by, event.cid)) || sql::known(tx, event).await?)
    }

    /// Gives an event its predecessor and moves its room's standing on.
    async fn stand(
        &self,
        tx: &mut platform::db::Transaction,
        changed: &mut HashMap<RoomId, Standing>,
        mut event: RoomEvent,
    ) -> Result<RoomEvent, Failure> {
        let standing = match changed.get(&event.room).or_else(|| self.standings.get(&event.room)) {
            Some(standing) => *standing,
            None => sql::standing(tx, event.room).await?.unwrap_or_default(),
        };
        event.prev = Some(standing.pos);
        changed.insert(event.room, standing.after(&event));
        Ok(event)
    }
}

fn read(record: &Record) -> Result<RoomEvent, String> {
    let ChatRecord::RoomV1(fact) =
        serde_json::from_str(&record.payload).map_err(|error| error.to_string())?;
    Ok(RoomEvent::placed(fact, record.pos, None, record.at))
}

async fn announce(state: &State, heads: Vec<wire::events::Head>) {
    match serde_json::to_string(&Hint::Persisted { heads }) {
        Ok(hint) => state.fanout.publish(SUBJECT_HINTS, hint).await,
        Err(error) => tracing::error!(%error, "a watermark could not be written"),
    }
}
