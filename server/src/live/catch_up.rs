//! The past of a subscription: everything after a position, or the newest, and then live without a seam.
//!
//! The socket is registered first; what happens meanwhile stays in memory, where [`Registry::go_live`] finds it. Only
//! when memory holds nothing newer than what was sent does the socket become live, in the same moment.
//!
//! [`Registry::go_live`]: super::registry::Registry::go_live

use std::sync::Arc;

use platform::{
    mutants::{self, Mutant},
    service::{ApiError, Outcome},
};
use rand::Rng as _;
use wire::{
    Code, RoomId, UserId,
    events::RoomEvent,
    frames::{Position, SubMode, ToClient, close},
    paths::TOPIC_CHAT,
    rooms::EventPage,
};

use super::{
    bundle, encoded,
    limits::{MISSED, MISSED_BYTES, NEWEST, TURN},
    line::Line,
    members,
    room::{Change, Kept, Reach, SocketId},
};
use crate::{
    rooms::history::{self, Part},
    state::App,
};

const PAGE: u32 = 500;

/// A wish to hear a room.
pub(super) enum Wish {
    /// As the client asked for it.
    Sub { id: u64, room: RoomId, after: Option<Position>, tail: u32 },
    /// Again, after the line had to drop events.
    Behind { room: RoomId, from: u64 },
}

impl Wish {
    pub(super) fn room(&self) -> RoomId {
        match self {
            Self::Sub { room, .. } | Self::Behind { room, .. } => *room,
        }
    }
}

/// One catch-up: a socket, and how far it is in a room.
pub(super) struct CatchUp {
    pub(super) state: App,
    pub(super) socket: SocketId,
    pub(super) user: UserId,
    pub(super) line: Arc<Line>,
    pub(super) room: RoomId,
}

/// Sends the past and makes the subscription live.
pub(super) async fn run(catch_up: CatchUp, wish: Wish) {
    let id = match &wish {
        Wish::Sub { id, .. } => Some(*id),
        Wish::Behind { .. } => None,
    };
    if let Err(error) = catch_up.past(wish).await {
        catch_up.refuse(id, &error);
    }
}

impl CatchUp {
    async fn past(&self, wish: Wish) -> Outcome<()> {
        match wish {
            Wish::Sub { id, after, tail, .. } => {
                if !members::is_member(&self.state, self.room, self.user).await? {
                    return Err(ApiError::not_found("room"));
                }
                let upto = self.begin(id, after, tail).await?;
                self.go_on(upto).await?;
                self.state.live.tell_crowd(self.room, &self.line);
                Ok(())
            }
            Wish::Behind { from, .. } => {
                if self.state.live.hears(self.room, self.socket) {
                    self.listen();
                    self.go_on(from).await?;
                }
                Ok(())
            }
        }
    }

    /// From here on nothing that happens in the room is lost to this socket, though nothing is pushed to it yet.
    fn listen(&self) {
        self.state.live.listen(self.room, self.socket, self.user, self.line.clone());
        self.line.forget(self.room);
    }

    /// Answers the subscription and sends its beginning; answers with the position up to where it is complete.
    async fn begin(&self, id: u64, after: Option<Position>, tail: u32) -> Outcome<u64> {
        let live = &self.state.live;
        let now = live.tailed(self.room);
        self.listen();
        let ep = live.epoch(self.room);
        let is_resumed = after.is_some();
        let resume = match after {
            Some(after) if mutants::is(Mutant::M7) => Some(after.pos),
            Some(after) if after.ep != ep => None,
            Some(after) if after.pos > now && self.is_beyond_the_log(after.pos).await => None,
            after => after.map(|after| after.pos),
        };
        let mode = match resume {
            Some(_) => SubMode::Resume,
            None if is_resumed => SubMode::Reset,
            None => SubMode::Tail,
        };
        let newest = match mode {
            SubMode::Resume => 0,
            SubMode::Reset => NEWEST,
            SubMode::Tail => tail.min(NEWEST),
        };
        let events = self.newest(newest, resume).await?;
        let head = live.last(self.room).or(resume).unwrap_or(0);
        let persisted = Some(live.persisted(self.room)).filter(|pos| *pos > 0);
        self.tell(&ToClient::Subbed { id, room: self.room, ep, head, mode, persisted });
        match resume {
            Some(pos) => Ok(pos),
            None => Ok(self.send(events).await.unwrap_or(0).max(now)),
        }
    }

    /// Whether the log ends before a position that it once gave: it was put back to an older state. This gateway alone
    /// may be behind another one, so the log is asked.
    async fn is_beyond_the_log(&self, pos: u64) -> bool {
        let live = &self.state.live;
        let Some(partition) = live.partition_of(self.room) else { return false };
        let heads = self.state.bus.heads(TOPIC_CHAT).await;
        heads.is_ok_and(|heads| heads.get(&partition.number).is_some_and(|head| pos > *head))
    }

    /// The newest events; at least the room's head is looked up when nobody has seen it since this gateway began.
    async fn newest(&self, count: u32, resume: Option<u64>) -> Outcome<Vec<RoomEvent>> {
        let live = &self.state.live;
        let is_remembered = resume.is_some_and(|pos| live.after(self.room, pos).is_some());
        if count == 0 && (is_remembered || live.last(self.room).is_some()) {
            return Ok(Vec::new());
        }
        match self.page(Part { limit: Some(count.max(1)), ..Part::default() }).await {
            Ok(EventPage { mut events, .. }) => {
                live.seed(self.room, events.last().map_or(0, |event| event.pos));
                if count == 0 {
                    events.clear();
                }
                Ok(events)
            }
            // What was asked for does not need it: the room is live without its head.
            Err(_) if count == 0 => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Sends everything after a position, from memory as far as that reaches, until the socket is live.
    async fn go_on(&self, mut upto: u64) -> Outcome<()> {
        let (mut sent, mut bytes) = (0, 0);
        loop {
            match self.state.live.go_live(self.room, self.socket, upto) {
                Reach::Live | Reach::Gone => return Ok(()),
                Reach::Newer(kept) => upto = self.send_kept(upto, &kept).await,
                Reach::Beyond if sent >= MISSED || bytes >= MISSED_BYTES => {
                    upto = self.leave_out(upto).await?;
                }
                Reach::Beyond => {
                    let page =
                        self.page(Part { after: Some(upto), limit: Some(PAGE), ..Part::default() }).await?;
                    sent += page.events.len();
                    bytes += page.events.iter().map(|event| event.what.body().len()).sum::<usize>();
                    let looked_at = if page.more { upto } else { page.upto };
                    upto = self.send(page.events).await.unwrap_or(upto).max(looked_at);
                }
            }
        }
    }

    /// Events of memory; of very many only the newest, and a gap before them.
    async fn send_kept(&self, upto: u64, kept: &[Kept]) -> u64 {
        let bytes: usize = kept.iter().map(|kept| kept.json.len()).sum();
        let surplus = kept.len().saturating_sub(NEWEST as usize);
        let newest = match kept.get(surplus) {
            Some(first) if surplus > 0 && (kept.len() > MISSED || bytes > MISSED_BYTES) => {
                self.tell(&ToClient::Gap { room: self.room, from: upto, to: first.pos });
                &kept[surplus..]
            }
            _ => kept,
        };
        self.push(newest).await;
        newest.last().map_or(upto, |kept| kept.pos)
    }

    /// So much was missed that the rest is left to the client: a gap, and the newest.
    async fn leave_out(&self, upto: u64) -> Outcome<u64> {
        let mut page = self.page(Part { limit: Some(NEWEST), ..Part::default() }).await?;
        let newest = page.events.len();
        page.events.retain(|event| event.pos > upto);
        // Where some of them were sent already, nothing lies between.
        if let Some(first) = page.events.first()
            && page.events.len() == newest
        {
            self.tell(&ToClient::Gap { room: self.room, from: upto, to: first.pos });
        }
        Ok(self.send(page.events).await.unwrap_or(upto).max(page.upto))
    }

    /// A page of the history, when it is this socket's turn.
    async fn page(&self, part: Part) -> Outcome<EventPage> {
        let turn = tokio::time::timeout(TURN, self.state.live.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(ApiError::new(Code::Unavailable, "many clients catch up right now; ask again"));
        };
        history::page(&self.state, self.room, self.user, part).await
    }

    /// Sends events of the database; answers with the newest position. Of what came after the person left, nothing is
    /// sent: the page may have been made before the log said so.
    async fn send(&self, mut events: Vec<RoomEvent>) -> Option<u64> {
        let newest = events.last().map(|event| event.pos);
        if !self.state.live.hears(self.room, self.socket) {
            return newest;
        }
        let is_own =
            |change: &Change| matches!(change, Change::In(user) | Change::Out(user) if *user == self.user);
        let last_own = events.iter().rposition(|event| Change::of(event).as_ref().is_some_and(is_own));
        if let Some(at) = last_own
            && matches!(Change::of(&events[at]), Some(Change::Out(_)))
        {
            events.truncate(at + 1);
        }
        let kept: Vec<Kept> = events
            .iter()
            .map(|event| {
                let json = serde_json::to_string(event).expect("an event is plain data").into();
                Kept { pos: event.pos, json }
            })
            .collect();
        self.push(&kept).await;
        newest
    }

    async fn push(&self, kept: &[Kept]) {
        for (_, frame) in bundle::frames(self.room, kept) {
            self.line.roomy().await;
            self.line.tell(frame);
        }
    }

    fn tell(&self, frame: &ToClient) {
        self.line.tell(encoded(frame));
    }

    fn refuse(&self, id: Option<u64>, error: &ApiError) {
        self.state.live.unsubscribe(self.room, self.socket);
        let problem = error.problem();
        // Each comes back at a moment of its own.
        let after_ms = problem.retryable.then(|| rand::rng().random_range(500..2_500));
        match id {
            Some(_) => self.tell(&ToClient::Err {
                cid: None,
                id,
                room: Some(self.room),
                code: problem.code.clone(),
                detail: problem.detail.clone(),
                retry: problem.retryable,
                unknown: false,
                after_ms,
            }),
            // Nobody asked, so that nobody would ask again: the client comes back and resumes.
            None => self.line.end((close::SLOW, "what was missed is not there right now; resume")),
        }
    }
}
