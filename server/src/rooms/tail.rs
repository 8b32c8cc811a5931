//! A room as a plain HTTP answer that does not end: server-sent events or JSON lines, for `curl -N`.

use axum::{body::Bytes, extract::State, http::HeaderMap, response::Response};
use futures_util::stream;
use platform::service::{ApiPath, ApiQuery, Outcome};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::{
    RoomId,
    events::{RoomEvent, What},
};

use super::{
    history::{self, Part},
    joined,
};
use crate::{
    accounts::Caller,
    endless::{self, Form, Place},
    live,
    state::App,
};

/// Events of one piece.
const PIECE: u32 = 100;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// After this position; without it, now. The header `Last-Event-ID` says the same and goes before it.
    after: Option<u64>,
}

/// Sends what happens in a room that the caller is in, as it happens, and ends when they are not in it any more, the
/// access token expires, or the hub stops: go on after the last position then. `Accept: text/event-stream` gets events
/// whose `id` is the position, everything else JSON lines; an empty line or a comment is a sign of life.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/tail", tag = "rooms", params(("room" = String, Path), From), security(("bearer" = [])),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), (status = 404, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn tail(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiQuery(From { after }): ApiQuery<From>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let room = joined(&state, &caller, &room).await?.id;
    let place = state.endless.take(caller.user)?;
    let form = Form::of(&headers);
    history::follow_up(&state, room).await;
    let now = state.live.tailed(room);
    // A position beyond the log's end was never given by it.
    let after = endless::last_event(&headers)?.or(after).map_or(now, |after| after.min(now));
    let tail = Tail { state, caller, room, after, form, ended: false, _place: place };
    let pieces = stream::unfold(tail, async |mut tail| tail.piece().await.map(|piece| (piece, tail)));
    Ok(endless::answer(form, pieces))
}

/// One answer under way. It is pulled by whoever reads it: a slow reader holds up nobody and keeps nothing in memory.
struct Tail {
    state: App,
    caller: Caller,
    room: RoomId,
    after: u64,
    form: Form,
    ended: bool,
    _place: Place,
}

impl Tail {
    /// The next piece; `None` at the end. A history that cannot be asked breaks the answer off, and curl comes again.
    async fn piece(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let mut tailed = self.state.live.follow(self.room)?;
        while !self.ended {
            let expires_at = self.caller.expires_at;
            if expires_at < self.state.clock.now() {
                return None;
            }
            tailed.borrow_and_update();
            let events = match self.events().await {
                Ok(events) => events,
                Err(error) => return Some(Err(std::io::Error::other(error.problem().to_string()))),
            };
            if !events.is_empty() {
                return match self.may_hear(&events).await {
                    Ok(true) => Some(Ok(self.take(events))),
                    Ok(false) => None,
                    Err(error) => Some(Err(std::io::Error::other(error))),
                };
            }
            tokio::select! {
                () = self.state.leaving.cancelled() => return None,
                changed = tailed.changed() => changed.ok()?,
                () = tokio::time::sleep(endless::HEARTBEAT) => return Some(Ok(self.form.heartbeat())),
            }
        }
        None
    }

    async fn events(&self) -> Outcome<Vec<RoomEvent>> {
        let newest = self.state.live.last(self.room);
        if newest.is_some_and(|newest| newest <= self.after) {
            return Ok(Vec::new());
        }
        let part = Part { after: Some(self.after), limit: Some(PIECE), ..Part::default() };
        Ok(history::page(&self.state, self.room, self.caller.user, part).await?.events)
    }

    /// Whether these events are the caller's to hear: they are in the room, or hear here that they are not any more.
    async fn may_hear(&self, events: &[RoomEvent]) -> sqlx::Result<bool> {
        let tells = events.iter().any(|event| self.is_last(event));
        Ok(tells || live::is_member(&self.state, self.room, self.caller.user).await?)
    }

    /// Whether the caller is not in the room after this.
    fn is_last(&self, event: &RoomEvent) -> bool {
        matches!(event.what, What::Closed) || event.left() == Some(self.caller.user)
    }

    /// Writes events up to the one after which the caller is not in the room any more.
    fn take(&mut self, events: Vec<RoomEvent>) -> Bytes {
        let mut written = String::new();
        for event in events {
            self.after = event.pos;
            written.push_str(&self.form.write(Some(event.pos), &event));
            if self.is_last(&event) {
                self.ended = true;
                break;
            }
        }
        written.into()
    }
}
