//! Conversions that come at a steady rate: from the upload's first byte to `completed` on a live socket.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::Args;
use client::{Hub, Live, LiveEvent, Upload, UploadBody};
use tokio::task::JoinSet;
use wire::{
    JobId,
    conversions::{JobState, NewConversion},
};

use crate::{hub::Running, report};

/// How long the last one may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Options {
    /// What to convert, one after the other and around again.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Into what.
    #[arg(long, default_value = "pdf")]
    to: String,
    /// Conversions a second.
    #[arg(long, default_value_t = 10)]
    rate: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let running = Running::start(mshub, data.path()).await?;
    let hub = running.person("converter").await?;
    let live = watching(&hub).await?;
    let files = read(&options.files)?;
    let count = options.rate * options.seconds;
    let ends = tokio::spawn(ends(live, count));
    let mut uploads = JoinSet::new();
    let mut clock = tokio::time::interval(Duration::from_secs(1) / options.rate);
    for (name, bytes) in files.iter().cycle().take(count as usize) {
        clock.tick().await;
        let query = NewConversion {
            to: options.to.clone(),
            name: name.clone(),
            // The same file again must be the same work again.
            fresh: true,
            ..NewConversion::default()
        };
        let upload = Upload { query, bytes: UploadBody::Bytes(bytes.clone()) };
        let hub = hub.clone();
        uploads.spawn(async move {
            let began = Instant::now();
            hub.convert(upload, |_, _| ()).await.map(|job| (job.id, began))
        });
    }
    let mut began = HashMap::new();
    while let Some(upload) = uploads.join_next().await {
        let (job, at) = upload??;
        began.insert(job, at);
    }
    let ended = ends.await??;
    let spans = ended.iter().filter_map(|(job, at)| Some(at.duration_since(*began.get(job)?))).collect();
    report::row(
        &format!("{} conversions a second for {} s, submit → completed", options.rate, options.seconds),
        spans,
    );
    running.kill().await
}

async fn watching(hub: &Hub) -> anyhow::Result<Live> {
    let mut live = hub.live();
    live.watch_jobs(true);
    while !matches!(live.next().await.context("the live socket ended")?, LiveEvent::Connected) {}
    Ok(live)
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<(String, Bytes)>> {
    let one = |file: &PathBuf| {
        let name = file.file_name().context("a path without a name")?.to_string_lossy().into_owned();
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        Ok((name, Bytes::from(bytes)))
    };
    files.iter().map(one).collect()
}

/// When each of so many conversions was said to be completed.
async fn ends(mut live: Live, count: u32) -> anyhow::Result<HashMap<JobId, Instant>> {
    let mut ended = HashMap::new();
    while ended.len() < count as usize {
        let event = tokio::time::timeout(PATIENCE, live.next()).await.context("nothing more ends")?;
        if let LiveEvent::Job(job) = event.context("the live socket ended")?
            && job.state.is_final()
        {
            ensure!(job.state == JobState::Completed, "{}: {:?}", job.name, job.error);
            ended.entry(job.id).or_insert_with(Instant::now);
        }
    }
    Ok(ended)
}
