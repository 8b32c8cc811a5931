//! `mshub chat tail`.

use clap::Args;
use client::{EventsQuery, Hub, Live, LiveEvent};
use wire::{RoomId, frames::Position};

use super::line;
use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// The largest page that is asked for; the hub may answer with smaller ones.
const PAGE: u32 = 500;

/// Print what happens in a room, as it happens, until Ctrl-C
#[derive(Debug, Args)]
#[command(
    after_help = "A broken connection is repaired without losing or doubling a line. With --json one object a
line, as `mshub chat history` prints them.

Examples:
  mshub chat tail general
  mshub chat tail general --after 1200 --json
  mshub chat tail general --count 1        wait for one line"
)]
pub struct TailArgs {
    /// The room
    pub room: String,
    /// Begin after this position, instead of now
    #[arg(long, value_name = "POS")]
    pub after: Option<u64>,
    /// End after so many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// Follows the room.
pub(super) async fn run(args: TailArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let room = hub.room(&args.room).await?;
    if !room.joined {
        return Err(CliError::new(Kind::NotFound, format!("you are not in #{}", room.name))
            .hint(format!("join it with `mshub room join {}`", room.name)));
    }
    let mut tail = Tail { global, room: room.id, left: args.count };
    let from = match args.after {
        None => None,
        Some(after) => Some(tail.catch_up(&hub, after, None).await?),
    };
    if tail.is_done() {
        return Ok(());
    }
    let mut live = hub.live();
    live.subscribe(room.id, from, 0);
    tail.follow(&hub, &mut live).await
}

struct Tail<'a> {
    global: &'a Global,
    room: RoomId,
    /// Lines that are still wanted, where that was said.
    left: Option<u64>,
}

impl Tail<'_> {
    fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    fn print(&mut self, event: &wire::events::RoomEvent) -> Result<(), CliError> {
        if self.is_done() {
            return Ok(());
        }
        self.left = self.left.map(|left| left - 1);
        line::print(&self.global.out, event)
    }

    /// Prints what happened after a position (and before another), and returns how far that was.
    async fn catch_up(&mut self, hub: &Hub, after: u64, before: Option<u64>) -> Result<Position, CliError> {
        let mut after = after;
        loop {
            let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
            let page = hub.events(&self.room.to_string(), query).await?;
            for event in &page.events {
                if before.is_some_and(|before| event.pos >= before) {
                    return Ok(Position { ep: page.ep, pos: after });
                }
                self.print(event)?;
                after = event.pos;
            }
            if !page.more || page.events.is_empty() || self.is_done() {
                return Ok(Position { ep: page.ep, pos: after });
            }
        }
    }

    async fn follow(&mut self, hub: &Hub, live: &mut Live) -> Result<(), CliError> {
        let out = &self.global.out;
        let mut away = false;
        while let Some(event) = live.next().await {
            match event {
                LiveEvent::Event(event) => self.print(&event)?,
                LiveEvent::Gap { from, to, .. } => drop(self.catch_up(hub, from, Some(to)).await?),
                LiveEvent::Restarted { .. } => out.warn("the hub's log began anew; positions start over")?,
                LiveEvent::Reconnecting { why, .. } if !away => {
                    away = true;
                    out.note(format!("-- connection lost: {why}; trying again --"))?;
                }
                LiveEvent::Live { .. } if away => {
                    away = false;
                    out.note("-- connected again; nothing was missed --")?;
                }
                LiveEvent::Live { .. } => out.note("-- following; Ctrl-C ends --")?,
                LiveEvent::Left { .. } => {
                    return Err(CliError::new(Kind::NotFound, "you are not in this room any more"));
                }
                LiveEvent::SignedOut { why } => {
                    return Err(CliError::new(Kind::Auth, why).hint("sign in with `mshub auth login`"));
                }
                _ => {}
            }
            if self.is_done() {
                return Ok(());
            }
        }
        Err(CliError::new(Kind::Unreachable, "the live connection ended"))
    }
}
