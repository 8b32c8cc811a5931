//! Flags and environment variables that several programs share: engines, the secret, the log.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use url::Url;

use crate::{
    engines::{EngineUrl, OpenError},
    service::telemetry::LogFormat,
    traces,
};

/// The flags of one port: its URL, or a file that holds it, because a URL may hold a password.
macro_rules! engine {
    ($name:ident, $port:literal, $variable:literal, $help:literal) => {
        #[doc = $help]
        #[derive(Args, Clone, Debug, Default)]
        pub struct $name {
            #[arg(id = concat!($port, "-url"), long = concat!($port, "-url"))]
            #[arg(env = $variable, hide_env_values = true, value_name = "URL")]
            #[arg(help = $help, help_heading = "Engines")]
            url: Option<EngineUrl>,
            #[arg(id = concat!($port, "-url-file"), long = concat!($port, "-url-file"))]
            #[arg(env = concat!($variable, "_FILE"), value_name = "FILE")]
            #[arg(conflicts_with = concat!($port, "-url"), help_heading = "Engines")]
            #[arg(help = concat!("A file that holds --", $port, "-url, because a URL may hold a password"))]
            file: Option<PathBuf>,
        }

        impl $name {
            /// The URL that was given, read from its file if need be.
            pub fn read(&self) -> Result<Option<EngineUrl>, OpenError> {
                read($port, self.url.as_ref(), self.file.as_deref())
            }
        }
    };
}

engine!(
    DatabaseFlags,
    "database",
    "MSHUB_DATABASE_URL",
    "Databases: sqlite:FOLDER or postgres://USER:PASSWORD@HOST/NAME"
);
engine!(BusFlags, "bus", "MSHUB_BUS_URL", "The chat log: embedded:FOLDER or kafka://HOST:PORT,HOST:PORT");
engine!(FanoutFlags, "fanout", "MSHUB_FANOUT_URL", "Hints between the parts: embedded: or redis://HOST:PORT");
engine!(
    ObjectsFlags,
    "objects",
    "MSHUB_OBJECTS_URL",
    "Photos, uploads and results: file:FOLDER or s3://KEY:SECRET@BUCKET"
);
engine!(MailFlags, "mail", "MSHUB_MAIL_URL", "Mail: kept:FOLDER or smtp://USER:PASSWORD@HOST:PORT");

fn read(port: &str, url: Option<&EngineUrl>, file: Option<&Path>) -> Result<Option<EngineUrl>, OpenError> {
    // An empty variable counts as none.
    let Some(file) = file else { return Ok(url.filter(|url| !url.is_blank()).cloned()) };
    let refused = |why: String| {
        OpenError::Folder(format!("the file {} with the URL of the {port} {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|why| refused(format!("cannot be read: {why}")))?;
    let url = EngineUrl::from(text.as_str());
    if url.is_blank() { Err(refused("is empty".to_owned())) } else { Ok(Some(url)) }
}

/// Whom this process tells of traces.
#[derive(Args, Clone, Debug)]
pub struct TraceFlags {
    /// Tell traces to the OpenTelemetry collector at this URL, such as http://collector:4318 (OTLP over HTTP)
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp: Option<Collector>,
    /// Which share of the traces that begin here is told, from 0 to 1
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1", value_name = "SHARE", value_parser = share)]
    otlp_share: f64,
}

/// The URL of a collector; an empty variable is none.
#[derive(Clone, Debug)]
struct Collector(Option<Url>);

impl FromStr for Collector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Self(None)),
            url => match Url::parse(url) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self(Some(url))),
                _ => Err("give http://HOST:PORT or https://HOST:PORT".to_owned()),
            },
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = if text.is_empty() { Some(1.0) } else { text.parse().ok() };
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "give a number from 0 to 1".to_owned())
}

impl TraceFlags {
    /// Begins to tell, where there is somebody to tell. Inside a runtime.
    pub fn start(&self) {
        if let Some(Collector(Some(url))) = &self.otlp {
            traces::start(url, self.otlp_share);
        }
    }
}

/// Flags of every service on its own.
#[derive(Args, Clone, Debug)]
pub struct ServiceFlags {
    /// A file with the hub's secret: 32 random bytes or more, the same for all its parts
    #[arg(long, env = "MSHUB_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Seconds from the signal to stop, when readiness ends, until no more requests are taken: for a balancer to notice
    #[arg(long, env = "MSHUB_STOP_DELAY", default_value_t = 0, value_name = "SECONDS")]
    pub stop_delay: u64,
    /// Which log lines, such as info or info,sqlx=warn
    #[arg(long, env = "MSHUB_LOG", default_value = "info", value_name = "FILTER", value_parser = crate::service::telemetry::filter)]
    pub log: String,
    /// Log JSON, one object a line
    #[arg(long, env = "MSHUB_LOG_JSON")]
    pub log_json: bool,
    /// Whom it tells of traces.
    #[command(flatten)]
    pub traces: TraceFlags,
}

impl ServiceFlags {
    /// How log lines look.
    pub fn log_format(&self) -> LogFormat {
        if self.log_json { LogFormat::Json } else { LogFormat::Text }
    }

    /// The secret in the file.
    pub fn secret(&self) -> anyhow::Result<Vec<u8>> {
        let given =
            self.secret_file.as_ref().context("no secret: give --secret-file or MSHUB_SECRET_FILE")?;
        let file = given.display();
        let bytes = std::fs::read(given).with_context(|| {
            format!("the secret file {file} cannot be read; make one with `openssl rand -hex 32`")
        })?;
        let secret = without_line_break(bytes);
        anyhow::ensure!(secret.len() >= 32, "the secret in {file} has fewer than 32 bytes");
        Ok(secret)
    }
}

/// Editors end text with a line break, which is no part of a secret; of random bytes the last is one.
fn without_line_break(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_ascii() { bytes.trim_ascii_end().to_vec() } else { bytes }
}

/// Binds a listener and logs where, or says which address cannot be had.
pub async fn listen(at: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(at).await.with_context(|| format!("cannot listen at {at}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        bus: BusFlags,
        #[command(flatten)]
        mail: MailFlags,
    }

    #[test]
    fn a_url_comes_from_a_flag_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mail");
        std::fs::write(&file, "smtp://me:hunter2@mail:587\n").unwrap();
        let line = ["x", "--bus-url", "kafka://a:1", "--mail-url-file", file.to_str().unwrap()];

        let program = Program::try_parse_from(line).unwrap();

        assert_eq!(program.bus.read().unwrap(), Some("kafka://a:1".into()));
        assert_eq!(program.mail.read().unwrap(), Some("smtp://me:hunter2@mail:587".into()));
        assert!(!format!("{:?}", program.mail).contains("hunter2"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named_and_two_sources_are_one_too_many() {
        let missing = Program::try_parse_from(["x", "--bus-url-file", "/nowhere/bus"]).unwrap();
        let both = Program::try_parse_from(["x", "--bus-url", "embedded:x", "--bus-url-file", "y"]);

        assert!(missing.bus.read().unwrap_err().to_string().contains("/nowhere/bus"));
        assert!(both.is_err());
        assert_eq!(Program::try_parse_from(["x", "--bus-url", ""]).unwrap().bus.read().unwrap(), None);
    }

    #[test]
    fn a_secret_loses_the_line_break_of_an_editor_and_no_random_byte() {
        assert_eq!(without_line_break(b"0123abcd\n".to_vec()), b"0123abcd");
        assert_eq!(without_line_break(b"\xff\x00\n".to_vec()), b"\xff\x00\n");
    }

    #[test]
    fn a_collector_is_a_url_and_an_empty_one_is_none() {
        let read = |text: &str| text.parse::<Collector>().map(|collector| collector.0.map(String::from));

        assert_eq!(read("http://collector:4318"), Ok(Some("http://collector:4318/".to_owned())));
        assert_eq!(read(""), Ok(None));
        assert!(read("collector:4317").is_err() && read("grpc").is_err());
        assert_eq!((share(""), share("0.25")), (Ok(1.0), Ok(0.25)));
        assert!(share("2").is_err() && share("some").is_err() && share("NaN").is_err());
    }
}
