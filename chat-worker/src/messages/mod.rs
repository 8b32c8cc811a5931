//! Messages as they are now: what was said, with everything that was done to it later, and what of it is unread.

mod fold;
mod sql;

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome, internal::OnBehalfOf};
use wire::{
    Code, RoomId,
    events::Mark,
    messages::{Counted, MessagePage},
};

pub(crate) use fold::{refold, take};
pub(crate) use sql::MessageRow;

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
    let (ep, upto) = history::position(&app, room).await?;
    let limit = part.limit() as usize;
    let mut messages = sql::page(&app.db, room, part, upto, limit + 1).await?;
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
    let (ep, upto) = history::position(&app, room).await?;
    let messages = sql::pins(&app.db, room).await?;
    Ok(ApiJson(MessagePage { messages, ep, upto, more: false }))
}

/// What is unread after the caller's marks.
pub(crate) async fn unread(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiJson(marks): ApiJson<Vec<Mark>>,
) -> Outcome<ApiJson<Vec<Counted>>> {
    if marks.len() > MARKS {
        return Err(ApiError::new(Code::TooLarge, format!("at most {MARKS} marks are counted at once")));
    }
    // The positions first, and nothing after them is counted: the gateway adds that from the log.
    let progress = crate::sql::progress(&app.db).await?;
    let upto = |mark: &Mark| {
        let partition = app.bus.partition(&mark.room.to_string());
        progress.get(&partition).map_or(0, |(_, pos)| *pos)
    };
    let spans: Vec<_> = marks.iter().map(|mark| (*mark, upto(mark))).collect();
    sql::unread(&app.db, user, &spans).await.map(ApiJson).map_err(Into::into)
}
