//! Settings of the convert-worker, as values, and as the flags and environment of the program on its own.

use std::{
    ffi::OsString, net::SocketAddr, num::NonZero, path::PathBuf, thread::available_parallelism,
    time::Duration,
};

use clap::Parser;
use convert::{Child, Engines, Error, Keep, Limits, Sandbox};
use platform::{
    config::{DatabaseFlags, FanoutFlags, ObjectsFlags, ServiceFlags},
    engines::{OpenError, Urls},
};

use crate::services::{CloudconvertFlags, NutrientFlags, Service};

const MIB: u64 = 1024 * 1024;
const MAX_UPLOAD: u64 = 100 * MIB;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Converts what people upload to a MicroServiceHub.
#[derive(Clone, Debug, Parser)]
#[command(name = "mshub-convert-worker", version)]
pub struct Flags {
    /// Where to listen for the gateway; not for users
    #[arg(long, env = "MSHUB_CONVERT_LISTEN", default_value = "127.0.0.1:8001", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where readiness and metrics are told; not for users
    #[arg(
        long,
        env = "MSHUB_CONVERT_ADMIN_LISTEN",
        default_value = "127.0.0.1:9001",
        value_name = "ADDRESS:PORT"
    )]
    pub admin_listen: SocketAddr,
    /// A local folder for files that are being worked on
    #[arg(long, env = "MSHUB_WORK_DIR", default_value = "mshub-data/work", value_name = "DIR")]
    work_dir: PathBuf,
    /// Conversions at once; a core each when not given
    #[arg(long, env = "MSHUB_RUNNERS", value_name = "N")]
    runners: Option<usize>,
    /// The largest upload in bytes
    #[arg(long, env = "MSHUB_MAX_UPLOAD_BYTES", default_value_t = MAX_UPLOAD, value_name = "BYTES")]
    max_upload_bytes: u64,
    /// Seconds that one attempt may take
    #[arg(long, env = "MSHUB_CONVERT_DEADLINE", value_name = "SECONDS")]
    deadline: Option<u64>,
    /// Seconds that a conversion stays with a worker that is not heard of [default: 15]; workers are heard of three times as
    /// often
    #[arg(long, env = "MSHUB_CONVERT_LEASE", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    lease: Option<u32>,
    /// Hours that ended conversions and their files are kept
    #[arg(long, env = "MSHUB_RETENTION_HOURS", value_name = "HOURS")]
    retention_hours: Option<u64>,
    #[command(flatten)]
    engines: EngineFlags,
    /// What all services take.
    #[command(flatten)]
    pub service: ServiceFlags,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    fanout: FanoutFlags,
    #[command(flatten)]
    objects: ObjectsFlags,
}

impl Flags {
    /// Where its engines are.
    pub fn urls(&self) -> Result<Urls, OpenError> {
        let (database, fanout, objects) = (self.database.read()?, self.fanout.read()?, self.objects.read()?);
        Ok(Urls { database, fanout, objects, ..Urls::default() })
    }

    /// The settings, for a hub with this secret.
    ///
    /// # Errors
    /// When a file with a key cannot be read.
    pub fn config(self, secret: Vec<u8>) -> Result<Config, OpenError> {
        let mut config = Config::new(secret, self.work_dir);
        config.max_upload_bytes = self.max_upload_bytes;
        config.runners = self.runners.unwrap_or(config.runners);
        config.deadline = self.deadline.map_or(config.deadline, Duration::from_secs);
        if let Some(seconds) = self.lease {
            config.lease = Duration::from_secs(seconds.into());
            config.heartbeat = config.lease / 3;
        }
        config.retention =
            self.retention_hours.map_or(config.retention, |hours| Duration::from_secs(hours * 3600));
        self.engines.apply(&mut config)?;
        Ok(config)
    }
}

/// The engines besides the builtin one, and what may go out.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct EngineFlags {
    /// LibreOffice's program, or `off` for none; found on the PATH when not given
    #[arg(long, env = "MSHUB_LIBREOFFICE", value_name = "FILE")]
    libreoffice: Option<PathBuf>,
    /// Documents that one LibreOffice converts before it is started anew [default: 50]; with 0 one is started for each
    #[arg(long, env = "MSHUB_LIBREOFFICE_DOCUMENTS", value_name = "N")]
    libreoffice_documents: Option<u32>,
    /// Seconds that a LibreOffice waits for the next document before it is ended [default: 300]
    #[arg(long, env = "MSHUB_LIBREOFFICE_IDLE", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    libreoffice_idle: Option<u32>,
    /// Start LibreOffice with the hub, and have one waiting at all times
    #[arg(long, env = "MSHUB_LIBREOFFICE_READY")]
    libreoffice_ready: bool,
    /// A Gotenberg server that converts office documents, such as http://gotenberg:3000
    #[arg(long, env = "MSHUB_GOTENBERG_URL", value_name = "URL", hide_env_values = true, value_parser = server)]
    gotenberg_url: Option<String>,
    #[command(flatten)]
    nutrient: NutrientFlags,
    #[command(flatten)]
    cloudconvert: CloudconvertFlags,
    /// Tell the end of conversions to private addresses, too
    #[arg(long, env = "MSHUB_WEBHOOKS_TO_PRIVATE")]
    webhooks_to_private: bool,
    /// Convert only what can be locked up so well, but for plain text: limits, landlock or full [default: limits]
    #[arg(long, env = "MSHUB_REQUIRE_SANDBOX", value_name = "LEVEL")]
    require_sandbox: Option<Sandbox>,
    /// Bytes of documents and results that are kept of one person's conversions [default: 5 GiB]
    #[arg(long, env = "MSHUB_MAX_USER_CONVERSIONS_BYTES", value_name = "BYTES")]
    max_user_conversions_bytes: Option<u64>,
    /// Conversions of one person that run at once, on all workers together [default: no limit]
    #[arg(long, env = "MSHUB_RUNNING_PER_USER", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    running_per_user: Option<u32>,
    /// Fetch documents that are named by a URL: off, from public addresses, or from private ones, too
    #[arg(long, env = "MSHUB_FETCH_URLS", value_enum, default_value_t, value_name = "WHERE")]
    fetch_urls: FetchUrls,
}

pub(crate) fn server(url: &str) -> Result<String, String> {
    match url.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => Ok(url.to_owned()),
        _ => Err("a server's URL begins with http:// or https://".to_owned()),
    }
}

impl EngineFlags {
    /// Writes what was chosen, and what is found, into the settings.
    ///
    /// # Errors
    /// When a file with a key cannot be read, or LibreOffice is not where it was said to be.
    pub fn apply(&self, config: &mut Config) -> Result<(), OpenError> {
        config.libreoffice = match &self.libreoffice {
            Some(off) if off.as_os_str() == "off" => None,
            // A bare name is looked for on the PATH when it is started.
            Some(program) if program.components().count() > 1 && !program.is_file() => {
                let why = format!("LibreOffice is not at {}: name its program, or `off`", program.display());
                return Err(OpenError::Folder(why));
            }
            Some(program) => Some(program.clone()),
            None => convert::find_libreoffice(&std::env::var_os("PATH").unwrap_or_default()),
        };
        let keep = &mut config.libreoffice_keep;
        keep.documents = self.libreoffice_documents.unwrap_or(keep.documents);
        keep.idle = self.libreoffice_idle.map_or(keep.idle, |seconds| Duration::from_secs(seconds.into()));
        keep.ready = self.libreoffice_ready;
        config.gotenberg_url.clone_from(&self.gotenberg_url);
        config.nutrient = self.nutrient.read()?;
        config.cloudconvert = self.cloudconvert.read()?;
        config.sandbox = self.require_sandbox.unwrap_or(config.sandbox);
        config.max_user_bytes = self.max_user_conversions_bytes.unwrap_or(config.max_user_bytes);
        config.running_per_user = self.running_per_user.unwrap_or(config.running_per_user);
        config.webhooks_to_private = self.webhooks_to_private;
        config.fetch_urls = self.fetch_urls;
        Ok(())
    }
}

/// From where documents are fetched that somebody names by a URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FetchUrls {
    /// From nowhere
    #[default]
    Off,
    /// From public addresses, on every hop
    Public,
    /// From private addresses, too: whoever can upload can read what this machine can reach
    Private,
}

/// Settings of the convert-worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hub's secret: 32 random bytes or more, shared by all its parts.
    pub secret: Secret,
    /// The largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Conversions at once. With 0 it takes uploads and leaves the converting to other workers.
    pub runners: usize,
    /// Uploads that one person may have waiting.
    pub waiting_per_user: u32,
    /// Jobs of one person that may run at once, on all workers together.
    pub running_per_user: u32,
    /// Bytes of documents and results that are kept of one person.
    pub max_user_bytes: u64,
    /// The program and its arguments that end up in [`convert::job_child_main`].
    pub child: (PathBuf, Vec<OsString>),
    /// LibreOffice's program, where there is one.
    pub libreoffice: Option<PathBuf>,
    /// How long it is kept from one document to the next.
    pub libreoffice_keep: Keep,
    /// The URL of a Gotenberg server, where there is one.
    pub gotenberg_url: Option<String>,
    /// Nutrient's processor, where there is a key for it.
    pub nutrient: Option<Service>,
    /// CloudConvert, where there is a key for it.
    pub cloudconvert: Option<Service>,
    /// Where uploads and results lie for a moment. It must be local; nothing in it is needed after a restart.
    pub work_dir: PathBuf,
    /// How well a document must be locked up to be converted, but for plain text.
    pub sandbox: Sandbox,
    /// How long one attempt may take.
    pub deadline: Duration,
    /// How long a conversion stays with a worker that is not heard of.
    pub lease: Duration,
    /// How often a worker is heard of.
    pub heartbeat: Duration,
    /// How often a conversion is tried when it is not the document's fault that it failed.
    pub max_attempts: u32,
    /// How many workers may die of one conversion before it is taken for its fault. Far more than `max_attempts`: a
    /// document is kept away from us in its child, so it is mostly somebody else who kills workers.
    pub max_losses: u32,
    /// The pause before the second attempt; each further one is four times as long. Half of it to one and a half
    /// times is really waited, so that what failed together does not come back together.
    pub backoff: Duration,
    /// For how long the store of objects may fail a conversion before that counts among its attempts. Neither the document
    /// nor an engine is at fault, and whoever mends a store needs longer than a few attempts.
    pub store_patience: Duration,
    /// Whether webhooks may lead to private addresses: whoever can upload can have something sent there then.
    pub webhooks_to_private: bool,
    /// From where documents are fetched that somebody names by a URL.
    pub fetch_urls: FetchUrls,
    /// How long ended conversions and their files are kept.
    pub retention: Duration,
    /// How long an upload that comes in pieces is kept after its last piece, if it is not whole by then.
    pub uploads_kept: Duration,
    /// How long running conversions may take to end once the worker stops; then they are given back.
    pub drain: Duration,
}

impl Config {
    /// The defaults: 100 MiB, a runner a core, 20 waiting, 60 s, kept for 7 days, this program as its own child, and no
    /// engine but the builtin one.
    pub fn new(secret: Vec<u8>, work_dir: PathBuf) -> Self {
        let child = convert::Child::of_this_program();
        Self {
            secret: Secret(secret),
            max_upload_bytes: MAX_UPLOAD,
            runners: available_parallelism().map_or(1, NonZero::get),
            waiting_per_user: 20,
            running_per_user: u32::MAX,
            max_user_bytes: 5 * 1024 * MIB,
            child: (child.program, child.args),
            libreoffice: None,
            libreoffice_keep: Keep { folder: Some(work_dir.clone()), ..Keep::default() },
            gotenberg_url: None,
            nutrient: None,
            cloudconvert: None,
            work_dir,
            sandbox: Sandbox::Limits,
            deadline: Duration::from_secs(60),
            lease: Duration::from_secs(15),
            heartbeat: Duration::from_secs(5),
            max_attempts: 3,
            max_losses: 30,
            backoff: Duration::from_secs(1),
            store_patience: Duration::from_secs(3600),
            webhooks_to_private: false,
            fetch_urls: FetchUrls::Off,
            retention: 7 * DAY,
            uploads_kept: DAY,
            drain: Duration::from_secs(8),
        }
    }
}

impl Config {
    /// The engines of these settings.
    pub(crate) fn engines(&self) -> Result<Engines, Error> {
        let (program, args) = self.child.clone();
        let limits =
            Limits { wall: self.deadline, cpu: self.deadline, sandbox: self.sandbox, ..Limits::default() };
        let mut engines = Engines::builtin(Child { program, args, limits });
        if let Some(program) = &self.libreoffice {
            engines = engines.with_libreoffice_kept(program.clone(), self.libreoffice_keep.clone());
        }
        if let Some(url) = &self.gotenberg_url {
            engines = engines.with_gotenberg(url)?;
        }
        if let Some(Service { url, key }) = &self.nutrient {
            engines = engines.with_nutrient(url, key.clone())?;
        }
        if let Some(Service { url, key }) = &self.cloudconvert {
            engines = engines.with_cloudconvert(url, key.clone())?;
        }
        Ok(engines)
    }
}

/// Bytes that never show themselves.
#[derive(Clone)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}
