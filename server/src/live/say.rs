//! One message on its way into the log.

use platform::{
    bus::AppendError,
    mutants::{self, Mutant},
    service::Outcome,
};
use wire::{
    events::{RoomEvent, RoomFact},
    paths::TOPIC_CHAT,
    rooms::Sent,
};

use super::{
    appends::failed,
    attempts::{Claimed, Key, Waiter},
};
use crate::state::App;

/// What became of a message when it was put in line.
pub(crate) enum Begun {
    /// It was stored before.
    Known(Sent),
    /// It is on its way, by this attempt or by an earlier one with the same `cid`: the waiter hears of its outcome.
    Waiting,
}

/// A claim that is given up when whoever made it goes away before the message is in line.
struct Own<'a> {
    state: &'a App,
    key: Key,
    fact: &'a RoomFact,
    left: bool,
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        if !self.left {
            let given_up = AppendError::Unavailable("the attempt was given up".into());
            self.state.live.fail(self.key, self.fact.id, &given_up);
        }
    }
}

/// Puts a fact in line for the log, once for its `(room, author, cid)`. `before` looks where this gateway's memory does
/// not reach: whether it was stored long ago, or must not be stored any more. Another attempt at the same message, such as
/// of a connection that its client has given up, is waited for until it is in line as well.
pub(crate) async fn begin(
    state: &App,
    fact: &RoomFact,
    record: String,
    mut waiter: Waiter,
    before: impl Future<Output = Outcome<Option<Sent>>>,
) -> Outcome<Begun> {
    let key = (fact.room, fact.by, fact.cid);
    let waiter = loop {
        match state.live.claim(key, fact.id, waiter) {
            Claimed::Known(sent) => return Ok(Begun::Known(Sent { dup: true, ..sent })),
            Claimed::Waiting => return Ok(Begun::Waiting),
            Claimed::Making(mine, attempt) => {
                waiter = mine;
                attempt.over().await;
            }
            Claimed::Own(waiter) => break waiter,
        }
    };
    let mut own = Own { state, key, fact, left: false };
    if let Some(sent) = before.await? {
        state.live.recall(key, fact.id, &sent);
        own.left = true;
        return Ok(Begun::Known(sent));
    }
    // Before it is in line: the log may show it at once.
    if let Some(sent) = state.live.wait(key, waiter) {
        own.left = true;
        return Ok(Begun::Known(Sent { dup: true, ..sent }));
    }
    if mutants::is(Mutant::M1)
        && let Some(partition) = state.live.partition_of(fact.room)
    {
        let (now, at) = (partition.tailed(), state.clock.now());
        state.live.take(partition, vec![RoomEvent::placed(fact.clone(), now + 1, None, at)], now);
    }
    let enqueued = state.bus.enqueue(TOPIC_CHAT, &fact.room.to_string(), record).await;
    own.left = true;
    match enqueued {
        Ok(pending) => {
            state.live.in_line(key, fact.id);
            state.appends.leave(key, fact.id, pending).await;
        }
        Err(error) => failed(state, key, fact.id, &error),
    }
    Ok(Begun::Waiting)
}
