//! `mshub-chat-worker`: the chat-worker on its own.

use anyhow::Context as _;
use chat_worker::{Config, Engines, MIGRATIONS, config::Args};
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
    let secret = std::fs::read(&args.secret_file)
        .with_context(|| format!("the secret file {} cannot be read", args.secret_file.display()))?;

    let clock = Clock::System;
    let bus = Bus::open(&args.bus_url, clock.clone()).await?;
    let engines = Engines {
        db: Db::open(&args.database_url, "chat", MIGRATIONS).await?,
        bus: bus.clone(),
        fanout: Fanout::open(&args.fanout_url).await?,
        clock,
    };
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("{} is taken", args.listen))?;
    let stop = CancellationToken::new();
    let signal = tokio::spawn(signals::until_asked(stop.clone()));
    let config = Config { key: InternalKey::derive(&secret) };
    chat_worker::run(config, engines, listener, || tracing::info!(listen = %args.listen, "ready"), stop)
        .await?;
    bus.close().await;
    signal.await??;
    Ok(())
}
