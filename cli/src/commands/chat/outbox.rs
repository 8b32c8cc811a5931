//! `mshub chat outbox`: what waits to be sent.

use clap::Subcommand;
use client::{Draft, Receipt, Waiting};
use serde::Serialize;
use wire::{ClientId, MessageId, RoomId, Timestamp};

use super::deliver::{Deadline, Delivery, Outcome};
use crate::{
    error::{CliError, Kind},
    global::Global,
    text::moment,
};

/// See what waits to be sent, send it, or drop it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Messages wait here until the hub has them: those of this program, and those of `mshub tui`. Each
is sent once, in the order in which it was written, also after a reboot and through another
gateway. One that the hub has refused stays as failed until it is sent again or dropped.

With --json one object a line: cid, room, body, queued_at, state (waiting, failed or sent), error;
of a sent one id and pos in place of the body.

Examples:
  mshub chat outbox
  mshub chat outbox --all
  mshub chat outbox retry
  mshub chat outbox drop 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2"
)]
pub struct OutboxArgs {
    /// List the last thousand that the hub has, too
    #[arg(long)]
    all: bool,
    #[command(subcommand)]
    command: Option<OutboxCommand>,
}

/// What can be done with it.
#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// List what waits or was refused, oldest first; asks no hub
    List {
        /// List the last thousand that the hub has, too
        #[arg(long)]
        all: bool,
    },
    /// Send what waits, and what was refused once more
    Retry {
        /// Only this message
        cid: Option<ClientId>,
    },
    /// Take messages out, so that they are not sent (again)
    Drop {
        /// Their ids
        #[arg(required = true, value_name = "CID")]
        cids: Vec<ClientId>,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    cid: ClientId,
    room: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// When it was put here; not known of what another program has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_at: Option<Timestamp>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    re: Option<u64>,
    /// Names of the files that go with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<&'a str>,
    /// What its file is to become.
    #[serde(skip_serializing_if = "Option::is_none")]
    convert: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a wire::Problem>,
    /// What the hub calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pos: Option<u64>,
}

impl<'a> Line<'a> {
    fn of(waiting: &'a Waiting) -> Self {
        let error = waiting.failed.as_deref();
        let state = if error.is_some() { "failed" } else { "waiting" };
        let Draft { cid, room, body, re, att: _, files, convert } = &waiting.draft;
        let files = files.iter().map(|file| file.name.as_str()).collect();
        let (convert, queued_at, body) = (convert.as_deref(), Some(waiting.at), Some(body.as_str()));
        let (id, pos) = (None, None);
        Self { cid: *cid, room: *room, body, queued_at, state, re: *re, files, convert, error, id, pos }
    }

    /// One that the hub has.
    fn sent(receipt: &Receipt) -> Self {
        let Receipt { cid, room, id, pos, queued: queued_at, .. } = *receipt;
        let (body, re, files, convert, error) = (None, None, Vec::new(), None, None);
        let (id, pos) = (Some(id), Some(pos));
        Self { cid, room, body, queued_at, state: "sent", re, files, convert, error, id, pos }
    }

    /// What it says, on one short line.
    fn text(&self) -> String {
        let body = self.body.unwrap_or_default();
        let text = match (self.convert, self.pos) {
            (_, Some(pos)) => format!("at {pos}"),
            (Some(to), None) => format!("{body} → {to}"),
            (None, None) => [&[body], &self.files[..]].concat().join(" "),
        };
        text.trim().replace('\n', " ").chars().take(60).collect()
    }
}

/// Does it.
pub(super) async fn run(args: OutboxArgs, global: &Global) -> Result<(), CliError> {
    match (args.all, args.command) {
        (all, None) => list(global, all).await,
        (outer, Some(OutboxCommand::List { all })) => list(global, outer || all).await,
        (true, Some(_)) => {
            Err(CliError::usage("--all is about the list: put it behind `outbox` or `outbox list`"))
        }
        (false, Some(OutboxCommand::Retry { cid })) => retry(global, cid).await,
        (false, Some(OutboxCommand::Drop { cids })) => withdraw(global, &cids).await,
    }
}

async fn list(global: &Global, all: bool) -> Result<(), CliError> {
    let outbox = global.outbox(&global.hub()?).await?;
    // First what waits: what goes out meanwhile stands there twice, and not nowhere.
    let waiting = outbox.list().await?;
    let sent = if all { outbox.receipts().await? } else { Vec::new() };
    let sent = sent.iter().map(|receipt| Line::sent(receipt));
    let lines: Vec<Line> = sent.chain(waiting.iter().map(|waiting| Line::of(waiting))).collect();
    global.out.list(
        &lines,
        &["ID", "SINCE", "STATE", "TEXT"],
        |line| line.cid.to_string(),
        |line| {
            let state = match line.error {
                Some(problem) => format!("failed: {}", problem.detail),
                None => line.state.to_owned(),
            };
            let since = line.queued_at.map(moment).unwrap_or_default();
            vec![line.cid.to_string(), since, state, line.text()]
        },
    )
}

async fn retry(global: &Global, only: Option<ClientId>) -> Result<(), CliError> {
    let hub = global.hub()?;
    let outbox = global.outbox(&hub).await?;
    let cids = outbox.again(only).await?;
    if let Some(cid) = only.filter(|_| cids.is_empty()) {
        return Err(not_there(cid));
    }
    if cids.is_empty() {
        return global.out.note("nothing waits");
    }
    let mut delivery = Delivery::begin(global, &hub, outbox);
    cids.iter().for_each(|cid| delivery.expect(*cid));
    let (mut said, mut refused) = (0_usize, None);
    let deadline = Deadline::of(global);
    while delivery.open() > 0 {
        let Some(outcome) = delivery.next_until(deadline).await? else { break };
        match outcome {
            Outcome::Said(kept) => {
                said += 1;
                global.out.result(&kept, kept.id, || format!("{} is stored, at {}", kept.cid, kept.pos))?;
            }
            Outcome::Refused(_, problem) => drop(refused.get_or_insert(problem)),
            Outcome::Dropped => {}
        }
    }
    let (waiting, away) = delivery.unsettled();
    match (waiting.len(), refused) {
        (0, None) => Ok(()),
        (0, Some(problem)) if said == 0 => Err(CliError::from(*problem)),
        (0, Some(problem)) => {
            Err(CliError::new(Kind::Partial, format!("{said} were stored, others refused: {problem}")))
        }
        (waiting, _) => {
            let why = away.unwrap_or_else(|| "the hub does not answer".to_owned());
            Err(CliError::new(Kind::Pending, format!("{why}; {waiting} messages still wait")))
        }
    }
}

async fn withdraw(global: &Global, cids: &[ClientId]) -> Result<(), CliError> {
    let outbox = global.outbox(&global.hub()?).await?;
    for cid in cids {
        if !outbox.withdraw(*cid).await? {
            return Err(not_there(*cid));
        }
        let dropped = serde_json::json!({"cid": cid, "state": "dropped"});
        global.out.result(&dropped, cid, || format!("{cid} is not sent any more, unless it was already"))?;
    }
    Ok(())
}

fn not_there(cid: ClientId) -> CliError {
    CliError::new(Kind::NotFound, format!("no message {cid} is in the outbox"))
        .hint("see `mshub chat outbox`; `mshub chat trace` shows what became of one")
}
