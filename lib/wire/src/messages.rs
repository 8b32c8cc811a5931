//! Messages as people see them: a message and everything that was done to it later, folded into one.

use serde::{Deserialize, Serialize};

use crate::{
    ClientId, MessageId, RoomId, Timestamp, UserId,
    conversions::{Job, JobError, JobProgress, JobState},
    events::{Mark, RoomEvent, What},
    files::File,
};

/// Kinds of signs that one message can carry.
pub const REACTIONS: usize = 50;
/// Times that one message can be edited.
pub const EDITS: usize = 100;

/// A message with its later fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// Where it was said.
    pub room: RoomId,
    /// Its place in the log; what others name it by.
    pub pos: u64,
    /// When the log took it.
    pub ts: Timestamp,
    /// Who said it.
    pub by: UserId,
    /// What that person was called then.
    pub name: String,
    /// As the client made it.
    pub cid: ClientId,
    /// The text as it is now; empty when it was removed.
    pub body: String,
    /// The position of the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Members whom the text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Files that go with it; none once it was removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub att: Vec<File>,
    /// What is made of a file; only of a message that asked for that. `body` is what the file is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// When the author last changed the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// Positions of the edits, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<u64>,
    /// Who removed the text, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removal>,
    /// Signs, in the order in which they first appeared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// Whether it is pinned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

/// A conversion as everybody in the room sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Card {
    /// What the file is to become, such as `pdf`.
    pub to: String,
    /// `queued` until it is `completed` or `failed`: what happens in between is told and not kept.
    pub state: JobState,
    /// The result, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<File>,
    /// What of the source is missing in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Why there will be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// The position of the event that settled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<u64>,
}

/// How far the conversion of a card is: told while it lasts, and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnderWay {
    /// `queued` or `in_progress`.
    pub state: JobState,
    /// How many conversions are before it, while it waits; 0 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// How far the engine is, as far as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
}

impl UnderWay {
    /// Of which nothing more is known than its state.
    pub fn of(state: JobState) -> Self {
        Self { state, position: None, progress: None }
    }
}

impl From<&Job> for UnderWay {
    fn from(job: &Job) -> Self {
        Self { state: job.state, position: job.position, progress: job.progress.clone() }
    }
}

/// The end of a message's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Removal {
    /// Who did it: the author, or a moderator.
    pub by: UserId,
    /// When the log took it.
    pub ts: Timestamp,
}

/// One sign and who put it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// The sign.
    pub body: String,
    /// Who put it, oldest first.
    pub by: Vec<UserId>,
}

impl Message {
    /// The message that an event begins, if it is one. A text that was removed meanwhile is absent; who removed it
    /// comes with the event that did.
    pub fn begun_by(event: &RoomEvent) -> Option<Self> {
        let mentions = event.what.begins()?.to_vec();
        let (re, card) = match &event.what {
            What::Said { re, .. } => (*re, None),
            What::ConvertRequested { to, .. } => (None, Some(Card::of(to))),
            _ => (None, None),
        };
        Some(Self {
            id: event.id,
            room: event.room,
            pos: event.pos,
            ts: event.ts,
            by: event.by,
            name: event.name.clone(),
            cid: event.cid,
            body: event.what.body().to_owned(),
            re,
            mentions,
            att: event.what.files().to_vec(),
            card,
            edited: None,
            edits: Vec::new(),
            removed: None,
            reactions: Vec::new(),
            pinned: false,
        })
    }

    /// Applies a later event, if it is about this message and still has a meaning. Whoever applies the same events in
    /// the order of the log comes to the same message.
    pub fn take(&mut self, event: &RoomEvent) {
        if event.what.target() != Some(self.pos) || self.removed.is_some() {
            return;
        }
        match &event.what {
            What::Edited { body, mentions, .. }
                if event.by == self.by && !self.edits.contains(&event.pos) =>
            {
                self.body.clone_from(body);
                self.mentions.clone_from(mentions);
                self.edited = Some(event.ts);
                self.edits.push(event.pos);
            }
            What::ConvertCompleted { .. } | What::ConvertFailed { .. } if event.by == self.by => {
                self.card.iter_mut().for_each(|card| card.settle(event));
            }
            What::Redacted { .. } => self.remove(Removal { by: event.by, ts: event.ts }),
            What::Reacted { body, .. } => self.react(body, event.by),
            What::Unreacted { body, .. } => self.unreact(body, event.by),
            What::Pinned { .. } => self.pinned = true,
            What::Unpinned { .. } => self.pinned = false,
            _ => {}
        }
    }

    fn remove(&mut self, removal: Removal) {
        self.removed = Some(removal);
        self.body.clear();
        self.mentions.clear();
        self.att.clear();
        self.card = None;
        self.reactions.clear();
        self.pinned = false;
    }

    fn react(&mut self, sign: &str, by: UserId) {
        let full = self.reactions.len() >= REACTIONS;
        match self.reactions.iter_mut().find(|reaction| reaction.body == sign) {
            Some(reaction) if reaction.by.contains(&by) => {}
            Some(reaction) => reaction.by.push(by),
            None if !full => {
                self.reactions.push(Reaction { body: sign.to_owned(), by: vec![by] });
            }
            None => {}
        }
    }

    fn unreact(&mut self, sign: &str, by: UserId) {
        if let Some(reaction) = self.reactions.iter_mut().find(|reaction| reaction.body == sign) {
            reaction.by.retain(|user| *user != by);
        }
        self.reactions.retain(|reaction| !reaction.by.is_empty());
    }
}

impl Card {
    fn of(to: &str) -> Self {
        let to = to.to_owned();
        Self { to, state: JobState::Queued, result: None, lost: Vec::new(), error: None, settled: None }
    }

    /// The first fact counts.
    fn settle(&mut self, event: &RoomEvent) {
        if self.settled.is_some() {
            return;
        }
        self.settled = Some(event.pos);
        match &event.what {
            What::ConvertCompleted { file, lost, .. } => {
                (self.state, self.result, self.lost) =
                    (JobState::Completed, file.as_deref().cloned(), lost.clone());
            }
            What::ConvertFailed { body, error, .. } => {
                self.state = JobState::Failed;
                self.error = Some(JobError { kind: error.clone(), detail: body.clone() });
            }
            _ => {}
        }
    }
}

/// `GET /api/v1/rooms/{room}/messages`: database and log together, without a hole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagePage {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// The generation of the log that positions belong to.
    pub ep: String,
    /// Everything of the room up to here was looked at.
    pub upto: u64,
    /// Whether there are more messages in the direction of the question.
    pub more: bool,
}

/// `POST /api/v1/rooms/{room}/ops` and the frame `op`: something done to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Act {
    /// Made once per act; sending again with the same one is harmless.
    pub cid: ClientId,
    /// The position of the message.
    pub tgt: u64,
    /// What to do to it.
    #[serde(flatten)]
    pub op: Op,
}

/// What can be done to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Put another text in its place; only its author may.
    Edit {
        /// 1 byte to 16 KiB of UTF-8.
        body: String,
    },
    /// Remove its text for good; its author and moderators may.
    Redact,
    /// Put a sign on it.
    React {
        /// 1 to 64 bytes without spaces; at most 50 kinds a message.
        body: String,
    },
    /// Take one's own sign back.
    Unreact {
        /// The sign.
        body: String,
    },
    /// Pin it; moderators may, and both people of a direct conversation.
    Pin,
    /// Unpin it; who may pin may.
    Unpin,
}

/// `PUT /api/v1/rooms/{room}/read` and the frame `read`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Everything up to here is read; without it, everything there is. A mark never moves back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<u64>,
}

/// Where a person stands in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unread {
    /// The room.
    pub room: RoomId,
    /// Everything up to here is read.
    pub mark: u64,
    /// Messages of others after it that were not removed.
    pub unread: u64,
    /// Those of them that name the person.
    pub mentions: u64,
}

/// What the gateway asks the chat-worker to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// After which mark.
    #[serde(flatten)]
    pub mark: Mark,
    /// Positions of messages to show beside the count, as they were when it was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<u64>,
}

/// What the chat-worker counted after a read mark, in one look at the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// What is unread in the database.
    #[serde(flatten)]
    pub unread: Unread,
    /// How far the database was with the room: up to here everything is counted, and nothing after it.
    pub upto: u64,
    /// The messages that were asked for, as far as the database had them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Message>,
}

/// `GET /api/v1/search`: messages of the caller's rooms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// Best or newest first, as asked.
    pub items: Vec<Message>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// About how many messages the index has yet to come to, after very many came at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
}

/// What the chat-worker found, and how far it was when it looked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Searched {
    /// What the person sees.
    #[serde(flatten)]
    pub found: Found,
    /// Of each partition of the log: everything up to here was looked at, and nothing after it.
    #[serde(default)]
    pub upto: Vec<(i32, u64)>,
}

/// What the gateway asks the chat-worker to look for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Search {
    /// As the person typed it.
    pub text: String,
    /// Rooms that the person is in; only these are looked at.
    pub rooms: Vec<RoomId>,
    /// Only what this person said.
    pub by: Option<UserId>,
    /// Only what the log took at or after this moment.
    pub since: Option<Timestamp>,
    /// Only what the log took before it.
    pub until: Option<Timestamp>,
    /// What comes first.
    pub order: SearchOrder,
    /// At most this many.
    pub limit: u32,
    /// Where an earlier answer said to go on.
    pub cursor: Option<String>,
}

/// In which order a search answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchOrder {
    /// Newest first.
    #[default]
    Time,
    /// What fits best first.
    Rank,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(pos: u64, by: UserId, what: What) -> RoomEvent {
        RoomEvent {
            id: MessageId::new(),
            room: RoomId(uuid::Uuid::nil()),
            pos,
            prev: None,
            ts: Timestamp::from_micros(pos.cast_signed()),
            by,
            name: "Ann".into(),
            cid: ClientId::new(),
            what,
        }
    }

    fn edited(tgt: u64, body: &str) -> What {
        What::Edited { tgt, body: body.into(), mentions: Vec::new(), removed: None }
    }

    #[test]
    fn only_the_author_edits_and_only_what_is_still_there() {
        let (ann, bob) = (UserId::new(), UserId::new());
        let mut message = Message::begun_by(&event(1, ann, What::said("one"))).unwrap();

        message.take(&event(2, bob, edited(1, "theirs")));
        message.take(&event(3, ann, edited(9, "of another")));
        message.take(&event(4, ann, edited(1, "two")));
        assert_eq!((message.body.as_str(), message.edits.as_slice()), ("two", &[4][..]));

        message.take(&event(5, bob, What::Redacted { tgt: 1 }));
        message.take(&event(6, ann, edited(1, "back")));
        assert_eq!(message.body, "");
        assert_eq!(message.removed.unwrap().by, bob);
    }

    #[test]
    fn a_sign_counts_once_a_person_and_fifty_kinds_are_the_end() {
        let (ann, bob) = (UserId::new(), UserId::new());
        let mut message = Message::begun_by(&event(1, ann, What::said("one"))).unwrap();
        let react = |by, sign: &str| event(2, by, What::Reacted { tgt: 1, body: sign.into() });

        for by in [ann, bob, ann] {
            message.take(&react(by, "👍"));
        }
        assert_eq!(message.reactions, [Reaction { body: "👍".into(), by: vec![ann, bob] }]);
        for by in [ann, bob] {
            message.take(&event(3, by, What::Unreacted { tgt: 1, body: "👍".into() }));
        }
        assert!(message.reactions.is_empty());

        for sign in 0..60 {
            message.take(&react(ann, &sign.to_string()));
        }
        assert_eq!(message.reactions.len(), REACTIONS);
    }

    #[test]
    fn a_card_is_settled_once_and_by_who_asked_and_goes_with_its_message() {
        let (ann, bob) = (UserId::new(), UserId::new());
        let asked =
            What::ConvertRequested { body: "a.md".into(), to: "pdf".into(), file: None, removed: None };
        let failed = |body: &str| What::ConvertFailed { tgt: 1, body: body.into(), error: "corrupt".into() };
        let done = What::ConvertCompleted {
            tgt: 1,
            body: "a.pdf".into(),
            file: None,
            lost: Vec::new(),
            removed: None,
        };
        let mut message = Message::begun_by(&event(1, ann, asked)).unwrap();
        assert_eq!((message.body.as_str(), message.card.as_ref().unwrap().state), ("a.md", JobState::Queued));

        message.take(&event(2, bob, done.clone()));
        message.take(&event(3, ann, failed("damaged")));
        message.take(&event(4, ann, done));
        let card = message.card.clone().unwrap();
        assert_eq!((card.state, card.settled), (JobState::Failed, Some(3)));
        assert_eq!(card.error.unwrap().detail, "damaged");

        message.take(&event(5, ann, What::Redacted { tgt: 1 }));
        assert_eq!(message.card, None);
    }

    #[test]
    fn an_act_is_flat() {
        let act = Act { cid: ClientId(uuid::Uuid::nil()), tgt: 7, op: Op::React { body: "👍".into() } };

        let text = serde_json::to_string(&act).unwrap();

        assert!(text.ends_with(r#""tgt":7,"op":"react","body":"👍"}"#), "{text}");
        assert_eq!(serde_json::from_str::<Act>(&text).unwrap(), act);
    }
}
