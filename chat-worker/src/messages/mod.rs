//! Messages as they are now: what was said, with everything that was done to it later, and what of it is unread.

mod fold;
mod sql;

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome, internal::OnBehalfOf};
use wire::{
    Code, RoomId,
    messages::{Count, Counted, MessagePage},
};

pub(crate) use fold::{refold, take, words};
pub(crate) use sql::{MessageRow, numbered};

use crate::{
    history::{self, Part},
    state::App,
};

/// Marks of one question: more rooms than a person is ever shown.
const MARKS: usize = 1_000;

/// A page of a room's messages.
pub(crate) async fn page(
    State(app): State<App>,
    _caller: OnBehalfOf,
    ApiPath(room): ApiPath<RoomId>,
    ApiQuery(part): ApiQuery<Part>,
) -> Outcome<ApiJson<MessagePage>> {
    let mut tx = app.db.snapshot().await?;
    let (ep, upto) = history::position(&app, &mut tx, room).await?;
    let limit = part.limit() as usize;
    let mut messages = sql::page(&mut tx, room, part, limit + 1).await?;
    let more = messages.len() > limit;
    if more {
        match part.after {
            Some(_) => messages.truncate(limit),
            None => drop(messages.remove(0)),
        }
    }
    Ok(ApiJson(MessagePage { messages, ep, upto, more }))
}

/// A room's pinned messages.
pub(crate) async fn pins(
    State(app): State<App>,
    _caller: OnBehalfOf,
    ApiPath(room): ApiPath<RoomId>,
) -> Outcome<ApiJson<MessagePage>> {
    let mut tx = app.db.snapshot().await?;
    let (ep, upto) = history::position(&app, &mut tx, room).await?;
    let messages = sql::pins(&mut tx, room).await?;
    Ok(ApiJson(MessagePage { messages, ep, upto, more: false }))
}

/// What is unread after the caller's marks.
pub(crate) async fn unread(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiJson(counts): ApiJson<Vec<Count>>,
) -> Outcome<ApiJson<Vec<Counted>>> {
    if counts.len() > MARKS {
        return Err(ApiError::new(Code::TooLarge, format!("at most {MARKS} marks are counted at once")));
    }
    // One state of the database for all of it: the gateway adds what came later from the log, and knows what of it is
    // counted here already by the position alone.
    let mut tx = app.db.snapshot().await?;
    let progress = crate::sql::progress_in(&mut tx).await?;
    let marks: Vec<_> = counts.iter().map(|count| count.mark).collect();
    let unread = sql::unread(&mut tx, user, &marks).await?;
    let mut counted = Vec::with_capacity(counts.len());
    for (Count { mark, show }, unread) in counts.iter().zip(unread) {
        let partition = app.bus.partition(&mark.room.to_string());
        let upto = progress.get(&partition).map_or(0, |(_, pos)| *pos);
        let shown = sql::at(&mut tx, mark.room, show).await?;
        counted.push(Counted { unread, upto, shown });
    }
    Ok(ApiJson(counted))
}
