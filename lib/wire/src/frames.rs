//! Frames of the one socket, `/api/v1/live`: JSON text, one object a frame, tagged with `t`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ClientId, FileId, JobId, MessageId, RoomId, Timestamp, UserId,
    conversions::Job,
    events::RoomEvent,
    messages::{Act, UnderWay},
};

/// The protocol version that both sides of this build speak.
pub const PROTOCOL: u32 = 1;

/// Close codes of the socket, beside those of RFC 6455.
pub mod close {
    /// The hub restarts; come back at once.
    pub const RESTART: u16 = 1012;
    /// No or a bad token; sign in again.
    pub const UNAUTHENTICATED: u16 = 4401;
    /// The client broke the protocol; coming back does not help.
    pub const PROTOCOL: u16 = 4400;
    /// No `hello` in time.
    pub const HELLO_TIMEOUT: u16 = 4408;
    /// A frame is larger than the hub takes (RFC 6455).
    pub const TOO_LARGE: u16 = 1009;
    /// The client reads too slowly; resume.
    pub const SLOW: u16 = 4008;
    /// The account has too many sockets open; close one first.
    pub const TOO_MANY: u16 = 4429;
}

/// Bytes of the largest frame of a client: the longest text fits with every character escaped, and ten files with it.
pub const LARGEST: usize = 128 * 1024;

/// How many conversions a client may name that it heard of before.
pub const MISSED: usize = 100;

/// How long somebody counts as writing after it was said last. While it lasts, it is said again after about half of it.
pub const TYPING: std::time::Duration = std::time::Duration::from_secs(6);
/// How long what was told of a card counts. While the conversion lasts, it is told again after about a third of it.
pub const CARD: std::time::Duration = std::time::Duration::from_secs(6);

/// A place in the log. Positions of different epochs have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Position {
    /// The generation of the log.
    pub ep: String,
    /// The place within it.
    pub pos: u64,
}

/// From a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToServer {
    /// First frame, within five seconds. The token never stands in the URL.
    Hello {
        /// [`PROTOCOL`].
        v: u32,
        /// The access token.
        tok: String,
    },
    /// A newer access token for this socket, before the first one expires.
    Auth {
        /// The access token.
        tok: String,
    },
    /// Subscribe to a room, from a position or from its tail.
    Sub {
        /// Chosen by the client, comes back in the answer.
        id: u64,
        /// The room.
        room: RoomId,
        /// Everything after this place; without it, the newest `tail` events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Position>,
        /// How many events to begin with when `after` is absent; at most 200.
        #[serde(default)]
        tail: u32,
    },
    /// Stop.
    Unsub {
        /// The room.
        room: RoomId,
    },
    /// Say something.
    Send {
        /// Made when the person pressed Enter.
        cid: ClientId,
        /// Where.
        room: RoomId,
        /// 1 byte to 16 KiB of UTF-8; may be empty when there are files.
        body: String,
        /// The position of the message that this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
        /// Files that were uploaded for it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        att: Vec<FileId>,
    },
    /// Do something to a message; answered as `send` is.
    Op {
        /// Where.
        room: RoomId,
        /// What to do, to which message.
        #[serde(flatten)]
        act: Act,
    },
    /// Everything of a room up to a position is read; answered with `read`.
    Read {
        /// The room.
        room: RoomId,
        /// Up to here.
        pos: u64,
    },
    /// The person is writing a message in a room that this socket follows, or has stopped. Not answered.
    Typing {
        /// The room.
        room: RoomId,
        /// Writing or not. Writing is said again while it lasts, see [`TYPING`].
        on: bool,
    },
    /// Begin or stop to hear of one's own conversions.
    Jobs {
        /// Begin or stop.
        on: bool,
        /// Conversions that were heard of before, each with the newest `seq` of it: those that went on since are told at
        /// once. At most [`MISSED`] of them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        after: BTreeMap<JobId, u64>,
    },
    /// Answered with `pong`.
    Ping {
        /// Comes back.
        n: u64,
    },
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToClient {
    /// Answer to `hello`.
    Welcome {
        /// The version that is spoken.
        v: u32,
        /// Who this is.
        uid: UserId,
        /// The server sends something at least this often, in milliseconds; silence for twice as long means a dead link.
        hb_ms: u64,
        /// How many sends may wait for their `ok` at once.
        win: u32,
        /// The hub's time: a client whose clock is off makes its message ids with this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        now: Option<Timestamp>,
    },
    /// Answer to `sub`: what follows until `live` is the past.
    Subbed {
        /// As given.
        id: u64,
        /// The room.
        room: RoomId,
        /// The generation of the log.
        ep: String,
        /// The newest position of the room, 0 when it has none.
        head: u64,
        /// How the past is given.
        mode: SubMode,
        /// Everything of the room up to here is in the database, as far as the hub knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        persisted: Option<u64>,
    },
    /// One event.
    Ev(RoomEvent),
    /// Several events of one room, oldest first.
    Evs {
        /// The room.
        room: RoomId,
        /// The events.
        ev: Vec<RoomEvent>,
    },
    /// Events between two positions were left out; fetch them over HTTP.
    Gap {
        /// The room.
        room: RoomId,
        /// After this position.
        from: u64,
        /// Before this one.
        to: u64,
    },
    /// This socket reads too slowly: events after a position were dropped and follow when it has caught up.
    Lag {
        /// The room.
        room: RoomId,
        /// Nothing up to here is missing.
        from: u64,
    },
    /// These positions repeat earlier messages and count for nothing: remove them if they were shown.
    Void {
        /// The room.
        room: RoomId,
        /// The positions.
        pos: Vec<u64>,
    },
    /// Somebody is a member of one more room: invited by another, or joined from another device.
    Entered {
        /// The room.
        room: RoomId,
        /// Who made it so.
        by: UserId,
        /// What that person is called.
        name: String,
    },
    /// The past is complete: from here on it is live.
    Live {
        /// The room.
        room: RoomId,
        /// Up to here.
        pos: u64,
    },
    /// The message is durable, and its place is final.
    Ok {
        /// As given.
        cid: ClientId,
        /// The room.
        room: RoomId,
        /// Its place.
        pos: u64,
        /// The message.
        id: MessageId,
        /// When the log took it.
        ts: Timestamp,
        /// Whether an earlier attempt had stored it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dup: bool,
    },
    /// Something was refused.
    Err {
        /// Of the message that was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cid: Option<ClientId>,
        /// Of the subscription that was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// The room concerned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomId>,
        /// A code of the catalogue, such as `MSH-4040`.
        code: String,
        /// What happened.
        detail: String,
        /// Whether sending it again can help.
        retry: bool,
        /// Whether it may have happened all the same.
        unknown: bool,
        /// When to try again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
    /// Not a member any more: nothing of the room follows.
    Unsubbed {
        /// The room.
        room: RoomId,
    },
    /// How far the database is, for rooms of this socket.
    Wm {
        /// Heads.
        r: Vec<crate::events::Head>,
    },
    /// One of the caller's conversions changed.
    Job {
        /// Its newest state.
        job: Box<Job>,
    },
    /// The caller has read a room up to here, on this device or on another.
    Read {
        /// The room.
        room: RoomId,
        /// Up to here.
        pos: u64,
    },
    /// What passes: it is not kept anywhere, may be lost, and nothing depends on it.
    Eph {
        /// The room.
        room: RoomId,
        /// What.
        #[serde(flatten)]
        what: Passing,
    },
    /// Answer to `ping`.
    Pong {
        /// As given.
        n: u64,
    },
    /// The link is alive, and how the hub is.
    Hb {
        /// Whether messages can be sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<LogState>,
        /// How old the oldest message is that the database does not have yet, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plag_ms: Option<u64>,
    },
    /// The hub is about to stop: reconnect within `spread_ms`, at a moment of your own.
    Drain {
        /// Spread of the reconnects.
        spread_ms: u64,
    },
}

/// What the log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogState {
    /// Messages.
    Ok,
    /// Nothing right now: what is there can be read, what is sent is refused and can be sent again.
    Ro,
}

/// What passes in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum Passing {
    /// A member writes a message, for [`TYPING`] unless it is said again; or has stopped.
    Typing {
        /// The member.
        user: UserId,
        /// What they are called.
        name: String,
        /// Writing or not.
        on: bool,
    },
    /// Who is here, as far as it changed.
    Presence {
        /// These are all who are here: everybody else is away for good.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        all: bool,
        /// Members, and how each is.
        who: Vec<Here>,
    },
    /// How far the conversion of a card is, for [`CARD`] unless it is told again. The fact that settles it ends it.
    Card {
        /// The position of the message with the card.
        pos: u64,
        /// How far it is.
        at: UnderWay,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// How somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Here {
    /// The person.
    pub user: UserId,
    /// How they are.
    pub is: Presence,
}

/// Whether somebody is connected, and does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Not connected.
    Offline,
    /// Connected, and has done nothing for some minutes.
    Away,
    /// Connected.
    Online,
}

impl Presence {
    /// The stable name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Online => "online",
        }
    }
}

/// How a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubMode {
    /// The newest events, as asked.
    Tail,
    /// Everything after the given position.
    Resume,
    /// The given position is of another log, or behind the end of this one: the newest events instead.
    Reset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_tagged_and_flat() {
        let frame = ToClient::Ok {
            cid: ClientId(uuid::Uuid::nil()),
            room: RoomId(uuid::Uuid::nil()),
            pos: 7,
            id: MessageId(uuid::Uuid::nil()),
            ts: Timestamp::from_micros(0),
            dup: false,
        };

        let text = serde_json::to_string(&frame).unwrap();

        assert!(text.starts_with(r#"{"t":"ok","cid""#), "{text}");
        assert!(!text.contains("dup"), "{text}");
        assert_eq!(serde_json::from_str::<ToClient>(&text).unwrap(), frame);
    }

    #[test]
    fn what_passes_is_flat_and_a_kind_of_tomorrow_is_passed_over() {
        let user = UserId(uuid::Uuid::nil());
        let what = Passing::Presence { all: false, who: vec![Here { user, is: Presence::Away }] };
        let frame = ToClient::Eph { room: RoomId(uuid::Uuid::nil()), what };

        let text = serde_json::to_string(&frame).unwrap();
        let tomorrow = text.replace("presence", "sneeze");

        assert!(
            text.starts_with(r#"{"t":"eph","room""#) && text.contains(r#""k":"presence","who""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<ToClient>(&text).unwrap(), frame);
        let ToClient::Eph { what, .. } = serde_json::from_str(&tomorrow).unwrap() else { unreachable!() };
        assert_eq!(what, Passing::Unknown);
    }

    #[test]
    fn a_card_says_only_what_is_known_of_it() {
        let (at, room) = (UnderWay::of(crate::conversions::JobState::Queued), RoomId(uuid::Uuid::nil()));
        let frame = ToClient::Eph { room, what: Passing::Card { pos: 7, at } };

        let text = serde_json::to_string(&frame).unwrap();

        assert!(text.ends_with(r#""k":"card","pos":7,"at":{"state":"queued"}}"#), "{text}");
        assert_eq!(serde_json::from_str::<ToClient>(&text).unwrap(), frame);
    }

    #[test]
    fn an_event_frame_keeps_its_kind_beside_the_tag() {
        let event = RoomEvent {
            id: MessageId::new(),
            room: RoomId::new(),
            pos: 2,
            prev: Some(1),
            ts: Timestamp::from_micros(0),
            by: UserId::new(),
            name: "Ann".into(),
            cid: ClientId::new(),
            what: crate::events::What::said("hi"),
        };

        let text = serde_json::to_string(&ToClient::Ev(event.clone())).unwrap();

        assert!(text.contains(r#""t":"ev""#) && text.contains(r#""kind":"said""#), "{text}");
        assert_eq!(serde_json::from_str::<ToClient>(&text).unwrap(), ToClient::Ev(event));
    }
}
