//! Work that follows a change: a row in the same transaction, run until it is done.
//!
//! A gateway that dies leaves its rows behind; it or another takes them up when their lease ends. Facts of one room
//! keep the order of their rows, because they share a lane: a later row waits until the earlier one is gone.

mod run;
mod sql;

use platform::{db::Transaction, mail::Mail};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;
use wire::{ClientId, RoomId, Timestamp, UserId, events::RoomFact};

pub(crate) use run::start;

use crate::{conversions::card::Wish, state::State};

/// What can follow a change. Kept as JSON, so append-only like everything on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub(crate) enum Task {
    /// Send a mail. It is tried for a day.
    SendMail {
        /// The mail. The row is the only place that has its link and code in plain text, and only until it is sent.
        mail: Mail,
    },
    /// Write another verification mail to an address, if anything there waits for verification.
    Resend {
        /// The address.
        email: String,
    },
    /// Append a fact to the log. It is tried for ever: the change has already happened.
    Announce {
        /// The fact.
        fact: RoomFact,
    },
    /// Remove the files of a message as soon as it is removed itself. That somebody began to remove it does not say
    /// that they did: it is looked at for an hour.
    RemoveFiles {
        /// Where the message is.
        room: RoomId,
        /// Who removes it.
        by: UserId,
        /// Its place.
        pos: u64,
        /// Who said it.
        author: UserId,
        /// As they named it.
        cid: ClientId,
    },
    /// Follow a conversion that was asked for in a room until the log says what came of it. That somebody began to ask
    /// does not say that they did: it is looked at for a day.
    Convert {
        /// What is wanted.
        wish: Wish,
    },
    /// Remove every file of a room that is no more.
    RemoveRoomFiles {
        /// The room.
        room: RoomId,
    },
}

impl Task {
    /// Tasks of one lane run one after the other, in the order of their rows.
    fn lane(&self) -> Option<Uuid> {
        match self {
            Self::SendMail { .. }
            | Self::Resend { .. }
            | Self::RemoveFiles { .. }
            | Self::Convert { .. }
            | Self::RemoveRoomFiles { .. } => None,
            Self::Announce { fact } => Some(fact.room.0),
        }
    }
}

/// Writes a task in the transaction of the change that causes it. Call [`wake`] after the commit.
pub(crate) async fn enqueue(tx: &mut Transaction, task: &Task, now: Timestamp) -> sqlx::Result<Uuid> {
    let id = Uuid::now_v7();
    let payload = serde_json::to_string(task).expect("a task is plain data");
    sql::insert(tx, id, task.lane(), &payload, now).await?;
    Ok(id)
}

/// Writes a task by itself. It is there at most once; one that is there already is due again. Call [`wake`] when what it
/// waits for has happened.
pub(crate) async fn enqueue_once(state: &State, id: Uuid, task: &Task) -> sqlx::Result<()> {
    let payload = serde_json::to_string(task).expect("a task is plain data");
    let mut tx = state.db.begin().await?;
    sql::insert(&mut tx, id, task.lane(), &payload, state.clock.now()).await?;
    tx.commit().await
}

/// What a runner looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Tasks of lanes: facts on their way into the log.
    Fact,
    /// All others.
    Other,
}

/// Tells the runners that there may be something to do.
#[derive(Default)]
pub(crate) struct Wakes {
    facts: Notify,
    others: Notify,
}

impl Wakes {
    fn of(&self, kind: Kind) -> &Notify {
        match kind {
            Kind::Fact => &self.facts,
            Kind::Other => &self.others,
        }
    }
}

/// Tells the runners that there may be something to do, so that they do not wait for their next look.
pub(crate) fn wake(state: &State) {
    state.wakes.facts.notify_one();
    state.wakes.others.notify_one();
}
