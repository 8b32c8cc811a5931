//! What passes in a room, as lines: who writes, and who is here.

use std::collections::HashMap;

use client::Hub;
use serde::Serialize;
use wire::{
    MessageId, RoomId, Timestamp, UserId,
    files::File,
    frames::{Here, Presence},
};

use crate::{error::CliError, output::Output, text};

/// Prints what passes in one room.
pub(super) struct Passing {
    hub: Hub,
    out: Output,
    room: RoomId,
    /// What members are called; asked for when somebody is not among them.
    names: HashMap<UserId, String>,
}

#[derive(Serialize)]
struct Line<'a> {
    room: RoomId,
    kind: &'static str,
    by: UserId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<Presence>,
    // Events have these, in the same stream: whoever asks for them is not wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pos: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    att: Option<&'a [File]>,
}

impl<'a> Line<'a> {
    fn of(room: RoomId, kind: &'static str, by: UserId, name: &'a str) -> Self {
        let (on, is, id, pos, body, ts, att) = (None, None, None, None, None, None, None);
        Self { room, kind, by, name, on, is, id, pos, body, ts, att }
    }
}

impl Passing {
    pub(super) fn of(hub: Hub, out: Output, room: RoomId) -> Self {
        Self { hub, out, room, names: HashMap::new() }
    }

    pub(super) fn typing(&self, by: UserId, name: &str, on: bool) -> Result<(), CliError> {
        let line = Line { on: Some(on), ..Line::of(self.room, "typing", by, name) };
        self.print(&line, if on { "is writing" } else { "has stopped writing" })
    }

    pub(super) async fn presence(&mut self, who: &[Here]) -> Result<(), CliError> {
        if who.iter().any(|here| !self.names.contains_key(&here.user))
            // Without their names they are told all the same.
            && let Ok(members) = self.hub.members(&self.room.to_string()).await
        {
            self.names.extend(members.into_iter().map(|member| (member.id, member.name)));
        }
        for Here { user, is } in who {
            let name = self.names.get(user).map_or("somebody", String::as_str);
            let line = Line { is: Some(*is), ..Line::of(self.room, "presence", *user, name) };
            self.print(&line, &format!("is {}", is.name()))?;
        }
        Ok(())
    }

    fn print(&self, line: &Line<'_>, does: &str) -> Result<(), CliError> {
        let now = text::now();
        let name = line.name.replace(['\n', '\t'], " ");
        self.out.result(line, line.by, || format!("{} -- {name} {does}", text::clock(now, now)))
    }
}
