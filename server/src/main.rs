//! Starts the gateway on its own: flags and environment in, one running service out.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use mshub_server::{Config, Engines, Listeners, MIGRATIONS, Secret, run};
use platform::{
    Clock,
    bus::Bus,
    db::Db,
    fanout::Fanout,
    mail::Mailer,
    objects::{LinkKey, Objects},
    service::{
        install_tls, signals,
        telemetry::{self, LogFormat},
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The gateway of MicroServiceHub: accounts, rooms, live sockets, uploads, and the web page.
#[derive(Parser)]
#[command(name = "mshub-server", version)]
struct Settings {
    /// Where the API listens.
    #[arg(long, env = "MSHUB_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Where the web page (and the same API) listens; without it there is no page.
    #[arg(long, env = "MSHUB_WEB_LISTEN")]
    web_listen: Option<SocketAddr>,
    /// `sqlite:FOLDER` or `postgres://USER@HOST/NAME`.
    #[arg(long, env = "MSHUB_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// The chat log: `embedded:FOLDER` or `kafka://HOST:PORT`.
    #[arg(long, env = "MSHUB_BUS_URL", hide_env_values = true)]
    bus_url: String,
    /// Hints between parts: `embedded:` or `redis://HOST:PORT`.
    #[arg(long, env = "MSHUB_FANOUT_URL", hide_env_values = true)]
    fanout_url: String,
    /// Photos and results: `file:FOLDER` or `s3://BUCKET`.
    #[arg(long, env = "MSHUB_OBJECTS_URL", hide_env_values = true)]
    objects_url: String,
    /// Verification mail: `kept:FOLDER` or `smtp://USER@HOST:PORT`.
    #[arg(long, env = "MSHUB_MAIL_URL", hide_env_values = true)]
    mail_url: String,
    /// Where the chat-worker answers.
    #[arg(long, env = "MSHUB_CHAT_WORKER", default_value = "http://127.0.0.1:8002")]
    chat_worker: Url,
    /// Where the convert-worker answers.
    #[arg(long, env = "MSHUB_CONVERT_WORKER", default_value = "http://127.0.0.1:8001")]
    convert_worker: Url,
    /// Where people reach the hub: links in mail begin with this.
    #[arg(long, env = "MSHUB_PUBLIC_URL")]
    public_url: Url,
    /// A file with the hub's secret: 32 random bytes or more, the same for all its parts.
    #[arg(long, env = "MSHUB_SECRET_FILE")]
    secret_file: PathBuf,
    /// The account with this address becomes admin; without it, the first verified account does.
    #[arg(long, env = "MSHUB_ADMIN_EMAIL")]
    admin_email: Option<String>,
    /// The largest upload in bytes.
    #[arg(long, env = "MSHUB_MAX_UPLOAD_BYTES", default_value_t = 100 * 1024 * 1024)]
    max_upload_bytes: u64,
    /// Messages a second that one person may send, with bursts of twice as many.
    #[arg(long, env = "MSHUB_SENDS_PER_SECOND", default_value = "20")]
    sends_per_second: NonZeroU32,
    /// Log lines as JSON objects.
    #[arg(long, env = "MSHUB_LOG_JSON")]
    log_json: bool,
    /// Which log lines, such as `info,sqlx=warn`.
    #[arg(long, env = "MSHUB_LOG", default_value = "info")]
    log: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    install_tls();
    telemetry::init(if settings.log_json { LogFormat::Json } else { LogFormat::Text }, &settings.log);
    let stop = CancellationToken::new();
    tokio::spawn(signals::until_asked(stop.clone()));

    let secret = secret(&settings)?;
    let engines = engines(&settings, &secret).await?;
    let (db, bus) = (engines.db.clone(), engines.bus.clone());
    let listeners = listeners(&settings).await?;
    let ready = || tracing::info!("the gateway is ready");
    run(config(settings, secret), engines, listeners, ready, stop).await?;
    bus.close().await;
    db.close().await;
    Ok(())
}

fn secret(settings: &Settings) -> anyhow::Result<Vec<u8>> {
    let file = &settings.secret_file;
    let read = std::fs::read(file).with_context(|| {
        format!("the secret file {} cannot be read; make one with `openssl rand -hex 32`", file.display())
    })?;
    // Editors end files with a line break, which is not part of the secret.
    Ok(read.trim_ascii_end().to_vec())
}

async fn engines(settings: &Settings, secret: &[u8]) -> anyhow::Result<Engines> {
    let clock = Clock::System;
    Ok(Engines {
        db: Db::open(&settings.database_url, "server", MIGRATIONS).await?,
        bus: Bus::open(&settings.bus_url, clock.clone()).await?,
        fanout: Fanout::open(&settings.fanout_url).await?,
        objects: Objects::open(&settings.objects_url, LinkKey::derive(secret)).await?,
        mail: Mailer::open(&settings.mail_url, clock.clone()).await?,
        clock,
    })
}

async fn listeners(settings: &Settings) -> anyhow::Result<Listeners> {
    let bind = async |at: SocketAddr| {
        TcpListener::bind(at).await.with_context(|| format!("the gateway cannot listen at {at}"))
    };
    let web = match settings.web_listen {
        Some(at) => Some(bind(at).await?),
        None => None,
    };
    Ok(Listeners { api: bind(settings.listen).await?, web })
}

fn config(settings: Settings, secret: Vec<u8>) -> Config {
    Config {
        public_url: settings.public_url,
        chat_worker: settings.chat_worker,
        convert_worker: settings.convert_worker,
        secret: Secret(secret),
        admin_email: settings.admin_email,
        max_upload_bytes: settings.max_upload_bytes,
        sends_per_second: settings.sends_per_second,
    }
}
