//! Batches: several conversions as one thing; made, looked at, waited for, stopped and removed.

use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;
use wire::{
    BatchId,
    batches::{Batch, Batches, NewBatch},
    paths,
};

use crate::{
    ask::Ask,
    error::Error,
    hub::Hub,
    live::LiveEvent,
    wait::{OUTAGE, SECOND_OPINION, next},
};

/// How often is asked while there is no socket that would tell.
const ASK: Duration = Duration::from_millis(500);

impl Hub {
    /// Makes a batch of one's own conversions. A lost answer makes no second one.
    pub async fn make_batch(&self, wish: &NewBatch) -> Result<Batch, Error> {
        let key = Uuid::now_v7().to_string();
        self.ask(Ask::post(paths::BATCHES).json(wish)?.header("idempotency-key", key).repeatable()).await
    }

    /// One batch.
    pub async fn batch(&self, batch: BatchId) -> Result<Batch, Error> {
        self.ask(Ask::get(paths::fill(paths::BATCH, batch))).await
    }

    /// One's own batches, newest first; `cursor` is `next` of the page before.
    pub async fn batches(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<Batches, Error> {
        let mut ask = Ask::get(paths::BATCHES);
        if let Some(limit) = limit {
            ask = ask.query("limit", limit);
        }
        if let Some(cursor) = cursor {
            ask = ask.query("cursor", cursor);
        }
        self.ask(ask).await
    }

    /// Stops a batch with all of its conversions that have not ended.
    pub async fn cancel_batch(&self, batch: BatchId) -> Result<Batch, Error> {
        self.ask(Ask::post(paths::fill(paths::BATCH_CANCEL, batch)).repeatable()).await
    }

    /// Removes a batch with its conversions and all their files.
    pub async fn delete_batch(&self, batch: BatchId) -> Result<(), Error> {
        self.tell(Ask::new(Method::DELETE, paths::fill(paths::BATCH, batch))).await
    }

    /// Waits until a batch has ended and returns its last state, whatever that is. `on_change` hears every newer state of
    /// it, or of one of its conversions, the one at the beginning included. [`Error::Pending`] at the deadline.
    pub async fn wait_batch(
        &self,
        batch: BatchId,
        deadline: Option<Duration>,
        mut on_change: impl FnMut(&Batch),
    ) -> Result<Batch, Error> {
        let watching = self.watch_batch(batch, &mut on_change);
        match deadline {
            None => watching.await,
            Some(deadline) => tokio::time::timeout(deadline, watching)
                .await
                .unwrap_or_else(|_| Err(Error::Pending { what: format!("the result of batch {batch}") })),
        }
    }

    async fn watch_batch(&self, id: BatchId, on_change: &mut impl FnMut(&Batch)) -> Result<Batch, Error> {
        let live = self.live();
        live.watch_jobs(true);
        let mut live = Some(live);
        let mut connected = false;
        let mut known: Option<Batch> = None;
        let mut next_ask = Instant::now();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                event = next(&mut live) => match event {
                    Some(LiveEvent::Job(news)) => {
                        if known.as_mut().is_none_or(|batch| !batch.take(&news)) {
                            continue;
                        }
                        // Hints of others may be lost: the end is asked for.
                        if known.as_ref().is_some_and(|batch| batch.state.is_final()) {
                            (known, next_ask) = (None, Instant::now());
                            continue;
                        }
                    }
                    // What changed before the socket was there is only known over HTTP.
                    Some(LiveEvent::Connected) => { connected = true; next_ask = Instant::now(); continue }
                    Some(LiveEvent::Reconnecting { .. }) => { connected = false; continue }
                    Some(LiveEvent::SignedOut { .. }) | None => { live = None; connected = false; continue }
                    Some(_) => continue,
                },
                () = sleep_until(next_ask) => {
                    next_ask = Instant::now() + if connected { SECOND_OPINION } else { ASK };
                    match self.batch(id).await {
                        Ok(batch) if known.as_ref() == Some(&batch) => { heard = Instant::now(); continue }
                        Ok(batch) => known = Some(batch),
                        Err(error) if error.is_transient() && heard.elapsed() < OUTAGE => continue,
                        Err(error) => return Err(error),
                    }
                }
            }
            heard = Instant::now();
            let Some(batch) = &known else { continue };
            on_change(batch);
            if batch.state.is_final() {
                return Ok(batch.clone());
            }
        }
    }
}
