//! Saying something: checked, appended to the log, and acknowledged only when it is durable.

use std::time::Duration;

use axum::extract::State;
use platform::{
    bus::AppendError,
    service::{ApiError, ApiJson, ApiPath, Outcome},
};
use tokio::sync::oneshot;
use uuid::Uuid;
use wire::{
    ClientId, Code, MessageId, RoomId, UserId,
    events::{RoomFact, What},
    paths::{fill, internal},
    record,
    rooms::{LONGEST, Say, Sent},
};

use super::{
    announce,
    history::{self, Part},
    mentions, messages, visible,
};
use crate::{
    accounts::Caller,
    files,
    live::{self, Begun, Waiter},
    state::{App, State as Hub},
    tasks::{self, Task},
    upstream,
};

/// How far clocks of clients and of the log may differ.
pub(super) const SKEW_SECONDS: i64 = 5 * 60;
/// A message id older than this is taken only when there is a trace of it.
const OLDEST_SECONDS: i64 = 24 * 3600;
/// Longer than the live part waits for an outcome: it says first that it is unknown.
const PATIENCE: Duration = Duration::from_secs(15);

/// What somebody wants to be told, and the task that follows it. The task is written when nothing stands against the fact
/// any more, just before it goes to the log: no crash leaves a fact without its task, and no refusal a task without its
/// fact.
pub(crate) struct Wanted {
    pub(crate) what: What,
    pub(crate) task: Option<(Uuid, Task)>,
}

impl From<What> for Wanted {
    fn from(what: What) -> Self {
        Self { what, task: None }
    }
}

/// Says something in a room that the caller is in. Sending the same `cid` again answers with the first place;
/// with another text it is refused, for as long as the hub remembers the first one.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/messages", tag = "rooms", params(("room" = String, Path)), request_body = Say, security(("bearer" = [])),
    responses((status = 200, body = Sent), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem), (status = 503, body = wire::Problem)))]
pub(crate) async fn say(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(say): ApiJson<Say>,
) -> Outcome<ApiJson<Sent>> {
    let room = visible(&state, &caller, &room).await?;
    let cid = say.cid;
    let made = async {
        match room.joined {
            true => said(&state, caller.user, room.id, say).await,
            false => Err(ApiError::not_found("room")),
        }
    };
    append(&state, &caller, room.id, cid, made).await.map(ApiJson)
}

/// Puts what somebody says or does in line, and waits until it is durable.
pub(crate) async fn append(
    state: &App,
    caller: &Caller,
    room: RoomId,
    cid: ClientId,
    made: impl Future<Output = Outcome<Wanted>>,
) -> Outcome<Sent> {
    let (tell, told) = oneshot::channel();
    match begin(state, caller, room, cid, made, Waiter::Call(tell)).await? {
        Begun::Known(sent) => Ok(sent),
        Begun::Waiting => {
            let outcome = tokio::time::timeout(PATIENCE, told).await.ok().and_then(Result::ok);
            let given_up = || Err(AppendError::Unknown("nobody said what became of it".into()));
            outcome.unwrap_or_else(given_up).map_err(refused)
        }
    }
}

/// A message that may be said: neither empty nor too long, in answer to one that is there, with files that are there.
pub(crate) async fn said(state: &Hub, user: UserId, room: RoomId, say: Say) -> Outcome<Wanted> {
    let Say { cid, body, re, att } = say;
    if att.is_empty() || !body.is_empty() {
        check_length(&body)?;
    }
    if let Some(re) = re {
        messages::at(state, user, room, re).await?;
    }
    let mentions = mentions::of(state, room, &body).await?;
    // Last: what is refused by now claims nothing. What is refused after this, such as for its id, keeps its files: only a
    // message with the same id can have them.
    let att = files::claim(state, user, room, cid, &att).await?;
    Ok(What::Said { body, re, mentions, att, removed: None }.into())
}

/// Refuses a text that is empty or too long.
pub(super) fn check_length(body: &str) -> Outcome<()> {
    if body.is_empty() || body.len() > LONGEST {
        let detail = format!("a message is 1 to {LONGEST} bytes, this one is {}", body.len());
        let code = if body.is_empty() { Code::InvalidField } else { Code::TooLarge };
        return Err(ApiError::new(code, detail.clone()).field("/body", detail));
    }
    Ok(())
}

/// Puts what somebody says or does in line. Whoever calls this for one after the other gets their order in the log. `made`
/// is the work of it, and begins when the sender is not too fast.
///
/// What is refused now, because its author left or its message is gone, may have been taken before: then its place is
/// the answer. A refusal would deny what is in the log.
pub(crate) async fn begin(
    state: &App,
    caller: &Caller,
    room: RoomId,
    cid: ClientId,
    made: impl Future<Output = Outcome<Wanted>>,
    waiter: Waiter,
) -> Outcome<Begun> {
    state.rates.say(caller.user)?;
    let made = made.await;
    if made.is_ok() {
        state.rates.enter(room)?;
    }
    // What is refused has no content, and comes nowhere.
    let (what, task) = match made {
        Ok(Wanted { what, task }) => (what, Ok(task)),
        Err(refusal) => (What::Unknown, Err(refusal)),
    };
    let fact = RoomFact { id: MessageId::new(), room, by: caller.user, name: caller.name.clone(), cid, what };
    let before = async {
        if task.is_err() {
            // Another gateway may have put it into the log, and its answer been lost: what is refused is refused for good.
            announce::has_followed(state, room).await?;
            if let Some(sent) = state.live.seen((room, caller.user, cid)) {
                return Ok(Some(sent));
            }
        }
        if let Some(found) = trace(state, caller, room, cid).await? {
            return Ok(Some(found));
        }
        if let Some((id, task)) = task? {
            tasks::enqueue_once(state, id, &task).await?;
        }
        Ok(None)
    };
    let begun = live::begin(state, &fact, record::write(&fact), waiter, before).await?;
    if let Begun::Known(sent) = &begun {
        is_the_same(state, sent, &fact.what)?;
    }
    Ok(begun)
}

/// Refuses another text under an id that was said already, as far as this gateway's memory reaches: its author would
/// believe that it is in the room. Files are not looked at: those that are uploaded again have other ids.
fn is_the_same(state: &Hub, sent: &Sent, what: &What) -> Outcome<()> {
    let What::Said { body, re, .. } = what else { return Ok(()) };
    let part = Part { before: Some(sent.pos + 1), ..Part::default() };
    let (kept, _) = live::in_memory(state, sent.room, part, 1)?.unwrap_or_default();
    match kept.first().filter(|event| event.pos == sent.pos).map(|event| &event.what) {
        Some(What::Said { body: first, re: to, removed: None, .. }) if (first, to) != (body, re) => {
            Err(ApiError::new(Code::Conflict, "another message was sent under this id")
                .hint("give each message an id of its own; one that was sent is changed by editing it"))
        }
        _ => Ok(()),
    }
}

/// What a sender is told of an append that was not acknowledged.
pub(crate) fn refused(error: AppendError) -> ApiError {
    match error {
        AppendError::Unavailable(why) => {
            tracing::warn!(why, "a message was refused: the log takes nothing");
            ApiError::new(Code::LogUnavailable, "the message was not taken; send it again").retry_after(1)
        }
        AppendError::Unknown(why) => {
            tracing::error!(why, "the outcome of an append is unknown");
            ApiError::new(
                Code::OutcomeUnknown,
                "it is not known whether the message was taken; send it again",
            )
        }
    }
}

/// Where a message was stored before this gateway's memory begins. An id of which that cannot be said for sure is
/// refused: its message might be stored twice.
async fn trace(state: &Hub, caller: &Caller, room: RoomId, cid: ClientId) -> Outcome<Option<Sent>> {
    let now = state.clock.now().seconds();
    let made = cid.0.get_timestamp().map(|at| at.to_unix().0.cast_signed());
    if made.is_some_and(|made| made > now + SKEW_SECONDS) {
        return Err(ApiError::new(Code::StaleId, "the message's id is from the future")
            .hint("set this machine's clock, and send the message with a new id"));
    }
    let remembered = state.live.reach(room).map(|reach| reach.seconds() + SKEW_SECONDS);
    let is_whole_log = remembered == Some(SKEW_SECONDS);
    if is_whole_log || made.zip(remembered).is_some_and(|(made, remembered)| made >= remembered) {
        return Ok(None);
    }
    // How far the database is, first: what it gains in between is no reason to ask again.
    let needed = state.live.known_after(room);
    let newest = Part { limit: Some(1), ..Part::default() };
    let persisted = history::stored(state, room, caller.user, newest).await?.persisted;
    let sent = stored(state, caller.user, room, cid).await?;
    if sent.is_none() && persisted < needed {
        let detail =
            "the history is behind the log: whether this was sent before cannot be said yet; send it again";
        return Err(ApiError::new(Code::Unavailable, detail).retry_after(1));
    }
    if sent.is_none() && made.is_some_and(|made| made < now - OLDEST_SECONDS) {
        return Err(ApiError::new(
            Code::StaleId,
            "the message's id is older than a day, and there is no trace of it",
        )
        .hint("it was not sent before: send it with a new id"));
    }
    Ok(sent)
}

/// Where the database has a message of somebody.
pub(super) async fn stored(state: &Hub, by: UserId, room: RoomId, cid: ClientId) -> Outcome<Option<Sent>> {
    let path = fill(internal::SENT, room);
    let request = state.upstream.chat(reqwest::Method::GET, &path, by).query(&[("cid", cid)]);
    upstream::call(request).await
}
