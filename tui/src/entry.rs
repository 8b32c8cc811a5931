//! One event of a room, ready to be shown: a message as it is now, or a sentence.

use wire::{
    Timestamp, UserId,
    events::{RoomEvent, What},
    files::File,
    messages::{Message, UnderWay},
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
    /// How far its conversion is, as it was told last.
    under_way: Option<Box<UnderWay>>,
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
    /// An event, and what was done to it since, oldest first; `direct` in a conversation of two.
    pub fn of(event: RoomEvent, acts: &[RoomEvent], direct: bool) -> Self {
        let mut entry =
            Self::guess(event.pos, event.ts, event.by, text::clean_line(&event.name), String::new());
        entry.message = Message::begun_by(&event).map(Box::new);
        if entry.message.is_none() {
            entry.text = text::clean_line(&event.sentence(direct).unwrap_or_default());
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
        let (re, signs, gone, message, under_way) = (None, Vec::new(), false, None, None);
        Self { pos, ts, by, name, text, said: true, re, signs, gone, message, under_way }
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
            Some(card) => attachments::card(&message.body, card, self.under_way.as_deref()) + pinned,
            None => {
                let said = format!("{}{edited}{pinned}", text::clean(&message.body));
                attachments::below(said, attachments::of_room(&message.att))
            }
        };
        let signs = message.reactions.iter();
        self.signs = signs.map(|sign| (text::clean_line(&sign.body), sign.by.len())).collect();
    }

    /// Whether somebody who has not read it misses something: a message of another that is still there.
    pub fn counts(&self, me: UserId) -> bool {
        self.said && self.by != me && !self.gone
    }

    /// How far its conversion is, or that nothing is known of it any more. Whether that says anything: a card that is
    /// settled is told by what settled it.
    pub fn under_way(&mut self, at: Option<UnderWay>) -> bool {
        let open = self.message.as_ref().and_then(|message| message.card.as_ref());
        if open.is_none_or(|card| card.settled.is_some()) {
            return false;
        }
        self.under_way = at.map(Box::new);
        self.refresh();
        true
    }

    /// Its files, the result of its conversion first.
    pub fn files(&self) -> Vec<File> {
        let Some(message) = &self.message else { return Vec::new() };
        let result = message.card.iter().filter_map(|card| card.result.clone());
        // Whoever wants something of a conversion wants what came of it.
        let source =
            message.att.iter().filter(|_| message.card.as_ref().is_none_or(|card| card.result.is_none()));
        result.chain(source.cloned()).collect()
    }

    /// The files that a conversion can be made of.
    pub fn sources(&self) -> &[File] {
        self.message.as_ref().map_or(&[], |message| &message.att)
    }

    /// The text as its author wrote it; absent for what nobody wrote.
    pub fn body(&self) -> Option<&str> {
        let message = self.message.as_ref().filter(|message| message.card.is_none())?;
        Some(&message.body)
    }

    /// Whether something can be done to it: it was said, is still there, and its place is told.
    pub fn is_there(&self) -> bool {
        self.said && !self.gone && self.message.is_some()
    }

    /// Whether it is pinned.
    pub fn is_pinned(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.pinned)
    }

    /// Whether somebody has put this sign on it.
    pub fn has_sign(&self, sign: &str, by: UserId) -> bool {
        let signs = self.message.iter().flat_map(|message| &message.reactions);
        signs.into_iter().any(|reaction| reaction.body == sign && reaction.by.contains(&by))
    }

    /// Who said it and how it begins, on one line.
    pub fn brief(&self) -> String {
        let line = self.text.lines().next().unwrap_or_default();
        format!("{}: {line}", self.name)
    }

    /// Whether it names somebody.
    pub fn names(&self, me: UserId) -> bool {
        self.message.as_ref().is_some_and(|message| message.mentions.contains(&me))
    }
}
