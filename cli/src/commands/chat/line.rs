//! One event of a room as a line: the same for history and tail.

use serde::Serialize;
use wire::{MessageId, RoomId, Timestamp, UserId, events::RoomEvent, files::File, frames::Presence};

use crate::{error::CliError, output::Output, text};

#[derive(Serialize)]
struct Line<'a> {
    id: MessageId,
    room: RoomId,
    pos: u64,
    by: UserId,
    kind: &'static str,
    body: &'a str,
    ts: Timestamp,
    name: &'a str,
    #[serde(skip_serializing_if = "<[File]>::is_empty")]
    att: &'a [File],
    // What passes has these, in the same stream with `--ephemeral`: whoever asks for them is not wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<Presence>,
}

impl<'a> Line<'a> {
    fn of(event: &'a RoomEvent) -> Self {
        let RoomEvent { id, room, pos, by, ts, name, .. } = event;
        let (kind, body, att) = (event.what.kind(), event.what.body(), event.what.files());
        let (on, is) = (None, None);
        Self { id: *id, room: *room, pos: *pos, by: *by, kind, body, ts: *ts, name, att, on, is }
    }
}

/// Prints an event; `direct` in a conversation of two.
pub(super) fn print(out: &Output, event: &RoomEvent, direct: bool) -> Result<(), CliError> {
    out.result(&Line::of(event), event.pos, || spoken(event, direct, &text::clock(event.ts, text::now())))
}

/// Bytes that an event takes with `--json`, its line break included.
pub(super) fn json_length(out: &Output, event: &RoomEvent) -> Result<usize, CliError> {
    Ok(out.json_text(&Line::of(event))?.len() + 1)
}

/// A line as a person reads it: first its position, which is what other commands call it by. Further lines of a message are set in, so that none can pass for somebody else's.
fn spoken(event: &RoomEvent, direct: bool, clock: &str) -> String {
    let name = event.name.replace(['\n', '\t'], " ");
    let pos = event.pos;
    match event.sentence(direct) {
        Some(sentence) => format!("{pos} {clock} -- {sentence}"),
        None => format!("{pos} {clock} {name}  {}", text_and_files(event.what.body(), event.what.files())),
    }
}

/// What a message says and carries. Further lines are set in.
pub(super) fn text_and_files<'a>(body: &str, files: impl IntoIterator<Item = &'a File>) -> String {
    let body = body.replace('\n', "\n      ");
    let files = files.into_iter().map(|file| {
        let name = file.name.replace(['\n', '\t'], " ");
        format!("[{name} {}]", text::size(file.bytes))
    });
    Some(body).filter(|body| !body.is_empty()).into_iter().chain(files).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use wire::{ClientId, events::What};

    use super::*;

    #[test]
    fn files_stand_behind_the_text_or_alone() {
        let file = |name: &str| File {
            id: wire::FileId::new(),
            name: name.into(),
            bytes: 1536,
            sha256: String::new(),
            media_type: "text/plain".into(),
        };

        assert_eq!(text_and_files("look", &[file("a.txt"), file("b")]), "look [a.txt 1.5 KiB] [b 1.5 KiB]");
        assert_eq!(text_and_files("", &[file("a\nb")]), "[a b 1.5 KiB]");
    }

    #[test]
    fn a_message_of_many_lines_cannot_pass_for_somebody_elses() {
        let event = RoomEvent {
            id: MessageId::new(),
            room: RoomId::new(),
            pos: 1,
            prev: None,
            ts: Timestamp::from_micros(0),
            by: UserId::new(),
            name: "Ann\n20:01 Bob".into(),
            cid: ClientId::new(),
            what: What::said("hi\n20:01 Bob  I agree"),
        };

        assert_eq!(spoken(&event, false, "20:00"), "1 20:00 Ann 20:01 Bob  hi\n      20:01 Bob  I agree");
    }
}
