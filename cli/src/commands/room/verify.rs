//! `mshub room verify`.

use clap::Args;
use client::{EventsQuery, Hub, RawEvent, Verified};
use serde::Serialize;
use wire::{RoomId, events::Head, heads::Standing};

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// The largest page that is asked for; the hub may answer with smaller ones.
const PAGE: u32 = 500;

/// Check that a room's history is whole, and what it was before
#[derive(Debug, Args)]
#[command(
    after_help = "Fetches every row that the hub's database has of the room, and computes the chain hash over
them anew, with the formula of mshub-protocol(7). It must be the hash that the database keeps
beside them; each event must name the one before it, to the newest of the log; and every hash
that this machine verified before, here or while `mshub chat tail` or `mshub tui` was showing
the room, must be met on the way, so that a history that was changed since is found out. Exit
code 14 when something differs.

Examples:
  mshub room verify general
  mshub room verify general --json=messages,hash"
)]
pub struct VerifyArgs {
    /// The room
    room: String,
}

/// What was found.
#[derive(Serialize)]
struct Found {
    room: RoomId,
    /// Events up to `pos`.
    messages: u64,
    pos: u64,
    hash: String,
    /// Events that are in the log, and not yet in the database.
    newer: u64,
    /// Hashes that this machine had verified before and that were met.
    remembered: usize,
}

/// Fetches and compares.
pub(super) async fn run(args: VerifyArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let room = hub.room(&args.room).await?.id;
    let dir = global.verified_dir()?;
    let mut memory = Verified::read(&dir, room)?;
    let head = hub.head(&room.to_string()).await?;
    let mut check = Check::begin(&head)?;
    let ep = check.rows(&hub, room, &mut memory, global).await?;
    check.end()?;
    check.newest(&hub, room).await?;
    let Check { standing, newer, met, .. } = check;
    let head = standing.head(room);
    Verified::keep(&dir, room, &ep, std::slice::from_ref(&head)).await?;
    let Head { pos, n, h, .. } = head;
    let found = Found { room, messages: n, pos, hash: h.clone(), newer, remembered: met };
    global.out.result(&found, &h, || {
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

    /// Goes through the rows of the database, from the first on; the generation of the log. What the hub remembers of
    /// them is not asked for: it would hide what became of them.
    async fn rows(
        &mut self,
        hub: &Hub,
        room: RoomId,
        memory: &mut Verified,
        global: &Global,
    ) -> Result<String, CliError> {
        loop {
            let query = EventsQuery { after: Some(self.last), before: None, limit: Some(PAGE) };
            let page = hub.raw_rows(&room.to_string(), query).await?;
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

    /// Goes on with what is in the log and was in no row yet.
    async fn newest(&mut self, hub: &Hub, room: RoomId) -> Result<(), CliError> {
        loop {
            let query = EventsQuery { after: Some(self.last), before: None, limit: Some(PAGE) };
            let page = hub.raw_events(&room.to_string(), query).await?;
            for event in &page.events {
                self.take(event, &Verified::default())?;
            }
            if !page.more || page.events.is_empty() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, event: &RawEvent, memory: &Verified) -> Result<(), CliError> {
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

    fn check(events: &[RawEvent], head: Standing, memory: &Verified) -> Result<Check, String> {
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

        let check = check(&events, standing(&events[..2]), &Verified::default()).unwrap();

        assert_eq!((check.standing.n, check.newer), (2, 1));
    }

    #[test]
    fn a_hole_a_change_and_an_event_too_many_are_found() {
        let events = history(&["a", "b", "c"]);
        let (head, memory) = (standing(&events), Verified::default());

        let hole = check(&[events[0].clone(), events[2].clone()], head, &memory).unwrap_err();
        let changed = check(&history(&["a", "B", "c"]), head, &memory).unwrap_err();
        let short = check(&events[..2], head, &memory).unwrap_err();

        assert!(hole.contains("30 says that 20 is before it, the history has 10"), "{hole}");
        assert!(changed.contains("the hash over all events"), "{changed}");
        assert!(short.contains("there are 2 events; the hub counts 3"), "{short}");
    }

    #[test]
    fn a_history_that_was_rewritten_since_is_found_out_where_it_was_verified_before() {
        let mut memory = Verified::default();
        memory.remember("e", &standing(&history(&["a", "b"])).head(RoomId::default()));
        let rewritten = history(&["a", "B", "c"]);

        let told = check(&rewritten, standing(&rewritten), &memory).unwrap_err();

        assert!(told.contains("at 20 this machine once verified 2 events"), "{told}");
        assert!(memory.forget_unless("another log"));
        assert_eq!(check(&rewritten, standing(&rewritten), &memory).unwrap().met, 0);
    }
}
