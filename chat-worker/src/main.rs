//! `mshub-chat-worker`: the chat-worker on its own.

use anyhow::{Context as _, bail};
use chat_worker::{
    Config, Engines, MIGRATIONS,
    config::{Args, Letters, Task},
    dead_letters, rebuild, report,
};
use clap::Parser as _;
use mshub_chat_worker as chat_worker;
use platform::{
    Clock,
    bus::Bus,
    db::Db,
    fanout::Fanout,
    service::{install_tls, internal::InternalKey, signals, telemetry},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    install_tls();
    telemetry::init(telemetry::LogFormat::Json, &args.log);
    let clock = Clock::System;
    let bus = Bus::open(&args.bus_url, clock.clone()).await?;
    let engines = Engines {
        db: Db::open(&args.database_url, "chat", MIGRATIONS).await?,
        bus: bus.clone(),
        fanout: Fanout::open(&args.fanout_url).await?,
        clock,
    };
    match args.task {
        Some(task) => perform(task, &engines).await?,
        None => serve(args, engines).await?,
    }
    bus.close().await;
    Ok(())
}

async fn serve(args: Args, engines: Engines) -> anyhow::Result<()> {
    let file =
        args.secret_file.context("--secret-file is missing: the gateway's file with the hub's secret")?;
    let secret =
        std::fs::read(&file).with_context(|| format!("the secret file {} cannot be read", file.display()))?;
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("{} is taken", args.listen))?;
    let stop = CancellationToken::new();
    let signal = tokio::spawn(signals::until_asked(stop.clone()));
    let config = Config { key: InternalKey::derive(&secret) };
    chat_worker::run(config, engines, listener, || tracing::info!(listen = %args.listen, "ready"), stop)
        .await?;
    signal.await??;
    Ok(())
}

async fn perform(task: Task, Engines { db, bus, fanout, .. }: &Engines) -> anyhow::Result<()> {
    match task {
        Task::Rebuild { discard } => report::rebuilt(rebuild(db, bus, fanout, discard).await?),
        Task::DeadLetters { action: Letters::List } => {
            dead_letters::list(db).await?.iter().try_for_each(report::dead_letter)
        }
        Task::DeadLetters { action: Letters::Replay } => {
            report::changed("replayed", dead_letters::replay(db).await?)
        }
        Task::DeadLetters { action: Letters::Drop { partition, pos } } => {
            if !dead_letters::drop(db, partition, pos).await? {
                bail!("no record was kept aside at {pos} of partition {partition}: see `dead-letters list`");
            }
            report::changed("dropped", 1)
        }
    }
}
