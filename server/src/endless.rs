//! Answers that do not end by themselves: server-sent events or JSON lines, for `curl -N`.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::Stream;
use platform::service::{ApiError, Outcome};
use serde::Serialize;
use wire::{Code, UserId};

/// A sign of life at least this often.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";

/// Answers that one gateway gives at once,
const MOST: usize = 1_000;
/// and that it gives one person.
const OF_ONE: usize = 100;

/// Places for answers that do not end.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<UserId, usize>,
}

/// The place of one answer; dropped, it is free.
pub(crate) struct Place {
    places: Places,
    user: UserId,
}

impl Places {
    /// A place for an answer to somebody.
    pub(crate) fn take(&self, user: UserId) -> Outcome<Place> {
        let mut taken = self.locked();
        let own = taken.of.get(&user).copied().unwrap_or(0);
        if taken.all >= MOST || own >= OF_ONE {
            let whose = if own >= OF_ONE { "you have" } else { "there are" };
            let detail = format!("{whose} too many answers of this kind open here");
            return Err(ApiError::new(Code::RateLimited, detail).retry_after(10));
        }
        taken.all += 1;
        taken.of.insert(user, own + 1);
        Ok(Place { places: self.clone(), user })
    }

    /// A panic while it was locked leaves counts that are right.
    fn locked(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.locked();
        taken.all -= 1;
        if let Entry::Occupied(mut own) = taken.of.entry(self.user) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As server-sent events.
    Sse,
    /// As JSON lines.
    Lines,
}

impl Form {
    /// The one that is wanted.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if wanted.contains(SSE) { Self::Sse } else { Self::Lines }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Sse => SSE,
            Self::Lines => NDJSON,
        }
    }

    /// A sign of life.
    pub(crate) fn heartbeat(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Sse => b": alive\n\n",
            Self::Lines => b"\n",
        })
    }

    /// One event; `id` is where to go on after it, if one can.
    pub(crate) fn write(self, id: Option<u64>, event: &impl Serialize) -> String {
        let json = serde_json::to_string(event).expect("an event is plain data");
        match (self, id) {
            (Self::Sse, Some(id)) => format!("id: {id}\ndata: {json}\n\n"),
            (Self::Sse, None) => format!("data: {json}\n\n"),
            (Self::Lines, _) => format!("{json}\n"),
        }
    }
}

/// The answer that is made of these pieces.
pub(crate) fn answer(
    form: Form,
    pieces: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
) -> Response {
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx and others would keep pieces back until there are enough of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The event that somebody has seen last.
pub(crate) fn last_event(headers: &HeaderMap) -> Outcome<Option<u64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let pos = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    pos.map(Some).ok_or_else(|| ApiError::new(Code::BadRequest, "Last-Event-ID is not a position"))
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

    #[test]
    fn nobody_takes_every_place_and_what_has_ended_is_free() {
        let (places, ann, bob) = (Places::default(), UserId::new(), UserId::new());

        let mut own: Vec<_> = (0..OF_ONE).map(|_| places.take(ann).unwrap()).collect();
        assert!(places.take(ann).is_err());
        let other = places.take(bob).unwrap();
        own.pop();
        assert!(places.take(ann).is_ok());

        drop((own, other));
        let many: Vec<_> = (0..2 * MOST).filter_map(|_| places.take(UserId::new()).ok()).collect();
        assert_eq!(many.len(), MOST);
        drop(many);
        assert!(places.locked().of.is_empty());
    }

    #[test]
    fn only_what_one_can_go_on_after_has_an_id() {
        assert_eq!(Form::Sse.write(Some(7), &1), "id: 7\ndata: 1\n\n");
        assert_eq!(Form::Sse.write(None, &1), "data: 1\n\n");
        assert_eq!(Form::Lines.write(Some(7), &1), "1\n");
    }
}
