//! `mshub chat tail`.

use std::path::PathBuf;

use clap::Args;
use wire::{events::RoomEvent, frames::Position};

use super::{
    follow::{Begin, Follow, Step},
    line,
    passing::Passing,
    position::State,
};
use crate::{error::CliError, global::Global};

/// Print what happens in a room, as it happens, until Ctrl-C
#[derive(Debug, Args)]
#[command(
    after_help = "A broken connection is repaired without losing or doubling a line. With --json one object a
line, as `mshub chat history` prints them.

With --state FILE the next run goes on behind the last line of this one. The position is saved
after each line, so that nothing is ever left out; a run that is killed in the moment between
the two prints that line again, if its output is a pipe: drop lines whose pos is not larger
than the last one. With --json into a file (>> FILE) not even that happens.

Examples:
  mshub chat tail general
  mshub chat tail general --after 1200 --json
  mshub chat tail general --state general.state --json >> general.jsonl
  mshub chat tail general --count 1        wait for one line
  mshub chat tail general --ephemeral      also who comes, goes and writes"
)]
pub struct TailArgs {
    /// The room
    pub room: String,
    /// Begin after this position, instead of now
    #[arg(long, value_name = "POS")]
    pub after: Option<u64>,
    /// Go on where the last run with this file ended; without the file, begin as without it
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Also tell who comes, goes and writes, as it happens: nothing of that is kept, and none of it is counted
    #[arg(long, conflicts_with = "state")]
    pub ephemeral: bool,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// Follows the room.
pub(super) async fn run(args: TailArgs, global: &Global) -> Result<(), CliError> {
    let state = args.state.as_deref().map(State::open).transpose()?;
    let begin = match (state.as_ref().and_then(State::at), args.after) {
        (Some(at), _) => Begin::At(at.clone()),
        (None, Some(after)) => Begin::After(after),
        (None, None) => Begin::Now,
    };
    let follow = Follow::begin(global, &args.room, begin).await?;
    if let Some(state) = &state {
        state.check(follow.room().id)?;
    }
    let mut passing = Passing::of(global.hub()?, global.out.clone(), follow.room().id);
    let mut tail = Tail { global, follow, state, is_first: true };
    let mut left = args.count;
    while left != Some(0) {
        match tail.follow.next().await? {
            Step::Event(event) => {
                tail.print(&event)?;
                left = left.map(|left| left - 1);
            }
            Step::Live(pos) => tail.save(pos)?,
            Step::Typing { user, name, on } if args.ephemeral => passing.typing(user, &name, on)?,
            Step::Presence(who) if args.ephemeral => passing.presence(&who).await?,
            Step::Typing { .. } | Step::Presence(_) => {}
        }
    }
    tail.follow.close().await;
    Ok(())
}

struct Tail<'a> {
    global: &'a Global,
    follow: Follow,
    state: Option<State>,
    /// Whether nothing was printed yet.
    is_first: bool,
}

impl Tail<'_> {
    fn print(&mut self, event: &RoomEvent) -> Result<(), CliError> {
        let out = &self.global.out;
        let first = std::mem::take(&mut self.is_first);
        let is_there = first
            && out.is_json()
            && match &self.state {
                Some(state) => state.was_printed(line::json_length(out, event)?, out.place().as_ref()),
                None => false,
            };
        if !is_there {
            line::print(out, event, self.follow.room().direct)?;
        }
        self.save(event.pos)
    }

    fn save(&mut self, pos: u64) -> Result<(), CliError> {
        let (Some(state), Some(ep)) = (&mut self.state, self.follow.epoch()) else { return Ok(()) };
        let at = Position { ep: ep.to_owned(), pos };
        state.save(self.follow.room().id, at, self.global.out.place())
    }
}
