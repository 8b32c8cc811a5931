//! Progress on its way to the watchers: the newest, at most 20 times a second.

use std::time::Duration;

use convert::{Progress, Stage};
use tokio::sync::watch;
use wire::conversions::{Job, JobProgress};

use crate::{notify, state::App};

/// The pause between two hints about one job.
const PAUSE: Duration = Duration::from_millis(50);

/// Tells each newest progress until there is none any more.
pub(super) async fn tell(app: &App, job: Job, mut heard: watch::Receiver<Option<JobProgress>>) {
    while heard.changed().await.is_ok() {
        let progress = heard.borrow_and_update().clone();
        notify::tell(app, Job { progress, ..job.clone() }).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The progress of an engine as it travels.
pub(super) fn wire(progress: Progress) -> JobProgress {
    let Progress { stage, done, total, unit, percent } = progress;
    JobProgress { stage: name(stage).to_owned(), done, total, unit, percent }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "opening",
        Stage::Converting => "converting",
        Stage::Verifying => "verifying",
        Stage::Writing => "writing",
    }
}
