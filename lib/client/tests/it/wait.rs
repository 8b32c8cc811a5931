//! Waiting for a conversion, with and without a live socket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, routing::get};
use mshub_client::Error;
use wire::{JobId, conversions::JobState, paths};

use crate::double::{job, serve, soon, with_token};

fn id() -> JobId {
    "01930000-0000-7000-8000-00000000000a".parse().unwrap()
}

#[tokio::test]
async fn without_a_socket_the_end_is_found_by_asking() {
    let asked = Arc::new(AtomicU64::new(0));
    let router = Router::new().route(
        paths::CONVERSION,
        get(move || async move {
            match asked.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Json(job("in_progress", 2)),
                _ => Json(job("completed", 3)),
            }
        }),
    );
    let hub = with_token(&serve(router).await, "t");
    let mut states = Vec::new();

    let done = soon(hub.wait_job(id(), None, |job| states.push(job.state))).await.unwrap();

    assert_eq!(done.state, JobState::Completed);
    assert_eq!(states, [JobState::InProgress, JobState::Completed]);
}

#[tokio::test]
async fn at_the_deadline_the_wait_ends_and_says_that_it_is_pending() {
    let router = Router::new().route(paths::CONVERSION, get(|| async { Json(job("queued", 1)) }));
    let hub = with_token(&serve(router).await, "t");

    let waited = soon(hub.wait_job(id(), Some(Duration::from_millis(50)), |_| {})).await;

    assert!(matches!(waited, Err(Error::Pending { .. })), "{waited:?}");
}
