//! The runner: claims what is due, does it, and gives back what failed for later.

use std::time::Duration;

use futures_util::future::join_all;
use platform::mail::SendError;
use rand::Rng as _;
use wire::Timestamp;

use super::{
    Kind, Task,
    sql::{self, Claimed},
};
use crate::{
    accounts,
    conversions::card::{self, Followed},
    files, rooms,
    state::{App, State},
};

/// How long a claimed task belongs to this runner. Longer than [`PATIENCE`], so that two never work on one.
const LEASE_SECONDS: i64 = 30;
/// The same for a fact: when a gateway dies half way, its rooms must not wait for so long.
const ANNOUNCE_LEASE_SECONDS: i64 = 10;
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same for a fact. The log itself gives up after five seconds.
const ANNOUNCE_PATIENCE: Duration = Duration::from_secs(7);
/// Tasks at once.
const BATCH: i64 = 16;
/// The longest sleep between two looks: another gateway's tasks, and clocks that a test moves, wake nobody.
const LOOK: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE_SECONDS: f64 = 300.0;
/// A fact that waits holds the room's later ones back: it is tried more often than mail.
const LONGEST_ANNOUNCE_PAUSE_SECONDS: f64 = 5.0;
/// Mail that could not be sent for this long is given up.
const MAIL_SECONDS: i64 = 24 * 3600;
/// How long a message whose removal began is looked at.
const REMOVAL_SECONDS: i64 = 3600;
/// How long is waited for the log to say that a conversion is wanted in a room.
const CONVERT_SECONDS: i64 = 24 * 3600;
/// The longest pause between two looks at one that somebody works on: whether that somebody is still there.
const LONGEST_LOOK_SECONDS: f64 = 2.0;
/// Nothing is put off or leased for longer: what seems to be was so by a clock that was ahead.
const HORIZON_SECONDS: i64 = 600;
/// How long a given-up task is kept as a trace.
const DEAD_SECONDS: i64 = 30 * 24 * 3600;
/// How often old rows are swept out.
const SWEEP_SECONDS: i64 = 3600;

/// Starts the runners; they end with the gateway's other tasks. Facts have one of their own: who was made to leave goes on
/// hearing the room until the log says so, and that must not wait for a mail server that hangs.
pub(crate) fn start(state: &App) {
    for (name, kind) in [("facts", Kind::Fact), ("tasks", Kind::Other)] {
        let state = state.clone();
        state.clone().tasks.spawn(name, async move { run(&state, kind).await });
    }
}

async fn run(state: &App, kind: Kind) {
    let stop = state.tasks.stop_signal();
    let mut swept = Timestamp::from_micros(0);
    while !stop.is_cancelled() {
        match round(state, kind).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::warn!(%error, "the tasks could not be read; they are looked at again"),
        }
        if kind == Kind::Other && state.clock.now() > swept.plus_seconds(SWEEP_SECONDS) {
            swept = state.clock.now();
            sweep(state, swept).await;
        }
        let pause = pause(state, kind).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = state.wakes.of(kind).notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Does what is due, and says how much that was.
async fn round(state: &App, kind: Kind) -> sqlx::Result<usize> {
    let now = state.clock.now();
    // Most looks find nothing: they must not cost a write.
    let horizon = now.plus_seconds(HORIZON_SECONDS);
    if sql::next_due(&state.db, kind, horizon).await?.is_none_or(|due| due > now) {
        return Ok(0);
    }
    let until = now.plus_seconds(match kind {
        Kind::Fact => ANNOUNCE_LEASE_SECONDS,
        Kind::Other => LEASE_SECONDS,
    });
    let claimed = sql::claim(&state.db, kind, sql::Span { now, horizon, until }, BATCH).await?;
    for result in join_all(claimed.iter().map(|task| attempt(state, task))).await {
        result?;
    }
    Ok(claimed.len())
}

async fn pause(state: &State, kind: Kind) -> Duration {
    let horizon = state.clock.now().plus_seconds(HORIZON_SECONDS);
    let due = sql::next_due(&state.db, kind, horizon).await.unwrap_or_default();
    due.map_or(LOOK, |due| {
        let micros = due.micros().saturating_sub(state.clock.now().micros());
        // Never none at all: a broken database must not make this spin.
        Duration::from_micros(u64::try_from(micros).unwrap_or(0)).clamp(Duration::from_millis(5), LOOK)
    })
}

async fn attempt(state: &App, claimed: &Claimed) -> sqlx::Result<()> {
    let task: Task = match serde_json::from_str(&claimed.payload) {
        Ok(task) => task,
        Err(error) => {
            tracing::error!(%error, task = %claimed.id, "a task cannot be read: it is of a newer version");
            return give_back(state, claimed, LONGEST_PAUSE_SECONDS, "cannot be read").await;
        }
    };
    let patience = if task.lane().is_some() { ANNOUNCE_PATIENCE } else { PATIENCE };
    let done = tokio::time::timeout(patience, perform(state, claimed, &task)).await;
    let failure = match done {
        Ok(Ok(())) => return sql::finish(&state.db, claimed).await,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Later(format!("no answer within {} s", patience.as_secs())),
    };
    let now = state.clock.now();
    let error = match failure {
        Failure::NotYet(longest) => return give_back(state, claimed, longest, "").await,
        Failure::Later(error) => error,
        Failure::Final(error) => {
            tracing::error!(task = %claimed.id, error, "a task is given up: trying again is useless");
            return sql::bury(&state.db, claimed, now, &error).await;
        }
    };
    tracing::warn!(task = %claimed.id, attempt = claimed.attempts, error, "a task failed");
    match task {
        Task::SendMail { .. } | Task::Resend { .. }
            if now > Timestamp::from_micros(claimed.created_at).plus_seconds(MAIL_SECONDS) =>
        {
            tracing::error!(task = %claimed.id, "a mail is given up after a day");
            sql::bury(&state.db, claimed, now, &error).await
        }
        Task::RemoveFiles { .. } if is_older(state, claimed, REMOVAL_SECONDS) => {
            // Nobody removed the message after all.
            sql::finish(&state.db, claimed).await
        }
        Task::SendMail { .. }
        | Task::Resend { .. }
        | Task::RemoveFiles { .. }
        | Task::RemoveRoomFiles { .. } => give_back(state, claimed, LONGEST_PAUSE_SECONDS, &error).await,
        Task::Announce { .. } | Task::Convert { .. } => {
            give_back(state, claimed, LONGEST_ANNOUNCE_PAUSE_SECONDS, &error).await
        }
    }
}

fn is_older(state: &State, claimed: &Claimed, seconds: i64) -> bool {
    state.clock.now() > Timestamp::from_micros(claimed.created_at).plus_seconds(seconds)
}

/// Why a task was not done.
enum Failure {
    /// It is being done, or has to wait for something; with the longest pause before the next look, in seconds.
    NotYet(f64),
    /// It may be done at another time.
    Later(String),
    /// It will never be done.
    Final(String),
}

async fn perform(state: &App, claimed: &Claimed, task: &Task) -> Result<(), Failure> {
    match task {
        Task::SendMail { mail } => {
            state.mail.send(claimed.id, mail.clone()).await.map_err(|error| match error {
                SendError::Later(_) => Failure::Later(error.to_string()),
                SendError::Refused(_) => Failure::Final(error.to_string()),
            })
        }
        Task::Resend { email } => {
            accounts::resend(state, email).await.map_err(|error| Failure::Later(error.to_string()))
        }
        Task::Announce { fact } => {
            let fact = fact.clone();
            let announced = match claimed.attempts {
                ..=1 => rooms::announce(state, fact).await,
                _ => {
                    let since = Timestamp::from_micros(claimed.created_at);
                    rooms::announce_again(state, fact, since).await
                }
            };
            announced.map_err(|error| Failure::Later(error.problem().to_string()))
        }
        Task::RemoveFiles { room, by, pos, author, cid } => {
            match files::remove_of_message(state, *by, (*room, *pos), (*author, *cid)).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Failure::Later("the message is still there".into())),
                Err(error) => Err(Failure::Later(error.problem().to_string())),
            }
        }
        Task::Convert { wish } => {
            match card::follow(state, wish, Timestamp::from_micros(claimed.created_at)).await {
                Ok(Followed::Done) => Ok(()),
                Ok(Followed::NotAsked) if is_older(state, claimed, CONVERT_SECONDS) => Ok(()),
                Ok(Followed::NotAsked) => Err(Failure::NotYet(LONGEST_PAUSE_SECONDS)),
                Ok(Followed::UnderWay) => Err(Failure::NotYet(LONGEST_LOOK_SECONDS)),
                Err(error) => Err(Failure::Later(error.problem().to_string())),
            }
        }
        Task::RemoveRoomFiles { room } => files::remove_of_room(state, *room)
            .await
            .map_err(|error| Failure::Later(error.problem().to_string())),
    }
}

async fn give_back(state: &State, claimed: &Claimed, longest: f64, error: &str) -> sqlx::Result<()> {
    let seconds = backoff(claimed.attempts, longest) * rand::rng().random_range(0.5..1.5);
    let due = Timestamp::from_micros(state.clock.now().micros().saturating_add((seconds * 1e6) as i64));
    sql::retry(&state.db, claimed, due, error).await
}

/// Seconds before the next attempt: half a second, doubled with each attempt.
fn backoff(attempts: i64, longest: f64) -> f64 {
    let doublings = i32::try_from(attempts.clamp(1, 16)).unwrap_or(16) - 1;
    (0.5 * 2_f64.powi(doublings)).min(longest)
}

async fn sweep(state: &State, now: Timestamp) {
    let swept = async {
        accounts::sweep(state, now).await?;
        sql::forget_dead(&state.db, now.plus_seconds(-DEAD_SECONDS)).await
    };
    if let Err(error) = swept.await {
        tracing::warn!(%error, "old rows could not be swept out; that is tried again in an hour");
    }
    if let Err(error) = files::sweep(state, now).await {
        tracing::warn!(problem = %error.problem(), "old uploads could not be swept out; that is tried again in an hour");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_longest_one() {
        assert_eq!(backoff(1, 300.0), 0.5);
        assert_eq!(backoff(4, 300.0), 4.0);
        assert_eq!(backoff(1_000_000, 300.0), 300.0);
    }
}
