//! How fast the chat-worker takes a log into its database, flushes on.

mod sql;

use std::time::{Duration, Instant};

use chat_worker::MIGRATIONS;
use clap::Args;
use platform::{Clock, bus::Bus, db::Db, fanout::Fanout};
use wire::{
    ClientId, MessageId, RoomId, UserId,
    events::{ChatRecord, RoomFact, What},
    paths::TOPIC_CHAT,
};

use crate::report;

#[derive(Args)]
pub(crate) struct Options {
    /// Messages in the log.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) messages: u32,
    /// Rooms they are in.
    #[arg(long, default_value_t = 100)]
    pub(crate) rooms: u32,
    /// How often.
    #[arg(long, default_value_t = 3)]
    pub(crate) runs: u32,
    /// The database: `sqlite:FOLDER` (a temporary one unless told) or `postgres://…`. What it holds is dropped.
    #[arg(long)]
    pub(crate) database_url: Option<String>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let bus = Bus::open(&format!("embedded:{}", at("log")), Clock::System).await?;
    let url = options.database_url.clone().unwrap_or_else(|| format!("sqlite:{}", at("db")));
    let db = Db::open(&url, "chat", MIGRATIONS).await?;
    let fanout = Fanout::open("embedded:").await?;
    fill(&bus, &options).await?;

    let (mut rates, mut indexed) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let done = chat_worker::rebuild(&db, &bus, &fanout, true).await?;
        anyhow::ensure!(done.events == u64::from(options.messages), "{} rows came in", done.events);
        rates.push(rate(done.events, done.took));
        indexed.push(rate(done.events, done.indexed));
    }
    let of = format!("{} messages in {} rooms", options.messages, options.rooms);
    row(&format!("rows/s persisted, {of}"), rates);
    row(&format!("the same, and every word in the index, {of}"), indexed);
    for (table, what) in [(sql::BARE, "into a table without keys"), (sql::KEYED, "with the same keys")] {
        let mut rates = Vec::new();
        for _ in 0..options.runs {
            let Some(rows) = sql::history(&db).await? else { break };
            let began = Instant::now();
            let copied = sql::copy(&db, table, &rows).await?;
            rates.push(rate(copied, began.elapsed()));
        }
        if !rates.is_empty() {
            row(&format!("COPY of the same rows alone, {what}"), rates);
        }
    }
    bus.close().await;
    db.close().await;
    Ok(())
}

fn row(what: &str, mut rates: Vec<f64>) {
    rates.sort_by(f64::total_cmp);
    let [least, most] = [rates.first(), rates.last()].map(|rate| rate.copied().unwrap_or(0.0));
    let median = rates.get(rates.len() / 2).copied().unwrap_or(0.0);
    let n = rates.len();
    report::line(&format!("| {what} | n={n} | min {least:.0} | median {median:.0} | max {most:.0} |"));
}

fn rate(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64().max(1e-9)
}

/// Twenty words of a vocabulary of five thousand: about 128 bytes.
fn text(n: usize) -> String {
    let words = (0..20_usize).map(|nth| {
        let word = (n * 7_919 + nth * 104_729) % 5_000;
        format!("w{}{:x}", "aeiou".chars().nth(word % 5).unwrap_or('a'), word * 31)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Messages round the rooms, of ten people each.
async fn fill(bus: &Bus, options: &Options) -> anyhow::Result<()> {
    let rooms: Vec<(RoomId, Vec<UserId>)> =
        (0..options.rooms).map(|_| (RoomId::new(), (0..10).map(|_| UserId::new()).collect())).collect();
    let mut pending = Vec::new();
    for n in 0..options.messages as usize {
        let (room, people) = &rooms[n % rooms.len()];
        let fact = RoomFact {
            id: MessageId::new(),
            room: *room,
            by: people[n / rooms.len() % people.len()],
            name: "Ann".into(),
            cid: ClientId::new(),
            what: What::said(text(n)),
        };
        let record = serde_json::to_string(&ChatRecord::RoomV1(fact))?;
        pending.push(bus.enqueue(TOPIC_CHAT, &room.to_string(), record).await?);
        if pending.len() == 4_096 {
            for append in pending.drain(..) {
                append.durable().await?;
            }
        }
    }
    for append in pending {
        append.durable().await?;
    }
    Ok(())
}
