//! What a hub is made of: one process with everything embedded, or gateways and workers of their own on real engines.

use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use futures_util::future::try_join_all;

use super::{
    conductor::Plan,
    ground::Ground,
    schedule::WORKERS,
    site::{PUBLIC, Site},
};

/// How the hub is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topology {
    /// `mshub up`: one process.
    Embedded,
    /// Two of each service, each a process, on PostgreSQL, Redis, Apache Kafka and S3.
    Real,
}

impl Topology {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// How many gateways there are when so many are asked for: in parts, two at least.
    pub(crate) fn gateways(self, asked: usize) -> usize {
        match self {
            Self::Embedded => asked,
            Self::Real => asked.max(2),
        }
    }
}

/// The processes of a hub that runs.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) gateways: Vec<Site>,
    pub(crate) workers: Vec<Site>,
    pub(crate) ground: Option<Ground>,
}

/// Starts a hub of our own; nothing when somebody else's is tortured.
pub(crate) async fn start(plan: &Plan, folder: &Path) -> anyhow::Result<Parts> {
    match plan.topology {
        _ if plan.server.is_some() => Ok(Parts::default()),
        Topology::Embedded => embedded(plan, folder).await,
        Topology::Real => real(&plan.mshub, folder, plan.gateways, &plan.options).await,
    }
}

async fn embedded(plan: &Plan, folder: &Path) -> anyhow::Result<Parts> {
    let mut gateways: Vec<Site> = Vec::new();
    for n in 0..plan.gateways {
        let mut hub = Site::hub(&plan.mshub, folder, &format!("hub{n}"), plan.options.clone());
        if let Some(first) = gateways.first() {
            // Gateways of one hub take each other's tokens.
            std::fs::create_dir_all(&hub.data)?;
            std::fs::copy(first.data.join("secret"), hub.data.join("secret"))?;
        }
        hub.start().await?;
        gateways.push(hub);
    }
    Ok(Parts { gateways, ..Parts::default() })
}

/// So many gateways with two chat-workers and two convert-workers, on engines of their own.
pub(crate) async fn real(
    mshub: &Path,
    folder: &Path,
    count: usize,
    options: &[String],
) -> anyhow::Result<Parts> {
    let ground = Ground::start().await?;
    let secret = folder.join("secret");
    std::fs::write(&secret, hex::encode(rand::random::<[u8; 32]>()))?;
    let secret = format!("--secret-file={}", secret.display());
    let words = |ports: &[&str], more: &[String]| -> anyhow::Result<Vec<String>> {
        let engines = ports.iter().map(|port| ground.flag(port)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(engines.into_iter().chain(more.iter().cloned()).chain([secret.clone()]).collect())
    };
    let (mut workers, mut addresses) = (Vec::new(), Vec::new());
    for kind in ["chat-worker", "convert-worker"] {
        let mut urls = Vec::new();
        for name in (0..WORKERS / 2).map(|n| format!("{kind}{n}")) {
            let words = match kind {
                "chat-worker" => words(&["database", "bus", "fanout"], &[])?,
                _ => {
                    let work = format!("--work-dir={}", folder.join(&name).display());
                    words(&["database", "fanout", "objects"], &[work])?
                }
            };
            let worker = service(mshub, folder, (kind, &name), words).await?;
            urls.push(worker.url()?);
            workers.push(worker);
        }
        addresses.push(format!("--{kind}={}", urls.join(",")));
    }
    let more = [
        format!("--public-url={PUBLIC}"),
        format!("--mail-url=kept:{}", folder.join("mail").display()),
        "--sends-per-second=100000".to_owned(),
    ];
    let more: Vec<String> = addresses.into_iter().chain(more).chain(options.iter().cloned()).collect();
    let words = words(&["database", "bus", "fanout", "objects"], &more)?;
    let mut gateways = Vec::new();
    for n in 0..count {
        gateways.push(service(mshub, folder, ("server", &format!("gateway{n}")), words.clone()).await?);
    }
    try_join_all(workers.iter_mut().map(Site::start)).await?;
    try_join_all(gateways.iter_mut().map(Site::start)).await?;
    Ok(Parts { gateways, workers, ground: Some(ground) })
}

/// The program of a service, which lies beside `mshub`, under a name.
async fn service(
    mshub: &Path,
    folder: &Path,
    (service, name): (&str, &str),
    words: Vec<String>,
) -> anyhow::Result<Site> {
    let program = mshub.parent().context("mshub has no folder")?.join(format!("mshub-{service}"));
    Site::service(&program, folder, name, words).await
}
