//! `mshub up`: the whole hub in this process, put together here and nowhere else.
//!
//! The services still meet over loopback HTTP, the bus and the fan-out, exactly as they do on several machines.

mod data_dir;
mod listeners;

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use platform::{
    Clock,
    bus::Durability,
    engines::{OpenError, Opener, Urls},
    service::{self, Admin, Running, internal::InternalKey},
};
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

pub(crate) use data_dir::DataDir;
pub(crate) use listeners::Ports;

use listeners::Bound;

const SERVER: &str = "server";
const CHAT: &str = "chat-worker";
const CONVERT: &str = "convert-worker";
/// How long the parts may take to stop, one after the other.
const STOPPING: Duration = Duration::from_secs(20);

/// What to start.
pub(crate) struct Plan {
    pub(crate) data_dir: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) urls: Urls,
    pub(crate) public_url: Option<Url>,
    pub(crate) trusted_proxies: Vec<server::TrustedProxy>,
    pub(crate) admin_email: Option<String>,
    pub(crate) sends_per_second: NonZeroU32,
    pub(crate) max_upload_bytes: u64,
    pub(crate) max_user_files_bytes: u64,
    pub(crate) engines: convert_worker::EngineFlags,
}

/// Where everything is, once it answers.
pub(crate) struct Ready {
    pub(crate) api: String,
    pub(crate) web: String,
    pub(crate) convert: String,
    pub(crate) chat: String,
    pub(crate) admin: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) keeps_mail: bool,
    /// Whether the API shows it on this machine.
    pub(crate) shows_mail: bool,
    /// Port and URL of each engine, without passwords.
    pub(crate) engines: BTreeMap<&'static str, String>,
    /// The same of those that are not the embedded ones in the data directory.
    pub(crate) chosen: BTreeMap<&'static str, String>,
    /// When the log acknowledges.
    pub(crate) durability: Durability,
}

/// Why the hub did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Another hub uses the data directory.
    #[error("another hub is running on {0}: stop it, or choose another --data-dir")]
    Busy(PathBuf),
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {why}")]
    DataDir { path: PathBuf, why: String },
    /// A port is taken.
    #[error("port {port} for the {part} cannot be used: {why}")]
    Port { part: &'static str, port: u16, why: std::io::Error },
    /// An engine was not opened.
    #[error(transparent)]
    Engine(#[from] OpenError),
    /// A service failed.
    #[error("{0:#}")]
    Start(#[from] anyhow::Error),
}

/// A running hub. Dropping it does not stop it; call [`Hub::stop`].
pub(crate) struct Hub {
    engines: Opener,
    gateway: Part,
    workers: [Part; 2],
    /// Tells the admin listener that the hub stops, and then that it has.
    stopping: CancellationToken,
    _ended: DropGuard,
    _lock: Arc<DataDir>,
}

/// A service in a task of its own.
struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Hub {
    /// Starts everything; answers when all of it answers. A start that fails leaves no data directory that was not
    /// there, unless an engine elsewhere may know its secret.
    pub(crate) async fn start(plan: Plan) -> Result<(Self, Ready), Failure> {
        let lock = Arc::new(DataDir::lock(&plan.data_dir)?);
        let is_all_here = plan.urls.shown().is_empty();
        let started = Self::start_in(lock.clone(), plan).await;
        if started.is_err() && is_all_here {
            lock.discard();
        }
        started
    }

    async fn start_in(lock: Arc<DataDir>, plan: Plan) -> Result<(Self, Ready), Failure> {
        let secret = lock.secret()?;
        let urls = plan.urls.clone().or_embedded_in(lock.path());
        let engines = Opener::new(urls, &secret, Clock::System);
        let bound = Bound::bind(&plan.ports).await?;
        let (for_server, for_chat, for_convert) = open(&engines).await?;

        let ready = Ready {
            api: listeners::url(&bound.api),
            web: listeners::url(&bound.web),
            convert: listeners::url(&bound.convert),
            chat: listeners::url(&bound.chat),
            admin: listeners::url(&bound.admin),
            data_dir: plan.data_dir.clone(),
            keeps_mail: for_server.mail.route() == wire::accounts::MailRoute::Kept,
            shows_mail: plan.public_url.as_ref().is_none_or(server::shows_kept_mail),
            engines: engines.urls().shown(),
            chosen: plan.urls.shown(),
            durability: plan.urls.durability,
        };
        let mut gateway = gateway_config(&plan, &bound, &secret)?;
        if plan.public_url.is_none() {
            // A free port is another one at each start: sessions have to outlive it.
            gateway.issuer = Some(lock.issuer(&ready.api)?);
        }
        let mut convert_config = convert_worker::Config::new(secret.clone(), lock.path().join("work"));
        convert_config.max_upload_bytes = plan.max_upload_bytes;
        plan.engines.apply(&mut convert_config)?;
        let Bound { api, web, convert, chat, admin } = bound;
        let (stopping, ended) = (CancellationToken::new(), CancellationToken::new());
        let watched = Admin::of(&[SERVER, CHAT, CONVERT], stopping.clone());
        tokio::spawn(watched.clone().serve(admin, ended.clone()));
        let ended = ended.drop_guard();

        let (chat, convert) = tokio::try_join!(
            Part::start(CHAT, &watched, |stop, ready| {
                let config = chat_worker::Config { key: InternalKey::derive(&secret) };
                chat_worker::run(config, for_chat, chat, ready, stop)
            }),
            Part::start(CONVERT, &watched, |stop, ready| {
                convert_worker::run(convert_config, for_convert, convert, ready, stop)
            }),
        )?;
        let listeners = server::Listeners { api, web: Some(web) };
        let gateway = Part::start(SERVER, &watched, |stop, ready| {
            server::run(gateway, for_server, listeners, ready, stop)
        })
        .await?;
        Ok((Self { engines, gateway, workers: [chat, convert], stopping, _ended: ended, _lock: lock }, ready))
    }

    /// Stops the gateway first, so that nothing new comes in, then the workers, then the engines.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stopping.cancel();
        let stopping = async {
            self.gateway.stop().await?;
            for worker in self.workers {
                worker.stop().await?;
            }
            self.engines.close().await;
            Ok(())
        };
        tokio::time::timeout(STOPPING, stopping)
            .await
            .unwrap_or_else(|_| anyhow::bail!("some parts did not stop in time"))
    }

    /// Answers when a service ends by itself, which is always a failure.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let [chat, convert] = &mut self.workers;
        tokio::select! {
            failure = self.gateway.failed() => failure,
            failure = chat.failed() => failure,
            failure = convert.failed() => failure,
        }
    }
}

impl Part {
    /// Starts a service and waits until it is ready, or has failed to be.
    async fn start(
        name: &'static str,
        watched: &Admin,
        run: impl FnOnce(CancellationToken, service::Ready) -> Running,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel();
        let watched = watched.clone();
        let tell: service::Ready = Box::new(move |health| {
            watched.ready(name, health);
            // Nobody waits any more only when the start was given up.
            ready.send(()).unwrap_or(());
        });
        let mut part = Self { name, stop: stop.clone(), task: tokio::spawn(run(stop, tell)) };
        match is_ready.await {
            Ok(()) => Ok(part),
            // The service dropped its end: it failed, and its task says why.
            Err(_) => Err(part.failed().await),
        }
    }

    async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.task).await {
            Ok(Ok(())) => anyhow::anyhow!("the {} stopped by itself", self.name),
            Ok(Err(error)) => error.context(format!("the {} failed", self.name)),
            Err(error) => anyhow::Error::new(error).context(format!("the {} panicked", self.name)),
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await?
    }
}

async fn open(
    engines: &Opener,
) -> Result<(server::Engines, chat_worker::Engines, convert_worker::Engines), OpenError> {
    tokio::try_join!(
        server::Engines::open(engines),
        chat_worker::Engines::open(engines),
        convert_worker::Engines::open(engines),
    )
}

fn gateway_config(plan: &Plan, bound: &Bound, secret: &[u8]) -> anyhow::Result<server::Config> {
    let public_url = match &plan.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&listeners::url(&bound.api))?,
    };
    Ok(server::Config {
        public_url,
        issuer: None,
        trusted_proxies: plan.trusted_proxies.clone(),
        chat_workers: vec![Url::parse(&listeners::url(&bound.chat))?],
        convert_workers: vec![Url::parse(&listeners::url(&bound.convert))?],
        secret: server::Secret(secret.to_vec()),
        admin_email: plan.admin_email.clone(),
        max_upload_bytes: plan.max_upload_bytes,
        max_user_files_bytes: plan.max_user_files_bytes,
        sends_per_second: plan.sends_per_second,
        patience: server::Patience::default(),
    })
}
