//! Conversions over the socket: their owner hears each step, nobody else does, and whoever comes back hears what they missed.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wire::{
    JobId, Timestamp,
    conversions::{Job, JobState},
    events::Hint,
    paths::{SUBJECT_HINTS, internal},
};

use super::socket::{Person, Socket};
use crate::fixture::Server;

fn job(id: JobId, owner: &Person, state: JobState, seq: u64) -> Job {
    let moment = Timestamp::from_micros(1_700_000_000_000_000);
    Job {
        id,
        owner: owner.id.parse().unwrap(),
        name: "a.md".into(),
        from: "md".into(),
        to: "pdf".into(),
        state,
        seq,
        progress: None,
        position: None,
        eta: None,
        attempt: 1,
        bytes_in: 7,
        bytes_out: None,
        sha256: None,
        engine: None,
        degraded: false,
        lost: Vec::new(),
        error: None,
        seconds: None,
        cached_from: None,
        work: None,
        batch: None,
        held: false,
        created_at: moment,
        updated_at: moment,
    }
}

/// A worker says how a conversion stands.
async fn happens(server: &Server, job: &Job) {
    let hint = Hint::Job { job: Box::new(job.clone()), tp: None };
    server.fanout.publish(SUBJECT_HINTS, serde_json::to_string(&hint).unwrap()).await;
}

/// State and `seq` of the next conversion that is heard of.
async fn next(socket: &mut Socket) -> (String, String, u64) {
    let frame = socket.until("job").await;
    let job = &frame["job"];
    let word = |field: &str| job[field].as_str().unwrap().to_owned();
    (word("id"), word("state"), job["seq"].as_u64().unwrap())
}

/// Everything that was said before has been heard by the hub.
async fn is_heard(socket: &mut Socket) {
    socket.say(json!({ "t": "ping", "n": 7 })).await;
    let pong = socket.next().await;
    assert_eq!(pong, json!({ "t": "pong", "n": 7 }), "and nothing came before it");
}

#[tokio::test]
async fn the_owner_of_a_conversion_hears_each_of_its_steps_and_nobody_else_does() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let mut watching = Socket::open(&server, &ann.token).await;
    let mut also = Socket::open(&server, &ann.token).await;
    let mut silent = Socket::open(&server, &ann.token).await;
    let mut stranger = Socket::open(&server, &bob.token).await;
    for socket in [&mut watching, &mut also, &mut stranger] {
        socket.say(json!({ "t": "jobs", "on": true })).await;
        is_heard(socket).await;
    }
    let id = JobId::new();

    let steps = [(JobState::Queued, 1), (JobState::InProgress, 2), (JobState::Completed, 3)];
    for (state, seq) in steps {
        happens(&server, &job(id, &ann, state, seq)).await;
    }
    for socket in [&mut watching, &mut also] {
        for (state, seq) in steps {
            assert_eq!(next(socket).await, (id.to_string(), state.name().to_owned(), seq));
        }
    }

    // Who does not want to hear of it any more, never wanted to, or has no part in it.
    also.say(json!({ "t": "jobs", "on": false })).await;
    is_heard(&mut also).await;
    let other = JobId::new();
    happens(&server, &job(other, &ann, JobState::Queued, 1)).await;
    assert_eq!(next(&mut watching).await.0, other.to_string());
    for socket in [&mut also, &mut silent, &mut stranger] {
        is_heard(socket).await;
    }
}

/// A worker that knows how some conversions stand.
async fn worker(jobs: Vec<Job>) -> reqwest::Url {
    let jobs: HashMap<JobId, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
    let show = async |State(jobs): State<Arc<HashMap<JobId, Job>>>, Path(id): Path<JobId>| {
        jobs.get(&id).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
    };
    let app = Router::new().route(internal::JOB, get(show)).with_state(Arc::new(jobs));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url.parse().unwrap()
}

#[tokio::test]
async fn who_comes_back_hears_how_those_stand_that_went_on_meanwhile() {
    // Whose they are is for the worker to check, which is told who asks.
    let nobody = Person { id: wire::UserId::new().to_string(), token: String::new() };
    let [ended, still, gone] = [(); 3].map(|()| JobId::new());
    let worker = worker(vec![
        job(ended, &nobody, JobState::Completed, 5),
        job(still, &nobody, JobState::InProgress, 2),
    ])
    .await;
    let server = Server::start_with(|config| config.convert_workers = vec![worker]).await;
    let ann = Person::new(&server, "ann").await;
    let mut back = Socket::open(&server, &ann.token).await;

    let after: Value = json!({ ended.to_string(): 2, still.to_string(): 2, gone.to_string(): 9 });
    back.say(json!({ "t": "jobs", "on": true, "after": after })).await;

    assert_eq!(next(&mut back).await, (ended.to_string(), "completed".to_owned(), 5));
    // And what happens from now on.
    happens(&server, &job(still, &ann, JobState::Completed, 3)).await;
    assert_eq!(next(&mut back).await, (still.to_string(), "completed".to_owned(), 3));
    is_heard(&mut back).await;
}
