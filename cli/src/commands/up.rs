//! `mshub up`: starts the hub, says where it is, and stops it when asked.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use clap::Args;
use platform::{
    bus::Durability,
    config::{BusFlags, DatabaseFlags, FanoutFlags, MailFlags, ObjectsFlags, TraceFlags},
    engines::{OpenError, Urls},
    service::{install_tls, signals::Signals, telemetry},
    traces,
};
use serde::Serialize;
use url::Url;

use crate::{
    error::{CliError, Kind},
    global::Global,
    up::{Failure, Hub, Plan, Ports, Ready},
};

/// Runs the API, both workers and the web page in this process until Ctrl-C or SIGTERM.
///
/// Without any option everything is embedded: databases, log, files and mail live in the data directory. A port of 0
/// takes a free one. An engine of your own replaces an embedded one by its URL.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub up
  mshub up --data-dir ./hub --port 0 --web-port 0 --json
  mshub up --host 0.0.0.0 --public-url http://hub.example.org:8000
  MSHUB_DATABASE_URL_FILE=/run/secrets/database mshub up --bus-url kafka://log:9092")]
pub struct UpArgs {
    /// Where everything is kept [default: mshub in the XDG data directory]
    #[arg(long, env = "MSHUB_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The address that the API and the page listen on; the workers stay on loopback
    #[arg(long, env = "MSHUB_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    host: IpAddr,
    /// Port of the API
    #[arg(long, env = "MSHUB_PORT", default_value_t = 8000)]
    port: u16,
    /// Port of the convert-worker [default: 8001, and with --port 0 a free one]
    #[arg(long, env = "MSHUB_CONVERT_PORT")]
    convert_port: Option<u16>,
    /// Port of the chat-worker [default: 8002, and with --port 0 a free one]
    #[arg(long, env = "MSHUB_CHAT_PORT")]
    chat_port: Option<u16>,
    /// Port of the web page
    #[arg(long, env = "MSHUB_WEB_PORT", default_value_t = 8080)]
    web_port: u16,
    /// Where readiness and metrics are told, for whoever watches the hub; not for users
    #[arg(long, env = "MSHUB_ADMIN_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    admin_listen: SocketAddr,
    /// How people reach the API from outside: links in mail begin with it
    #[arg(long, env = "MSHUB_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// A proxy, or a network of proxies, that is believed where a request comes from (X-Forwarded-For); repeatable
    #[arg(long, env = "MSHUB_TRUSTED_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    trusted_proxy: Vec<server::TrustedProxy>,
    /// The account with this address becomes admin; without it, the first verified account does
    #[arg(long, env = "MSHUB_ADMIN_EMAIL", value_name = "EMAIL")]
    admin_email: Option<String>,
    /// Messages a second that one person may send, with bursts of twice as many
    #[arg(long, env = "MSHUB_SENDS_PER_SECOND", default_value = "20", value_name = "N")]
    sends_per_second: NonZeroU32,
    /// The largest upload in bytes
    #[arg(long, env = "MSHUB_MAX_UPLOAD_BYTES", default_value_t = 100 * 1024 * 1024, value_name = "BYTES")]
    max_upload_bytes: u64,
    /// When the log in the data directory acknowledges a message
    #[arg(long, env = "MSHUB_DURABILITY", value_enum, default_value_t, value_name = "WHEN")]
    durability: Durability,
    /// Bytes that the files of one person in rooms may take together
    #[arg(long, env = "MSHUB_MAX_USER_FILES_BYTES", default_value_t = server::MAX_USER_FILES, value_name = "BYTES")]
    max_user_files_bytes: u64,
    #[command(flatten)]
    engines: convert_worker::EngineFlags,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    bus: BusFlags,
    #[command(flatten)]
    fanout: FanoutFlags,
    #[command(flatten)]
    objects: ObjectsFlags,
    #[command(flatten)]
    mail: MailFlags,
    /// What to log on stderr, such as info or debug,sqlx=warn
    #[arg(long, env = "MSHUB_LOG", default_value = "warn", value_name = "FILTER", value_parser = telemetry::filter)]
    log: String,
    /// Log JSON, one object a line
    #[arg(long, env = "MSHUB_LOG_JSON")]
    log_json: bool,
    #[command(flatten)]
    traces: TraceFlags,
    /// A bug to have, for those who test the tests
    #[cfg(feature = "mutants")]
    #[arg(long, hide = true)]
    mutant: Option<platform::mutants::Mutant>,
}

/// The one line of `--json`.
#[derive(Serialize)]
struct ReadyLine<'a> {
    event: &'static str,
    api: &'a str,
    web: &'a str,
    convert: &'a str,
    chat: &'a str,
    admin: &'a str,
    data_dir: String,
    engines: &'a BTreeMap<&'static str, String>,
    durability: &'static str,
    version: &'static str,
}

/// Starts the hub and stays until it is asked to stop.
pub async fn run(args: UpArgs, global: &Global) -> Result<(), CliError> {
    install_tls();
    let format = if args.log_json { telemetry::LogFormat::Json } else { telemetry::LogFormat::Text };
    telemetry::init(format, &args.log);
    args.traces.start();
    #[cfg(feature = "mutants")]
    args.mutant.into_iter().for_each(platform::mutants::choose);
    let data_dir = match args.data_dir.clone() {
        Some(folder) => folder,
        None => default_data_dir()?,
    };
    // Before anybody is told that the hub is ready: from then on a signal means a drain.
    let mut signals = Signals::catch().map_err(CliError::io("cannot listen for signals"))?;
    let (mut hub, ready) = tokio::select! {
        started = Hub::start(plan(args, data_dir)?) => started?,
        asked = signals.next() => return Err(stopped_at_once(asked)),
    };
    say(global, &ready)?;

    tokio::select! {
        _ = signals.next() => {}
        failure = hub.failed() => return Err(Failure::from(failure).into()),
    };
    global.out.note("stopping; once more stops at once")?;
    let ended = tokio::select! {
        stopped = hub.stop() => stopped.map_err(|error| Failure::from(error).into()),
        again = signals.next() => return Err(stopped_at_once(again)),
    };
    traces::finish().await;
    ended
}

pub(super) fn default_data_dir() -> Result<PathBuf, CliError> {
    use etcetera::BaseStrategy as _;
    let home = etcetera::choose_base_strategy()
        .map_err(|why| CliError::new(Kind::LocalIo, format!("cannot find the home directory: {why}")))?;
    Ok(home.data_dir().join("mshub"))
}

fn plan(args: UpArgs, data_dir: PathBuf) -> Result<Plan, CliError> {
    // Nobody but this process calls the workers: whoever wants any free port means theirs as well.
    let worker = |given: Option<u16>, usual| given.unwrap_or(if args.port == 0 { 0 } else { usual });
    Ok(Plan {
        data_dir,
        ports: Ports {
            host: args.host,
            api: args.port,
            convert: worker(args.convert_port, 8001),
            chat: worker(args.chat_port, 8002),
            web: args.web_port,
            admin: args.admin_listen,
        },
        urls: Urls {
            database: args.database.read()?,
            bus: args.bus.read()?,
            fanout: args.fanout.read()?,
            objects: args.objects.read()?,
            mail: args.mail.read()?,
            durability: args.durability,
        },
        public_url: args.public_url,
        trusted_proxies: args.trusted_proxy,
        admin_email: args.admin_email,
        sends_per_second: args.sends_per_second,
        max_upload_bytes: args.max_upload_bytes,
        max_user_files_bytes: args.max_user_files_bytes,
        engines: args.engines,
    })
}

fn say(global: &Global, ready: &Ready) -> Result<(), CliError> {
    let Ready {
        api,
        web,
        convert,
        chat,
        admin,
        data_dir,
        keeps_mail,
        shows_mail,
        engines,
        chosen,
        durability,
    } = ready;
    let version = env!("CARGO_PKG_VERSION");
    let data_dir = data_dir.display().to_string();
    let mail = match (keeps_mail, shows_mail, engines.get("mail")) {
        (true, false, Some(folder)) => {
            format!("kept in {folder}: with a public URL only these files show it")
        }
        (true, ..) => "kept here: `mshub admin mail list` shows it".to_owned(),
        (false, ..) => "sent over SMTP".to_owned(),
    };
    let line = ReadyLine {
        event: "ready",
        api,
        web,
        convert,
        chat,
        admin,
        data_dir: data_dir.clone(),
        engines,
        durability: durability.name(),
        version,
    };
    let mut rows = String::new();
    if *durability == Durability::Os {
        rows.push_str(
            "  The log is flushed behind its answers: the loss of power takes up to a second of messages\n",
        );
    }
    for (port, url) in chosen {
        rows.push_str(&format!("  The {port} is {url}\n"));
    }
    global.out.result(&line, api, || {
        format!(
            "MicroServiceHub {version}   data in {data_dir}\n  \
             API   {api}/api/v1     documentation {api}/docs\n  \
             Web   {web}\n  \
             Mail  {mail}\n  \
             Admin {admin}/readyz     {admin}/metrics\n\
             {rows}\
             Ready. Next, in another terminal: mshub auth signup   mshub tui   mshub convert FILE --to pdf\n\
             Ctrl-C stops the hub."
        )
    })
}

fn stopped_at_once(signal: i32) -> CliError {
    let kind = if signal == 2 { Kind::Interrupted } else { Kind::Terminated };
    CliError::new(kind, "stopped at once; everything that was acknowledged is kept")
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        match error {
            OpenError::NotUnderstood(_) => Self::usage(message).hint("see Engines in `mshub up --help`"),
            OpenError::Away(_) => {
                Self::new(Kind::Unreachable, message).hint("start it, or correct its URL, and try again")
            }
            OpenError::Folder(_) => Self::new(Kind::LocalIo, message),
            OpenError::Replaced(_) => Self::new(Kind::Conflict, message)
                .hint("nothing was changed; the log of a data directory is its folder `log`"),
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Busy(_) => Self::new(Kind::Conflict, message),
            Failure::DataDir { .. } => {
                Self::new(Kind::LocalIo, message).hint("choose another with --data-dir")
            }
            Failure::Port { part, port, why } if why.kind() == std::io::ErrorKind::AddrInUse => Self::new(
                Kind::Conflict,
                format!("port {port} for the {part} is taken by another program"),
            )
            .hint("stop that program, or choose another port; 0 takes a free one (see `mshub up --help`)"),
            Failure::Port { .. } => Self::new(Kind::LocalIo, message).hint("choose another port or --host"),
            Failure::Engine(error) => error.into(),
            Failure::Start(error) => match error.downcast::<OpenError>() {
                Ok(of_an_engine) => Self { message, ..of_an_engine.into() },
                Err(_) => Self::new(Kind::Other, message),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{args::Cli, commands::Command};

    fn ports(line: &str) -> (u16, u16) {
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Some(Command::Up(args)) = cli.command else { panic!("not up") };
        let ports = plan(*args, "data".into()).unwrap().ports;
        (ports.convert, ports.chat)
    }

    #[test]
    fn whoever_wants_any_free_port_means_the_workers_as_well() {
        assert_eq!(ports("mshub up"), (8001, 8002));
        assert_eq!(ports("mshub up --port 0"), (0, 0));
        assert_eq!(ports("mshub up --port 0 --chat-port 7002"), (0, 7002));
    }
}
