//! A client that speaks through the client core: what it shows is what the CLI and the TUI show.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use anyhow::bail;
use client::{Draft, Error, Hub, Live, LiveEvent, Outbox};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IteratorRandom as _};
use tokio::{
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval},
};
use wire::{
    ClientId, RoomId, UserId,
    events::{RoomEvent, What},
    messages::{Act, Op},
};

use super::{
    ClientArgs, Order, Orders, SIGNS, STATUS, acted,
    errand::{self, Done},
};
use crate::{
    report,
    torture::{
        journal::{self, Journal, Observed, Shown, hash},
        people::Status,
    },
};

/// Events that a client begins with.
const TAIL: u32 = 50;
/// More unanswered messages than this, and a person would stop typing.
const PATIENT: usize = 200;
/// One message in so many is longer than the hub takes.
const TOO_LONG: u32 = 60;
/// One message in so many answers another.
const ANSWERS: u32 = 10;
/// Instead of one message in so many something is done to one.
const ACTS: u32 = 8;
/// Newest messages that somebody remembers, to do something to.
const REMEMBERED: usize = 60;
/// After one acknowledgement in so many the history is read.
const READS: u32 = 15;
const ROAM: Duration = Duration::from_secs(3);

/// Where somebody who roams is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Roam {
    Home,
    /// Leaving: whether the hub has answered, and whether the room has fallen silent.
    Leaving {
        answered: bool,
        silent: bool,
    },
    Joining,
}

pub(super) struct Person {
    me: UserId,
    hub: Hub,
    live: Live,
    journal: Journal,
    args: ClientArgs,
    dice: StdRng,
    heads: BTreeMap<RoomId, u64>,
    waiting: HashMap<ClientId, RoomId>,
    going: bool,
    roam: Roam,
    errands: JoinSet<Done>,
    /// The newest messages of others and one's own.
    messages: VecDeque<(RoomId, u64, UserId)>,
    /// Whether something is being done to a message: one thing after the other, so that they have an order.
    acting: bool,
    said: u64,
    acked: u64,
    beat: u64,
}

impl Person {
    /// With the outbox on disk, as the CLI and the TUI have it: what a killed client had not sent, its next life sends.
    pub(super) async fn new(
        me: UserId,
        hub: Hub,
        journal: Journal,
        args: ClientArgs,
    ) -> anyhow::Result<Self> {
        let outbox = match hub.outbox(&args.folder.join("outbox")).await {
            // A token from outside names no account to keep an outbox for.
            Err(Error::SignedOut) => Outbox::in_memory(),
            kept => kept?,
        };
        let live = hub.live_with(outbox);
        let dice = StdRng::seed_from_u64(args.seed);
        Ok(Self {
            me,
            hub,
            live,
            journal,
            args,
            dice,
            heads: BTreeMap::new(),
            waiting: HashMap::new(),
            going: false,
            roam: Roam::Home,
            errands: JoinSet::new(),
            messages: VecDeque::new(),
            acting: false,
            said: 0,
            acked: 0,
            beat: 0,
        })
    }

    pub(super) async fn run(mut self, mut orders: Orders) -> anyhow::Result<()> {
        for room in self.args.rooms.clone() {
            self.follow(room)?;
        }
        let mut tongue = beat(Duration::from_secs_f64(1.0 / self.args.rate.max(0.01)));
        let (mut status, mut roam) = (beat(STATUS), beat(ROAM));
        loop {
            tokio::select! {
                order = orders.next() => match order {
                    Order::Go => self.going = true,
                    Order::Pause => self.going = false,
                    Order::End => break,
                },
                event = self.live.next() => match event {
                    Some(event) => self.hear(event)?,
                    None => bail!("the live socket ended"),
                },
                Some(done) = self.errands.join_next() => self.returned(done?)?,
                _ = tongue.tick(), if self.going && self.waiting.len() < PATIENT => self.speak()?,
                _ = roam.tick(), if self.going && self.args.roams => self.wander()?,
                _ = status.tick() => {
                    self.beat += 1;
                    report::line(&serde_json::to_string(&self.status())?);
                }
            }
        }
        let Status { outbox, heads, .. } = self.status();
        self.journal.note(Observed::Settled { outbox, heads })
    }

    fn status(&self) -> Status {
        let busy = self.errands.len() + usize::from(self.roam != Roam::Home);
        let Self { beat, going, acked, .. } = *self;
        Status { beat, going, outbox: self.waiting.len(), busy, acked, heads: self.heads.clone() }
    }

    fn follow(&mut self, room: RoomId) -> anyhow::Result<()> {
        self.journal.note(Observed::Subscribed { room })?;
        self.live.subscribe(room, None, TAIL);
        Ok(())
    }

    /// Says something, or does something to what was said.
    fn speak(&mut self) -> anyhow::Result<()> {
        match self.dice.random_ratio(1, ACTS) && !self.acting {
            true => self.act(),
            false => self.say(),
        }
    }

    /// Edits, removes, signs or pins a message. The hub takes pins only from the room's owner, who is one of those here.
    fn act(&mut self) -> anyhow::Result<()> {
        let Some((room, tgt, by)) = self.messages.iter().copied().choose(&mut self.dice) else {
            return self.say();
        };
        let sign = || SIGNS[0].to_owned();
        let op = match self.dice.random_range(0..10) {
            0..4 if by == self.me => Op::Edit { body: format!("{} says this instead", self.args.name) },
            4 if by == self.me => Op::Redact,
            5 => Op::Unreact { body: sign() },
            6 => Op::Pin,
            7 => Op::Unpin,
            _ => Op::React { body: sign() },
        };
        let act = Act { cid: ClientId::new(), tgt, op };
        self.journal.note(acted(room, &act))?;
        self.acting = true;
        self.errands.spawn(errand::act(self.hub.clone(), room, act));
        Ok(())
    }

    fn say(&mut self) -> anyhow::Result<()> {
        let room = self.args.rooms[self.dice.random_range(0..self.args.rooms.len())];
        self.said += 1;
        let mut body = format!("{} says its message {} ", self.args.name, self.said);
        let length = if self.dice.random_ratio(1, TOO_LONG) { 17 * 1024 } else { 128 };
        body.extend(std::iter::repeat_n('.', length - body.len().min(length)));
        let hash = hash(&body);
        // Before it is handed over: on a busy machine it is on everybody's screen before the next line runs.
        let began = journal::now();
        let mut draft = Draft::new(room, body);
        if self.dice.random_ratio(1, ANSWERS) {
            let here = self.messages.iter().filter(|(there, ..)| *there == room);
            draft.re = here.choose(&mut self.dice).map(|(_, pos, _)| *pos);
        }
        let (cid, re) = (draft.cid, draft.re);
        self.live.send(draft);
        self.waiting.insert(cid, room);
        self.journal.note_at(began, Observed::Invoke { room, cid, hash, re })
    }

    fn hear(&mut self, event: LiveEvent) -> anyhow::Result<()> {
        match event {
            LiveEvent::Event(event) => {
                self.heads.insert(event.room, event.pos);
                self.remember(&event);
                self.journal.note(Observed::Ev(Shown::from(&event)))
            }
            LiveEvent::Sent { cid, room, pos, .. } => self.sent(cid, room, pos),
            LiveEvent::Refused { cid, room, problem } => {
                self.waiting.remove(&cid);
                self.journal.note(Observed::Err { room, cid, code: problem.code })
            }
            LiveEvent::Live { room, pos } => self.journal.note(Observed::Live { room, pos }),
            LiveEvent::Gap { room, from, to } => {
                self.errands.spawn(errand::fill(self.hub.clone(), room, from, to));
                self.journal.note(Observed::Gap { room, from, to })
            }
            LiveEvent::Restarted { room } => {
                self.heads.remove(&room);
                self.forget(room);
                self.journal.note(Observed::Reset { room })
            }
            LiveEvent::Left { room } => self.left(room),
            LiveEvent::Head(head) => {
                let wire::events::Head { room, pos, n, h } = head;
                self.journal.note(Observed::Wm { room, pos, n, h })
            }
            LiveEvent::Connected => self.journal.note(Observed::Link { up: true, why: String::new() }),
            LiveEvent::Reconnecting { why, .. } => self.journal.note(Observed::Link { up: false, why }),
            LiveEvent::SignedOut { why } => bail!("{} was signed out: {why}", self.args.name),
            LiveEvent::Queued { draft, .. } => {
                self.waiting.insert(draft.cid, draft.room);
                Ok(())
            }
            LiveEvent::Dropped { cid, .. } => {
                self.waiting.remove(&cid);
                Ok(())
            }
            LiveEvent::Differs { room, after, upto } => {
                self.journal.note(Observed::Differs { room, after, upto })
            }
            LiveEvent::Renewed { cid, fresh, room } => {
                self.waiting.remove(&cid);
                self.waiting.insert(fresh, room);
                self.journal.note(Observed::Invoke { room, cid: fresh, hash: String::new(), re: None })
            }
            LiveEvent::PutOff { cid, room, .. } => self.journal.note(Observed::PutOff { room, cid }),
            LiveEvent::Void { room, pos } => self.journal.note(Observed::Void { room, pos }),
            LiveEvent::Entered { .. }
            | LiveEvent::Read { .. }
            | LiveEvent::Stored { .. }
            | LiveEvent::Typing { .. }
            | LiveEvent::Presence { .. }
            | LiveEvent::Uploading { .. }
            | LiveEvent::Card { .. }
            | LiveEvent::Job(_)
            | LiveEvent::Health(_)
            | LiveEvent::Draining => Ok(()),
        }
    }

    /// What can be done something to. A message that was removed since is left to the hub to refuse.
    fn remember(&mut self, event: &RoomEvent) {
        if matches!(event.what, What::Said { .. }) {
            self.messages.push_back((event.room, event.pos, event.by));
            self.messages.drain(..self.messages.len().saturating_sub(REMEMBERED));
        }
    }

    fn forget(&mut self, room: RoomId) {
        self.messages.retain(|(there, ..)| *there != room);
    }

    fn sent(&mut self, cid: ClientId, room: RoomId, pos: u64) -> anyhow::Result<()> {
        self.waiting.remove(&cid);
        self.acked += 1;
        self.journal.note(Observed::Ok { room, cid, pos })?;
        if self.dice.random_ratio(1, READS) {
            let asked = journal::now();
            self.errands.spawn(errand::page(self.hub.clone(), room, asked, pos.saturating_sub(3)));
        }
        Ok(())
    }

    fn wander(&mut self) -> anyhow::Result<()> {
        if self.roam != Roam::Home {
            return Ok(());
        }
        let room = self.args.rooms[0];
        self.roam = Roam::Leaving { answered: false, silent: false };
        self.journal.note(Observed::Leave { room })?;
        self.errands.spawn(errand::leave(self.hub.clone(), room));
        Ok(())
    }

    fn left(&mut self, room: RoomId) -> anyhow::Result<()> {
        self.heads.remove(&room);
        self.forget(room);
        self.journal.note(Observed::Left { room })?;
        match self.roam {
            Roam::Leaving { answered, .. } if room == self.args.rooms[0] => {
                self.roam = Roam::Leaving { answered, silent: true };
                self.gone()
            }
            Roam::Joining if room == self.args.rooms[0] => Ok(()),
            // The news of an earlier departure came late, or this client was killed while it was away.
            _ => self.come_back(room),
        }
    }

    fn come_back(&mut self, room: RoomId) -> anyhow::Result<()> {
        self.journal.note(Observed::Join { room })?;
        self.errands.spawn(errand::join(self.hub.clone(), room));
        Ok(())
    }

    /// Comes back once the departure is certain from both sides.
    fn gone(&mut self) -> anyhow::Result<()> {
        if self.roam == (Roam::Leaving { answered: true, silent: true }) {
            self.roam = Roam::Joining;
            return self.come_back(self.args.rooms[0]);
        }
        Ok(())
    }

    fn returned(&mut self, done: Done) -> anyhow::Result<()> {
        match done {
            Done::Filled(events) => {
                events.into_iter().try_for_each(|event| self.journal.note(Observed::Filled(event)))
            }
            Done::Page { room, asked, after, more, seen } => {
                self.journal.note(Observed::Page { room, asked, after, more, seen })
            }
            Done::Acted { room, cid, pos } => {
                self.acting = false;
                match pos {
                    Some(pos) => self.sent(cid, room, pos),
                    None => Ok(()),
                }
            }
            Done::Left { room, told } => {
                if told {
                    self.journal.note(Observed::Departed { room })?;
                }
                if let Roam::Leaving { silent, .. } = self.roam {
                    self.roam = Roam::Leaving { answered: true, silent };
                }
                self.gone()
            }
            Done::Joined(room) => {
                if room == self.args.rooms[0] {
                    self.roam = Roam::Home;
                }
                self.follow(room)
            }
            Done::Nothing => Ok(()),
        }
    }
}

/// A beat that leaves out what it missed.
fn beat(period: Duration) -> Interval {
    let mut beat = interval(period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    beat
}
