//! What a hub is made of: one process with everything embedded, or gateways and workers of their own on real engines.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::{
    conductor::Plan,
    ground::Ground,
    site::{PUBLIC, Site},
};

/// How the hub is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topology {
    /// `mshub up`: one process.
    Embedded,
    /// Two gateways, two chat-workers and a convert-worker, each a process, on PostgreSQL, Redis, Apache Kafka and S3.
    Real,
}

impl Topology {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
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
        Topology::Real => real(&plan.mshub, folder, plan.gateways.max(2), &plan.options).await,
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

/// So many gateways with two chat-workers and a convert-worker, on engines of their own.
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
    let program = |name: &str| -> anyhow::Result<PathBuf> {
        Ok(mshub.parent().context("mshub has no folder")?.join(name))
    };
    let words = |ports: &[&str], more: &[String]| -> anyhow::Result<Vec<String>> {
        let engines = ports.iter().map(|port| ground.flag(port)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(engines.into_iter().chain(more.iter().cloned()).chain([secret.clone()]).collect())
    };
    let chat = words(&["database", "bus", "fanout"], &[])?;
    let chat_worker = program("mshub-chat-worker")?;
    let mut standby = Site::service(&chat_worker, folder, "chat-worker1", chat.clone()).await?;
    let mut chat = Site::service(&chat_worker, folder, "chat-worker0", chat).await?;
    let work = format!("--work-dir={}", folder.join("work").display());
    let convert = words(&["database", "fanout", "objects"], &[work])?;
    let mut convert =
        Site::service(&program("mshub-convert-worker")?, folder, "convert-worker", convert).await?;
    let more = [
        format!("--chat-worker={}", chat.url()?),
        format!("--convert-worker={}", convert.url()?),
        format!("--public-url={PUBLIC}"),
        format!("--mail-url=kept:{}", folder.join("mail").display()),
        "--sends-per-second=100000".to_owned(),
    ];
    let more: Vec<String> = more.into_iter().chain(options.iter().cloned()).collect();
    let words = words(&["database", "bus", "fanout", "objects"], &more)?;
    chat.start().await?;
    // It takes over from the first one whenever that is away.
    tokio::try_join!(standby.start(), convert.start())?;
    let mut gateways = Vec::new();
    for n in 0..count {
        let name = format!("gateway{n}");
        let mut gateway = Site::service(&program("mshub-server")?, folder, &name, words.clone()).await?;
        gateway.start().await?;
        gateways.push(gateway);
    }
    Ok(Parts { gateways, workers: vec![chat, standby, convert], ground: Some(ground) })
}
