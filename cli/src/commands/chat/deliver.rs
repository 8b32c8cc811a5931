//! Waiting until messages of the outbox are settled: kept by the hub, refused by it, or neither in time.

use std::{collections::HashSet, time::Duration};

use client::{Hub, Live, LiveEvent, Outbox};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use wire::{ClientId, MessageId, Problem, RoomId, Timestamp};

use crate::error::{CliError, Kind};

/// How long the hub may take to keep a message when nothing else was said.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A message that the hub keeps, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    pub(super) id: MessageId,
    pub(super) cid: ClientId,
    pub(super) room: RoomId,
    pub(super) pos: u64,
    pub(super) ts: Timestamp,
}

/// What became of a message.
pub(super) enum Outcome {
    /// The hub keeps it.
    Said(Said),
    /// The hub refused it; the outbox still has it.
    Refused(ClientId, Box<Problem>),
    /// Somebody took it out of the outbox.
    Dropped,
}

/// The messages of an outbox on their way to the hub.
pub(super) struct Delivery {
    live: Live,
    outbox: Outbox,
    wanted: HashSet<ClientId>,
    /// Whether the hub was there at any time: then what has no answer may have arrived all the same.
    pub(super) was_there: bool,
    /// Why the hub is not there now.
    away: Option<String>,
}

impl Delivery {
    /// Begins to send what waits.
    pub(super) fn begin(hub: &Hub, outbox: Outbox) -> Self {
        let live = hub.live_with(outbox.clone());
        Self { live, outbox, wanted: HashSet::new(), was_there: false, away: None }
    }

    /// Wants to hear what becomes of a message.
    pub(super) fn expect(&mut self, cid: ClientId) {
        self.wanted.insert(cid);
    }

    /// How many are not settled.
    pub(super) fn open(&self) -> usize {
        self.wanted.len()
    }

    /// What is not settled.
    pub(super) fn unsettled(self) -> (HashSet<ClientId>, Option<String>) {
        (self.wanted, self.away)
    }

    /// The next outcome; `None` when there was none in time.
    pub(super) async fn next_until(&mut self, deadline: Instant) -> Result<Option<Outcome>, CliError> {
        timeout_at(deadline, self.next()).await.map_or(Ok(None), |outcome| outcome.map(Some))
    }

    /// The next outcome of a message that is expected.
    pub(super) async fn next(&mut self) -> Result<Outcome, CliError> {
        loop {
            let Some(event) = self.live.next().await else {
                return Err(CliError::new(Kind::Unreachable, "the live connection ended"));
            };
            match event {
                LiveEvent::Connected => (self.was_there, self.away) = (true, None),
                LiveEvent::Reconnecting { why, .. } => self.away = Some(why),
                LiveEvent::Renewed { cid, fresh, .. } if self.wanted.remove(&cid) => {
                    self.wanted.insert(fresh);
                }
                LiveEvent::Sent { cid, room, pos, id, ts } if self.wanted.remove(&cid) => {
                    return Ok(Outcome::Said(Said { id, cid, room, pos, ts }));
                }
                LiveEvent::Refused { cid, problem, .. } if self.wanted.remove(&cid) => {
                    return Ok(Outcome::Refused(cid, Box::new(problem)));
                }
                LiveEvent::Dropped { cid, .. } if self.wanted.remove(&cid) => {
                    return Ok(Outcome::Dropped);
                }
                LiveEvent::SignedOut { why } => {
                    return Err(CliError::new(Kind::Auth, why).hint("sign in with `mshub auth login`"));
                }
                _ => {}
            }
        }
    }

    /// Takes a message out that is not to be sent later.
    pub(super) async fn withdraw(&self, cid: ClientId) -> Result<(), CliError> {
        self.outbox.withdraw(cid).await?;
        Ok(())
    }
}
