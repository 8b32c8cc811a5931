//! What is in an outbox: a pure function of the notes in its journal.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{ClientId, FileId, MessageId, Problem, RoomId, Timestamp};

use super::attachment::Attachment;

/// Traces of messages that are done; older ones are forgotten.
const TRACES: usize = 1_000;

/// One thing that happened to a message on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "r", rename_all = "snake_case")]
pub(super) enum Note {
    /// Enter was pressed.
    Put {
        #[serde(flatten)]
        draft: Draft,
        at: Timestamp,
        by: Uuid,
    },
    /// Another process sends these from now on; the one before is gone.
    Taken { by: Uuid, cids: Vec<ClientId> },
    /// The hub keeps it.
    Sent(Receipt),
    /// The hub refused it for good.
    Failed { cid: ClientId, problem: Box<Problem> },
    /// It is to be sent again after all.
    Again { cid: ClientId, by: Uuid },
    /// The person does not want it sent.
    Dropped { cid: ClientId },
    /// Its files are at the hub.
    Uploaded { cid: ClientId, att: Vec<FileId> },
    /// It waited for so long that the hub wants a new id for it: it was never taken under the old one.
    Renewed { cid: ClientId, fresh: ClientId },
}

/// A message as a person wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Made when Enter was pressed; the hub keeps one message of it, however often it is sent.
    pub cid: ClientId,
    /// Where it is to be said.
    pub room: RoomId,
    /// The text.
    pub body: String,
    /// The position of the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Files that were uploaded for it. They wait for it for a day. For a conversion, the file of the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub att: Vec<FileId>,
    /// Files of this machine that are uploaded before it is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// What its one file is to become for everybody in the room: then the hub is asked for that, and `body` is only
    /// what the file is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convert: Option<String>,
}

impl Draft {
    /// A message with a fresh id that answers none.
    pub fn new(room: RoomId, body: String) -> Self {
        let (re, att, files, convert) = (None, Vec::new(), Vec::new(), None);
        Self { cid: ClientId::new(), room, body, re, att, files, convert }
    }

    /// Whether its files have to be uploaded before anything else.
    pub(crate) fn wants_upload(&self) -> bool {
        self.att.len() < self.files.len()
    }

    /// Has its files uploaded once more; what was uploaded before the message was put here stays.
    fn forget_uploads(&mut self) {
        if !self.files.is_empty() {
            self.att.clear();
        }
    }
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The message.
    pub draft: Draft,
    /// When it was put here.
    pub at: Timestamp,
    /// Why the hub refused it; such a message is not sent until somebody asks for it.
    pub failed: Option<Box<Problem>>,
    /// The process that sends it, while that lives.
    pub(crate) owner: Uuid,
    /// Whether another process had it before.
    pub(crate) inherited: bool,
}

/// How a message became durable, as this machine saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// As the client made it.
    pub cid: ClientId,
    /// The room.
    pub room: RoomId,
    /// The message.
    pub id: MessageId,
    /// Its place in the log.
    pub pos: u64,
    /// When the log took it, by the hub's clock.
    pub ts: Timestamp,
    /// When Enter was pressed, by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Timestamp>,
    /// When it first went out on a socket of the process that sent it, by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<Timestamp>,
    /// When the acknowledgement came, by this machine's clock.
    pub acked: Timestamp,
}

/// The messages that wait, in the order in which they were put, and what became of the last ones before.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    waiting: Vec<Arc<Waiting>>,
    receipts: VecDeque<Arc<Receipt>>,
}

impl Entries {
    /// Takes one note. Whatever is noted twice, or about a message that is not here, changes nothing.
    pub(super) fn take(&mut self, note: Note) {
        match note {
            Note::Put { draft, at, by } => {
                self.put(Waiting { draft, at, failed: None, owner: by, inherited: false })
            }
            Note::Taken { by, cids } => cids.into_iter().for_each(|cid| {
                self.change(cid, |waiting| {
                    waiting.inherited |= waiting.owner != by;
                    waiting.owner = by;
                });
            }),
            Note::Sent(mut receipt) => {
                if let Some(waiting) = self.remove(receipt.cid) {
                    receipt.queued = receipt.queued.or(Some(waiting.at));
                }
                self.receipts.retain(|known| known.cid != receipt.cid);
                self.receipts.push_back(Arc::new(receipt));
                let surplus = self.receipts.len().saturating_sub(TRACES);
                self.receipts.drain(..surplus);
            }
            Note::Failed { cid, problem } => self.change(cid, |waiting| waiting.failed = Some(problem)),
            Note::Again { cid, by } => self.change(cid, |waiting| {
                waiting.inherited |= waiting.owner != by;
                waiting.owner = by;
                waiting.failed = None;
                // What was uploaded may be gone by now; the same upload again is none.
                waiting.draft.forget_uploads();
            }),
            Note::Uploaded { cid, att } => self.change(cid, |waiting| waiting.draft.att = att),
            Note::Dropped { cid } => drop(self.remove(cid)),
            Note::Renewed { cid, fresh } => self.change(cid, |waiting| {
                waiting.draft.cid = fresh;
                // They wait at the hub for the old id.
                waiting.draft.forget_uploads();
            }),
        }
    }

    /// The same id again is the same message; one that was refused makes way for its correction.
    fn put(&mut self, new: Waiting) {
        match self.waiting.iter_mut().find(|waiting| waiting.draft.cid == new.draft.cid) {
            None => self.waiting.push(Arc::new(new)),
            Some(old) if old.failed.is_some() => *old = Arc::new(new),
            Some(_) => {}
        }
    }

    fn change(&mut self, cid: ClientId, change: impl FnOnce(&mut Waiting)) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.draft.cid == cid) {
            change(Arc::make_mut(waiting));
        }
    }

    fn remove(&mut self, cid: ClientId) -> Option<Arc<Waiting>> {
        let at = self.waiting.iter().position(|waiting| waiting.draft.cid == cid)?;
        Some(self.waiting.remove(at))
    }

    /// Everything that waits or was refused, oldest first.
    pub(super) fn waiting(&self) -> &[Arc<Waiting>] {
        &self.waiting
    }

    pub(super) fn get(&self, cid: ClientId) -> Option<&Arc<Waiting>> {
        self.waiting.iter().find(|waiting| waiting.draft.cid == cid)
    }

    /// What became of the last ones, oldest first.
    pub(super) fn receipts(&self) -> impl DoubleEndedIterator<Item = &Arc<Receipt>> {
        self.receipts.iter()
    }

    /// The fewest notes that say the same.
    pub(super) fn notes(&self) -> Vec<Note> {
        let receipts = self.receipts.iter().map(|receipt| Note::Sent((**receipt).clone()));
        let waiting = self.waiting.iter().flat_map(|waiting| {
            let Waiting { draft, at, failed, owner, inherited } = (**waiting).clone();
            let cid = draft.cid;
            // An owner that nobody is: the note after it says who inherited.
            let first = if inherited { Uuid::nil() } else { owner };
            let put = Note::Put { draft, at, by: first };
            let taken = inherited.then(|| Note::Taken { by: owner, cids: vec![cid] });
            let failed = failed.map(|problem| Note::Failed { cid, problem });
            [Some(put), taken, failed].into_iter().flatten()
        });
        receipts.chain(waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use wire::Code;

    use super::*;

    fn put(body: &str) -> (ClientId, Note) {
        let draft = Draft::new(RoomId::new(), body.into());
        (draft.cid, Note::Put { draft, at: Timestamp::from_micros(1), by: Uuid::now_v7() })
    }

    fn receipt(cid: ClientId) -> Receipt {
        let moment = Timestamp::from_micros(9);
        let (room, id) = (RoomId::new(), MessageId::new());
        Receipt { cid, room, id, pos: 3, ts: moment, queued: None, out: None, acked: moment }
    }

    #[test]
    fn compacted_notes_say_the_same() {
        let mut entries = Entries::default();
        let (sent, first) = put("a");
        let (failed, second) = put("b");
        let (taken, third) = put("c");
        let problem = Box::new(Problem::new(Code::TooLarge, "too long"));
        for note in [first, second, third, Note::Sent(receipt(sent)), Note::Failed { cid: failed, problem }] {
            entries.take(note);
        }
        entries.take(Note::Taken { by: Uuid::now_v7(), cids: vec![taken] });

        let mut again = Entries::default();
        entries.notes().into_iter().for_each(|note| again.take(note));

        assert_eq!(again.waiting, entries.waiting);
        assert_eq!(again.receipts, entries.receipts);
        assert_eq!(
            again.receipts().find(|receipt| receipt.cid == sent).unwrap().queued,
            Some(Timestamp::from_micros(1))
        );
    }

    #[test]
    fn a_message_with_a_new_id_keeps_its_place() {
        let mut entries = Entries::default();
        let [(_, first), (old, second), (_, third)] = ["a", "b", "c"].map(put);
        [first, second, third].into_iter().for_each(|note| entries.take(note));
        let fresh = ClientId::new();

        entries.take(Note::Renewed { cid: old, fresh });

        let order: Vec<&str> = entries.waiting().iter().map(|waiting| waiting.draft.body.as_str()).collect();
        assert_eq!(order, ["a", "b", "c"]);
        assert!(entries.get(old).is_none() && entries.get(fresh).is_some());
    }

    #[test]
    fn a_new_id_has_the_files_uploaded_again() {
        let mut entries = Entries::default();
        let (mut draft, fresh) = (Draft::new(RoomId::new(), "with a file".into()), ClientId::new());
        draft.files.push(Attachment {
            path: "a.txt".into(),
            name: "a.txt".into(),
            bytes: 1,
            sha256: "0".repeat(64),
        });
        let cid = draft.cid;
        entries.take(Note::Put { draft, at: Timestamp::from_micros(1), by: Uuid::now_v7() });
        entries.take(Note::Uploaded { cid, att: vec![FileId::new()] });
        assert!(!entries.get(cid).unwrap().draft.wants_upload());

        entries.take(Note::Renewed { cid, fresh });

        assert!(entries.get(fresh).unwrap().draft.wants_upload());
    }

    #[test]
    fn one_id_is_one_message_until_it_was_refused() {
        let mut entries = Entries::default();
        let (cid, note) = put("first");
        let Note::Put { draft, at, by } = note.clone() else { unreachable!("it is one") };
        let other = Note::Put { draft: Draft { body: "second".into(), ..draft }, at, by };
        entries.take(note);

        entries.take(other.clone());
        assert_eq!(entries.get(cid).unwrap().draft.body, "first");

        let problem = Box::new(Problem::new(Code::TooLarge, "too long"));
        entries.take(Note::Failed { cid, problem });
        entries.take(other);
        assert_eq!(entries.get(cid).unwrap().draft.body, "second");
        assert!(entries.get(cid).unwrap().failed.is_none());
    }
}
