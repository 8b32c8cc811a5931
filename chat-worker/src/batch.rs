//! One batch of the log: rows, heads and positions in one transaction, so that each record counts exactly once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use platform::{
    bus::{Positions, Record},
    db::{Db, Transaction},
    mutants::{self, Mutant},
};
use wire::{
    ClientId, RoomId, UserId,
    events::{Head, RoomEvent},
    heads::Standing,
    record,
};

use crate::{consume::Failure, messages, search, sql};

/// What makes a message one message.
pub(crate) type Key = (RoomId, UserId, ClientId);
/// Where rooms stand.
pub(crate) type Standings = HashMap<RoomId, Standing>;

/// Of a larger batch the words are left to the index to catch up with, so that the rows come in faster.
const INDEXED: usize = 1_024;

/// A record, and its event, or why it has none.
pub(crate) type Entry = (Arc<Record>, Result<RoomEvent, String>);

/// Records on their way into the database.
pub(crate) struct Batch {
    events: Vec<RoomEvent>,
    /// Records that cannot be read, and why.
    letters: Vec<(Arc<Record>, String)>,
    /// Of each partition: up to where the database is, and will be.
    moves: Vec<(i32, u64, u64)>,
}

/// What a batch changed.
pub(crate) struct Taken {
    pub(crate) positions: Positions,
    pub(crate) rows: usize,
    pub(crate) heads: Vec<Head>,
    /// Records that repeat messages which the database has had for long.
    pub(crate) voids: HashMap<RoomId, Vec<u64>>,
    /// Whether the index has yet to come to some messages.
    pub(crate) unindexed: bool,
}

impl Batch {
    /// Takes records that follow `positions`. A message that the batch has twice is taken once.
    pub(crate) fn of(entries: Vec<Entry>, positions: &Positions) -> Self {
        let (mut events, mut letters) = (Vec::with_capacity(entries.len()), Vec::new());
        let (mut seen, mut ends) = (HashSet::with_capacity(entries.len()), Positions::new());
        for (record, read) in entries {
            ends.insert(record.partition, record.pos);
            match read {
                Ok(event) if seen.insert(key(&event)) => events.push(event),
                Ok(_) => {}
                Err(reason) => letters.push((record, reason)),
            }
        }
        let from = |partition| positions.get(partition).copied().unwrap_or(0);
        let moves = ends.iter().map(|(partition, to)| (*partition, from(partition), *to)).collect();
        Self { events, letters, moves }
    }

    /// Writes everything, or nothing.
    pub(crate) async fn take(mut self, db: &Db) -> Result<Taken, Failure> {
        let mut voids: HashMap<RoomId, Vec<u64>> = HashMap::new();
        if mutants::is(Mutant::M5) {
            let mut early = db.begin().await?;
            self.move_on(&mut early).await?;
            early.commit().await?;
            // As long as a batch takes to come: most crashes fall into it.
            tokio::time::sleep(5 * mutants::MOMENT).await;
        }
        loop {
            let mut tx = db.begin().await?;
            let changed = self.stand(&mut tx).await?;
            // Neighbours of the tables' order one after the other: each page of an index is found once.
            self.events.sort_by_cached_key(|event| (event.room, event.pos));
            messages::take(&mut tx, &mut self.events).await?;
            if sql::insert(&mut tx, &self.events).await? < self.events.len() {
                // Rare: a resend of long ago. The database knows which ones; without them the predecessors and the
                // chains are others, so that all of it is made again.
                drop(tx);
                let known = sql::known(&mut db.begin().await?, &self.events).await?;
                let (repeated, fresh): (Vec<_>, _) =
                    self.events.into_iter().partition(|event| known.contains(&key(event)));
                if repeated.is_empty() {
                    return Err(Failure::Taken);
                }
                repeated.into_iter().for_each(|event| voids.entry(event.room).or_default().push(event.pos));
                self.events = fresh;
                continue;
            }
            for (record, reason) in &self.letters {
                tracing::error!(pos = record.pos, reason, "a record cannot be read and is kept aside");
                metrics::counter!("mshub_dead_letters_total").increment(1);
                sql::bury(&mut tx, record, reason).await?;
            }
            sql::set_standings(&mut tx, &changed).await?;
            if !mutants::is(Mutant::M5) {
                self.move_on(&mut tx).await?;
            }
            let unindexed = self.events.len() > INDEXED || search::catch_up(&mut tx).await?;
            tx.commit().await?;
            return Ok(self.taken(&changed, voids, unindexed));
        }
    }

    /// Moves the database's places in the log on, unless somebody else did.
    async fn move_on(&self, tx: &mut Transaction) -> Result<(), Failure> {
        for (partition, from, to) in &self.moves {
            if !sql::advance(tx, *partition, *from, *to).await? {
                return Err(Failure::Fenced(*partition, *from));
            }
        }
        Ok(())
    }

    /// Gives every event its predecessor; answers with where the rooms stand after the batch.
    async fn stand(&mut self, tx: &mut Transaction) -> sqlx::Result<Standings> {
        let rooms: HashSet<RoomId> = self.events.iter().map(|event| event.room).collect();
        let mut standings = sql::standings(tx, rooms).await?;
        for event in &mut self.events {
            let standing = standings.entry(event.room).or_default();
            event.prev = Some(standing.pos);
            *standing = standing.after(event);
        }
        Ok(standings)
    }

    fn taken(self, changed: &Standings, voids: HashMap<RoomId, Vec<u64>>, unindexed: bool) -> Taken {
        let heads = changed.iter().map(|(room, standing)| standing.head(*room)).collect();
        let positions = self.moves.iter().map(|(partition, _, to)| (*partition, *to)).collect();
        Taken { positions, rows: self.events.len(), heads, voids, unindexed }
    }
}

pub(crate) fn key(event: &RoomEvent) -> Key {
    (event.room, event.by, event.cid)
}

/// The event of a record, or why it has none.
pub(crate) fn read(record: &Record) -> Result<RoomEvent, String> {
    let fact = record::read(&record.payload).map_err(|error| error.to_string())?;
    Ok(RoomEvent::placed(fact, record.pos, None, record.at))
}
