//! `mshub chat send`.

use std::path::{Path, PathBuf};

use clap::Args;
use client::{Attachment, Draft, Hub};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use wire::ClientId;

use super::{
    deliver::{Deadline, Delivery, Outcome, Said},
    post::{self, Place},
    words,
};
use crate::{
    error::{CliError, Kind},
    files,
    global::Global,
};

/// Lines that may wait for their acknowledgement before the next one is read.
const UNDER_WAY: usize = 256;

/// Say something, and return when it is stored for good
#[derive(Debug, Args)]
#[command(
    after_help = "The message is kept in the outbox on this machine until the hub has it, so that nothing is lost
when this program, this machine or the hub dies. Exit code 0 means that the hub has it for
good. Exit code 8 means that it waits: any later `mshub chat send`, `mshub chat outbox retry`
or an open `mshub tui` sends it, once. A hub that does not answer is waited for for 10 seconds,
or as long as --timeout says.

Files that go with the message are uploaded first. While the hub is away the message waits for
it with them: leave them where they are and as they are until it is sent.

Examples:
  mshub chat send general 'build is green'
  make 2>&1 | tail -20 | mshub chat send build -
  mshub chat send ops --file report.txt
  mshub chat send ops --attach report.pdf --attach chart.png 'the report of today'
  journalctl -f -o cat -u backup | mshub chat send ops --lines"
)]
pub struct SendArgs {
    /// The room
    pub room: String,
    /// What to say, several words with a space between them; - for standard input, whose last line break is left out
    pub text: Vec<String>,
    /// Say what is in this file, which is text
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "lines"])]
    pub file: Option<String>,
    /// Send this file with the message; may be given up to 10 times, and needs no text
    #[arg(long, value_name = "FILE", conflicts_with = "lines")]
    pub attach: Vec<PathBuf>,
    /// Say every line of standard input as a message of its own, as it comes
    #[arg(long, conflicts_with_all = ["text", "cid"])]
    pub lines: bool,
    /// An id of your own, a UUID: a message that is sent again with the same id is stored once
    #[arg(long, value_name = "UUID")]
    pub cid: Option<ClientId>,
    /// Do not keep the message when no hub can be reached: exit with code 7 instead
    #[arg(long)]
    pub no_queue: bool,
    /// The position of the message that this one answers
    #[arg(long, value_name = "POS", conflicts_with = "lines")]
    pub reply: Option<u64>,
}

/// Sends.
pub(super) async fn run(args: SendArgs, global: &Global) -> Result<(), CliError> {
    // A message cannot be taken back for a slip in what is printed of it.
    global.out.expect(&Said::shape())?;
    let hub = global.hub()?;
    if args.lines {
        return lines(&args, global, &hub).await;
    }
    let (body, cid, mut files) = (body(&args).await?, args.cid.unwrap_or_default(), Vec::new());
    for path in &args.attach {
        files.push(attachment(path).await?);
    }
    let draft = |room| Draft { cid, re: args.reply, files, ..Draft::new(room, body) };
    let said = post::send(global, &hub, &args.room, args.no_queue, draft).await?;
    global.out.result(&said, said.id, || format!("said in {}, at {}", args.room, said.pos))
}

async fn body(args: &SendArgs) -> Result<String, CliError> {
    match &args.file {
        Some(file) => words::text_of(file).await,
        None if args.text.is_empty() && !args.attach.is_empty() => Ok(String::new()),
        None => words::said(&args.text).await,
    }
}

/// A file that may go with a message.
pub(super) async fn attachment(path: &Path) -> Result<Attachment, CliError> {
    let file = Attachment::of(path).await?;
    if file.bytes == 0 {
        return Err(CliError::new(Kind::Rejected, format!("{} is empty", path.display()))
            .hint("name a file with something in it"));
    }
    Ok(file)
}

/// What became of the lines so far.
#[derive(Default)]
struct Tally {
    read: usize,
    said: usize,
    refused: usize,
    /// Why the first one was refused.
    first: Option<CliError>,
}

impl Tally {
    fn refuse(&mut self, message: String, error: CliError) {
        self.refused += 1;
        self.first.get_or_insert(CliError { message, ..error });
    }
}

/// Says line by line. Meanwhile the hub may come and go: what was read is kept.
async fn lines(args: &SendArgs, global: &Global, hub: &Hub) -> Result<(), CliError> {
    let outbox = global.outbox(hub).await?;
    let Place { room, away } = post::place(hub, &outbox, &args.room, Deadline::of(global)).await?;
    if let Some(away) = away.filter(|_| args.no_queue) {
        return Err(away);
    }
    let mut delivery = Delivery::begin(global, hub, outbox.clone());
    let stdin = files::stdin().map_err(CliError::io("cannot read standard input"))?;
    let mut input = BufReader::new(stdin).lines();
    let mut tally = Tally::default();
    loop {
        tokio::select! {
            line = input.next_line(), if delivery.open() < UNDER_WAY => {
                let Some(line) = line.map_err(CliError::io("cannot read standard input"))? else { break };
                let body = line.trim_end_matches('\r').to_owned();
                if !body.is_empty() {
                    tally.read += 1;
                    match words::fitting(body) {
                        Ok(body) => {
                            let draft = Draft::new(room, body);
                            delivery.expect(draft.cid);
                            post::put(&outbox, draft).await?;
                        }
                        Err(error) => tally.refuse(format!("line {}: {error}", tally.read), error),
                    }
                }
            }
            outcome = delivery.next(), if delivery.open() > 0 => {
                take(outcome?, &delivery, &mut tally, global).await?;
            }
        }
    }
    let deadline = Deadline::of(global);
    while delivery.open() > 0 {
        match delivery.next_until(deadline).await? {
            Some(outcome) => take(outcome, &delivery, &mut tally, global).await?,
            None => break,
        }
    }
    let (waiting, why) = delivery.unsettled();
    ended(tally, waiting.len(), why)
}

async fn take(
    outcome: Outcome,
    delivery: &Delivery,
    tally: &mut Tally,
    global: &Global,
) -> Result<(), CliError> {
    match outcome {
        Outcome::Said(said) => {
            tally.said += 1;
            let Said { id, pos, .. } = said;
            global.out.result(&said, id, || format!("said at {pos}"))
        }
        Outcome::Refused(cid, problem) => {
            delivery.withdraw(cid).await?;
            let error = CliError::from(*problem);
            tally.refuse(error.message.clone(), error);
            Ok(())
        }
        Outcome::Dropped => Ok(()),
    }
}

fn ended(tally: Tally, waiting: usize, why: Option<String>) -> Result<(), CliError> {
    if waiting > 0 {
        let why = why.map(|why| format!("{why}; ")).unwrap_or_default();
        let what = format!("{why}{} lines are stored for good, {waiting} wait in the outbox", tally.said);
        return Err(CliError::new(Kind::Pending, what)
            .hint("they are sent by the next `mshub chat send`, or now by `mshub chat outbox retry`"));
    }
    match tally.first {
        None => Ok(()),
        Some(first) if tally.said == 0 => Err(first),
        Some(first) => {
            let what = format!("{} lines were refused, {} stored: {first}", tally.refused, tally.said);
            Err(CliError::new(Kind::Partial, what))
        }
    }
}
