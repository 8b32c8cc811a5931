//! One room's stream, put in order: whatever is doubled, shuffled or cut on the way, every event is shown once and
//! in its place.
//!
//! An event names the position before it. As long as that is not beyond what was last shown, nothing is missing;
//! otherwise the rest is asked for again from there. If that does not close the hole, the hole itself is shown as a
//! gap, so that a hub that is wrong about a position cannot keep a client asking for ever.

use wire::{
    RoomId,
    events::RoomEvent,
    frames::{Position, SubMode, ToClient, ToServer},
};

/// What the connection has to do after a frame.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made and taken apart at once, one at a time")]
pub(crate) enum Step {
    /// Show this event: it is the next one.
    Show(RoomEvent),
    /// The past is complete up to here.
    Live(u64),
    /// Events between these two positions are to be fetched over HTTP.
    Gap { from: u64, to: u64 },
    /// The log began anew: what was shown has no positions any more.
    Restarted,
    /// Send a new subscription.
    Ask,
}

/// Where one room's stream is.
#[derive(Debug)]
pub(crate) struct Reducer {
    room: RoomId,
    tail: u32,
    epoch: Option<String>,
    /// Everything up to here was shown or is not wanted.
    last: Option<u64>,
    phase: Phase,
    /// `last` when a hole was last asked for.
    repaired: Option<u64>,
}

#[derive(Debug, PartialEq)]
enum Phase {
    /// No subscription on this connection yet.
    Idle,
    /// This subscription is not answered yet.
    Asked(u64),
    /// Answered; the past is on its way. The room's newest position was this one then.
    Catching(u64),
    Live,
}

impl Reducer {
    pub(crate) fn new(room: RoomId, after: Option<Position>, tail: u32) -> Self {
        let (epoch, last) = after.map_or((None, None), |after| (Some(after.ep), Some(after.pos)));
        Self { room, tail, epoch, last, phase: Phase::Idle, repaired: None }
    }

    /// The subscription that continues where this stream stands.
    pub(crate) fn ask(&mut self, id: u64) -> ToServer {
        self.phase = Phase::Asked(id);
        let after = self.epoch.clone().zip(self.last).map(|(ep, pos)| Position { ep, pos });
        ToServer::Sub { id, room: self.room, after, tail: self.tail }
    }

    /// The generation of the log that positions belong to, once it is known.
    pub(crate) fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// The connection is gone: answers to what was asked on it do not count any more.
    pub(crate) fn disconnected(&mut self) {
        self.phase = Phase::Idle;
        self.repaired = None;
    }

    /// Whether this stream waits for the answer to that subscription.
    pub(crate) fn awaits(&self, id: u64) -> bool {
        self.phase == Phase::Asked(id)
    }

    /// Takes a frame of this room. Frames of other kinds are nothing to it.
    pub(crate) fn take(&mut self, frame: ToClient) -> Vec<Step> {
        match frame {
            ToClient::Subbed { id, ep, head, mode, .. } => self.subbed(id, ep, head, mode),
            ToClient::Ev(event) => self.event(event),
            ToClient::Evs { ev, .. } => ev.into_iter().flat_map(|event| self.event(event)).collect(),
            ToClient::Gap { from, to, .. } => self.gap(from, to),
            ToClient::Live { pos, .. } => self.live(pos),
            _ => Vec::new(),
        }
    }

    fn subbed(&mut self, id: u64, ep: String, head: u64, mode: SubMode) -> Vec<Step> {
        if !self.awaits(id) {
            return Vec::new();
        }
        self.phase = Phase::Catching(head);
        self.epoch = Some(ep);
        if mode == SubMode::Reset {
            self.last = None;
            return vec![Step::Restarted];
        }
        Vec::new()
    }

    fn event(&mut self, event: RoomEvent) -> Vec<Step> {
        let answered = matches!(self.phase, Phase::Catching(_));
        let Some(last) = self.last else {
            // The first event of a tail is wherever the hub begins it.
            return if answered { self.show(event) } else { Vec::new() };
        };
        if event.pos <= last {
            return Vec::new();
        }
        match event.prev {
            Some(prev) if prev <= last => self.show(event),
            // While it answers a subscription the hub goes through the log without leaving anything out.
            None if answered => self.show(event),
            _ => match self.repair(last) {
                Some(steps) => steps,
                None => [vec![Step::Gap { from: last, to: event.pos }], self.show(event)].concat(),
            },
        }
    }

    fn show(&mut self, event: RoomEvent) -> Vec<Step> {
        self.last = Some(event.pos);
        vec![Step::Show(event)]
    }

    /// Asks for what follows `last`, once; nothing when that was tried and did not help.
    fn repair(&mut self, last: u64) -> Option<Vec<Step>> {
        match self.phase {
            Phase::Idle | Phase::Asked(_) => Some(Vec::new()),
            _ if self.repaired == Some(last) => None,
            _ => {
                self.repaired = Some(last);
                self.phase = Phase::Idle;
                Some(vec![Step::Ask])
            }
        }
    }

    fn gap(&mut self, from: u64, to: u64) -> Vec<Step> {
        if !matches!(self.phase, Phase::Catching(_) | Phase::Live) {
            return Vec::new();
        }
        let from = self.last.unwrap_or(from);
        if to <= from + 1 {
            return Vec::new();
        }
        self.last = Some(to - 1);
        vec![Step::Gap { from, to }]
    }

    fn live(&mut self, upto: u64) -> Vec<Step> {
        let Phase::Catching(head) = self.phase else { return Vec::new() };
        let mut steps = Vec::new();
        if let Some(last) = self.last.filter(|last| *last < head) {
            match self.repair(last) {
                Some(ask) => return ask,
                None => steps.push(Step::Gap { from: last, to: head + 1 }),
            }
        }
        // Nothing was shown: whatever there is up to here is not wanted. The hub may not know the room's head, so that
        // what it looked at counts as well.
        let pos = self.last.unwrap_or(upto).max(head);
        self.last = Some(pos);
        self.phase = Phase::Live;
        steps.push(Step::Live(pos));
        steps
    }
}

#[cfg(test)]
mod tests;
