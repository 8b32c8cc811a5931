//! Following a room: first what happened after a place, then what happens, each event once and in order, whatever
//! the connection does.

use std::{collections::VecDeque, path::PathBuf, time::Duration};

use client::{EventsQuery, Health, Hub, Live, LiveEvent};
use wire::{
    UserId,
    events::RoomEvent,
    frames::{Here, Position},
    rooms::{EventPage, Room},
};

use crate::{
    error::{CliError, Kind},
    global::Global,
    output::Output,
};

/// The largest page that is asked for; the hub may answer with smaller ones.
const PAGE: u32 = 500;
/// How long the end waits for the goodbye at most.
const GOODBYE: Duration = Duration::from_secs(1);
/// Between two tries to fetch what is missing.
const AGAIN: Duration = Duration::from_secs(1);

/// Where to begin.
pub(super) enum Begin {
    /// With what happens from now on.
    Now,
    /// After a position of the log that is there now.
    After(u64),
    /// After a position of a log that may have begun anew since.
    At(Position),
}

/// A room that is followed.
pub(super) struct Follow {
    hub: Hub,
    out: Output,
    room: Room,
    /// Where is kept up to where what was shown is what the database has.
    verified: PathBuf,
    live: Option<Live>,
    ready: VecDeque<RoomEvent>,
    /// What is fetched over HTTP.
    missing: Option<Missing>,
    /// The generation of the log, once it is known.
    epoch: Option<String>,
    away: bool,
    /// How the hub is, as far as it was told.
    health: Health,
}

/// A part of the past.
#[derive(Clone, Copy)]
struct Missing {
    after: u64,
    before: Option<u64>,
    /// Whether the rows of the database are wanted, and not what the hub remembers of them.
    of_rows: bool,
}

impl Missing {
    fn after(after: u64) -> Self {
        Self { after, before: None, of_rows: false }
    }
}

/// What following brought.
pub(super) enum Step {
    /// The next event.
    Event(RoomEvent),
    /// Everything up to here was given.
    Live(u64),
    /// Somebody writes, or has stopped.
    Typing { user: UserId, name: String, on: bool },
    /// Who is here, as far as it changed.
    Presence(Vec<Here>),
}

impl Follow {
    /// Begins to follow a room that one is in.
    pub(super) async fn begin(global: &Global, named: &str, begin: Begin) -> Result<Self, CliError> {
        let hub = global.hub()?;
        let room = hub.room(named).await?;
        if !room.joined {
            return Err(CliError::new(Kind::NotFound, format!("you are not in #{}", room.name))
                .hint(format!("join it with `mshub room join {}`", room.name)));
        }
        let (ready, out) = (VecDeque::new(), global.out.clone());
        let (live, missing, epoch, health) = (None, None, None, Health::default());
        let verified = global.verified_dir()?;
        let mut follow = Self { hub, out, room, verified, live, ready, missing, epoch, away: false, health };
        match begin {
            Begin::Now => follow.subscribe(None),
            Begin::After(after) => follow.missing = Some(Missing::after(after)),
            Begin::At(Position { ep, pos }) => {
                follow.missing = Some(Missing::after(follow.known(ep, pos).await?));
            }
        }
        Ok(follow)
    }

    /// The room that is followed.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// The generation of the log, once it is known.
    pub(super) fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// A position of another log means nothing in this one: everything in here is new.
    async fn known(&mut self, ep: String, pos: u64) -> Result<u64, CliError> {
        let query = EventsQuery { limit: Some(1), ..EventsQuery::default() };
        let now = self.hub.events(&self.room.id.to_string(), query).await?.ep;
        if now == ep {
            return Ok(pos);
        }
        self.out.warn("the hub's log began anew; positions start over")?;
        Ok(0)
    }

    fn subscribe(&mut self, after: Option<Position>) {
        let live = self.hub.live();
        live.remember_in(self.verified.clone());
        live.subscribe(self.room.id, after, 0);
        self.live = Some(live);
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Result<Step, CliError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Step::Event(event));
            }
            if let Some(missing) = self.missing {
                self.fetch(missing).await?;
                continue;
            }
            let Some(live) = &mut self.live else { return Err(ended()) };
            let event = live.next().await.ok_or_else(ended)?;
            if let Some(step) = self.heard(event).await? {
                return Ok(step);
            }
        }
    }

    /// Ends; what was verified last is remembered.
    pub(super) async fn close(self) {
        if let Some(live) = self.live {
            // Whoever waits for the end of a command waits for nothing else.
            let _ = tokio::time::timeout(GOODBYE, live.close()).await;
        }
    }

    /// Fetches a page of what is missing. A hub that is away is waited for.
    async fn fetch(&mut self, missing: Missing) -> Result<(), CliError> {
        let Missing { after, before, of_rows } = missing;
        let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
        let room = self.room.id.to_string();
        let page =
            if of_rows { self.hub.rows(&room, query).await } else { self.hub.events(&room, query).await };
        let EventPage { mut events, ep, more, .. } = match page {
            Ok(page) => page,
            Err(error) if error.is_transient() && self.live.is_some() => {
                self.lost(&error.to_string())?;
                tokio::time::sleep(AGAIN).await;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let upto = events.last().map(|event| event.pos);
        let reached = before.is_some_and(|before| upto.is_some_and(|upto| upto >= before));
        events.retain(|event| before.is_none_or(|before| event.pos < before));
        self.ready.extend(events);
        self.missing = upto.filter(|_| more && !reached).map(|after| Missing { after, ..missing });
        self.epoch = Some(ep.clone());
        if self.missing.is_none() && self.live.is_none() {
            self.subscribe(Some(Position { ep, pos: upto.unwrap_or(after) }));
        }
        Ok(())
    }

    fn lost(&mut self, why: &str) -> Result<(), CliError> {
        if std::mem::replace(&mut self.away, true) {
            return Ok(());
        }
        self.out.note(format!("-- connection lost: {why}; trying again --"))
    }

    async fn heard(&mut self, event: LiveEvent) -> Result<Option<Step>, CliError> {
        match event {
            LiveEvent::Event(event) => return Ok(Some(Step::Event(event))),
            LiveEvent::Gap { from, to, .. } => {
                self.out.note(format!("-- what happened between {from} and {to} is fetched --"))?;
                self.missing = Some(Missing { before: Some(to), ..Missing::after(from) });
            }
            LiveEvent::Restarted { .. } => {
                self.epoch = None;
                self.out.warn("the hub's log began anew; positions start over")?;
            }
            LiveEvent::Differs { after, upto, .. } => {
                self.out.warn(format!(
                    "what was printed after {after}, up to {upto}, is not what the hub's database has: this follows \
                     again, as it is there; see `mshub room verify`"
                ))?;
                self.missing = Some(Missing { after, before: Some(upto + 1), of_rows: true });
            }
            LiveEvent::Health(health) => self.is_well(health)?,
            LiveEvent::Typing { user, name, on, .. } => return Ok(Some(Step::Typing { user, name, on })),
            LiveEvent::Presence { who, .. } => return Ok(Some(Step::Presence(who))),
            LiveEvent::Reconnecting { why, .. } => self.lost(&why)?,
            LiveEvent::Live { pos, .. } => return self.caught_up(pos).await.map(Some),
            LiveEvent::Left { .. } => {
                return Err(CliError::new(Kind::NotFound, "you are not in this room any more"));
            }
            LiveEvent::SignedOut { why } => {
                return Err(CliError::new(Kind::Auth, why).hint("sign in with `mshub auth login`"));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Says what has changed in how the hub is; not every minute of it.
    fn is_well(&mut self, health: Health) -> Result<(), CliError> {
        let kind = |health: Health| (health.read_only, health.minutes_behind > 0);
        let before = std::mem::replace(&mut self.health, health);
        if kind(before) == kind(health) { Ok(()) } else { self.out.note(format!("-- {health} --")) }
    }

    async fn caught_up(&mut self, pos: u64) -> Result<Step, CliError> {
        if self.epoch.is_none() {
            let query = EventsQuery { limit: Some(1), ..EventsQuery::default() };
            self.epoch = self.hub.events(&self.room.id.to_string(), query).await.ok().map(|page| page.ep);
        }
        if std::mem::take(&mut self.away) {
            self.out.note("-- connected again; nothing was missed --")?;
        } else {
            self.out.note("-- following; Ctrl-C ends --")?;
        }
        Ok(Step::Live(pos))
    }
}

fn ended() -> CliError {
    CliError::new(Kind::Unreachable, "the live connection ended")
}
