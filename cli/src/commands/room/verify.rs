//! `mshub room verify`.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use client::{EventsQuery, Hub, RawEvent};
use serde::{Deserialize, Serialize};
use wire::{RoomId, events::Head, heads::Standing};

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// The largest page that is asked for; the hub may answer with smaller ones.
const PAGE: u32 = 500;
/// Heads that are remembered of a room.
const REMEMBERED: usize = 256;

/// Check that a room's history is whole, and what it was before
#[derive(Debug, Args)]
#[command(
    after_help = "Fetches the whole history and computes the chain hash over it anew, with the formula of
mshub-protocol(7). It must be the hash that the hub's database has; each event must name the one
before it; and every hash that this machine verified before must be met on the way, so that a
history that was changed since is found out. Exit code 14 when something differs.

Examples:
  mshub room verify general
  mshub room verify general --json=messages,hash"
)]
pub struct VerifyArgs {
    /// The room
    room: String,
}

/// What was verified.
#[derive(Serialize)]
struct Verified {
    room: RoomId,
    /// Events up to `pos`.
    messages: u64,
    pos: u64,
    hash: String,
    /// Events that are in the log, and not yet in the database.
    newer: u64,
    /// Hashes of earlier runs that were met.
    remembered: usize,
}

/// Fetches and compares.
pub(super) async fn run(args: VerifyArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let room = hub.room(&args.room).await?.id;
    let path = global.verified_dir()?.join(format!("{room}.json"));
    let mut memory = Memory::read(&path)?;
    let head = hub.head(&room.to_string()).await?;
    let mut check = Check::begin(&head)?;
    let ep = check.all(&hub, room, &mut memory, global).await?;
    check.end()?;
    let Check { standing, newer, met, .. } = check;
    let Head { pos, n, h, .. } = standing.head(room);
    memory.remember(ep, &standing.head(room));
    memory.write(&path).map_err(CliError::io(format!("cannot write {}", path.display())))?;
    let verified = Verified { room, messages: n, pos, hash: h.clone(), newer, remembered: met };
    global.out.result(&verified, &h, || {
        let newer = if newer > 0 { format!(", and {newer} newer on their way there") } else { String::new() };
        let events = if n == 1 { "1 event".to_owned() } else { format!("{n} events") };
        format!("verified {events}, hash {h}, up to {pos} in the database{newer}")
    })
}

/// A history while it is checked.
#[derive(Debug, Default)]
struct Check {
    /// What the hub says.
    head: Standing,
    /// What the events say so far, up to the head.
    standing: Standing,
    /// The newest position that was seen.
    last: u64,
    newer: u64,
    /// Remembered heads that were met.
    met: usize,
}

impl Check {
    fn begin(head: &Head) -> Result<Self, CliError> {
        let head =
            Standing::of(head).ok_or_else(|| differs(format!("the hub's hash is none: {}", head.h)))?;
        Ok(Self { head, ..Self::default() })
    }

    /// Goes through the whole room; the generation of the log.
    async fn all(
        &mut self,
        hub: &Hub,
        room: RoomId,
        memory: &mut Memory,
        global: &Global,
    ) -> Result<String, CliError> {
        loop {
            let query = EventsQuery { after: Some(self.last), before: None, limit: Some(PAGE) };
            let page = hub.raw_events(&room.to_string(), query).await?;
            if memory.forget_unless(&page.ep) {
                global
                    .out
                    .warn("the hub's log began anew since the last time; what was remembered is void")?;
            }
            for event in &page.events {
                self.take(event, memory)?;
            }
            if !page.more || page.events.is_empty() {
                return Ok(page.ep);
            }
        }
    }

    fn take(&mut self, event: &RawEvent, memory: &Memory) -> Result<(), CliError> {
        if event.pos <= self.last {
            return Err(differs(format!("{} comes after {}", event.pos, self.last)));
        }
        if event.prev.is_some_and(|prev| prev != self.last) {
            let prev = event.prev.unwrap_or_default();
            let what = format!("{} says that {prev} is before it, the history has {}", event.pos, self.last);
            return Err(differs(what));
        }
        self.last = event.pos;
        if event.pos > self.head.pos {
            self.newer += 1;
            return Ok(());
        }
        let before = self.standing.pos;
        self.standing = self.standing.after_link(&event.link());
        match memory.at(event.pos) {
            Some(known) if *known != self.standing.head(known.room) => Err(differs(format!(
                "at {} this machine once verified {} events with hash {}; now they are {} with hash {}",
                known.pos,
                known.n,
                known.h,
                self.standing.n,
                self.standing.head(known.room).h
            ))
            .hint(format!(
                "the first change is at {} or before, behind what was verified before it",
                known.pos
            ))),
            Some(_) => {
                self.met += 1;
                Ok(())
            }
            None => memory.skipped(before, event.pos).map_or(Ok(()), |lost| {
                Err(differs(format!("{lost} was verified by this machine once, and is not there any more")))
            }),
        }
    }

    /// Compares what the events say with what the hub says.
    fn end(&self) -> Result<(), CliError> {
        let (ours, theirs) = (&self.standing, &self.head);
        if ours.n != theirs.n {
            let what =
                format!("up to {} there are {} events; the hub counts {}", theirs.pos, ours.n, theirs.n);
            return Err(differs(what));
        }
        if ours != theirs {
            let [ours, theirs] = [ours, theirs].map(|standing| standing.head(RoomId::default()).h);
            let what = format!("the hash over all events is {ours}, the hub has {theirs}");
            return Err(
                differs(what).hint("the order and number of events are right; one of them is another")
            );
        }
        Ok(())
    }
}

fn differs(what: impl Into<String>) -> CliError {
    CliError::new(Kind::Integrity, format!("the history is not what it should be: {}", what.into()))
}

/// The heads of a room that this machine has verified.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    ep: String,
    heads: Vec<Head>,
}

impl Memory {
    fn read(path: &Path) -> Result<Self, CliError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(why) => return Err(CliError::io(format!("cannot read {}", path.display()))(why)),
        };
        serde_json::from_slice(&text).map_err(|why| {
            CliError::new(Kind::LocalIo, format!("{} cannot be read: {why}", path.display()))
                .hint("remove it; what was verified before is then forgotten")
        })
    }

    fn write(&self, path: &PathBuf) -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut beside = tempfile::NamedTempFile::new_in(dir)?;
        beside.write_all(&serde_json::to_vec(self)?)?;
        beside.persist(path).map_err(|why| why.error)?;
        Ok(())
    }

    /// Whether heads of another log were forgotten.
    fn forget_unless(&mut self, ep: &str) -> bool {
        let other = !self.heads.is_empty() && self.ep != ep;
        if other {
            self.heads.clear();
        }
        other
    }

    fn at(&self, pos: u64) -> Option<&Head> {
        self.heads.iter().find(|head| head.pos == pos)
    }

    /// A position that was verified, and should lie between these two.
    fn skipped(&self, after: u64, before: u64) -> Option<u64> {
        self.heads.iter().map(|head| head.pos).find(|pos| (after + 1..before).contains(pos))
    }

    fn remember(&mut self, ep: String, head: &Head) {
        self.ep = ep;
        if head.n == 0 || self.at(head.pos).is_some() {
            return;
        }
        self.heads.push(head.clone());
        if self.heads.len() > REMEMBERED {
            // Every second one of the older half, so that the whole past stays covered.
            let half = self.heads.len() / 2;
            let mut index = 0;
            self.heads.retain(|_| {
                index += 1;
                index > half || index % 2 == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::{ClientId, UserId};

    use super::*;

    fn history(bodies: &[&str]) -> Vec<RawEvent> {
        let (by, cid) = (UserId(uuid::Uuid::nil()), ClientId(uuid::Uuid::nil()));
        let events = bodies.iter().zip(1_u64..).map(|(body, pos)| {
            let event = json!({
                "pos": pos * 10, "prev": (pos - 1) * 10, "by": by, "cid": cid, "kind": "of tomorrow", "body": body,
            });
            serde_json::from_value(event).unwrap()
        });
        events.collect()
    }

    fn standing(events: &[RawEvent]) -> Standing {
        events.iter().fold(Standing::default(), |standing, event| standing.after_link(&event.link()))
    }

    fn check(events: &[RawEvent], head: Standing, memory: &Memory) -> Result<Check, String> {
        let mut check = Check { head, ..Check::default() };
        let all = events.iter().try_for_each(|event| check.take(event, memory)).and_then(|()| check.end());
        all.map(|()| check).map_err(|error| {
            assert_eq!(error.kind, Kind::Integrity);
            error.message
        })
    }

    #[test]
    fn a_whole_history_has_the_hash_of_its_head_whatever_kinds_it_is_of() {
        let events = history(&["a", "b", "c"]);

        let check = check(&events, standing(&events[..2]), &Memory::default()).unwrap();

        assert_eq!((check.standing.n, check.newer), (2, 1));
    }

    #[test]
    fn a_hole_a_change_and_an_event_too_many_are_found() {
        let events = history(&["a", "b", "c"]);
        let (head, memory) = (standing(&events), Memory::default());

        let hole = check(&[events[0].clone(), events[2].clone()], head, &memory).unwrap_err();
        let changed = check(&history(&["a", "B", "c"]), head, &memory).unwrap_err();
        let short = check(&events[..2], head, &memory).unwrap_err();

        assert!(hole.contains("30 says that 20 is before it, the history has 10"), "{hole}");
        assert!(changed.contains("the hash over all events"), "{changed}");
        assert!(short.contains("there are 2 events; the hub counts 3"), "{short}");
    }

    #[test]
    fn a_history_that_was_rewritten_since_is_found_out_where_it_was_verified_before() {
        let mut memory = Memory::default();
        memory.remember("e".into(), &standing(&history(&["a", "b"])).head(RoomId::default()));
        let rewritten = history(&["a", "B", "c"]);

        let told = check(&rewritten, standing(&rewritten), &memory).unwrap_err();

        assert!(told.contains("at 20 this machine once verified 2 events"), "{told}");
        assert!(memory.forget_unless("another log"));
        assert_eq!(check(&rewritten, standing(&rewritten), &memory).unwrap().met, 0);
    }
}
