//! Running jobs: lease one, convert it in a child process, publish the result once, or say why there is none.

mod attempt;
mod lease;
mod progress;
mod reaper;
mod running;
mod setback;
mod settle;
mod sql;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use platform::traces::{Kind, Span};
use tokio::sync::Semaphore;

use crate::{SERVICE, row::JobRow, state::App};
pub(crate) use running::Running;
pub(crate) use setback::Setback;

/// How long the line stays unwatched when nobody tells of a new job: those of other workers, and those that wait for
/// their next attempt.
const LOOK: Duration = Duration::from_secs(1);

/// Takes over what the run before left, then starts runners and reaper.
pub(crate) async fn start(app: &App) -> anyhow::Result<()> {
    reaper::take_over(app).await?;
    let (dispatcher, reaper) = (app.clone(), app.clone());
    app.tasks.spawn("dispatch", async move { dispatch(dispatcher).await });
    app.tasks.spawn("reap", async move { reaper::reap(reaper).await });
    Ok(())
}

/// Starts a job whenever a runner is free, until the worker stops.
async fn dispatch(app: App) {
    let free = Arc::new(Semaphore::new(app.config.runners));
    loop {
        let runner = tokio::select! {
            () = app.tasks.stopping() => return,
            runner = free.clone().acquire_owned() => runner.expect("the semaphore is never closed"),
        };
        let Some(row) = next(&app).await else { return };
        let worker = app.clone();
        app.tasks.spawn("job", async move {
            run(&worker, row).await;
            drop(runner);
        });
    }
}

/// Waits for a job and leases it; `None` when the worker stops.
async fn next(app: &App) -> Option<JobRow> {
    while !app.tasks.stop_signal().is_cancelled() {
        match sql::claim(&app.db, &lease::terms(app)).await {
            Ok(Some(row)) => return Some(row),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the line of conversions cannot be read; trying again"),
        }
        tokio::select! {
            () = app.tasks.stopping() => {}
            () = app.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    None
}

/// One attempt from lease to end.
async fn run(app: &App, row: JobRow) {
    let mut span = Span::follow(SERVICE, "run", Kind::Consumer, row.trace());
    span.note_shown("mshub.job", row.id());
    span.around(lead(app, row)).await;
}

async fn lead(app: &App, row: JobRow) {
    crate::notify::tell(app, row.job()).await;
    let running = app.running.enter(row.id());
    let outcome = attempt::attempt(app, &row, &running).await;
    drop(running);
    let mut span = Span::within("finish", Kind::Internal);
    if let Err(error) = span.around(settle::settle(app, &row, outcome)).await {
        span.fail(&error);
        tracing::warn!(job = %row.id(), %error, "the end of an attempt could not be written; its lease will expire");
    }
}
