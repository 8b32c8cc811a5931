//! SQL of messages: what was said, whom it names, and what became of it.

use std::collections::HashMap;

use platform::{db::Transaction, in_tx};
use sqlx::QueryBuilder;
use uuid::Uuid;
use wire::{
    RoomId, UserId,
    events::{Mark, What},
    messages::{Message, Unread},
};

use super::fold::words;
use crate::{
    history::Part,
    search,
    sql::{EventRow, array, hex},
};

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

/// Messages of all rooms after a number, each with its own, in their order.
pub(crate) async fn numbered(
    tx: &mut Transaction,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<(i64, Message)>> {
    let rows: Vec<MessageRow> = in_tx!(tx, tx => sqlx::query_as(
        "SELECT said.id AS said, events.room, events.pos, prev, events.id, events.at, events.author, name, cid,
                what, fold
         FROM said JOIN events ON events.room = said.room AND events.pos = said.pos
              LEFT JOIN folds ON folds.room = said.room AND folds.pos = said.pos
         WHERE said.id > $1 ORDER BY said.id LIMIT $2",
    ).bind(after).bind(limit).fetch_all(&mut **tx).await)?;
    let messages = rows.into_iter().map(|row| {
        let number = row.said;
        Ok(row.message()?.map(|message| (number, message)))
    });
    messages.filter_map(sqlx::Result::transpose).collect()
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

/// Stores new messages, in order, with whom they name and their words.
pub(super) async fn insert(tx: &mut Transaction, messages: &[Message]) -> sqlx::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let numbers = insert_said(tx, messages).await?;
    let number = |message: &Message| numbers.get(&(message.room, message.pos)).copied();
    let words = messages.iter().filter_map(|message| Some((number(message)?, words(message)?)));
    search::index(tx, words.collect()).await?;
    for message in messages.iter().filter(|message| !message.mentions.is_empty()) {
        name(tx, message).await?;
    }
    Ok(())
}

async fn insert_said(
    tx: &mut Transaction,
    messages: &[Message],
) -> sqlx::Result<HashMap<(RoomId, u64), i64>> {
    let rows: Vec<(i64, Uuid, i64)> = match tx {
        Transaction::Sqlite(tx) => {
            let rows = array(messages.iter().map(|message| {
                let (room, author) = (hex(&message.room.0), hex(&message.by.0));
                let gone = i64::from(message.removed.is_some());
                (room, message.pos.cast_signed(), author, message.ts.micros(), gone)
            }))?;
            sqlx::query_as(
                "INSERT INTO said (room, pos, author, at, gone)
                 SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4 FROM json_each($1)
                 RETURNING id, room, pos",
            )
            .bind(rows)
            .fetch_all(&mut **tx)
            .await?
        }
        Transaction::Postgres(tx) => {
            sqlx::query_as(
                "INSERT INTO said (room, pos, author, at, gone)
                 SELECT * FROM UNNEST($1::uuid[], $2::int8[], $3::uuid[], $4::int8[], $5::bool[])
                 RETURNING id, room, pos",
            )
            .bind(messages.iter().map(|message| message.room.0).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.pos.cast_signed()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.by.0).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.ts.micros()).collect::<Vec<_>>())
            .bind(messages.iter().map(|message| message.removed.is_some()).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?
        }
    };
    Ok(rows.into_iter().map(|(id, room, pos)| ((RoomId(room), pos.unsigned_abs()), id)).collect())
}

/// Keeps whom a message names. Naming oneself tells nobody anything.
async fn name(tx: &mut Transaction, message: &Message) -> sqlx::Result<()> {
    for user in message.mentions.iter().filter(|user| **user != message.by) {
        in_tx!(tx, tx => sqlx::query(
            "INSERT INTO mentions (user_id, room, pos) VALUES ($1, $2, $3) ON CONFLICT (user_id, room, pos) DO NOTHING",
        ).bind(user.0).bind(message.room.0).bind(message.pos.cast_signed()).execute(&mut **tx).await.map(drop))?;
    }
    Ok(())
}

/// Brings counts, names and words of an earlier message up to date.
pub(super) async fn change(tx: &mut Transaction, message: &Message) -> sqlx::Result<()> {
    let (room, pos) = (message.room.0, message.pos.cast_signed());
    in_tx!(tx, tx => sqlx::query(
        "DELETE FROM mentions WHERE room = $1 AND pos = $2",
    ).bind(room).bind(pos).execute(&mut **tx).await.map(drop))?;
    name(tx, message).await?;
    let id: Option<i64> = in_tx!(tx, tx => sqlx::query_scalar(
        "UPDATE said SET gone = $3 WHERE room = $1 AND pos = $2 RETURNING id",
    ).bind(room).bind(pos).bind(message.removed.is_some()).fetch_optional(&mut **tx).await)?;
    let Some(id) = id else { return Ok(()) };
    search::forget(tx, &[id]).await?;
    search::index(tx, words(message).map(|words| (id, words)).into_iter().collect()).await
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
pub(super) async fn blank(tx: &mut Transaction, message: &Message) -> sqlx::Result<()> {
    for pos in message.edits.iter().chain([&message.pos]) {
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
