//! Facts on the bus. The log is the truth: every change of a room is one of these, in one order for everybody.

use serde::{Deserialize, Serialize};

use crate::{ClientId, MessageId, RoomId, Timestamp, UserId};

/// What is written to topic [`crate::paths::TOPIC_CHAT`], keyed by room. The variant carries the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum ChatRecord {
    /// The first and only version so far.
    #[serde(rename = "room1")]
    RoomV1(RoomFact),
}

/// One fact about a room, before the log gave it its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomFact {
    /// Made by the gateway that appends it.
    pub id: MessageId,
    /// Where it happened.
    pub room: RoomId,
    /// Who did it.
    pub by: UserId,
    /// What that person was called then.
    pub name: String,
    /// `(room, by, cid)` happens once.
    pub cid: ClientId,
    /// What happened.
    #[serde(flatten, deserialize_with = "known")]
    pub what: What,
}

/// A fact of a kind that is not known cannot be taken in: it would lose what it says.
fn known<'de, D: serde::Deserializer<'de>>(input: D) -> Result<What, D::Error> {
    match What::deserialize(input)? {
        What::Unknown => Err(serde::de::Error::custom("a kind of fact that this version does not know")),
        what => Ok(what),
    }
}

/// What can happen in a room. Past tense: these are facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The room was made.
    Created {
        /// The room's name.
        body: String,
    },
    /// Somebody wrote a message.
    Said {
        /// The text.
        body: String,
    },
    /// Somebody joined by themselves.
    Joined,
    /// Somebody left.
    Left,
    /// Somebody was made a member by another.
    Invited {
        /// The new member.
        user: UserId,
        /// What the new member is called.
        body: String,
    },
    /// Something that this version does not know. Only whoever reads meets it: a newer hub wrote it.
    #[serde(other)]
    Unknown,
}

impl What {
    /// The text that a line of history shows, if there is one.
    pub fn body(&self) -> &str {
        match self {
            Self::Created { body } | Self::Said { body } | Self::Invited { body, .. } => body,
            Self::Joined | Self::Left | Self::Unknown => "",
        }
    }

    /// The stable name of the kind, as JSON has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Said { .. } => "said",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Invited { .. } => "invited",
            Self::Unknown => "unknown",
        }
    }
}

/// A fact with its place in the log: what clients see live and in history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomEvent {
    /// The event.
    pub id: MessageId,
    /// Where it happened.
    pub room: RoomId,
    /// Its place: strictly growing within a room, the same for everybody.
    pub pos: u64,
    /// The room's position before this one; absent when the sender of the frame did not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<u64>,
    /// When the log took it.
    pub ts: Timestamp,
    /// Who did it.
    pub by: UserId,
    /// What that person was called then.
    pub name: String,
    /// As the client made it.
    pub cid: ClientId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

impl RoomEvent {
    /// Places a fact at a position of the log.
    pub fn placed(fact: RoomFact, pos: u64, prev: Option<u64>, ts: Timestamp) -> Self {
        let RoomFact { id, room, by, name, cid, what } = fact;
        Self { id, room, pos, prev, ts, by, name, cid, what }
    }
}

/// What is published on the fan-out, all of which may be lost without harm.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum Hint {
    /// A conversion changed: the newest state of it.
    Job {
        /// The conversion.
        job: Box<crate::conversions::Job>,
    },
    /// The chat-worker has stored a room up to a position.
    Persisted {
        /// The room's head after the batch, for each room in it.
        heads: Vec<Head>,
    },
    /// Records that repeat messages the database has had for long: they count for nothing.
    Voided {
        /// The room.
        room: RoomId,
        /// Their positions.
        pos: Vec<u64>,
    },
    /// A session ended: its sockets close.
    SessionEnded {
        /// The session.
        session: uuid::Uuid,
    },
}

/// How far the database has followed a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Head {
    /// The room.
    pub room: RoomId,
    /// Position of the newest stored event.
    pub pos: u64,
    /// How many events are stored.
    pub n: u64,
    /// Chain hash over them, 32 hex digits; see [`crate::heads`].
    pub h: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_kind_of_tomorrow_keeps_its_place_and_a_fact_of_it_is_not_taken_in() {
        let id = uuid::Uuid::nil();
        let event = serde_json::json!({
            "id": id, "room": id, "pos": 7, "prev": 6, "ts": "2026-11-22T20:00:00Z", "by": id, "name": "Ann", "cid": id,
            "kind": "poll_opened", "question": {"text": "?"}, "seconds": 30,
        });

        let read: RoomEvent = serde_json::from_value(event.clone()).unwrap();
        let frame = serde_json::json!({"t": "evs", "room": id, "ev": [event]}).to_string();
        let mut record = event;
        record["v"] = "room1".into();

        assert_eq!((read.pos, read.prev, &read.what), (7, Some(6), &What::Unknown));
        assert!(serde_json::from_str::<crate::frames::ToClient>(&frame).is_ok());
        assert!(serde_json::from_str::<ChatRecord>(&record.to_string()).is_err());
    }

    #[test]
    fn a_record_names_its_version_and_survives_the_bus() {
        let fact = RoomFact {
            id: MessageId::new(),
            room: RoomId::new(),
            by: UserId::new(),
            name: "Ann".into(),
            cid: ClientId::new(),
            what: What::Said { body: "hi".into() },
        };

        let text = serde_json::to_string(&ChatRecord::RoomV1(fact.clone())).unwrap();

        assert!(text.contains(r#""v":"room1""#), "{text}");
        assert!(text.contains(r#""kind":"said""#), "{text}");
        assert_eq!(serde_json::from_str::<ChatRecord>(&text).unwrap(), ChatRecord::RoomV1(fact));
    }
}
