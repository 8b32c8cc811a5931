//! One event of a room, ready to be shown: a message as it is now, or a sentence.

use wire::{
    Timestamp, UserId,
    events::{RoomEvent, What},
    messages::Message,
};

use crate::{attachments, text};

/// One event, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub pos: u64,
    /// When.
    pub ts: Timestamp,
    /// Who.
    pub by: UserId,
    /// What that person was called, cleaned.
    pub name: String,
    /// The message as it is now, or the sentence that tells of the event; cleaned, may have several lines.
    pub text: String,
    /// Whether somebody said it.
    pub said: bool,
    /// The place of the message that it answers.
    pub re: Option<u64>,
    /// Signs that people put on it, and how many put each; cleaned.
    pub signs: Vec<(String, usize)>,
    /// Whether its text was taken out of the history: who did it is told by another event, which may not be loaded.
    gone: bool,
    /// The message with what was done to it later; absent for a sentence, and while only its acknowledgement is known.
    message: Option<Box<Message>>,
}

/// Whether an event is no row of its own: it changes a message.
pub fn is_act(event: &RoomEvent) -> bool {
    use What::{ConvertCompleted, ConvertFailed, Edited, Pinned, Reacted, Redacted, Unpinned, Unreacted};
    matches!(
        event.what,
        Edited { .. }
            | Redacted { .. }
            | Reacted { .. }
            | Unreacted { .. }
            | Pinned { .. }
            | Unpinned { .. }
            | ConvertCompleted { .. }
            | ConvertFailed { .. }
    )
}

impl Entry {
    /// An event, and what was done to it since, oldest first.
    pub fn of(event: RoomEvent, acts: &[RoomEvent]) -> Self {
        let mut entry =
            Self::guess(event.pos, event.ts, event.by, text::clean_line(&event.name), String::new());
        entry.message = Message::begun_by(&event).map(Box::new);
        if entry.message.is_none() {
            entry.text = text::clean_line(&event.sentence().unwrap_or_default());
            entry.said = false;
            return entry;
        }
        entry.gone = event.what.removed().is_some();
        entry.re = entry.message.as_ref().and_then(|message| message.re);
        acts.iter().for_each(|act| entry.apply(act));
        entry.refresh();
        entry
    }

    /// An own message of which only the place is known yet; the text is cleaned.
    pub fn guess(pos: u64, ts: Timestamp, by: UserId, name: String, text: String) -> Self {
        Self { pos, ts, by, name, text, said: true, re: None, signs: Vec::new(), gone: false, message: None }
    }

    /// Whether the event itself is still to come.
    pub fn is_guess(&self) -> bool {
        self.said && self.message.is_none()
    }

    /// Something was done to the message.
    pub fn take(&mut self, act: &RoomEvent) {
        self.apply(act);
        self.refresh();
    }

    fn apply(&mut self, act: &RoomEvent) {
        if let Some(message) = &mut self.message {
            message.take(act);
        }
    }

    fn refresh(&mut self) {
        let Some(message) = &self.message else { return };
        self.gone |= message.removed.is_some();
        let edited = if message.edited.is_some() { " (edited)" } else { "" };
        let pinned = if message.pinned { " (pinned)" } else { "" };
        self.text = match &message.card {
            _ if self.gone => "(removed)".to_owned(),
            Some(card) => attachments::card(&message.body, card) + pinned,
            None => {
                let said = format!("{}{edited}{pinned}", text::clean(&message.body));
                attachments::below(said, &message.att)
            }
        };
        let signs = message.reactions.iter();
        self.signs = signs.map(|sign| (text::clean_line(&sign.body), sign.by.len())).collect();
    }

    /// Whether somebody who has not read it misses something: a message of another that is still there.
    pub fn counts(&self, me: UserId) -> bool {
        self.said && self.by != me && !self.gone
    }

    /// Whether it names somebody.
    pub fn names(&self, me: UserId) -> bool {
        self.message.as_ref().is_some_and(|message| message.mentions.contains(&me))
    }
}
