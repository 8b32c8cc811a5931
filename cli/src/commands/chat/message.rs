//! One message as it is now, as a line: the same for messages, pins and what a search finds.

use wire::messages::{Card, Message};

use super::line::text_and_files;
use crate::{error::CliError, output::Output, text};

/// Prints a message.
pub(super) fn print(out: &Output, message: &Message) -> Result<(), CliError> {
    out.result(message, message.pos, || spoken(message, &text::clock(message.ts, text::now())))
}

/// The same with the name of its room.
pub(super) fn print_in(out: &Output, message: &Message, room: &str) -> Result<(), CliError> {
    let spoken = || format!("{room} {}", spoken(message, &text::clock(message.ts, text::now())));
    out.result(message, message.pos, spoken)
}

/// As a person reads it. Further lines are set in, so that none can pass for somebody else's.
fn spoken(message: &Message, clock: &str) -> String {
    let (pos, name) = (message.pos, message.name.replace(['\n', '\t'], " "));
    if message.removed.is_some() {
        return format!("{pos} {clock} {name}  (removed)");
    }
    // What a conversion is of is its file, which stands there anyway.
    let said = if message.card.is_some() { "" } else { message.body.as_str() };
    let mut line = format!("{pos} {clock} {name}  {}", text_and_files(said, &message.att));
    if let Some(card) = &message.card {
        line.push_str(&made(card));
    }
    if message.edited.is_some() {
        line.push_str(" (edited)");
    }
    if message.pinned {
        line.push_str(" (pinned)");
    }
    for reaction in &message.reactions {
        line.push_str(&format!("  {} {}", reaction.body, reaction.by.len()));
    }
    line
}

/// What is made of a file.
fn made(card: &Card) -> String {
    let result = card.result.iter().map(|file| format!(" {} {}", text_and_files("", [file]), file.id));
    let error = card.error.iter().map(|error| format!(": {}", error.detail.replace('\n', " ")));
    let lost = card.lost.iter().map(|lost| format!(" (missing: {lost})"));
    let rest: String = result.chain(error).chain(lost).collect();
    format!(" → {}: {}{rest}", card.to, card.state.name())
}

#[cfg(test)]
mod tests {
    use wire::{
        ClientId, MessageId, RoomId, Timestamp, UserId,
        events::{RoomEvent, What},
        messages::Removal,
    };

    use super::*;

    #[test]
    fn a_line_shows_what_was_done_to_the_message() {
        let (id, room, by, cid) = (MessageId::new(), RoomId::new(), UserId::new(), ClientId::new());
        let (prev, ts, what) = (None, Timestamp::default(), What::said("one\ntwo"));
        let event = |pos, what| RoomEvent { id, room, pos, prev, ts, by, name: "Ann".into(), cid, what };
        let mut message = Message::begun_by(&event(1, what)).unwrap();
        assert_eq!(spoken(&message, "20:00"), "1 20:00 Ann  one\n      two");

        message.take(&event(2, What::Reacted { tgt: 1, body: "👍".into() }));
        message.take(&event(3, What::Pinned { tgt: 1 }));
        assert_eq!(spoken(&message, "20:00"), "1 20:00 Ann  one\n      two (pinned)  👍 1");

        message.removed = Some(Removal { by, ts });
        assert_eq!(spoken(&message, "20:00"), "1 20:00 Ann  (removed)");
    }
}
