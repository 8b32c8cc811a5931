//! What every handler and runner of the convert-worker can reach.

use std::{ops::Deref, sync::Arc};

use anyhow::Context;
use platform::{
    Clock,
    db::Db,
    fanout::Fanout,
    objects::Objects,
    service::{Tasks, internal::InternalKey},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Config, Engines,
    intake::Fetcher,
    passwords::Passwords,
    runner::Running,
    scratch::Scratch,
    tus::Turns,
    uploads::Uploads,
    webhooks::{Post, Signer},
};

/// The worker's state.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) fanout: Fanout,
    pub(crate) objects: Objects,
    pub(crate) clock: Clock,
    pub(crate) scratch: Scratch,
    pub(crate) uploads: Uploads,
    pub(crate) running: Running,
    /// Told when there may be something to start.
    pub(crate) wake: Notify,
    /// Who holds the leases that this run takes.
    pub(crate) run: Uuid,
    pub(crate) tasks: Tasks,
    pub(crate) converters: convert::Engines,
    pub(crate) passwords: Passwords,
    pub(crate) signer: Signer,
    pub(crate) post: Post,
    pub(crate) fetcher: Fetcher,
    /// Whose turn it is to make the job of an upload.
    pub(crate) finishing: Turns,
    /// Told when a job has ended.
    pub(crate) ended: Notify,
    key: InternalKey,
}

/// As handlers take it.
#[derive(Clone)]
pub(crate) struct App(Arc<State>);

impl App {
    pub(crate) async fn open(
        config: Config,
        engines: Engines,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let Engines { db, fanout, objects, clock } = engines;
        let scratch = Scratch::open(&config.work_dir)
            .await
            .with_context(|| format!("the work folder {} cannot be used", config.work_dir.display()))?;
        Ok(Self(Arc::new(State {
            key: InternalKey::derive(&config.secret.0),
            converters: config.engines()?,
            passwords: Passwords::of(&config.secret.0)?,
            signer: Signer::of(&config.secret.0),
            post: Post::open(&config)?,
            fetcher: Fetcher::open(config.fetch_urls)?,
            finishing: Turns::default(),
            ended: Notify::new(),
            config,
            db,
            fanout,
            objects,
            clock,
            scratch,
            uploads: Uploads::default(),
            running: Running::default(),
            wake: Notify::new(),
            run: Uuid::now_v7(),
            tasks: Tasks::under(stop),
        })))
    }
}

#[cfg(test)]
impl App {
    /// Over the engines of a test, with nothing that runs by itself.
    pub(crate) async fn idle(engines: &platform::testing::TestEngines) -> anyhow::Result<Self> {
        platform::service::install_tls();
        let config = Config::new(engines.secret.clone(), engines.folder.path().join("work"));
        let engines = Engines {
            db: Db::open(&engines.database_url(), "convert", crate::MIGRATIONS).await?,
            fanout: engines.fanout.clone(),
            objects: engines.objects.clone(),
            clock: engines.clock.clone(),
        };
        Self::open(config, engines, &CancellationToken::new()).await
    }
}

impl Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl AsRef<InternalKey> for App {
    fn as_ref(&self) -> &InternalKey {
        &self.key
    }
}
