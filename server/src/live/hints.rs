//! What comes over the fan-out, all of which may be lost without harm, and what is looked at every second.

use std::{collections::HashMap, time::Duration};

use platform::{
    fanout::Subscription,
    traces::{Kind, Span},
};
use tokio::time::{Instant, interval, sleep_until};
use wire::{
    RoomId,
    events::{Head, Hint, Mark},
    frames::{Passing, ToClient},
    messages::UnderWay,
    paths::SUBJECT_HINTS,
};

use super::{encoded, limits::WATERMARKS, line::Round, typing};
use crate::{
    SERVICE,
    state::{App, State},
};

const LOOK: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(60);

pub(super) async fn start(state: &App) {
    let hints = state.fanout.subscribe(SUBJECT_HINTS).await;
    state.tasks.spawn("hints", listen(state.clone(), hints));
    state.tasks.spawn("vitals", watch(state.clone()));
}

async fn listen(state: App, mut hints: Subscription) {
    // Watermarks come with every batch of the database: the newest of each room is told, and not more often than
    // anybody can see.
    let mut heads: HashMap<RoomId, Head> = HashMap::new();
    let (mut due, mut told) = (Instant::now(), Round::default());
    loop {
        tokio::select! {
            () = state.tasks.stopping() => return,
            () = sleep_until(due), if !heads.is_empty() || !told.is_empty() => {
                // Those of the time before have waited long enough for a message to go out with.
                told = Round::default();
                heads.drain().for_each(|(_, head)| state.live.tell_head(head, &mut told));
                due = Instant::now() + WATERMARKS;
            }
            hint = hints.next() => {
                let Some(hint) = hint else { return };
                if heads.is_empty() && told.is_empty() {
                    due = Instant::now() + WATERMARKS;
                }
                pass_on(&state, &hint, &mut heads);
            }
        }
    }
}

fn pass_on(state: &State, hint: &str, waiting: &mut HashMap<RoomId, Head>) {
    match serde_json::from_str(hint) {
        Ok(Hint::Job { job, tp }) => {
            let watched = tp.and_then(|tp| tp.parse().ok());
            let mut span = Span::follow(SERVICE, "hint", Kind::Consumer, watched);
            span.note_shown("mshub.job", job.id);
            span.note("mshub.state", job.state.name());
            state.cards.hear(&job);
            state.news.tell(&job);
            state.live.people.hint_job(job.owner, &encoded(&ToClient::Job { job }));
        }
        Ok(Hint::Card { room, pos, at }) => tell_card(state, room, pos, at),
        Ok(Hint::Persisted { heads }) => {
            heads.iter().for_each(|head| state.live.persists(head));
            waiting.extend(heads.into_iter().map(|head| (head.room, head)));
        }
        Ok(Hint::Voided { room, pos }) => state.live.hint(room, &encoded(&ToClient::Void { room, pos })),
        Ok(Hint::Read { user, mark: Mark { room, pos } }) => {
            state.live.people.hint(user, &encoded(&ToClient::Read { room, pos }));
        }
        Ok(Hint::Typing { room, user, name, on }) => typing::tell(state, room, user, name, on),
        Ok(Hint::Presence { gateway, who }) => state.live.crowd.heard(gateway, &who, state.clock.now()),
        Ok(Hint::SessionEnded { session }) => state.live.people.end_session(session),
        Err(error) => tracing::debug!(%error, "a hint of another version is passed over"),
    }
}

/// Tells those who follow the room here how far a card is.
fn tell_card(state: &State, room: RoomId, pos: u64, at: UnderWay) {
    if state.live.few_members(room).is_some() {
        state.live.hint(room, &encoded(&ToClient::Eph { room, what: Passing::Card { pos, at } }));
    }
}

/// Looks after what nobody tells: whether the log takes messages, how far the database is behind, what is overdue.
async fn watch(state: App) {
    let (mut look, mut quiet) = (interval(LOOK), interval(QUIET));
    loop {
        tokio::select! {
            () = state.tasks.stopping() => return,
            _ = quiet.tick() => {
                state.live.forget_quiet();
                state.rates.forget_quiet();
            }
            _ = look.tick() => {
                state.live.set_read_only(state.bus.ping().await.is_err());
                state.live.look_at_lag(state.clock.now());
                state.live.give_up_overdue();
            }
        }
    }
}
