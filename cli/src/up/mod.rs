//! `mshub up`: the whole hub in this process, put together here and nowhere else.
//!
//! The services still meet over loopback HTTP, the bus and the fan-out, exactly as they do on several machines.

mod data_dir;
mod engines;
mod listeners;

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use platform::service::internal::InternalKey;
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use data_dir::DataDir;
pub(crate) use engines::Urls;
pub(crate) use listeners::Ports;

use engines::Opened;
use listeners::Bound;

/// Uploads larger than this are refused.
const MAX_UPLOAD: u64 = 100 * 1024 * 1024;
/// How long the parts may take to stop, one after the other.
const STOPPING: Duration = Duration::from_secs(20);

/// What to start.
pub(crate) struct Plan {
    pub(crate) data_dir: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) urls: Urls,
    pub(crate) public_url: Option<Url>,
    pub(crate) admin_email: Option<String>,
    pub(crate) sends_per_second: NonZeroU32,
}

/// Where everything is, once it answers.
pub(crate) struct Ready {
    pub(crate) api: String,
    pub(crate) web: String,
    pub(crate) convert: String,
    pub(crate) chat: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) keeps_mail: bool,
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
    /// An engine or a service failed.
    #[error("{0:#}")]
    Start(#[from] anyhow::Error),
}

/// A running hub. Dropping it does not stop it; call [`Hub::stop`].
pub(crate) struct Hub {
    opened: Opened,
    gateway: Part,
    workers: [Part; 2],
    _lock: DataDir,
}

/// A service in a task of its own.
struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Hub {
    /// Starts everything; answers when all of it answers.
    pub(crate) async fn start(plan: Plan) -> Result<(Self, Ready), Failure> {
        let lock = DataDir::lock(&plan.data_dir)?;
        let secret = lock.secret()?;
        let (bound, opened) =
            tokio::join!(Bound::bind(&plan.ports), Opened::open(&plan.urls, &lock, &secret));
        let (bound, opened) = (bound?, opened?);

        let ready = Ready {
            api: listeners::url(&bound.api),
            web: listeners::url(&bound.web),
            convert: listeners::url(&bound.convert),
            chat: listeners::url(&bound.chat),
            data_dir: plan.data_dir.clone(),
            keeps_mail: opened.mail.route() == wire::accounts::MailRoute::Kept,
        };
        let gateway = gateway_config(&plan, &bound, &secret)?;
        let Bound { api, web, convert, chat, .. } = bound;

        let (chat, convert) = tokio::try_join!(
            Part::start("chat-worker", |stop, ready| {
                let config = chat_worker::Config { key: InternalKey::derive(&secret) };
                chat_worker::run(config, opened.chat(), chat, ready, stop)
            }),
            Part::start("convert-worker", |stop, ready| {
                let config = convert_worker::Config::new(secret.clone(), lock.path().join("work"));
                convert_worker::run(config, opened.convert(), convert, ready, stop)
            }),
        )?;
        let listeners = server::Listeners { api, web: Some(web) };
        let gateway = Part::start("server", |stop, ready| {
            server::run(gateway, opened.server(), listeners, ready, stop)
        })
        .await?;
        Ok((Self { opened, gateway, workers: [chat, convert], _lock: lock }, ready))
    }

    /// Stops the gateway first, so that nothing new comes in, then the workers, then the engines.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let stopping = async {
            self.gateway.stop().await?;
            for worker in self.workers {
                worker.stop().await?;
            }
            self.opened.close().await;
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
    async fn start<Run>(
        name: &'static str,
        run: impl FnOnce(CancellationToken, Box<dyn FnOnce() + Send>) -> Run,
    ) -> anyhow::Result<Self>
    where
        Run: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel();
        // Nobody waits any more only when the start was given up.
        let tell: Box<dyn FnOnce() + Send> = Box::new(move || ready.send(()).unwrap_or(()));
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

fn gateway_config(plan: &Plan, bound: &Bound, secret: &[u8]) -> anyhow::Result<server::Config> {
    let public_url = match &plan.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&listeners::url(&bound.api))?,
    };
    Ok(server::Config {
        public_url,
        chat_worker: Url::parse(&listeners::url(&bound.chat))?,
        convert_worker: Url::parse(&listeners::url(&bound.convert))?,
        secret: server::Secret(secret.to_vec()),
        admin_email: plan.admin_email.clone(),
        max_upload_bytes: MAX_UPLOAD,
        sends_per_second: plan.sends_per_second,
    })
}
