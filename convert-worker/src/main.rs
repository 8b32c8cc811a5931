//! Starts the convert-worker on its own: flags and environment in, engines opened, `run`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use mshub_convert_worker::{Config, Engines, MIGRATIONS, job_child_main, run};
use platform::{
    Clock,
    db::Db,
    fanout::Fanout,
    objects::{LinkKey, Objects},
    service::{install_tls, signals, telemetry},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Converts what people upload to a MicroServiceHub.
#[derive(Parser)]
#[command(name = "mshub-convert-worker", version)]
struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the gateway reaches it. Never reachable by people.
    #[arg(long, env = "MSHUB_CONVERT_LISTEN", default_value = "127.0.0.1:8001")]
    listen: SocketAddr,
    /// A file with the hub's secret, 32 bytes or more, the same for all its parts.
    #[arg(long, env = "MSHUB_SECRET_FILE")]
    secret_file: Option<PathBuf>,
    /// `sqlite:FOLDER` or `postgres://USER@HOST/NAME`.
    #[arg(long, env = "MSHUB_DATABASE_URL", default_value = "sqlite:mshub-data", hide_env_values = true)]
    database_url: String,
    /// The fan-out that gateways listen to.
    #[arg(long, env = "MSHUB_FANOUT_URL", default_value = "embedded:", hide_env_values = true)]
    fanout_url: String,
    /// Where uploads and results are kept; the same for the gateway.
    #[arg(
        long,
        env = "MSHUB_OBJECTS_URL",
        default_value = "file:mshub-data/objects",
        hide_env_values = true
    )]
    objects_url: String,
    /// A local folder for files that are being worked on.
    #[arg(long, env = "MSHUB_WORK_DIR", default_value = "mshub-data/work")]
    work_dir: PathBuf,
    /// Conversions at once; a core each when not given.
    #[arg(long, env = "MSHUB_RUNNERS")]
    runners: Option<usize>,
    /// The largest upload in bytes.
    #[arg(long, env = "MSHUB_MAX_UPLOAD_BYTES")]
    max_upload_bytes: Option<u64>,
    /// Seconds that one attempt may take.
    #[arg(long, env = "MSHUB_CONVERT_DEADLINE")]
    deadline: Option<u64>,
    /// Hours that ended conversions and their files are kept.
    #[arg(long, env = "MSHUB_RETENTION_HOURS")]
    retention_hours: Option<u64>,
    /// How log lines look.
    #[arg(long, env = "MSHUB_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Which log lines are written, such as `info,sqlx=warn`.
    #[arg(long, env = "MSHUB_LOG", default_value = "info")]
    log: String,
}

#[derive(Subcommand)]
enum Command {
    /// One conversion, as the worker itself starts it.
    #[command(hide = true)]
    JobChild,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(Command::JobChild) = flags.command {
        return job_child_main();
    }
    install_tls();
    telemetry::init(flags.log_format.into(), &flags.log);
    match serve(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the convert-worker cannot run");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(flags: Flags) -> anyhow::Result<()> {
    let config = config(&flags)?;
    let engines = Engines {
        db: Db::open(&flags.database_url, "convert", MIGRATIONS).await?,
        fanout: Fanout::open(&flags.fanout_url).await?,
        objects: Objects::open(&flags.objects_url, LinkKey::derive(&config.secret.0)).await?,
        clock: Clock::System,
    };
    let db = engines.db.clone();
    let listener = TcpListener::bind(flags.listen)
        .await
        .with_context(|| format!("cannot listen on {}", flags.listen))?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let signal = tokio::spawn(signals::until_asked(stop.clone()));
    run(config, engines, listener, || tracing::info!(%address, "ready"), stop).await?;
    db.close().await;
    signal.abort();
    Ok(())
}

fn config(flags: &Flags) -> anyhow::Result<Config> {
    let file = flags.secret_file.as_deref().context("no secret: set --secret-file or MSHUB_SECRET_FILE")?;
    let secret =
        std::fs::read(file).with_context(|| format!("the secret {} cannot be read", file.display()))?;
    anyhow::ensure!(secret.len() >= 32, "the secret {} has fewer than 32 bytes", file.display());

    let mut config = Config::new(secret, flags.work_dir.clone());
    config.runners = flags.runners.unwrap_or(config.runners);
    config.max_upload_bytes = flags.max_upload_bytes.unwrap_or(config.max_upload_bytes);
    config.deadline = flags.deadline.map_or(config.deadline, Duration::from_secs);
    config.retention =
        flags.retention_hours.map_or(config.retention, |hours| Duration::from_secs(hours * 3600));
    Ok(config)
}

impl From<LogFormat> for telemetry::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}
