//! Following a room: first what happened after a place, then what happens, each event once and in order, whatever
//! the connection does.

use std::{collections::VecDeque, time::Duration};

use client::{EventsQuery, Hub, Live, LiveEvent};
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
    live: Option<Live>,
    ready: VecDeque<RoomEvent>,
    /// What is fetched over HTTP: after this position, and before that one.
    missing: Option<(u64, Option<u64>)>,
    /// The generation of the log, once it is known.
    epoch: Option<String>,
    away: bool,
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
        let mut follow = Self { hub, out, room, live: None, ready, missing: None, epoch: None, away: false };
        match begin {
            Begin::Now => follow.subscribe(None),
            Begin::After(after) => follow.missing = Some((after, None)),
            Begin::At(Position { ep, pos }) => follow.missing = Some((follow.known(ep, pos).await?, None)),
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
        live.subscribe(self.room.id, after, 0);
        self.live = Some(live);
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Result<Step, CliError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Step::Event(event));
            }
            if let Some((after, before)) = self.missing {
                self.fetch(after, before).await?;
                continue;
            }
            let Some(live) = &mut self.live else { return Err(ended()) };
            let event = live.next().await.ok_or_else(ended)?;
            if let Some(step) = self.heard(event).await? {
                return Ok(step);
            }
        }
    }

    /// Fetches a page of what is missing. A hub that is away is waited for.
    async fn fetch(&mut self, after: u64, before: Option<u64>) -> Result<(), CliError> {
        let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
        let EventPage { mut events, ep, more, .. } =
            match self.hub.events(&self.room.id.to_string(), query).await {
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
        self.missing = upto.filter(|_| more && !reached).map(|upto| (upto, before));
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
                self.missing = Some((from, Some(to)));
            }
            LiveEvent::Restarted { .. } => {
                self.epoch = None;
                self.out.warn("the hub's log began anew; positions start over")?;
            }
            LiveEvent::Differs { after, upto, .. } => self.out.warn(format!(
                "what was printed between {after} and {upto} is not what the hub's database has; see `mshub room verify`"
            ))?,
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
