//! `mshub chat trace`.

use clap::Args;
use client::{EventsQuery, Hub, Outbox, Receipt, Waiting};
use serde::Serialize;
use wire::{ClientId, MessageId, RoomId, Timestamp, events::RoomEvent};

use crate::{
    error::{CliError, Kind},
    global::Global,
};

const PAGE: u32 = 500;

/// Show the way of one message: from the outbox to the log to the database
#[derive(Debug, Args)]
#[command(
    after_help = "Knows the last thousand messages that were sent from this machine; of others, and of older ones,
name the room, which is then searched from its newest message back. `queued`, `out` and
`acknowledged` are times of this machine, `logged` is the hub's; `stored` says that its row was
found in the database. With --otlp the hub has the times of every step: see mshub-up(1).

Examples:
  mshub chat trace 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2
  mshub chat trace 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2 --room general --json"
)]
pub struct TraceArgs {
    /// The message's id, as `mshub chat send --json` prints it
    pub cid: ClientId,
    /// The room it is in, when it was not sent from this machine
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,
}

/// The hops of a message; what is not known (yet) is null.
#[derive(Debug, Default, Serialize)]
struct Trace {
    cid: ClientId,
    room: Option<RoomId>,
    id: Option<MessageId>,
    pos: Option<u64>,
    /// `waiting`, `failed`, `logged` or `stored`.
    state: &'static str,
    queued: Option<Timestamp>,
    out: Option<Timestamp>,
    acknowledged: Option<Timestamp>,
    logged: Option<Timestamp>,
    /// Up to where the database has the log, when this was asked.
    stored_upto: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Asks the outbox, then the hub.
pub(super) async fn run(args: TraceArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let outbox = global.outbox(&hub).await?;
    let mut trace = here(&outbox, args.cid).await?;
    if trace.pos.is_some() || args.room.is_some() {
        there(&hub, &mut trace, args.room.as_deref()).await?;
    }
    if trace.state.is_empty() {
        return Err(unknown(&args));
    }
    global.out.result(&trace, trace.state, || spoken(&trace))
}

fn unknown(args: &TraceArgs) -> CliError {
    let cid = args.cid;
    match &args.room {
        Some(room) => CliError::new(Kind::NotFound, format!("no message in {room} was sent as {cid}"))
            .hint("look in another room: see `mshub room list`"),
        None => CliError::new(Kind::NotFound, format!("nothing is known of message {cid}"))
            .hint("name the room it is in with --room"),
    }
}

/// What this machine knows.
async fn here(outbox: &Outbox, cid: ClientId) -> Result<Trace, CliError> {
    let mut trace = Trace { cid, ..Trace::default() };
    if let Some(waiting) = outbox.list().await?.iter().find(|waiting| waiting.draft.cid == cid) {
        let Waiting { draft, at, failed, .. } = &**waiting;
        trace.room = Some(draft.room);
        trace.queued = Some(*at);
        trace.error = failed.as_ref().map(|problem| problem.to_string());
        trace.state = if failed.is_some() { "failed" } else { "waiting" };
    }
    if let Some(receipt) = outbox.receipt(cid).await? {
        let Receipt { room, id, pos, ts, queued, out, acked, .. } = receipt;
        (trace.room, trace.id, trace.pos) = (Some(room), Some(id), Some(pos));
        (trace.queued, trace.out, trace.acknowledged) = (queued, out, Some(acked));
        (trace.logged, trace.state) = (Some(ts), "logged");
    }
    Ok(trace)
}

/// What the hub knows.
async fn there(hub: &Hub, trace: &mut Trace, named: Option<&str>) -> Result<(), CliError> {
    let room = match (trace.room, named) {
        (Some(room), _) => room.to_string(),
        (None, Some(named)) => hub.room(named).await?.id.to_string(),
        (None, None) => return Ok(()),
    };
    let (event, persisted) = match trace.pos {
        Some(pos) => at(hub, &room, pos).await?,
        None => search(hub, &room, trace.cid).await?,
    };
    let Some(event) = event.filter(|event| event.cid == trace.cid) else {
        if let Some(pos) = trace.pos {
            let what = format!("the hub acknowledged the message at {pos}, but has something else there");
            return Err(CliError::new(Kind::Integrity, what).hint(format!("see `mshub room verify {room}`")));
        }
        return Ok(());
    };
    (trace.room, trace.id, trace.pos) = (Some(event.room), Some(event.id), Some(event.pos));
    (trace.logged, trace.stored_upto) = (Some(event.ts), Some(persisted));
    trace.state = if persisted >= event.pos { "stored" } else { "logged" };
    if trace.state == "stored" && !has_row(hub, &room, &event).await? {
        let what = format!(
            "the hub's database says that it is at {persisted}, and lacks the message at {}",
            event.pos
        );
        return Err(CliError::new(Kind::Integrity, what).hint(format!("see `mshub room verify {room}`")));
    }
    Ok(())
}

/// Whether the database has a message in its place: the row itself, and not what the hub remembers of it.
async fn has_row(hub: &Hub, room: &str, event: &RoomEvent) -> Result<bool, CliError> {
    let query = EventsQuery { after: Some(event.pos.saturating_sub(1)), before: None, limit: Some(1) };
    let rows = hub.rows(room, query).await?.events;
    Ok(rows.first().is_some_and(|row| (row.pos, row.cid) == (event.pos, event.cid)))
}

async fn at(hub: &Hub, room: &str, pos: u64) -> Result<(Option<RoomEvent>, u64), CliError> {
    let query = EventsQuery { after: Some(pos.saturating_sub(1)), before: None, limit: Some(1) };
    let page = hub.events(room, query).await?;
    Ok((page.events.into_iter().next().filter(|event| event.pos == pos), page.persisted))
}

async fn search(hub: &Hub, room: &str, cid: ClientId) -> Result<(Option<RoomEvent>, u64), CliError> {
    let mut before = None;
    loop {
        let page = hub.events(room, EventsQuery { after: None, before, limit: Some(PAGE) }).await?;
        let first = page.events.first().map(|event| event.pos);
        if let Some(found) = page.events.into_iter().find(|event| event.cid == cid) {
            return Ok((Some(found), page.persisted));
        }
        match first {
            Some(first) if page.more => before = Some(first),
            _ => return Ok((None, page.persisted)),
        }
    }
}

fn spoken(trace: &Trace) -> String {
    let mut text = format!("message  {}", trace.cid);
    let mut last: Option<Timestamp> = None;
    let times = [
        ("queued", trace.queued, "on this machine's disk"),
        ("out", trace.out, "on the socket"),
        ("logged", trace.logged, "durable at the hub, by its clock"),
        ("acked", trace.acknowledged, "the hub's word arrived"),
    ];
    for (hop, at, what) in times {
        let Some(at) = at else { continue };
        let since = last.map(|last| format!("{:+.1} ms", (at.micros() - last.micros()) as f64 / 1_000.0));
        text.push_str(&format!("\n{hop:<8} {at}  {:>12}  {what}", since.unwrap_or_default()));
        last = Some(at);
    }
    if let Some(pos) = trace.pos {
        text.push_str(&format!("\nplace    {pos}"));
    }
    match (trace.state, trace.stored_upto) {
        ("stored", Some(upto)) => {
            text.push_str(&format!("\nstored   its row is in the database, which is at {upto}"))
        }
        ("logged", Some(upto)) => text.push_str(&format!("\nstored   not yet: the database is at {upto}")),
        ("waiting", _) => text.push_str("\nwaits in the outbox: `mshub chat outbox retry` sends it"),
        ("failed", _) => text.push_str("\nrefused"),
        _ => {}
    }
    if let Some(error) = &trace.error {
        text.push_str(&format!(": {error}"));
    }
    text
}
