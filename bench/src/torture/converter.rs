//! Somebody who converts documents while faults happen, and looks in the end what became of each.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use client::{Hub, JobsQuery, Upload, UploadBody};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};
use wire::conversions::{Job, NewConversion};

use super::journal::{Journal, Observed};

/// Before the names of the documents.
const NAME: &str = "torture-";
const LOOK: Duration = Duration::from_millis(500);

/// At work until it is told to end.
pub(crate) struct Converter {
    hub: Hub,
    over: watch::Sender<bool>,
    uploading: JoinHandle<anyhow::Result<Journal>>,
}

impl Converter {
    /// Begins a conversion so many times a minute.
    pub(crate) fn start(hub: Hub, folder: &Path, a_minute: u32) -> anyhow::Result<Self> {
        let journal = Journal::open(&folder.join("converter.jsonl"), "converter")?;
        let (over, told) = watch::channel(false);
        let pause = Duration::from_secs(60) / a_minute.max(1);
        let uploading = tokio::spawn(upload(hub.clone(), journal, pause, told));
        Ok(Self { hub, over, uploading })
    }

    /// Waits until every conversion has ended, but not for ever, and writes down twice how: what has ended changes no
    /// more.
    pub(crate) async fn end(self, patience: Duration) -> anyhow::Result<()> {
        self.over.send_replace(true);
        let mut journal = self.uploading.await??;
        let deadline = Instant::now() + patience;
        let mut jobs = jobs(&self.hub).await?;
        while jobs.iter().any(|job| !job.state.is_final()) && Instant::now() < deadline {
            sleep(LOOK).await;
            jobs = self::jobs(&self.hub).await?;
        }
        for job in jobs.into_iter().chain(self::jobs(&self.hub).await?) {
            let Job { name, id, state, seq, sha256, .. } = job;
            journal.note(Observed::Ended { name, job: id, state, seq, sha256 })?;
        }
        Ok(())
    }
}

async fn upload(
    hub: Hub,
    mut journal: Journal,
    pause: Duration,
    mut over: watch::Receiver<bool>,
) -> anyhow::Result<Journal> {
    let mut clock = tokio::time::interval(pause);
    for number in 0.. {
        tokio::select! {
            _ = clock.tick() => {}
            _ = over.wait_for(|over| *over) => break,
        }
        let name = format!("{NAME}{number}.md");
        journal.note(Observed::Upload { name: name.clone() })?;
        let bytes = UploadBody::Bytes(format!("# Document {number}\n\nof the *torture*\n").into());
        let query = NewConversion { to: "txt".into(), name: name.clone(), ..NewConversion::default() };
        // One that failed may have been taken all the same: then there is one such job, and no more.
        if let Ok(job) = hub.convert(Upload { query, bytes }, |_, _| ()).await {
            journal.note(Observed::Taken { name, job: job.id })?;
        }
    }
    Ok(journal)
}

/// All of its jobs.
async fn jobs(hub: &Hub) -> anyhow::Result<Vec<Job>> {
    let (mut jobs, mut cursor) = (Vec::new(), None);
    loop {
        let query = JobsQuery { cursor, ..JobsQuery::default() };
        let page = hub.jobs(query).await.context("the conversions cannot be listed")?;
        jobs.extend(page.items.into_iter().filter(|job| job.name.starts_with(NAME)));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(jobs);
        }
    }
}
