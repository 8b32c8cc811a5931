//! Waiting for a conversion: told over the live socket, asked over HTTP where the socket is not there.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wire::{JobId, conversions::Job};

use crate::{
    error::Error,
    hub::Hub,
    live::{Live, LiveEvent},
};

/// How often is asked while the socket would tell: a hint may be lost, so it is a second opinion only.
pub(crate) const SECOND_OPINION: Duration = Duration::from_secs(5);
/// How often is asked at first, and at most how rarely, while there is no socket.
const ASK_FIRST: Duration = Duration::from_millis(200);
const ASK_LATER: Duration = Duration::from_secs(2);
/// How long a hub may be away, for a restart, before the wait is given up.
pub(crate) const OUTAGE: Duration = Duration::from_secs(60);

impl Hub {
    /// Waits until a conversion has ended and returns its last state, whatever that is. `on_change` hears every
    /// newer state, the one at the beginning included. [`Error::Pending`] at the deadline.
    pub async fn wait_job(
        &self,
        job: JobId,
        deadline: Option<Duration>,
        mut on_change: impl FnMut(&Job),
    ) -> Result<Job, Error> {
        let watching = self.watch_job(job, &mut on_change);
        match deadline {
            None => watching.await,
            Some(deadline) => tokio::time::timeout(deadline, watching)
                .await
                .unwrap_or_else(|_| Err(Error::Pending { what: format!("the result of job {job}") })),
        }
    }

    async fn watch_job(&self, job: JobId, on_change: &mut impl FnMut(&Job)) -> Result<Job, Error> {
        let mut live = Some(self.live());
        if let Some(live) = &live {
            live.watch_jobs(true);
        }
        let mut seen = None;
        let mut connected = false;
        let mut pause = ASK_FIRST;
        let mut next_ask = Instant::now();
        let mut heard = Instant::now();
        loop {
            let news = tokio::select! {
                event = next(&mut live) => match event {
                    Some(LiveEvent::Job(news)) if news.id == job => Some(*news),
                    Some(LiveEvent::Connected) => {
                        // What changed before the socket was there is only known over HTTP.
                        connected = true;
                        next_ask = Instant::now();
                        None
                    }
                    Some(LiveEvent::Reconnecting { .. }) => { connected = false; None }
                    Some(LiveEvent::SignedOut { .. }) | None => { live = None; connected = false; None }
                    Some(_) => None,
                },
                () = sleep_until(next_ask) => match self.job(job).await {
                    Ok(news) => {
                        pause = if connected { SECOND_OPINION } else { (pause * 2).min(ASK_LATER) };
                        next_ask = Instant::now() + pause;
                        Some(news)
                    }
                    Err(error) if error.is_transient() && heard.elapsed() < OUTAGE => {
                        next_ask = Instant::now() + ASK_LATER;
                        None
                    }
                    Err(error) => return Err(error),
                }
            };
            let Some(news) = news else { continue };
            heard = Instant::now();
            if seen.is_some_and(|seq| news.seq <= seq) {
                continue;
            }
            seen = Some(news.seq);
            on_change(&news);
            if news.state.is_final() {
                return Ok(news);
            }
        }
    }
}

/// The next event of a socket that may be gone.
pub(crate) async fn next(live: &mut Option<Live>) -> Option<LiveEvent> {
    match live {
        Some(live) => live.next().await,
        None => std::future::pending().await,
    }
}
