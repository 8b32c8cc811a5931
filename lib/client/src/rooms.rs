//! Rooms: list, make, join, leave, look after who is in them, say, and read what happened.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use wire::{
    ClientId, Code, RoomId, Timestamp, UserId,
    events::{Head, RoomEvent},
    files::File,
    heads::{self, Link},
    paths,
    rooms::{
        Direct, EditRoom, EventPage, Invite, Member, MemberRole, Members, NewRoom, Room, Rooms, Say, Sent,
        SetRole,
    },
};

use crate::{ask::Ask, backoff, error::Error, hub::Hub};

/// How long a message whose fate is unknown is sent again before the caller is told.
const SAY_PATIENCE: Duration = Duration::from_secs(60);
/// The most events that a hub puts into one page.
const LONGEST_PAGE: u32 = 500;
/// How far this machine's clock and the hub's may be apart.
const CLOCKS_DIFFER_SECONDS: i64 = 60 * 60;

/// Which part of a room's history is wanted. Positions are those of the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventsQuery {
    /// Only events after this position, oldest first.
    pub after: Option<u64>,
    /// Only events before this position: the newest of them.
    pub before: Option<u64>,
    /// How many at most; the hub has a limit of its own.
    pub limit: Option<u32>,
}

impl Hub {
    /// Rooms one is in, or all public ones.
    pub async fn rooms(&self, public: bool) -> Result<Vec<Room>, Error> {
        let mut ask = Ask::get(paths::ROOMS);
        if public {
            ask = ask.query("public", true);
        }
        let rooms: Rooms = self.ask(ask).await?;
        Ok(rooms.items)
    }

    /// Makes a room and joins it.
    pub async fn new_room(&self, room: &NewRoom) -> Result<Room, Error> {
        self.ask(Ask::post(paths::ROOMS).json(room)?).await
    }

    /// A room by id or name, with or without `#`.
    pub async fn room(&self, room: &str) -> Result<Room, Error> {
        self.ask(Ask::get(of(paths::ROOM, room))).await
    }

    /// Changes name or topic of a room.
    pub async fn edit_room(&self, room: &str, edit: &EditRoom) -> Result<Room, Error> {
        self.ask(Ask::new(Method::PATCH, of(paths::ROOM, room)).repeatable().json(edit)?).await
    }

    /// Deletes a room for everybody, with its history.
    pub async fn delete_room(&self, room: &str) -> Result<(), Error> {
        self.tell(Ask::new(Method::DELETE, of(paths::ROOM, room))).await
    }

    /// The direct conversation with somebody, by address or id; made when there is none.
    pub async fn direct(&self, user: &str) -> Result<Room, Error> {
        let body = Direct { user: user.to_owned() };
        self.ask(Ask::post(paths::DIRECT).repeatable().json(&body)?).await
    }

    /// Joins a public room. Joining twice is joining once.
    pub async fn join(&self, room: &str) -> Result<Room, Error> {
        self.ask(Ask::post(of(paths::ROOM_JOIN, room)).repeatable()).await
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &str) -> Result<(), Error> {
        self.tell(Ask::post(of(paths::ROOM_LEAVE, room)).repeatable()).await
    }

    /// Makes somebody a member, by address or id.
    pub async fn invite(&self, room: &str, user: &str) -> Result<(), Error> {
        let body = Invite { user: user.to_owned() };
        self.tell(Ask::post(of(paths::ROOM_INVITES, room)).repeatable().json(&body)?).await
    }

    /// Makes a member leave, by id, address or name.
    pub async fn kick(&self, room: &str, user: &str) -> Result<(), Error> {
        self.tell(Ask::new(Method::DELETE, member(room, user))).await
    }

    /// Changes what a member may do, by id, address or name.
    pub async fn set_role(&self, room: &str, user: &str, role: MemberRole) -> Result<Member, Error> {
        self.ask(Ask::new(Method::PUT, member(room, user)).json(&SetRole { role })?).await
    }

    /// Who is in a room, by the time they joined.
    pub async fn members(&self, room: &str) -> Result<Vec<Member>, Error> {
        let members: Members = self.ask(Ask::get(of(paths::ROOM_MEMBERS, room))).await?;
        Ok(members.items)
    }

    /// Says something. Returns when the message is durable and has its place.
    ///
    /// Once the hub may have taken the message, it is sent again with the same id until its fate is known: the hub
    /// keeps `(room, author, cid)` once. [`Error::Pending`] when the fate is still unknown after a minute.
    pub async fn say(&self, room: &str, say: &Say) -> Result<Sent, Error> {
        self.append(room, Ask::post(of(paths::ROOM_MESSAGES, room)).json(say)?).await
    }

    /// Sends what becomes a fact of the log, until its fate is known.
    pub(crate) async fn append(&self, room: &str, ask: Ask) -> Result<Sent, Error> {
        let ask = ask.repeatable();
        let until = Instant::now() + SAY_PATIENCE;
        let mut maybe_taken = false;
        for attempt in 0.. {
            let error = match self.ask(ask.clone()).await {
                Ok(sent) => return Ok(sent),
                Err(error) => error,
            };
            let busy = error.is_code(Code::RateLimited);
            maybe_taken |= matches!(error, Error::Timeout) || error.is_code(Code::OutcomeUnknown);
            if !(busy || maybe_taken && error.is_transient()) {
                return Err(error);
            }
            if Instant::now() >= until {
                return if maybe_taken { Err(fate_unknown(room)) } else { Err(error) };
            }
            tokio::time::sleep(backoff::full_jitter(attempt)).await;
        }
        Err(fate_unknown(room))
    }

    /// Where a room stands in the database: how many events, and the chain hash over them.
    pub async fn head(&self, room: &str) -> Result<Head, Error> {
        self.ask(Ask::get(of(paths::ROOM_HEAD, room))).await
    }

    /// A page of what happened in a room, oldest first, database and log together.
    pub async fn events(&self, room: &str, query: EventsQuery) -> Result<EventPage, Error> {
        self.ask(page(room, query)).await
    }

    /// The same from the rows of the database alone: what [`Hub::head`] is the chain hash over.
    pub async fn rows(&self, room: &str, query: EventsQuery) -> Result<EventPage, Error> {
        self.ask(of_rows(page(room, query))).await
    }

    /// The same as [`Hub::events`] with every event as the hub wrote it, so that nothing is lost of kinds and fields that this version
    /// does not know.
    pub async fn raw_events(&self, room: &str, query: EventsQuery) -> Result<RawPage, Error> {
        self.ask(page(room, query)).await
    }

    /// The same as [`Hub::rows`] with every event as the hub wrote it.
    pub async fn raw_rows(&self, room: &str, query: EventsQuery) -> Result<RawPage, Error> {
        self.ask(of_rows(page(room, query))).await
    }
}

/// A page of events as the hub wrote them.
#[derive(Clone, Debug, Deserialize)]
pub struct RawPage {
    /// Oldest first.
    pub events: Vec<RawEvent>,
    /// The generation of the log that positions belong to.
    pub ep: String,
    /// Whether there are more events in the direction of the question.
    pub more: bool,
}

/// An event as the hub wrote it, with what every event has.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Box<RawValue>")]
pub struct RawEvent {
    /// Its place.
    pub pos: u64,
    /// The room's position before this one, where the hub knew it.
    pub prev: Option<u64>,
    /// Who did it.
    pub by: UserId,
    /// As the client made it.
    pub cid: ClientId,
    /// The stable name of its kind.
    pub kind: String,
    /// SHA-256 of its body, or of that and its files.
    pub body: [u8; 32],
    /// All of it, a JSON object on one line.
    pub json: Box<RawValue>,
}

impl RawEvent {
    /// The part that goes into the chain hash.
    pub fn link(&self) -> Link<'_> {
        Link { pos: self.pos, by: self.by, cid: self.cid, kind: &self.kind, body: self.body }
    }
}

impl TryFrom<Box<RawValue>> for RawEvent {
    type Error = serde_json::Error;

    fn try_from(json: Box<RawValue>) -> Result<Self, Self::Error> {
        #[derive(Deserialize)]
        struct Known {
            pos: u64,
            prev: Option<u64>,
            by: UserId,
            cid: ClientId,
            kind: String,
            #[serde(default)]
            body: String,
            /// The files of a message.
            att: Option<Box<RawValue>>,
            /// The file of a conversion.
            file: Option<Box<RawValue>>,
            /// The hash of what was removed.
            removed: Option<String>,
        }
        let Known { pos, prev, by, cid, kind, body, att, file, removed } = serde_json::from_str(json.get())?;
        let files: Vec<File> = match (kind.as_str(), att, file) {
            ("said", Some(att), _) => serde_json::from_str(att.get())?,
            ("convert_requested" | "convert_completed", _, Some(file)) => {
                vec![serde_json::from_str(file.get())?]
            }
            _ => Vec::new(),
        };
        let mut hash = heads::digest_of(&body, &files);
        if let Some(removed) = removed {
            hex::decode_to_slice(removed, &mut hash).map_err(serde::de::Error::custom)?;
        }
        Ok(Self { pos, prev, by, cid, kind, body: hash, json })
    }
}

fn page(room: &str, query: EventsQuery) -> Ask {
    query.of(Ask::get(of(paths::ROOM_EVENTS, room)))
}

fn of_rows(ask: Ask) -> Ask {
    ask.query("from", "database")
}

impl Hub {
    /// Where a message stands in a room's history, which is searched from its newest event back to `since`; `None`
    /// when it is certain that the room did not have it.
    pub(crate) async fn find_sent(
        &self,
        room: RoomId,
        cid: ClientId,
        since: Timestamp,
    ) -> Result<Option<RoomEvent>, Error> {
        let since = since.plus_seconds(-CLOCKS_DIFFER_SECONDS);
        let mut before = None;
        loop {
            let query = EventsQuery { before, limit: Some(LONGEST_PAGE), after: None };
            let page = self.events(&room.to_string(), query).await?;
            let Some((first, at)) = page.events.first().map(|event| (event.pos, event.ts)) else {
                return Ok(None);
            };
            if let Some(found) = page.events.into_iter().find(|event| event.cid == cid) {
                return Ok(Some(found));
            }
            if !page.more || at < since {
                return Ok(None);
            }
            before = Some(first);
        }
    }
}

impl EventsQuery {
    pub(crate) fn of(self, ask: Ask) -> Ask {
        let bounds = [("after", self.after), ("before", self.before), ("limit", self.limit.map(u64::from))];
        bounds
            .into_iter()
            .filter_map(|(name, bound)| Some((name, bound?)))
            .fold(ask, |ask, (name, bound)| ask.query(name, bound))
    }
}

fn member(room: &str, user: &str) -> String {
    paths::fill(&of(paths::ROOM_MEMBER, room), user)
}

pub(crate) fn of(path: &str, room: &str) -> String {
    paths::fill(path, room.strip_prefix('#').unwrap_or(room))
}

fn fate_unknown(room: &str) -> Error {
    Error::Pending { what: format!("the hub's word that it keeps the message to {room}") }
}
