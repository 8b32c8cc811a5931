//! A hub in parts on Apache Kafka, PostgreSQL, Redis and S3, one gateway beside two; the embedded hub and the engines alone
//! beside it.

mod log;

use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use client::Url;
use platform::testing::Postgres;

use crate::{
    fanout,
    hub::Running,
    ingest, latency, report,
    torture::{Ground, Parts, Site, real},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Messages a second, where their way is timed.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// How long each figure is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Rows that the chat-worker takes in.
    #[arg(long, default_value_t = 200_000)]
    messages: u32,
    /// How often it does.
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?;
    report::line(&format!("{cores} cores, for everything: hub, engines and load"));
    embedded(mshub, &options).await?;
    for gateways in [1, 2] {
        let folder = tempfile::tempdir()?;
        let Parts { gateways, workers, ground } = real(mshub, folder.path(), gateways, &[]).await?;
        let ground = ground.context("there are no engines")?;
        if gateways.len() == 1 {
            alone(&ground, &options).await?;
        }
        team(&gateways, &options).await?;
        // Before the engines: a hub without them has a lot to say.
        drop((gateways, workers));
    }
    rows(&options).await
}

/// The same figures of a hub in one process with engines of its own.
async fn embedded(mshub: &Path, options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Running::start(mshub, folder.path()).await?;
    report::line("== the embedded hub");
    figures([&hub.api; 2], &[(hub.api.clone(), hub.pid()?)], options).await?;
    hub.kill().await
}

/// The log, written and read by nobody else.
async fn alone(ground: &Ground, options: &Options) -> anyhow::Result<()> {
    let url = format!("{}&prefix=alone-", ground.url("bus")?);
    report::line("== the log alone");
    log::run(&url, options.rate, options.seconds).await
}

async fn team(gateways: &[Site], options: &Options) -> anyhow::Result<()> {
    let mut at: Vec<(Url, u32)> = Vec::new();
    for gateway in gateways {
        at.push((gateway.url()?.parse()?, gateway.id()?));
    }
    report::line(&format!("== gateways: {}", at.len()));
    let [(here, _), .., (there, _)] = &at[..] else {
        let [(only, _)] = &at[..] else { return Ok(()) };
        return figures([only; 2], &at, options).await;
    };
    figures([here, there], &at, options).await
}

/// Those who write are at the first gateway, and those who read at the last.
async fn figures(ends: [&Url; 2], at: &[(Url, u32)], options: &Options) -> anyhow::Result<()> {
    let seconds = options.seconds;
    latency::measure(ends, "timed", &latency::Options::of(options.rate, seconds)).await?;
    // A screen for everybody who writes: what is acknowledged.
    fanout::measure(at.to_vec(), "acked", fanout::Options::of([200, 1, 16], seconds)).await?;
    fanout::measure(at.to_vec(), "crowd", fanout::Options::of([1, 100, 8], seconds)).await?;
    fanout::measure(at.to_vec(), "many", fanout::Options::of([100, 10, 4], seconds)).await
}

async fn rows(options: &Options) -> anyhow::Result<()> {
    report::line("== the history in PostgreSQL (its flushes are off, for both)");
    let postgres = Postgres::start().await?.context("there is no PostgreSQL")?;
    let (messages, runs) = (options.messages, options.runs);
    let database_url = Some(postgres.url());
    ingest::run(ingest::Options { messages, rooms: 100, runs, database_url }).await
}
