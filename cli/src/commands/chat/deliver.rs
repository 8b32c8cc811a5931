//! Waiting until messages of the outbox are settled: kept by the hub, refused by it, or neither in time.

use std::{collections::HashSet, time::Duration};

use client::{Hub, Live, LiveEvent, Outbox};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use wire::{ClientId, Code, MessageId, Problem, RoomId, Timestamp};

use crate::{
    error::{CliError, Kind},
    global::Global,
    output::Output,
    progress::{Bar, Progress},
};

/// How long nothing may move, when nothing else was said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Until when the hub may take.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// Somebody said so; otherwise what moves has time.
    is_firm: bool,
}

impl Deadline {
    /// From now on, as long as `--timeout` says.
    pub(super) fn of(global: &Global) -> Self {
        let limit = global.timeout();
        Self { at: Instant::now() + limit.unwrap_or(PATIENCE), is_firm: limit.is_some() }
    }
}

/// A message that the hub keeps, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    pub(super) id: MessageId,
    pub(super) cid: ClientId,
    pub(super) room: RoomId,
    pub(super) pos: u64,
    pub(super) ts: Timestamp,
}

impl Said {
    /// None in particular: what fields it has.
    pub(super) fn shape() -> Self {
        let (id, cid, room) = (MessageId::new(), ClientId::new(), RoomId::new());
        Self { id, cid, room, pos: 0, ts: Timestamp::from_micros(0) }
    }
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
    /// When a message was settled, or a part of a file left, for the last time.
    moved: Instant,
    uploads: Uploads,
    out: Output,
    /// Whether it was told that the hub is asked too often.
    is_slow: bool,
}

/// The bar of the file that is on its way.
struct Uploads {
    progress: Progress,
    now: Option<(String, Bar)>,
}

impl Delivery {
    /// Begins to send what waits.
    pub(super) fn begin(global: &Global, hub: &Hub, outbox: Outbox) -> Self {
        let live = hub.live_with(outbox.clone());
        let uploads = Uploads { progress: Progress::new(&global.out), now: None };
        let (wanted, moved) = (HashSet::new(), Instant::now());
        let (out, is_slow) = (global.out.clone(), false);
        Self { live, outbox, wanted, was_there: false, away: None, moved, uploads, out, is_slow }
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
    pub(super) async fn next_until(&mut self, deadline: Deadline) -> Result<Option<Outcome>, CliError> {
        loop {
            let moving = self.moved + PATIENCE;
            let at = if deadline.is_firm { deadline.at } else { deadline.at.max(moving) };
            match timeout_at(at, self.hear()).await {
                Ok(Ok(None)) => {}
                Ok(outcome) => return outcome,
                Err(_) => return Ok(None),
            }
        }
    }

    /// The next outcome of a message that is expected.
    pub(super) async fn next(&mut self) -> Result<Outcome, CliError> {
        loop {
            if let Some(outcome) = self.hear().await? {
                return Ok(outcome);
            }
        }
    }

    /// What is heard next: an outcome, or something else.
    async fn hear(&mut self) -> Result<Option<Outcome>, CliError> {
        let Some(event) = self.live.next().await else {
            return Err(CliError::new(Kind::Unreachable, "the live connection ended"));
        };
        let outcome = match event {
            LiveEvent::Connected => {
                (self.was_there, self.away) = (true, None);
                return Ok(None);
            }
            LiveEvent::Reconnecting { why, .. } => {
                self.away = Some(why);
                return Ok(None);
            }
            LiveEvent::Uploading { name, sent, total, .. } => {
                self.moved = Instant::now();
                self.uploads.show(name, sent, total);
                return Ok(None);
            }
            LiveEvent::PutOff { problem, .. } => {
                self.put_off(problem)?;
                return Ok(None);
            }
            LiveEvent::Renewed { cid, fresh, .. } if self.wanted.remove(&cid) => {
                self.wanted.insert(fresh);
                return Ok(None);
            }
            LiveEvent::Sent { cid, room, pos, id, ts } if self.wanted.remove(&cid) => {
                Outcome::Said(Said { id, cid, room, pos, ts })
            }
            LiveEvent::Refused { cid, problem, .. } if self.wanted.remove(&cid) => {
                Outcome::Refused(cid, Box::new(problem))
            }
            LiveEvent::Dropped { cid, .. } if self.wanted.remove(&cid) => Outcome::Dropped,
            LiveEvent::SignedOut { why } => {
                return Err(CliError::new(Kind::Auth, why).hint("sign in with `mshub auth login`"));
            }
            // Of somebody else's message: what stands behind it is next.
            LiveEvent::Sent { .. } | LiveEvent::Dropped { .. } => {
                self.moved = Instant::now();
                return Ok(None);
            }
            _ => return Ok(None),
        };
        (self.moved, self.away) = (Instant::now(), None);
        self.uploads.end();
        Ok(Some(outcome))
    }

    /// The hub takes a message later. One that wants to be asked less often is well: what waits for that goes on.
    fn put_off(&mut self, problem: Problem) -> Result<(), CliError> {
        if problem.known() == Some(Code::RateLimited) {
            self.moved = Instant::now();
            if !std::mem::replace(&mut self.is_slow, true) {
                self.out.note(format!("{}; the rest goes on as the hub takes it", problem.detail))?;
            }
        }
        self.away = Some(problem.detail);
        Ok(())
    }

    /// Takes a message out that is not to be sent later.
    pub(super) async fn withdraw(&self, cid: ClientId) -> Result<(), CliError> {
        self.outbox.withdraw(cid).await?;
        Ok(())
    }
}

impl Uploads {
    fn show(&mut self, name: String, sent: u64, total: u64) {
        if self.now.as_ref().is_none_or(|(shown, _)| *shown != name) {
            self.end();
            let bar = self.progress.bar(&name);
            self.now = Some((name, bar));
        }
        if let Some((_, bar)) = &self.now {
            bar.sent(sent, Some(total));
        }
    }

    fn end(&mut self) {
        if let Some((_, bar)) = self.now.take() {
            bar.end();
        }
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        self.end();
    }
}
