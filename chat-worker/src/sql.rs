//! SQL of the history.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

use platform::{
    bus::Record,
    db::{Db, Rows, Transaction, storable},
    each, in_tx,
};
use serde::Serialize;
use uuid::Uuid;
use wire::{
    ClientId, MessageId, RoomId, Timestamp, UserId,
    events::{RoomEvent, What},
    heads::{Hash, Standing},
};

use crate::{batch::Key, dead_letters::DeadLetter, search};

/// What the log said of a partition: its generation, and up to where it was taken in.
pub(crate) type Progress = BTreeMap<i32, (String, u64)>;

/// A row of `events`.
pub(crate) struct EventRow {
    pub(crate) room: Uuid,
    pub(crate) pos: i64,
    pub(crate) prev: Option<i64>,
    pub(crate) id: Uuid,
    pub(crate) at: i64,
    pub(crate) author: Uuid,
    pub(crate) name: String,
    pub(crate) cid: Uuid,
    pub(crate) what: String,
}

platform::from_row!(EventRow { room, pos, prev, id, at, author, name, cid, what });

impl EventRow {
    pub(crate) fn event(self) -> sqlx::Result<RoomEvent> {
        let what: What =
            serde_json::from_str(&self.what).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(RoomEvent {
            id: MessageId(self.id),
            room: RoomId(self.room),
            pos: self.pos.unsigned_abs(),
            prev: self.prev.map(i64::unsigned_abs),
            ts: Timestamp::from_micros(self.at),
            by: UserId(self.author),
            name: self.name,
            cid: ClientId(self.cid),
            what,
        })
    }
}

fn events(rows: Vec<EventRow>) -> sqlx::Result<Vec<RoomEvent>> {
    rows.into_iter().map(EventRow::event).collect()
}

/// Events after a position, oldest first.
pub(crate) async fn after(
    tx: &mut Transaction,
    room: RoomId,
    after: u64,
    limit: i64,
) -> sqlx::Result<Vec<RoomEvent>> {
    let rows: Vec<EventRow> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT room, pos, prev, id, at, author, name, cid, what FROM events
         WHERE room = $1 AND pos > $2 ORDER BY pos LIMIT $3",
    ).bind(room.0).bind(after.min(i64::MAX.unsigned_abs()).cast_signed()).bind(limit).fetch_all(&mut **tx).await)?;
    events(rows)
}

/// The newest events before a position, oldest first.
pub(crate) async fn before(
    tx: &mut Transaction,
    room: RoomId,
    before: u64,
    limit: i64,
) -> sqlx::Result<Vec<RoomEvent>> {
    let rows: Vec<EventRow> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT room, pos, prev, id, at, author, name, cid, what FROM events
         WHERE room = $1 AND pos < $2 ORDER BY pos DESC LIMIT $3",
    ).bind(room.0).bind(before.min(i64::MAX.unsigned_abs()).cast_signed()).bind(limit).fetch_all(&mut **tx).await)?;
    let mut events = events(rows)?;
    events.reverse();
    Ok(events)
}

/// Where a message of a person was stored.
pub(crate) async fn by_cid(
    db: &Db,
    room: RoomId,
    author: UserId,
    cid: ClientId,
) -> sqlx::Result<Option<RoomEvent>> {
    let row: Option<EventRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT room, pos, prev, id, at, author, name, cid, what FROM events
         WHERE room = $1 AND author = $2 AND cid = $3",
    ).bind(room.0).bind(author.0).bind(cid.0).fetch_optional(pool).await)?;
    row.map(EventRow::event).transpose()
}

static EVENTS: LazyLock<Rows> = LazyLock::new(|| {
    let into = "events (room, pos, prev, id, at, author, name, cid, what)";
    Rows::of(into, 9, "ON CONFLICT DO NOTHING")
});

/// Up to where each partition was taken in, and of which generation.
pub(crate) async fn progress(db: &Db) -> sqlx::Result<Progress> {
    progress_in(&mut db.snapshot().await?).await
}

/// The same for whoever reads more of the same state.
pub(crate) async fn progress_in(tx: &mut Transaction) -> sqlx::Result<Progress> {
    let rows: Vec<(i32, String, i64)> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT part, epoch, pos FROM progress",
    ).fetch_all(&mut **tx).await)?;
    Ok(rows.into_iter().map(|(partition, epoch, pos)| (partition, (epoch, pos.unsigned_abs()))).collect())
}

/// Begins to count a partition, unless another instance just did.
pub(crate) async fn begin_progress(db: &Db, partition: i32, epoch: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "INSERT INTO progress (part, epoch, pos) VALUES ($1, $2, 0) ON CONFLICT (part) DO NOTHING",
    ).bind(partition).bind(epoch).execute(pool).await.map(drop))
}

/// The log became another generation, which is the same up to the position.
pub(crate) async fn set_epoch(db: &Db, partition: i32, epoch: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "UPDATE progress SET epoch = $1 WHERE part = $2",
    ).bind(epoch).bind(partition).execute(pool).await.map(drop))
}

/// Moves the position on; `false` when another instance moved it first.
pub(crate) async fn advance(tx: &mut Transaction, partition: i32, from: u64, to: u64) -> sqlx::Result<bool> {
    let moved = in_tx!(tx, tx => sqlx::query(
        "UPDATE progress SET pos = $1 WHERE part = $2 AND pos = $3",
    ).bind(to.cast_signed()).bind(partition).bind(from.cast_signed())
     .execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(moved == 1)
}

/// Drops the history, and begins to count anew from these generations.
pub(crate) async fn begin_anew(db: &Db, epochs: &BTreeMap<i32, String>) -> sqlx::Result<()> {
    let mut tx = db.begin().await?.unhurried();
    search::begin_anew(&mut tx).await?;
    in_tx!(&mut tx, tx => {
        sqlx::query("DELETE FROM events").execute(&mut **tx).await?;
        sqlx::query("DELETE FROM heads").execute(&mut **tx).await?;
        sqlx::query("DELETE FROM said").execute(&mut **tx).await?;
        sqlx::query("DELETE FROM mentions").execute(&mut **tx).await?;
        sqlx::query("DELETE FROM folds").execute(&mut **tx).await?;
        sqlx::query("DELETE FROM dead_letters").execute(&mut **tx).await?;
        sqlx::query("DELETE FROM progress").execute(&mut **tx).await?;
        for (partition, epoch) in epochs {
            sqlx::query("INSERT INTO progress (part, epoch, pos) VALUES ($1, $2, 0)")
                .bind(partition).bind(epoch).execute(&mut **tx).await?;
        }
    });
    tx.commit().await
}

/// Counts from a position on, in these generations.
pub(crate) async fn begin_after(db: &Db, epochs: &BTreeMap<i32, String>, pos: u64) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    in_tx!(&mut tx, tx => {
        sqlx::query("DELETE FROM progress").execute(&mut **tx).await?;
        for (partition, epoch) in epochs {
            sqlx::query("INSERT INTO progress (part, epoch, pos) VALUES ($1, $2, $3)")
                .bind(partition).bind(epoch).bind(pos.cast_signed()).execute(&mut **tx).await?;
        }
    });
    tx.commit().await
}

/// How many events there are.
pub(crate) async fn count(db: &Db) -> sqlx::Result<u64> {
    let events: i64 = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT count(*) FROM events",
    ).fetch_one(pool).await)?;
    Ok(events.unsigned_abs())
}

/// Values as SQLite takes very many at once: one JSON array for all of them. A parameter each is faster for long rows.
pub(crate) fn array(rows: impl IntoIterator<Item = impl Serialize>) -> sqlx::Result<String> {
    let rows: Vec<_> = rows.into_iter().collect();
    serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(crate) fn hex(id: &Uuid) -> String {
    id.simple().to_string()
}

fn what(event: &RoomEvent) -> sqlx::Result<String> {
    let mut text = Vec::with_capacity(64 + event.what.body().len());
    serde_json::to_writer(&mut text, &event.what).map_err(|error| sqlx::Error::Encode(error.into()))?;
    String::from_utf8(text).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Which of these messages the database has already.
pub(crate) async fn known(tx: &mut Transaction, events: &[RoomEvent]) -> sqlx::Result<HashSet<Key>> {
    let rows: Vec<(Uuid, Uuid, Uuid)> = match tx {
        Transaction::Sqlite(tx) => {
            let keys =
                array(events.iter().map(|event| (hex(&event.room.0), hex(&event.by.0), hex(&event.cid.0))))?;
            sqlx::query_as(
                "SELECT room, author, cid FROM events WHERE (room, author, cid) IN
                 (SELECT unhex(value ->> 0), unhex(value ->> 1), unhex(value ->> 2) FROM json_each($1))",
            )
            .bind(keys)
            .fetch_all(&mut **tx)
            .await?
        }
        Transaction::Postgres(tx) => {
            sqlx::query_as(
                "SELECT room, author, cid FROM events WHERE (room, author, cid) IN
                 (SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[]))",
            )
            .bind(events.iter().map(|event| event.room.0).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.by.0).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.cid.0).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?
        }
    };
    Ok(rows.into_iter().map(|(room, author, cid)| (RoomId(room), UserId(author), ClientId(cid))).collect())
}

/// Stores events, in few statements; answers with how many were not there before.
pub(crate) async fn insert(tx: &mut Transaction, events: &[RoomEvent]) -> sqlx::Result<usize> {
    if events.is_empty() {
        return Ok(0);
    }
    let whats: Vec<String> = events.iter().map(what).collect::<Result<_, _>>()?;
    let inserted = match tx {
        Transaction::Sqlite(tx) => {
            let mut inserted = 0;
            let mut whats = whats.into_iter();
            for events in events.chunks(Rows::MOST) {
                let mut insert = sqlx::query(EVENTS.text(events.len()));
                for (event, what) in events.iter().zip(&mut whats) {
                    insert = insert.bind(event.room.0).bind(event.pos.cast_signed());
                    insert = insert.bind(event.prev.map(u64::cast_signed)).bind(event.id.0);
                    insert = insert.bind(event.ts.micros()).bind(event.by.0).bind(&event.name);
                    insert = insert.bind(event.cid.0).bind(what);
                }
                inserted += insert.execute(&mut **tx).await?.rows_affected();
            }
            inserted
        }
        Transaction::Postgres(tx) => sqlx::query(
            "INSERT INTO events (room, pos, prev, id, at, author, name, cid, what)
             SELECT * FROM UNNEST($1::uuid[], $2::int8[], $3::int8[], $4::uuid[], $5::int8[], $6::uuid[], $7::text[],
                                  $8::uuid[], $9::text[]) ON CONFLICT DO NOTHING",
        )
        .bind(events.iter().map(|event| event.room.0).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.pos.cast_signed()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.prev.map(u64::cast_signed)).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.id.0).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.ts.micros()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.by.0).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.name.clone()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.cid.0).collect::<Vec<_>>())
        .bind(whats)
        .execute(&mut **tx)
        .await?
        .rows_affected(),
    };
    Ok(usize::try_from(inserted).unwrap_or(usize::MAX))
}

/// Every event of a room, oldest first.
pub(crate) async fn whole_room(tx: &mut Transaction, room: RoomId) -> sqlx::Result<Vec<RoomEvent>> {
    let rows: Vec<EventRow> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT room, pos, prev, id, at, author, name, cid, what FROM events WHERE room = $1 ORDER BY pos",
    ).bind(room.0).fetch_all(&mut **tx).await)?;
    events(rows)
}

/// Writes the predecessors of events that are there.
pub(crate) async fn set_predecessors(tx: &mut Transaction, events: &[RoomEvent]) -> sqlx::Result<()> {
    for event in events {
        in_tx!(tx, tx => sqlx::query(
            "UPDATE events SET prev = $1 WHERE room = $2 AND pos = $3 AND prev IS DISTINCT FROM $1",
        ).bind(event.prev.map(u64::cast_signed)).bind(event.room.0).bind(event.pos.cast_signed())
         .execute(&mut **tx).await.map(drop))?;
    }
    Ok(())
}

/// Where rooms stand. Nobody else moves them before the transaction ends.
pub(crate) async fn standings(
    tx: &mut Transaction,
    rooms: HashSet<RoomId>,
) -> sqlx::Result<HashMap<RoomId, Standing>> {
    let rows: Vec<(Uuid, i64, i64, Vec<u8>)> = match tx {
        Transaction::Sqlite(tx) => {
            sqlx::query_as(
                "SELECT room, pos, n, h FROM heads WHERE room IN (SELECT unhex(value) FROM json_each($1))",
            )
            .bind(array(rooms.iter().map(|room| hex(&room.0)))?)
            .fetch_all(&mut **tx)
            .await?
        }
        Transaction::Postgres(tx) => {
            sqlx::query_as("SELECT room, pos, n, h FROM heads WHERE room = ANY($1) ORDER BY room FOR UPDATE")
                .bind(rooms.iter().map(|room| room.0).collect::<Vec<_>>())
                .fetch_all(&mut **tx)
                .await?
        }
    };
    Ok(rows.into_iter().map(|(room, pos, n, h)| (RoomId(room), stand((pos, n, h)))).collect())
}

/// Where a room stands, for a reader.
pub(crate) async fn head(db: &Db, room: RoomId) -> sqlx::Result<Option<Standing>> {
    let row: Option<(i64, i64, Vec<u8>)> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT pos, n, h FROM heads WHERE room = $1",
    ).bind(room.0).fetch_optional(pool).await)?;
    Ok(row.map(stand))
}

fn stand((pos, n, h): (i64, i64, Vec<u8>)) -> Standing {
    let h = Hash::try_from(h).unwrap_or_default();
    Standing { pos: pos.unsigned_abs(), n: n.unsigned_abs(), h }
}

/// Keeps where rooms stand now, in one statement.
pub(crate) async fn set_standings(
    tx: &mut Transaction,
    standings: &HashMap<RoomId, Standing>,
) -> sqlx::Result<()> {
    match tx {
        Transaction::Sqlite(tx) => {
            let rows = array(standings.iter().map(|(room, standing)| {
                (hex(&room.0), standing.pos.cast_signed(), standing.n.cast_signed(), standing.head(*room).h)
            }))?;
            sqlx::query(
                "INSERT INTO heads (room, pos, n, h)
                 SELECT unhex(value ->> 0), value ->> 1, value ->> 2, unhex(value ->> 3) FROM json_each($1) WHERE true
                 ON CONFLICT (room) DO UPDATE SET pos = excluded.pos, n = excluded.n, h = excluded.h",
            )
            .bind(rows)
            .execute(&mut **tx)
            .await
            .map(drop)
        }
        Transaction::Postgres(tx) => sqlx::query(
            "INSERT INTO heads (room, pos, n, h)
             SELECT * FROM UNNEST($1::uuid[], $2::int8[], $3::int8[], $4::bytea[])
             ON CONFLICT (room) DO UPDATE SET pos = excluded.pos, n = excluded.n, h = excluded.h",
        )
        .bind(standings.keys().map(|room| room.0).collect::<Vec<_>>())
        .bind(standings.values().map(|standing| standing.pos.cast_signed()).collect::<Vec<_>>())
        .bind(standings.values().map(|standing| standing.n.cast_signed()).collect::<Vec<_>>())
        .bind(standings.values().map(|standing| standing.h.to_vec()).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await
        .map(drop),
    }
}

/// Keeps a record that cannot be read aside.
pub(crate) async fn bury(tx: &mut Transaction, record: &Record, reason: &str) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO dead_letters (part, pos, at, key, payload, reason) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (part, pos) DO NOTHING",
    ).bind(record.partition).bind(record.pos.cast_signed()).bind(record.at.micros())
     .bind(storable(&record.key)).bind(storable(&record.payload)).bind(storable(reason))
     .execute(&mut **tx).await.map(drop))
}

/// Every record that was kept aside, in the order of the log.
pub(crate) async fn dead_letters(db: &Db) -> sqlx::Result<Vec<DeadLetter>> {
    let rows: Vec<(i32, i64, i64, String, String, String)> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT part, pos, at, key, payload, reason FROM dead_letters ORDER BY part, pos",
    ).fetch_all(pool).await)?;
    let letter = |(partition, pos, at, key, payload, reason): (i32, i64, i64, String, String, String)| {
        let (pos, at) = (pos.unsigned_abs(), Timestamp::from_micros(at));
        DeadLetter { partition, pos, at, key, payload, reason }
    };
    Ok(rows.into_iter().map(letter).collect())
}

/// Forgets a record that was kept aside; `false` when there is none at this place.
pub(crate) async fn unbury(tx: &mut Transaction, partition: i32, pos: u64) -> sqlx::Result<bool> {
    let gone = in_tx!(tx, tx => sqlx::query(
        "DELETE FROM dead_letters WHERE part = $1 AND pos = $2",
    ).bind(partition).bind(pos.cast_signed()).execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(gone == 1)
}
