//! Rooms, members and messages over HTTP.

use serde::{Deserialize, Serialize};

use crate::{ClientId, FileId, MessageId, RoomId, Timestamp, UserId, events::RoomEvent, frames::Presence};

/// Bytes of the longest text of a message.
pub const LONGEST: usize = 16 * 1024;

/// `POST /api/v1/rooms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// 1 to 64 letters, digits, `-`, `_` or `.`; kept in lower case. A leading `#` is dropped.
    pub name: String,
    /// Only members see a private room; anybody may join a public one.
    #[serde(default)]
    pub private: bool,
    /// What the room is for.
    #[serde(default)]
    pub topic: String,
}

/// A room as one of its members (or, when public, anybody signed in) sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Room {
    /// The room.
    pub id: RoomId,
    /// Its name, without `#`.
    pub name: String,
    /// Whether only members see it.
    pub private: bool,
    /// What it is for.
    #[serde(default)]
    pub topic: String,
    /// How many people are in it.
    pub members: u32,
    /// Whether the caller is in it.
    pub joined: bool,
    /// Whether it is a conversation of two people; `name` is then what the other one is called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// What the caller may do in it; absent when they are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MemberRole>,
    /// How many messages of others came after the caller's read mark; absent when they are not in it, and for a moment
    /// when the history cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
    /// How many of these name the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentions: Option<u64>,
    /// Up to where the caller has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u64>,
    /// Up to where `unread` and `mentions` were counted: what is said after it comes on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A list answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rooms {
    /// By name.
    pub items: Vec<Room>,
}

/// What a member may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Reads and writes.
    Member,
    /// Also keeps order.
    Moderator,
    /// Also owns the room.
    Owner,
}

impl MemberRole {
    /// The stable name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }

    /// The role of that stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Member, Self::Moderator, Self::Owner].into_iter().find(|role| role.name() == name)
    }
}

/// One member of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The account.
    pub id: UserId,
    /// What others see.
    pub name: String,
    /// What they may do here.
    pub role: MemberRole,
    /// Since when.
    pub joined_at: Timestamp,
    /// Whether they are connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
}

/// A list answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Members {
    /// By the time they joined.
    pub items: Vec<Member>,
}

/// `POST /api/v1/rooms/{room}/invites`: the invited person is a member at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// An e-mail address or a user id. An address without an account is accepted and does nothing,
    /// so that nobody can test who has an account.
    pub user: String,
}

/// `PATCH /api/v1/rooms/{room}`: only what is given changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditRoom {
    /// As in [`NewRoom`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 250 characters; empty to take it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// `PUT /api/v1/rooms/{room}/members/{user}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    /// What the member may do from now on.
    pub role: MemberRole,
}

/// `POST /api/v1/direct`: the conversation of two people, the same one whoever asks first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Direct {
    /// An e-mail address or a user id.
    pub user: String,
}

/// `POST /api/v1/rooms/{room}/messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// Made once per message; sending again with the same one is harmless.
    pub cid: ClientId,
    /// The text: 1 byte to 16 KiB of UTF-8; may be empty when there are files.
    pub body: String,
    /// The position of the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Files that the caller uploaded into this room within the last day, at most 10. A file goes with one message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub att: Vec<FileId>,
}

/// A message that is durable: it has its final place in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sent {
    /// The message.
    pub id: MessageId,
    /// As the client made it.
    pub cid: ClientId,
    /// Where it was said.
    pub room: RoomId,
    /// Its place in the log: later messages of the room have larger ones.
    pub pos: u64,
    /// When the log took it.
    pub ts: Timestamp,
    /// Whether an earlier attempt had already stored it; `pos` is that one's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dup: bool,
}

/// `GET /api/v1/rooms/{room}/events`: database and log together, without a hole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<RoomEvent>,
    /// The generation of the log that positions belong to.
    pub ep: String,
    /// Everything of the room up to here was looked at.
    pub upto: u64,
    /// Everything up to here is in the database.
    pub persisted: u64,
    /// Whether there are more events in the direction of the question.
    pub more: bool,
}
