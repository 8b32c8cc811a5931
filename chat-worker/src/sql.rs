//! SQL of the history.

use std::collections::HashMap;

use platform::{
    bus::Record,
    db::{Db, Transaction},
    each, in_tx,
};
use sqlx::QueryBuilder;
use uuid::Uuid;
use wire::{
    ClientId, MessageId, RoomId, Timestamp, UserId,
    events::{RoomEvent, What},
};

use crate::heads::{Hash, Standing};

/// Rows of one statement: nine values each, far below every engine's limit of parameters.
const ROWS: usize = 500;

struct EventRow {
    room: Uuid,
    pos: i64,
    prev: Option<i64>,
    id: Uuid,
    at: i64,
    author: Uuid,
    name: String,
    cid: Uuid,
    what: String,
}

platform::from_row!(EventRow { room, pos, prev, id, at, author, name, cid, what });

impl EventRow {
    fn event(self) -> sqlx::Result<RoomEvent> {
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
pub(crate) async fn after(db: &Db, room: RoomId, after: u64, limit: i64) -> sqlx::Result<Vec<RoomEvent>> {
    let rows: Vec<EventRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT room, pos, prev, id, at, author, name, cid, what FROM events
         WHERE room = $1 AND pos > $2 ORDER BY pos LIMIT $3",
    ).bind(room.0).bind(after.cast_signed()).bind(limit).fetch_all(pool).await)?;
    events(rows)
}

/// The newest events before a position, oldest first.
pub(crate) async fn before(db: &Db, room: RoomId, before: u64, limit: i64) -> sqlx::Result<Vec<RoomEvent>> {
    let rows: Vec<EventRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT room, pos, prev, id, at, author, name, cid, what FROM events
         WHERE room = $1 AND pos < $2 ORDER BY pos DESC LIMIT $3",
    ).bind(room.0).bind(before.min(i64::MAX.unsigned_abs()).cast_signed()).bind(limit).fetch_all(pool).await)?;
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

/// Up to where a partition was taken in, and of which generation.
pub(crate) async fn progress(db: &Db, partition: i32) -> sqlx::Result<Option<(String, u64)>> {
    let row: Option<(String, i64)> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT epoch, pos FROM progress WHERE part = $1",
    ).bind(partition).fetch_optional(pool).await)?;
    Ok(row.map(|(epoch, pos)| (epoch, pos.unsigned_abs())))
}

/// Begins to count a partition, unless another instance just did.
pub(crate) async fn begin_progress(db: &Db, partition: i32, epoch: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "INSERT INTO progress (part, epoch, pos) VALUES ($1, $2, 0) ON CONFLICT (part) DO NOTHING",
    ).bind(partition).bind(epoch).execute(pool).await.map(drop))
}

/// Moves the position on; `false` when another instance moved it first.
pub(crate) async fn advance(tx: &mut Transaction, partition: i32, from: u64, to: u64) -> sqlx::Result<bool> {
    let moved = in_tx!(tx, tx => sqlx::query(
        "UPDATE progress SET pos = $1 WHERE part = $2 AND pos = $3",
    ).bind(to.cast_signed()).bind(partition).bind(from.cast_signed())
     .execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(moved == 1)
}

/// Which of these messages the database has already: of `(room, author, cid)`, the position.
pub(crate) async fn known(tx: &mut Transaction, event: &RoomEvent) -> sqlx::Result<bool> {
    in_tx!(tx, tx => sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM events WHERE room = $1 AND author = $2 AND cid = $3)",
    ).bind(event.room.0).bind(event.by.0).bind(event.cid.0).fetch_one(&mut **tx).await)
}

/// Stores events, many a statement. A conflict is an error: repetitions were sorted out before.
pub(crate) async fn insert(tx: &mut Transaction, events: &[RoomEvent]) -> sqlx::Result<()> {
    for chunk in events.chunks(ROWS) {
        let whats: Vec<String> = chunk
            .iter()
            .map(|event| {
                serde_json::to_string(&event.what).map_err(|error| sqlx::Error::Encode(error.into()))
            })
            .collect::<Result<_, _>>()?;
        in_tx!(tx, tx => {
            let mut insert =
                QueryBuilder::new("INSERT INTO events (room, pos, prev, id, at, author, name, cid, what) ");
            insert.push_values(chunk.iter().zip(&whats), |mut row, (event, what)| {
                row.push_bind(event.room.0)
                    .push_bind(event.pos.cast_signed())
                    .push_bind(event.prev.map(u64::cast_signed))
                    .push_bind(event.id.0)
                    .push_bind(event.ts.micros())
                    .push_bind(event.by.0)
                    .push_bind(event.name.as_str())
                    .push_bind(event.cid.0)
                    .push_bind(what.as_str());
            });
            insert.build().execute(&mut **tx).await?;
        });
    }
    Ok(())
}

/// Where a room stands.
pub(crate) async fn standing(tx: &mut Transaction, room: RoomId) -> sqlx::Result<Option<Standing>> {
    let row: Option<(i64, i64, Vec<u8>)> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT pos, n, h FROM heads WHERE room = $1",
    ).bind(room.0).fetch_optional(&mut **tx).await)?;
    Ok(row.map(stand))
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

/// Keeps where rooms stand now.
pub(crate) async fn set_standings(
    tx: &mut Transaction,
    standings: &HashMap<RoomId, Standing>,
) -> sqlx::Result<()> {
    for (room, standing) in standings {
        in_tx!(tx, tx => sqlx::query(
            "INSERT INTO heads (room, pos, n, h) VALUES ($1, $2, $3, $4)
             ON CONFLICT (room) DO UPDATE SET pos = excluded.pos, n = excluded.n, h = excluded.h",
        ).bind(room.0).bind(standing.pos.cast_signed()).bind(standing.n.cast_signed()).bind(standing.h.as_slice())
         .execute(&mut **tx).await.map(drop))?;
    }
    Ok(())
}

/// Keeps a record that cannot be read aside.
pub(crate) async fn bury(tx: &mut Transaction, record: &Record, reason: &str) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO dead_letters (part, pos, at, key, payload, reason) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (part, pos) DO NOTHING",
    ).bind(record.partition).bind(record.pos.cast_signed()).bind(record.at.micros())
     .bind(&record.key).bind(&record.payload).bind(reason)
     .execute(&mut **tx).await.map(drop))
}
