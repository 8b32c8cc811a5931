//! Facts on the bus. The log is the truth: every change of a room is one of these, in one order for everybody.

use serde::{Deserialize, Serialize};

use crate::{
    ClientId, MessageId, RoomId, Timestamp, UserId, files::File, frames::Here, heads, rooms::MemberRole,
};

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
///
/// A fact about a message names it by its position, `tgt`. Who reads facts applies each of them or, where it has lost
/// its meaning (an edit of a removed message), passes over it: [`crate::messages::Message::take`] is the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The room was made.
    Created {
        /// The room's name; empty for a direct conversation.
        body: String,
    },
    /// Somebody wrote a message.
    Said {
        /// The text; empty once it was removed.
        body: String,
        /// The position of the message that this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<u64>,
        /// Members whom the text names with `@`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// Files that go with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        att: Vec<File>,
        /// What of the text and the files went into the chain hash, 64 hex digits, once they were removed: it can
        /// still be checked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<String>,
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
    /// Somebody was made to leave by another.
    Kicked {
        /// Who is not a member any more.
        user: UserId,
        /// What they are called.
        body: String,
    },
    /// A member may do more, or less, from now on.
    RoleChanged {
        /// The member.
        user: UserId,
        /// What they are called.
        body: String,
        /// What they may do now.
        role: MemberRole,
    },
    /// The room is for something else now.
    TopicChanged {
        /// What it is for; may be empty.
        body: String,
    },
    /// The room has another name.
    Renamed {
        /// The name.
        body: String,
    },
    /// The room is no more: nobody is in it, and its history is removed.
    Closed,
    /// The author put another text in place of a message's.
    Edited {
        /// The message.
        tgt: u64,
        /// The text; empty once the message was removed.
        body: String,
        /// Members whom the new text names with `@`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// As in `said`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<String>,
    },
    /// The text of a message was removed, by its author or by a moderator.
    Redacted {
        /// The message.
        tgt: u64,
    },
    /// Somebody put a sign on a message.
    Reacted {
        /// The message.
        tgt: u64,
        /// The sign, such as `👍`.
        body: String,
    },
    /// Somebody took their sign back.
    Unreacted {
        /// The message.
        tgt: u64,
        /// The sign.
        body: String,
    },
    /// A message was pinned.
    Pinned {
        /// The message.
        tgt: u64,
    },
    /// A message is not pinned any more.
    Unpinned {
        /// The message.
        tgt: u64,
    },
    /// Somebody had a file converted: a message whose state is told by one later fact.
    ConvertRequested {
        /// What the file is called; empty once it was removed.
        body: String,
        /// What it is to become, such as `pdf`.
        to: String,
        /// The file; absent once it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<Box<File>>,
        /// As in `said`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<String>,
    },
    /// A conversion is done. By whom it was asked for.
    ConvertCompleted {
        /// The message that asked for it.
        tgt: u64,
        /// What the result is called; empty once it was removed.
        body: String,
        /// The result; absent once it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<Box<File>>,
        /// What of the source is missing in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lost: Vec<String>,
        /// As in `said`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<String>,
    },
    /// A conversion cannot be done. By whom it was asked for.
    ConvertFailed {
        /// The message that asked for it.
        tgt: u64,
        /// Why, as a sentence.
        body: String,
        /// The stable kind, such as `encrypted`, `corrupt`, `cancelled`.
        error: String,
    },
    /// Something that this version does not know. Only whoever reads meets it: a newer hub wrote it.
    #[serde(other)]
    Unknown,
}

impl What {
    /// A plain message.
    pub fn said(body: impl Into<String>) -> Self {
        Self::Said { body: body.into(), re: None, mentions: Vec::new(), att: Vec::new(), removed: None }
    }

    /// The text that a line of history shows, if there is one; also what the chain hash covers.
    pub fn body(&self) -> &str {
        match self {
            Self::Created { body }
            | Self::Said { body, .. }
            | Self::Invited { body, .. }
            | Self::Kicked { body, .. }
            | Self::RoleChanged { body, .. }
            | Self::TopicChanged { body }
            | Self::Renamed { body }
            | Self::Edited { body, .. }
            | Self::Reacted { body, .. }
            | Self::Unreacted { body, .. }
            | Self::ConvertRequested { body, .. }
            | Self::ConvertCompleted { body, .. }
            | Self::ConvertFailed { body, .. } => body,
            Self::Joined
            | Self::Left
            | Self::Closed
            | Self::Unknown
            | Self::Redacted { .. }
            | Self::Pinned { .. }
            | Self::Unpinned { .. } => "",
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
            Self::Kicked { .. } => "kicked",
            Self::RoleChanged { .. } => "role_changed",
            Self::TopicChanged { .. } => "topic_changed",
            Self::Renamed { .. } => "renamed",
            Self::Closed => "closed",
            Self::Edited { .. } => "edited",
            Self::Redacted { .. } => "redacted",
            Self::Reacted { .. } => "reacted",
            Self::Unreacted { .. } => "unreacted",
            Self::Pinned { .. } => "pinned",
            Self::Unpinned { .. } => "unpinned",
            Self::ConvertRequested { .. } => "convert_requested",
            Self::ConvertCompleted { .. } => "convert_completed",
            Self::ConvertFailed { .. } => "convert_failed",
            Self::Unknown => "unknown",
        }
    }

    /// The message that this fact is about, where it is about one.
    pub fn target(&self) -> Option<u64> {
        match self {
            Self::Edited { tgt, .. }
            | Self::Redacted { tgt }
            | Self::Reacted { tgt, .. }
            | Self::Unreacted { tgt, .. }
            | Self::Pinned { tgt }
            | Self::Unpinned { tgt }
            | Self::ConvertCompleted { tgt, .. }
            | Self::ConvertFailed { tgt, .. } => Some(*tgt),
            _ => None,
        }
    }

    /// Where this begins a message: the members whom that names.
    pub fn begins(&self) -> Option<&[UserId]> {
        match self {
            Self::Said { mentions, .. } => Some(mentions),
            Self::ConvertRequested { .. } => Some(&[]),
            _ => None,
        }
    }

    /// Files that go with a message.
    pub fn files(&self) -> &[File] {
        match self {
            Self::Said { att, .. } => att,
            Self::ConvertRequested { file: Some(file), .. }
            | Self::ConvertCompleted { file: Some(file), .. } => std::slice::from_ref(file.as_ref()),
            _ => &[],
        }
    }

    /// The digest of what stood here before it was removed, 64 hex digits.
    pub fn removed(&self) -> Option<&str> {
        match self {
            Self::Said { removed, .. }
            | Self::Edited { removed, .. }
            | Self::ConvertRequested { removed, .. }
            | Self::ConvertCompleted { removed, .. } => removed.as_deref(),
            _ => None,
        }
    }

    /// Takes text and files away and leaves their digest. Once is enough; only what a person wrote, or had made, can be
    /// removed.
    pub fn remove(&mut self) {
        let digest = hex::encode(heads::digest_of(self.body(), self.files()));
        let (body, removed) = match self {
            Self::Said { body, mentions, att, removed, .. } => {
                att.clear();
                mentions.clear();
                (body, removed)
            }
            Self::Edited { body, mentions, removed, .. } => {
                mentions.clear();
                (body, removed)
            }
            Self::ConvertRequested { body, file, removed, .. } => {
                *file = None;
                (body, removed)
            }
            Self::ConvertCompleted { body, file, lost, removed, .. } => {
                *file = None;
                lost.clear();
                (body, removed)
            }
            _ => return,
        };
        body.clear();
        removed.get_or_insert(digest);
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

    /// Who is a member from this event on.
    pub fn entered(&self) -> Option<UserId> {
        match self.what {
            What::Created { .. } | What::Joined => Some(self.by),
            What::Invited { user, .. } => Some(user),
            _ => None,
        }
    }

    /// Who is no member any more from this event on. After `closed` nobody is.
    pub fn left(&self) -> Option<UserId> {
        match self.what {
            What::Left => Some(self.by),
            What::Kicked { user, .. } => Some(user),
            _ => None,
        }
    }

    /// What happened as a sentence for people, on one line; `None` for a message, whose text says it. `direct` in a
    /// conversation of two, where nobody is invited: it begins with both.
    pub fn sentence(&self, direct: bool) -> Option<String> {
        let Self { name, what, .. } = self;
        let body = what.body();
        let text = match what {
            What::Said { removed: None, .. } => return None,
            What::Said { .. } => format!("{name} said something that was removed"),
            What::Created { .. } if body.is_empty() => format!("{name} opened the conversation"),
            What::ConvertRequested { removed: Some(_), .. } => {
                format!("{name} had something converted that was removed")
            }
            What::ConvertRequested { to, .. } => format!("{name} has {body} converted to {to}"),
            What::ConvertCompleted { tgt, removed: Some(_), .. } => {
                format!("the conversion {tgt} was done, and removed")
            }
            What::ConvertCompleted { tgt, file, .. } => {
                let id = file.as_ref().map(|file| format!(" ({})", file.id)).unwrap_or_default();
                format!("the conversion {tgt} is done: {body}{id}")
            }
            What::ConvertFailed { tgt, .. } => format!("the conversion {tgt} failed: {body}"),
            What::Created { .. } => format!("{name} made the room"),
            What::Joined => format!("{name} joined"),
            What::Left => format!("{name} left"),
            What::Invited { .. } if direct => format!("only {name} and {body} are in it"),
            What::Invited { .. } => format!("{name} invited {body}"),
            What::Kicked { .. } => format!("{name} made {body} leave"),
            What::RoleChanged { role, .. } => format!("{name} made {body} {}", role.name()),
            What::TopicChanged { .. } if body.is_empty() => format!("{name} took the topic away"),
            What::TopicChanged { .. } => format!("{name} set the topic: {body}"),
            What::Renamed { .. } => format!("{name} renamed the room: #{body}"),
            What::Closed => format!("{name} deleted the room"),
            What::Edited { tgt, removed: Some(_), .. } => format!("{name} edited {tgt}, which was removed"),
            What::Edited { tgt, .. } => format!("{name} edited {tgt}: {body}"),
            What::Redacted { tgt } => format!("{name} removed {tgt}"),
            What::Reacted { tgt, .. } => format!("{name} put {body} on {tgt}"),
            What::Unreacted { tgt, .. } => format!("{name} took {body} off {tgt}"),
            What::Pinned { tgt } => format!("{name} pinned {tgt}"),
            What::Unpinned { tgt } => format!("{name} unpinned {tgt}"),
            What::Unknown => format!("{name} did something that this version does not know"),
        };
        Some(text.replace(['\n', '\t'], " "))
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
        /// The `traceparent` of what changed it, if somebody watches.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tp: Option<String>,
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
    /// Somebody writes in a room, or has stopped.
    Typing {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// What they are called.
        name: String,
        /// Writing or not.
        on: bool,
    },
    /// How the people of one gateway are: those who changed, and now and then all of them again.
    Presence {
        /// The gateway, as long as it runs.
        gateway: uuid::Uuid,
        /// Some of its people.
        who: Vec<Here>,
    },
    /// How far the conversion of a card is, for those who follow its room.
    Card {
        /// The room.
        room: RoomId,
        /// The position of the message with the card.
        pos: u64,
        /// How far it is.
        at: crate::messages::UnderWay,
    },
    /// Somebody has read a room up to a position: their other devices show it.
    Read {
        /// Who.
        user: UserId,
        /// What is read.
        mark: Mark,
    },
}

/// Up to where a person has read a room. Only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mark {
    /// The room.
    pub room: RoomId,
    /// Everything up to here is read.
    pub pos: u64,
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
            what: What::said("hi"),
        };

        let text = serde_json::to_string(&ChatRecord::RoomV1(fact.clone())).unwrap();

        assert!(text.contains(r#""v":"room1""#), "{text}");
        assert!(text.contains(r#""kind":"said""#), "{text}");
        assert_eq!(serde_json::from_str::<ChatRecord>(&text).unwrap(), ChatRecord::RoomV1(fact));
    }

    #[test]
    fn a_plain_message_looks_as_it_did_before_there_were_replies() {
        let text = serde_json::to_string(&What::said("hi")).unwrap();

        assert_eq!(text, r#"{"kind":"said","body":"hi"}"#);
        assert_eq!(serde_json::from_str::<What>(&text).unwrap(), What::said("hi"));
    }

    #[test]
    fn a_conversation_of_two_begins_with_both_and_nobody_is_invited() {
        let event = |what| {
            let (id, cid) = (MessageId::new(), ClientId::new());
            let (room, by, name) = (RoomId::new(), UserId::new(), "Ann".to_owned());
            RoomEvent::placed(RoomFact { id, room, by, name, cid, what }, 1, None, Timestamp::from_micros(0))
        };
        let invited = event(What::Invited { user: UserId::new(), body: "Bob".into() });

        assert_eq!(invited.sentence(true).unwrap(), "only Ann and Bob are in it");
        assert_eq!(invited.sentence(false).unwrap(), "Ann invited Bob");
        let opened = event(What::Created { body: String::new() });
        assert_eq!(opened.sentence(true).unwrap(), "Ann opened the conversation");
    }

    #[test]
    fn a_text_is_removed_once_and_only_its_digest_stays() {
        let mut what = What::said("secret");

        what.remove();
        what.remove();

        // `printf secret | sha256sum`
        let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!((what.body(), what.removed()), ("", Some(digest)));
    }
}
