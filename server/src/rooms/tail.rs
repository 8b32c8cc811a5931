//! A room as a plain HTTP answer that does not end: server-sent events or JSON lines, for `curl -N`.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use platform::service::{ApiError, ApiPath, ApiQuery, Outcome};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;
use wire::{Code, RoomId, events::RoomEvent};

use super::{
    history::{self, Part},
    joined,
};
use crate::{accounts::Caller, state::App};

/// A sign of life at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events of one piece.
const PIECE: u32 = 100;
const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
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
    axum::extract::State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiQuery(From { after }): ApiQuery<From>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let room = joined(&state, &caller, &room).await?.id;
    let permit = state.tails.clone().try_acquire_owned().map_err(|_| {
        ApiError::new(Code::RateLimited, "too many answers of this kind are open here").retry_after(10)
    })?;
    let form = Form::of(&headers);
    let after = last_event(&headers)?.or(after).unwrap_or_else(|| state.live.tailed(room));
    let tail = Tail { state, caller, room, after, form, ended: false, _permit: permit };
    let pieces = stream::unfold(tail, async |mut tail| tail.piece().await.map(|piece| (piece, tail)));
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx and others would keep pieces back until there are enough of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn last_event(headers: &HeaderMap) -> Outcome<Option<u64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let pos = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    pos.map(Some).ok_or_else(|| ApiError::new(Code::BadRequest, "Last-Event-ID is not a position"))
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Sse,
    Lines,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if wanted.contains(SSE) { Self::Sse } else { Self::Lines }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Sse => SSE,
            Self::Lines => NDJSON,
        }
    }

    fn heartbeat(self) -> &'static str {
        match self {
            Self::Sse => ": alive\n\n",
            Self::Lines => "\n",
        }
    }

    fn write(self, event: &RoomEvent) -> String {
        let json = serde_json::to_string(event).expect("an event is plain data");
        match self {
            Self::Sse => format!("id: {}\ndata: {json}\n\n", event.pos),
            Self::Lines => format!("{json}\n"),
        }
    }
}

/// One answer under way. It is pulled by whoever reads it: a slow reader holds up nobody and keeps nothing in memory.
struct Tail {
    state: App,
    caller: Caller,
    room: RoomId,
    after: u64,
    form: Form,
    ended: bool,
    _permit: OwnedSemaphorePermit,
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
                return Some(Ok(self.take(events)));
            }
            tokio::select! {
                () = self.state.tasks.stopping() => return None,
                changed = tailed.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => return Some(Ok(Bytes::from_static(self.form.heartbeat().as_bytes()))),
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

    /// Writes events up to the one after which the caller is not in the room any more.
    fn take(&mut self, events: Vec<RoomEvent>) -> Bytes {
        let mut written = String::new();
        for event in events {
            self.after = event.pos;
            written.push_str(&self.form.write(&event));
            let closed = matches!(event.what, wire::events::What::Closed);
            if closed || event.left() == Some(self.caller.user) {
                self.ended = true;
                break;
            }
        }
        written.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_events_gets_events_and_everybody_else_lines() {
        let form = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Form::of(&headers)
        };

        assert_eq!(form("text/event-stream"), Form::Sse);
        assert_eq!(form("text/html, text/event-stream;q=0.9"), Form::Sse);
        assert_eq!(form("*/*"), Form::Lines);
        assert_eq!(form("application/x-ndjson"), Form::Lines);
    }
}
