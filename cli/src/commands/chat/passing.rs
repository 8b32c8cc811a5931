//! What passes in a room, as lines: who writes, and who is here.

use std::collections::HashMap;

use client::Hub;
use serde::Serialize;
use wire::{
    RoomId, UserId,
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
}

impl Passing {
    pub(super) fn of(hub: Hub, out: Output, room: RoomId) -> Self {
        Self { hub, out, room, names: HashMap::new() }
    }

    pub(super) fn typing(&self, by: UserId, name: &str, on: bool) -> Result<(), CliError> {
        let line = Line { room: self.room, kind: "typing", by, name, on: Some(on), is: None };
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
            let line = Line { room: self.room, kind: "presence", by: *user, name, on: None, is: Some(*is) };
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
