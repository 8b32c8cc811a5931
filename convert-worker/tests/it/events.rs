//! What happened to a job, for whoever was not there.

use reqwest::{Method, StatusCode};
use wire::{
    UserId,
    conversions::{JobEvents, JobState},
    paths::{fill, internal},
};

use crate::worker::{Worker, answer, problem, script};

async fn events(worker: &Worker, path: &str, after: u64) -> JobEvents {
    answer(worker.request(Method::GET, &format!("{path}?after={after}")), StatusCode::OK).await
}

#[tokio::test]
async fn every_change_is_told_in_order_from_any_number_on() {
    let worker = Worker::with(|config| config.child = script("exit 9")).await;
    let job = worker.ended(worker.note().await.id).await;
    let path = fill(internal::JOB_EVENTS, job.id);

    let all = events(&worker, &path, 0).await;
    let rest = events(&worker, &path, 5).await;

    use JobState::{Failed, InProgress, Queued};
    let states: Vec<_> = all.items.iter().map(|event| (event.seq, event.state, event.attempt)).collect();
    let told = [
        (1, Queued, 0),
        (2, InProgress, 1),
        (3, Queued, 1),
        (4, InProgress, 2),
        (5, Queued, 2),
        (6, InProgress, 3),
        (7, Failed, 3),
    ];
    assert_eq!((states, all.ended), (told.to_vec(), true));
    assert_eq!(all.items[6].error.as_deref(), Some("crashed"));
    assert_eq!(rest.items, all.items[5..]);
    assert!(events(&worker, &path, 7).await.items.is_empty());
    assert_eq!(problem(worker.request_of(UserId::new(), Method::GET, &path)).await.status, 404);
}
