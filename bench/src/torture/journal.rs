//! What clients and faults write down while it happens: JSON Lines, one observation a line, never buffered.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wire::{
    ClientId, JobId, RoomId, UserId,
    conversions::JobState,
    events::{RoomEvent, What},
    heads::Link,
};

use super::check::Promise;

/// One observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Microseconds on the clock of [`now`].
    pub(crate) t: u64,
    /// Whose observation it is.
    pub(crate) who: String,
    #[serde(flatten)]
    pub(crate) what: Observed,
}

/// What can be observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Observed {
    /// Who the observer is to the hub.
    Hello { user: UserId },
    /// A room is followed from its tail on: what was on the screen before is not continued.
    Subscribed { room: RoomId },
    /// A message goes out; of one that is said anew under another id, no more than that is known.
    Invoke {
        room: RoomId,
        cid: ClientId,
        hash: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
    },
    /// Something is about to be done to a message.
    Act { room: RoomId, cid: ClientId, kind: String, tgt: u64, hash: String },
    /// It is durable, at this place.
    Ok { room: RoomId, cid: ClientId, pos: u64 },
    /// It is not taken for now, and is sent again later.
    PutOff { room: RoomId, cid: ClientId },
    /// It was refused for good.
    Err { room: RoomId, cid: ClientId, code: String },
    /// An event was shown.
    Ev(Shown),
    /// An event arrived on the bare wire, before any repair.
    Heard(Shown),
    /// The past is complete up to here.
    Live { room: RoomId, pos: u64 },
    /// Events between two positions were left out, openly.
    Gap { room: RoomId, from: u64, to: u64 },
    /// An event of a gap, fetched.
    Filled(Shown),
    /// The log began anew.
    Reset { room: RoomId },
    /// The bare wire takes a room up again after a position.
    Resumed { room: RoomId, pos: u64 },
    /// How far the database is, and its count and chain hash.
    Wm { room: RoomId, pos: u64, n: u64, h: String },
    /// The hub takes events back that repeat others: they are not shown any more.
    Void { room: RoomId, pos: Vec<u64> },
    /// The client core says that what it has differs from what the hub counts.
    Differs { room: RoomId, after: u64, upto: u64 },
    /// History: asked at `asked` for everything after a position.
    Page { room: RoomId, asked: u64, after: u64, more: bool, seen: Vec<Shown> },
    /// About to leave a room.
    Leave { room: RoomId },
    /// The hub says that it is done.
    Departed { room: RoomId },
    /// About to join it again.
    Join { room: RoomId },
    /// Nothing more of the room follows.
    Left { room: RoomId },
    /// The link came or went, and why.
    Link {
        up: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// A document is about to be uploaded under a name of its own.
    Upload { name: String },
    /// The hub has taken it, as this job.
    Taken { name: String, job: JobId },
    /// A job after the last fault, looked at twice.
    Ended {
        name: String,
        job: JobId,
        state: JobState,
        seq: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// The end as a client sees it: messages without an answer, and the newest position of each room.
    Settled { outbox: usize, heads: BTreeMap<RoomId, u64> },
    /// Of each of these promises something has to be seen, or the run says nothing about it.
    Meant { promises: Vec<Promise> },
    /// A fault begins, on one client or on everybody.
    Fault { fault: String, whom: Option<String> },
    /// It is over.
    Healed { fault: String, whom: Option<String> },
    /// The log was deleted: a new generation begins.
    Deleted,
    /// Nobody sends any more, and no fault is left.
    Quiet,
}

/// An event, as far as it matters whether two of them are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) room: RoomId,
    pub(crate) pos: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prev: Option<u64>,
    pub(crate) by: UserId,
    pub(crate) cid: ClientId,
    pub(crate) kind: String,
    /// SHA-256 of the text as it was before it was removed, hexadecimal.
    pub(crate) hash: String,
    /// The position of the message that it answers, or to which something was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tgt: Option<u64>,
}

impl From<&RoomEvent> for Shown {
    fn from(event: &RoomEvent) -> Self {
        Self {
            room: event.room,
            pos: event.pos,
            prev: event.prev,
            by: event.by,
            cid: event.cid,
            kind: event.what.kind().to_owned(),
            hash: hex::encode(Link::of(event).body),
            tgt: match &event.what {
                What::Said { re, .. } => *re,
                what => what.target(),
            },
        }
    }
}

impl Shown {
    /// Whether it is the same event at the same place; who told its predecessor does not matter.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let key = |shown: &Self| (shown.room, shown.pos, shown.by, shown.cid, shown.tgt);
        key(self) == key(other) && self.kind == other.kind && self.hash == other.hash
    }
}

/// SHA-256 of a text.
pub(crate) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The shared time: microseconds since the machine started, the same in every process, whatever becomes of the wall clock.
pub(crate) fn now() -> u64 {
    let since = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// One observer's file.
pub(crate) struct Journal {
    who: String,
    file: File,
}

impl Journal {
    /// Opens or continues a journal.
    pub(crate) fn open(path: &Path, who: &str) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("the journal {} cannot be written", path.display()))?;
        Ok(Self { who: who.to_owned(), file })
    }

    /// Writes one line; a kill right after it loses nothing.
    pub(crate) fn note(&mut self, what: Observed) -> anyhow::Result<()> {
        self.note_at(now(), what)
    }

    /// The same for a moment that has passed, after which nothing was written.
    pub(crate) fn note_at(&mut self, t: u64, what: Observed) -> anyhow::Result<()> {
        let line = Line { t, who: self.who.clone(), what };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).context("the journal cannot be written")
    }
}

/// Reads a journal. A last line without its end, of an observer that was killed, does not count.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let file = File::open(path).with_context(|| format!("the journal {} cannot be read", path.display()))?;
    let mut lines = Vec::new();
    for text in BufReader::new(file).lines() {
        let text = text?;
        match serde_json::from_str(&text) {
            Ok(line) => lines.push(line),
            Err(_) if !text.ends_with('}') => {}
            Err(why) => anyhow::bail!("{}: {why}: {text}", path.display()),
        }
    }
    Ok(lines)
}

/// How long something has lasted on the shared clock.
pub(crate) fn span(from: u64, to: u64) -> Duration {
    Duration::from_micros(to.saturating_sub(from))
}
