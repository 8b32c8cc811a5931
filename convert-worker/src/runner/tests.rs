//! The line and the fence, where they are kept: the same stories on SQLite, and on PostgreSQL where
//! there is one.

use std::{collections::BTreeSet, path::PathBuf};

use convert::{Error, Report};
use platform::{db::Db, objects::Stored, testing::engines};
use uuid::Uuid;
use wire::{
    JobId, Timestamp, UserId,
    conversions::{Job, JobState},
};

use super::{
    LOOK,
    attempt::Effort,
    lease::Terms,
    reaper::ROUND,
    sql::{self, Ending},
};
use crate::{
    Config, MIGRATIONS,
    intake::sql::{Admitted, NewJob, admit},
    jobs::sql::{Filter, cancel, find, hide, list, places, retry},
    row::{JobRow, result_key},
    sql::{locked, undo_two},
};

/// Runs a story on every engine there is.
async fn on_each_engine(story: impl AsyncFn(&Db)) {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::databases(folder.path()).await.unwrap() {
        story(&Db::open(&url, "convert", MIGRATIONS).await.unwrap()).await;
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(seconds)
}

fn effort(seconds: f64) -> Effort {
    Effort { seconds, ..Effort::default() }
}

/// A lease from a moment on, for 15 s.
fn terms(now: i64) -> Terms {
    Terms { owner: Uuid::now_v7(), now: at(now), until: at(now + 15), each: u32::MAX }
}

async fn queued(db: &Db, owner: UserId, now: i64) -> JobId {
    let new = NewJob {
        id: JobId::new(),
        owner,
        request_key: None,
        wish: None,
        name: "a.md".into(),
        source: "md",
        target: "pdf",
        options: "{}".into(),
        password: Some(vec![1, 2, 3]),
        recipe: None,
        webhook: None,
        trace: None,
        strict: false,
        bytes_in: 7,
        created_at: at(now),
        now: at(now),
    };
    match admit(db, &new, 20).await.unwrap() {
        Admitted::New(row) => row.id(),
        _ => panic!("not admitted"),
    }
}

async fn claimed(db: &Db, now: i64) -> JobRow {
    sql::claim(db, &terms(now)).await.unwrap().expect("a job waits")
}

fn completed(held: &JobRow) -> Ending {
    Ending::Completed {
        key: result_key(held.id(), held.fence),
        stored: Stored { bytes: 3, sha256: "00".repeat(32) },
        report: Report {
            engine: "builtin".into(),
            degraded: true,
            lost: vec!["a word".into()],
            ..Report::default()
        },
        effort: effort(0.25),
    }
}

async fn job(db: &Db, owner: UserId, id: JobId) -> Job {
    find(db, owner, id).await.unwrap().unwrap().job()
}

#[tokio::test]
async fn a_zombie_is_not_heard() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        let id = queued(db, owner, 0).await;
        let zombie = claimed(db, 0).await;
        assert!(sql::take_back(db, at(10)).await.unwrap().is_none(), "the lease holds");
        sql::take_back(db, at(16)).await.unwrap().expect("the lease has expired");
        let heir = claimed(db, 20).await;

        assert!(!sql::holds(db, &zombie).await.unwrap());
        assert!(!sql::beat(db, &zombie, &terms(21)).await.unwrap());
        for ending in [
            completed(&zombie),
            Ending::Failed { error: Error::Empty, effort: effort(1.0) },
            Ending::Again { ready_at: at(30), effort: effort(1.0) },
            Ending::GivenBack,
        ] {
            assert!(sql::end(db, &zombie, &ending, at(21)).await.unwrap().is_none());
        }
        assert!(sql::beat(db, &heir, &terms(21)).await.unwrap());
        sql::end(db, &heir, &completed(&heir), at(22)).await.unwrap().expect("the heir is heard");
        // deploy/README.md: one result, however often it was tried
        assert!(sql::end(db, &heir, &completed(&heir), at(23)).await.unwrap().is_none(), "and only once");

        let row = find(db, owner, id).await.unwrap().unwrap();
        assert_eq!(row.result_key, Some(result_key(id, heir.fence)));
        assert_eq!((row.options.as_ref(), row.password.as_ref(), row.locked), (None, None, true));
        assert!(
            row.result_keys().any(|key| key == result_key(id, zombie.fence)),
            "it is known what a zombie may leave"
        );
        let job = row.job();
        assert_eq!((job.state, job.seq, job.attempt), (JobState::Completed, 5, 2));
        assert_eq!((job.degraded, job.lost, job.seconds), (true, vec!["a word".to_owned()], Some(0.25)));
    })
    .await;
}

#[tokio::test]
async fn a_conversion_of_a_killed_worker_begins_again_within_20_seconds() {
    // deploy/README.md: its conversions begin again, at most 20 s later
    const AT_MOST: i64 = 20;
    let config = Config::new(Vec::new(), PathBuf::new());
    let [lease, round, look, heartbeat] = [config.lease, ROUND, LOOK, config.heartbeat]
        .map(|time| i64::try_from(time.as_secs() + u64::from(time.subsec_nanos() > 0)).unwrap());
    assert!(2 * heartbeat < lease, "a heartbeat may be lost");
    on_each_engine(async |db| {
        let owner = UserId::new();
        let leased = |now| Terms { until: at(now + lease), ..terms(now) };
        let id = queued(db, owner, -60).await;
        let killed = sql::claim(db, &leased(-30)).await.unwrap().expect("a job waits");
        assert!(sql::beat(db, &killed, &leased(0)).await.unwrap());

        // It is killed at 0, right after it was heard of, and a round comes a moment too early: that is the longest way.
        assert!(sql::take_back(db, at(lease)).await.unwrap().is_none(), "the lease holds");
        let round = lease + round;
        sql::take_back(db, at(round)).await.unwrap().expect("the next round takes it");
        // No runner was told, and the one that is free has just looked.
        let again = sql::claim(db, &leased(round + look)).await.unwrap().expect("it waits");

        assert_eq!((again.id(), again.job().attempt), (id, 2));
        let late = again.updated_at - at(AT_MOST).micros();
        assert!(late <= 0, "it began again {late} µs later than promised");
    })
    .await;
}

#[tokio::test]
async fn the_line_is_as_old_as_who_waits_longest_of_those_that_could_run() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        queued(db, owner, 5).await;
        queued(db, owner, 9).await;

        let line = async |now| {
            let line = sql::line(db, at(now)).await.unwrap();
            (line.jobs, line.since)
        };
        assert_eq!(line(4).await, (0, None));
        assert_eq!(line(20).await, (2, Some(at(5))));
        claimed(db, 20).await;
        assert_eq!(line(20).await, (1, Some(at(9))));
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_job_is_out_of_its_runners_hands() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        let id = queued(db, owner, 0).await;
        let held = claimed(db, 0).await;

        assert!(cancel(db, UserId::new(), id, at(1)).await.unwrap().is_none(), "not by a stranger");
        cancel(db, owner, id, at(1)).await.unwrap().unwrap();
        let row = find(db, owner, id).await.unwrap().unwrap();
        retry(db, &row, None, None, at(2)).await.unwrap().unwrap();

        assert!(sql::end(db, &held, &completed(&held), at(3)).await.unwrap().is_none());
        assert_eq!(job(db, owner, id).await.state, JobState::Queued);
        assert!(hide(db, owner, id, at(3)).await.unwrap().is_none(), "what waits cannot be hidden");
        cancel(db, owner, id, at(4)).await.unwrap().unwrap();
        hide(db, owner, id, at(4)).await.unwrap().unwrap();
        assert!(find(db, owner, id).await.unwrap().is_none());
        assert!(list(db, owner, &Filter::default(), None, 9).await.unwrap().is_empty());
        assert_eq!(sql::hidden(db, 9, at(4)).await.unwrap().len(), 1);
        // What cannot be erased makes way for others, and has its turn later.
        sql::put_off(db, id, at(9)).await.unwrap();
        assert!(sql::hidden(db, 9, at(8)).await.unwrap().is_empty());
        assert_eq!(sql::hidden(db, 9, at(9)).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_undone_for_anothers_sake_is_made_again() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        let id = queued(db, owner, 0).await;
        if !undo_two(db).await {
            return;
        }

        let changed = cancel(db, owner, id, at(1)).await.unwrap().expect("it waited");

        assert_eq!((changed.state(), changed.job().seq), (JobState::Cancelled, 2));
    })
    .await;
}

#[tokio::test]
async fn whatever_an_engine_said_the_end_can_be_written() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        let id = queued(db, owner, 0).await;
        let held = claimed(db, 0).await;
        let error = Error::Crashed { detail: "it said\0nothing".into() };

        let ending = Ending::Failed { error, effort: effort(1.0) };
        sql::end(db, &held, &ending, at(1)).await.unwrap().unwrap();

        assert_eq!(job(db, owner, id).await.state, JobState::Failed);
    })
    .await;
}

#[tokio::test]
async fn everybody_has_their_turn() {
    on_each_engine(async |db| {
        let (ann, bob) = (UserId::new(), UserId::new());
        let mut of_ann = Vec::new();
        for _ in 0..3 {
            of_ann.push(queued(db, ann, 0).await);
        }
        let of_bob = [queued(db, bob, 1).await, queued(db, bob, 1).await];
        let expected = [of_ann[0], of_bob[0], of_ann[1], of_bob[1], of_ann[2]];
        let mut foretold = places(db, ann).await.unwrap();
        foretold.extend(places(db, bob).await.unwrap());

        // Two runners: the first two are taken at once, each further one when the oldest ends.
        let mut running = vec![claimed(db, 2).await, claimed(db, 3).await];
        let mut order: Vec<JobId> = running.iter().map(JobRow::id).collect();
        for now in 4..7 {
            let ended = running.remove(0);
            sql::end(db, &ended, &completed(&ended), at(now)).await.unwrap().unwrap();
            let next = claimed(db, now).await;
            order.push(next.id());
            running.push(next);
        }

        assert_eq!(order, expected);
        for (place, id) in (0..).zip(expected) {
            assert_eq!(foretold[&id], place);
        }
        assert!(sql::claim(db, &terms(9)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn with_one_runner_everybody_has_their_turn_as_well() {
    on_each_engine(async |db| {
        let (ann, bob) = (UserId::new(), UserId::new());
        let of_ann = [queued(db, ann, 0).await, queued(db, ann, 0).await, queued(db, ann, 0).await];
        let of_bob = queued(db, bob, 1).await;

        let mut order = Vec::new();
        for now in 2..6 {
            let held = claimed(db, now).await;
            sql::end(db, &held, &completed(&held), at(now)).await.unwrap().unwrap();
            order.push(held.id());
        }

        assert_eq!(order, [of_ann[0], of_bob, of_ann[1], of_ann[2]]);
    })
    .await;
}

#[tokio::test]
async fn what_failed_waits_for_its_moment() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        let id = queued(db, owner, 0).await;
        let held = claimed(db, 0).await;

        let again = Ending::Again { ready_at: at(10), effort: effort(1.5) };
        let row = sql::end(db, &held, &again, at(1)).await.unwrap().unwrap();

        assert_eq!((row.failures, row.job().seconds), (1, Some(1.5)));
        assert!(sql::claim(db, &terms(9)).await.unwrap().is_none());
        assert_eq!(claimed(db, 10).await.id(), id);
    })
    .await;
}

#[tokio::test]
async fn many_runners_never_take_the_same_job() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        for _ in 0..20 {
            queued(db, owner, 0).await;
        }

        let runners = (0..8).map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(row) = sql::claim(&db, &terms(1)).await.unwrap() {
                    taken.push(row.id());
                }
                taken
            })
        });
        let mut taken = Vec::new();
        for runner in runners.collect::<Vec<_>>() {
            taken.extend(runner.await.unwrap());
        }

        assert_eq!(taken.len(), 20, "each was taken, and none twice");
        assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_runner_steps_around_a_job_that_another_one_is_about_to_take() {
    on_each_engine(async |db| {
        let owner = UserId::new();
        let (first, second) = (queued(db, owner, 0).await, queued(db, owner, 1).await);
        // A SQLite file has one writer: there is nobody to step around.
        let Some(other) = locked(db, first).await else { return };

        // Were it to wait for the other one, it would do so until the database is given up.
        assert_eq!(claimed(db, 2).await.id(), second);
        assert!(sql::claim(db, &terms(2)).await.unwrap().is_none(), "the other one still has it");

        other.commit().await.unwrap();
        assert_eq!(claimed(db, 3).await.id(), first);
    })
    .await;
}
