//! Following the log and the hints.

use std::{collections::BTreeMap, time::Duration};

use platform::bus::{ReadError, Record, Tail};
use wire::{
    events::{ChatRecord, Hint, RoomEvent},
    frames::ToClient,
    paths::{SUBJECT_HINTS, TOPIC_CHAT},
};

use super::attempts::WINDOW_SECONDS;
use crate::state::{App, State};

/// Records read at the start at most: with more than this in the window, the database's unique key does the rest.
const WARM_UP: u64 = 50_000;
/// Between two tries to read a log that failed.
const AGAIN: Duration = Duration::from_millis(250);
const QUIET: Duration = Duration::from_secs(60);

/// Begins early enough to know every attempt of the window, and answers when this gateway has reached the log's end
/// as it was.
pub(super) async fn start(state: &App) -> anyhow::Result<()> {
    let head = newest(&state.bus.heads(TOPIC_CHAT).await?);
    let window = state.clock.now().plus_seconds(-WINDOW_SECONDS);
    let begin =
        newest(&state.bus.positions_before(TOPIC_CHAT, window).await?).max(head.saturating_sub(WARM_UP));
    state.live.begin_after(begin);

    let tail = state.bus.tail(TOPIC_CHAT, BTreeMap::from([(0, begin)])).await?;
    state.tasks.spawn("tail", follow(state.clone(), tail));
    let mut tailed = state.live.follow();
    tailed.wait_for(|tailed| *tailed >= head).await?;
    Ok(())
}

fn newest(positions: &BTreeMap<i32, u64>) -> u64 {
    positions.values().copied().max().unwrap_or(0)
}

async fn follow(state: App, mut tail: Tail) {
    loop {
        let records = tokio::select! {
            () = state.tasks.stopping() => return,
            records = tail.next() => records,
        };
        match records {
            Ok(records) => {
                for record in records {
                    take(&state, &record);
                }
            }
            Err(error @ ReadError::Hole { .. }) => {
                // Going on would hide a loss. Readiness fails from here on, because the tail stands still.
                tracing::error!(%error, "this gateway stops following the log");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the log cannot be read; trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn take(state: &State, record: &Record) {
    if let Some(event) = event(record, None) {
        state.live.take(event);
    }
    state.live.reached(record.pos);
}

/// The event of a record; a record that cannot be read is the chat-worker's to keep aside.
pub(super) fn event(record: &Record, prev: Option<u64>) -> Option<RoomEvent> {
    let ChatRecord::RoomV1(fact) = serde_json::from_str(&record.payload).ok()?;
    Some(RoomEvent::placed(fact, record.pos, prev, record.at))
}

/// Hints may be lost without harm, so nothing here is tried twice.
pub(super) async fn start_hints(state: &App) {
    let mut hints = state.fanout.subscribe(SUBJECT_HINTS).await;
    let hub = state.clone();
    state.tasks.spawn("hints", async move {
        let mut quiet = tokio::time::interval(QUIET);
        loop {
            tokio::select! {
                () = hub.tasks.stopping() => return,
                _ = quiet.tick() => hub.live.forget_quiet(),
                hint = hints.next() => match hint {
                    Some(hint) => pass_on(&hub, &hint),
                    None => return,
                },
            }
        }
    });
}

fn pass_on(state: &State, hint: &str) {
    match serde_json::from_str(hint) {
        Ok(Hint::Job { job }) => state.live.tell_job(job.owner, &ToClient::Job { job }),
        Ok(Hint::Persisted { heads }) => heads.into_iter().for_each(|head| state.live.tell_head(head)),
        Ok(Hint::SessionEnded { session }) => state.live.end_session(session),
        Err(error) => tracing::debug!(%error, "a hint of another version is passed over"),
    }
}
