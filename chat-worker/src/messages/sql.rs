//! SQL of messages: what was said, whom it names, and what became of it.

use std::sync::LazyLock;

use platform::{
    db::{Rows, Transaction},
    in_tx,
};
use sqlx::QueryBuilder;
use uuid::Uuid;
use wire::{
    RoomId, Timestamp, UserId,
    events::{Mark, RoomEvent, What},
    messages::{Message, Unread},
};

use crate::{history::Part, search, sql::EventRow};

/// Rooms of one statement: three values each, far below every engine's limit of parameters.
const ROOMS: usize = 500;
/// Positions of one statement, for the same reason.
const PLACES: usize = 1_000;

/// A message as the tables have it: the event that began it and, if anything was done to it, what it is now.
pub(crate) struct MessageRow {
    /// Its number among the messages; 0 where nobody asked.
    pub(crate) said: i64,
    room: Uuid,
    pos: i64,
    prev: Option<i64>,
    id: Uuid,
    at: i64,
    author: Uuid,
    name: String,
    cid: Uuid,
    what: String,
    fold: Option<String>,
}

platform::from_row!(MessageRow { said, room, pos, prev, id, at, author, name, cid, what, fold });

impl MessageRow {
    /// The message; `None` for an event that is none.
    pub(crate) fn message(self) -> sqlx::Result<Option<Message>> {
        let Self { said: _, room, pos, prev, id, at, author, name, cid, what, fold } = self;
        match fold {
            Some(fold) => parsed(&fold).map(Some),
            None => {
                let row = EventRow { room, pos, prev, id, at, author, name, cid, what };
                row.event().map(|event| Message::begun_by(&event))
            }
        }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn written(value: &impl serde::Serialize) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Messages of a room, oldest first: after a position, or the newest before one.
pub(super) async fn page(
    tx: &mut Transaction,
    room: RoomId,
    part: Part,
    limit: usize,
) -> sqlx::Result<Vec<Message>> {
    let [after, before] = [part.after.unwrap_or(0), part.before.unwrap_or(u64::MAX)].map(place);
    let order = if part.after.is_some() { "ASC" } else { "DESC" };
    let rows: Vec<MessageRow> = in_tx!(tx, tx => {
        let mut select = QueryBuilder::new(
            "SELECT said.id AS said, events.room, events.pos, prev, events.id, events.at, events.author, name, cid,
                    what, fold
             FROM said JOIN events ON events.room = said.room AND events.pos = said.pos
                  LEFT JOIN folds ON folds.room = said.room AND folds.pos = said.pos
             WHERE said.room = ",
        );
        select.push_bind(room.0).push(" AND said.pos < ").push_bind(before);
        select.push(" AND said.pos > ").push_bind(after);
        select.push(" ORDER BY said.pos ").push(order).push(" LIMIT ").push_bind(limit.cast_signed() as i64);
        select.build_query_as().fetch_all(&mut **tx).await
    })?;
    let messages = rows.into_iter().filter_map(|row| row.message().transpose());
    let mut messages = messages.collect::<sqlx::Result<Vec<_>>>()?;
    if part.after.is_none() {
        messages.reverse();
    }
    Ok(messages)
}

/// A position as the engines take it; what no log ever reaches is the last one they know.
fn place(pos: u64) -> i64 {
    pos.min(i64::MAX.unsigned_abs()).cast_signed()
}

/// Pinned messages, oldest first.
pub(super) async fn pins(tx: &mut Transaction, room: RoomId) -> sqlx::Result<Vec<Message>> {
    let folds: Vec<String> = in_tx!(tx, tx => sqlx::query_scalar(
        "SELECT fold FROM folds WHERE room = $1 AND pinned = $2 ORDER BY pos LIMIT 500",
    ).bind(room.0).bind(true).fetch_all(&mut **tx).await)?;
    folds.iter().map(|fold| parsed(fold)).collect()
}

/// What is unread after each mark.
pub(super) async fn unread(tx: &mut Transaction, user: UserId, marks: &[Mark]) -> sqlx::Result<Vec<Unread>> {
    let mut counted = Vec::with_capacity(marks.len());
    for chunk in marks.chunks(ROOMS) {
        let rows: Vec<(i64, i64, i64)> = in_tx!(tx, tx => {
            let mut select = QueryBuilder::new("WITH marks (nth, room, mark) AS (");
            select.push_values((0_i64..).zip(chunk), |mut row, (nth, mark)| {
                row.push_bind(nth).push_bind(mark.room.0).push_bind(place(mark.pos));
            });
            select.push(
                ") SELECT nth,
                    (SELECT count(*) FROM said
                     WHERE said.room = marks.room AND said.pos > mark AND author <> ",
            );
            select.push_bind(user.0).push(" AND gone = ").push_bind(false).push(
                "), (SELECT count(*) FROM mentions
                     WHERE mentions.room = marks.room AND mentions.pos > mark AND user_id = ",
            );
            select.push_bind(user.0).push(") FROM marks ORDER BY nth");
            select.build_query_as().fetch_all(&mut **tx).await
        })?;
        counted.extend(chunk.iter().zip(rows).map(|(mark, (_, unread, mentions))| Unread {
            room: mark.room,
            mark: mark.pos,
            unread: unread.unsigned_abs(),
            mentions: mentions.unsigned_abs(),
        }));
    }
    Ok(counted)
}

/// Of a message what is counted, and whom it names.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) room: RoomId,
    pub(super) pos: u64,
    pub(super) ts: Timestamp,
    by: UserId,
    gone: bool,
    mentions: &'a [UserId],
}

impl<'a> Said<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        let Message { room, pos, ts, by, ref mentions, removed, .. } = *message;
        Self { room, pos, ts, by, gone: removed.is_some(), mentions }
    }

    /// Of the message that an event begins, if it is one.
    pub(super) fn begun_by(event: &'a RoomEvent) -> Option<Self> {
        let RoomEvent { room, pos, ts, by, ref what, .. } = *event;
        what.begins().map(|mentions| Self { room, pos, ts, by, gone: false, mentions })
    }
}

static SAID: LazyLock<Rows> = LazyLock::new(|| Rows::of("said (id, room, pos, author, at, gone)", 6, ""));

/// Stores new messages, in order, with whom they name. Their words are the index's to catch up with.
pub(super) async fn insert(tx: &mut Transaction, said: &[Said<'_>]) -> sqlx::Result<()> {
    if said.is_empty() {
        return Ok(());
    }
    insert_said(tx, said).await?;
    name(tx, said).await
}

async fn insert_said(tx: &mut Transaction, said: &[Said<'_>]) -> sqlx::Result<()> {
    match tx {
        Transaction::Sqlite(tx) => {
            // Numbers of messages that are gone are not given again to any that the index has passed by.
            let newest = "SELECT max(upto, (SELECT coalesce(max(id), 0) FROM said)) FROM indexed";
            let mut number: i64 = sqlx::query_scalar(newest).fetch_one(&mut **tx).await?;
            for said in said.chunks(Rows::MOST) {
                let mut insert = sqlx::query(SAID.text(said.len()));
                for said in said {
                    number += 1;
                    insert = insert.bind(number).bind(said.room.0).bind(said.pos.cast_signed());
                    insert = insert.bind(said.by.0).bind(said.ts.micros()).bind(said.gone);
                }
                insert.execute(&mut **tx).await?;
            }
            Ok(())
        }
        Transaction::Postgres(tx) => sqlx::query(
            "INSERT INTO said (room, pos, author, at, gone)
             SELECT * FROM UNNEST($1::uuid[], $2::int8[], $3::uuid[], $4::int8[], $5::bool[])",
        )
        .bind(said.iter().map(|said| said.room.0).collect::<Vec<_>>())
        .bind(said.iter().map(|said| said.pos.cast_signed()).collect::<Vec<_>>())
        .bind(said.iter().map(|said| said.by.0).collect::<Vec<_>>())
        .bind(said.iter().map(|said| said.ts.micros()).collect::<Vec<_>>())
        .bind(said.iter().map(|said| said.gone).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await
        .map(drop),
    }
}

/// Keeps whom messages name. Naming oneself tells nobody anything.
async fn name(tx: &mut Transaction, said: &[Said<'_>]) -> sqlx::Result<()> {
    let named: Vec<(Uuid, Uuid, i64)> = said
        .iter()
        .flat_map(|said| {
            let others = said.mentions.iter().filter(|user| **user != said.by);
            others.map(|user| (user.0, said.room.0, said.pos.cast_signed()))
        })
        .collect();
    for chunk in named.chunks(Rows::MOST) {
        in_tx!(tx, tx => {
            let mut insert = QueryBuilder::new("INSERT INTO mentions (user_id, room, pos) ");
            insert.push_values(chunk, |mut row, (user, room, pos)| {
                row.push_bind(*user).push_bind(*room).push_bind(*pos);
            });
            insert.push(" ON CONFLICT (user_id, room, pos) DO NOTHING");
            insert.build().execute(&mut **tx).await.map(drop)
        })?;
    }
    Ok(())
}

/// Brings counts, names and words of an earlier message up to date. The index has the words of messages up to the
/// number `indexed`; it comes to the others later.
pub(super) async fn change(tx: &mut Transaction, message: &Message, indexed: i64) -> sqlx::Result<()> {
    let (room, pos) = (message.room.0, message.pos.cast_signed());
    in_tx!(tx, tx => sqlx::query(
        "DELETE FROM mentions WHERE room = $1 AND pos = $2",
    ).bind(room).bind(pos).execute(&mut **tx).await.map(drop))?;
    name(tx, &[Said::of(message)]).await?;
    let id: Option<i64> = in_tx!(tx, tx => sqlx::query_scalar(
        "UPDATE said SET gone = $3 WHERE room = $1 AND pos = $2 RETURNING id",
    ).bind(room).bind(pos).bind(message.removed.is_some()).fetch_optional(&mut **tx).await)?;
    match id {
        Some(id) if id <= indexed => search::renew(tx, id, message).await,
        _ => Ok(()),
    }
}

/// Keeps what a message is now.
pub(super) async fn keep(tx: &mut Transaction, message: &Message) -> sqlx::Result<()> {
    let fold = written(message)?;
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO folds (room, pos, pinned, fold) VALUES ($1, $2, $3, $4)
         ON CONFLICT (room, pos) DO UPDATE SET pinned = excluded.pinned, fold = excluded.fold",
    ).bind(message.room.0).bind(message.pos.cast_signed()).bind(message.pinned).bind(&fold)
     .execute(&mut **tx).await.map(drop))
}

/// The messages at some positions of a room, as far as the database has them.
pub(super) async fn at(tx: &mut Transaction, room: RoomId, positions: &[u64]) -> sqlx::Result<Vec<Message>> {
    let mut messages = Vec::with_capacity(positions.len());
    for chunk in positions.chunks(PLACES) {
        let rows: Vec<MessageRow> = in_tx!(tx, tx => {
            let mut select = QueryBuilder::new(
                "SELECT CAST(0 AS BIGINT) AS said, events.room, events.pos, prev, id, at, author, name, cid, what, fold
                 FROM events LEFT JOIN folds ON folds.room = events.room AND folds.pos = events.pos
                 WHERE events.room = ",
            );
            select.push_bind(room.0).push(" AND events.pos IN (");
            let mut places = select.separated(", ");
            for pos in chunk {
                places.push_bind(place(*pos));
            }
            select.push(")");
            select.build_query_as().fetch_all(&mut **tx).await
        })?;
        for row in rows {
            messages.extend(row.message()?);
        }
    }
    Ok(messages)
}

/// Takes the texts of a removed message out of the events that brought them; their digests stay.
pub(super) async fn blank(
    tx: &mut Transaction,
    message: &Message,
    settled: Option<&u64>,
) -> sqlx::Result<()> {
    for pos in message.edits.iter().chain(settled).chain([&message.pos]) {
        let (room, pos) = (message.room.0, pos.cast_signed());
        let text: Option<String> = in_tx!(tx, tx => sqlx::query_scalar(
            "SELECT what FROM events WHERE room = $1 AND pos = $2",
        ).bind(room).bind(pos).fetch_optional(&mut **tx).await)?;
        // What is not there yet comes with this batch, without its text.
        let Some(text) = text else { continue };
        let mut what: What = parsed(&text)?;
        what.remove();
        let text = written(&what)?;
        in_tx!(tx, tx => sqlx::query(
            "UPDATE events SET what = $3 WHERE room = $1 AND pos = $2",
        ).bind(room).bind(pos).bind(&text).execute(&mut **tx).await.map(drop))?;
    }
    Ok(())
}

/// Removes everything that was made of a room's events.
pub(super) async fn forget_messages(tx: &mut Transaction, room: RoomId) -> sqlx::Result<()> {
    let numbers: Vec<i64> = in_tx!(tx, tx => sqlx::query_scalar(
        "DELETE FROM said WHERE room = $1 RETURNING id",
    ).bind(room.0).fetch_all(&mut **tx).await)?;
    search::forget(tx, &numbers).await?;
    for delete in ["DELETE FROM mentions WHERE room = $1", "DELETE FROM folds WHERE room = $1"] {
        in_tx!(tx, tx => sqlx::query(delete).bind(room.0).execute(&mut **tx).await.map(drop))?;
    }
    Ok(())
}

/// Removes the events of a room before a position. Its head stays.
pub(super) async fn forget_events(tx: &mut Transaction, room: RoomId, before: u64) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "DELETE FROM events WHERE room = $1 AND pos < $2",
    ).bind(room.0).bind(before.cast_signed()).execute(&mut **tx).await.map(drop))
}
