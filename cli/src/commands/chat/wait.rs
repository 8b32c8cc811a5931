//! `mshub chat wait`.

use std::time::Duration;

use clap::Args;
use regex::Regex;
use tokio::time::{Instant, timeout_at};
use wire::events::RoomEvent;

use super::{
    follow::{Begin, Follow, Step},
    line,
};
use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// Wait until somebody says something that matches, and print it
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0 with the line on stdout; 8 when nothing matched within --timeout. Without --after it
is what is said from now on that counts: take the position of your own message, so that no
answer can be too fast.

Examples:
  mshub chat wait ops --match 'deploy (ok|failed)' --timeout 5m
  pos=$(mshub chat send ops 'deploy please' --json | jq .pos)
  mshub chat wait ops --match '^deployed' --after \"$pos\" --timeout 10m"
)]
pub struct WaitArgs {
    /// The room
    pub room: String,
    /// The regular expression that a message has to match somewhere; (?i) at its start ignores case
    #[arg(long = "match", value_name = "RE")]
    pub pattern: Regex,
    /// Also look at what came after this position
    #[arg(long, value_name = "POS")]
    pub after: Option<u64>,
}

/// Waits.
pub(super) async fn run(args: WaitArgs, global: &Global) -> Result<(), CliError> {
    let deadline = global.timeout().map(|limit| Instant::now() + limit);
    let begin = args.after.map_or(Begin::Now, Begin::After);
    let searching = async {
        let mut follow = Follow::begin(global, &args.room, begin).await?;
        let event = found(&mut follow, &args.pattern).await?;
        Ok::<_, CliError>((event, follow.room().direct))
    };
    let (event, direct) = match deadline {
        None => searching.await?,
        Some(deadline) => {
            timeout_at(deadline, searching).await.map_err(|_| nothing(&args, global.timeout()))??
        }
    };
    line::print(&global.out, &event, direct)
}

async fn found(follow: &mut Follow, pattern: &Regex) -> Result<RoomEvent, CliError> {
    loop {
        if let Step::Event(event) = follow.next().await?
            && event.what.kind() == "said"
            && pattern.is_match(event.what.body())
        {
            return Ok(event);
        }
    }
}

fn nothing(args: &WaitArgs, limit: Option<Duration>) -> CliError {
    let limit = limit.unwrap_or_default();
    CliError::new(
        Kind::Pending,
        format!("nobody said `{}` in {} within {limit:?}", args.pattern.as_str(), args.room),
    )
}
