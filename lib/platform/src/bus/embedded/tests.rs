//! When the log answers, what survives, and what becomes of what may not have.

use futures_util::FutureExt as _;
use wire::paths::TOPIC_CHAT;

use super::*;

const NEVER: Duration = Duration::from_secs(3_600);

async fn open(folder: &Path, durability: Durability, every: Duration) -> Log {
    Log::open_flushing(&folder.display().to_string(), Clock::System, durability, every).await.unwrap()
}

async fn append(log: &Log, payload: &str) -> u64 {
    let pending = log.enqueue(TOPIC_CHAT, "room", payload.to_owned(), None).await.unwrap();
    pending.durable().await.unwrap().pos
}

fn flushes(log: &Log) -> u64 {
    log.0.state.flushes.load(Ordering::Acquire)
}

async fn all(mut tail: Tail, count: usize) -> Vec<u64> {
    let mut read = Vec::new();
    while read.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(60), tail.next()).await.unwrap().unwrap();
        read.extend(next.iter().map(|record| record.pos));
    }
    read
}

#[tokio::test]
async fn an_answer_waits_for_a_flush_only_where_that_was_asked_for() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (safe, fast) =
        (open(one.path(), Durability::Fsync, NEVER).await, open(other.path(), Durability::Os, NEVER).await);

    for n in 0..20 {
        append(&safe, &n.to_string()).await;
        append(&fast, &n.to_string()).await;
    }

    assert_eq!((flushes(&safe), flushes(&fast)), (20, 0));
    assert_eq!(all(fast.tail(TOPIC_CHAT, 0), 20).await, (1..=20).collect::<Vec<_>>());
    assert!(fast.tail_flushed(TOPIC_CHAT, 0).next().now_or_never().is_none());
    fast.close().await;
    assert_eq!(flushes(&fast), 1);
    safe.close().await;
}

#[tokio::test]
async fn what_is_flushed_behind_the_answer_is_seen_by_who_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Durability::Os, Duration::from_millis(1)).await;

    for n in 0..300 {
        append(&log, &n.to_string()).await;
    }

    assert_eq!(all(log.tail_flushed(TOPIC_CHAT, 0), 300).await, (1..=300).collect::<Vec<_>>());
    log.close().await;
}

#[tokio::test]
async fn commits_of_every_size_are_there_after_a_restart_and_found_by_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mut count) = (open(folder.path(), Durability::Os, NEVER).await, 0_u64);
    for together in [1, 8, 9, 128, 129, 300] {
        let mut pending = Vec::new();
        for _ in 0..together {
            count += 1;
            pending.push(log.enqueue(TOPIC_CHAT, "room", count.to_string(), None).await.unwrap());
        }
        for pending in pending {
            pending.durable().await.unwrap();
        }
    }
    log.close().await;

    let log = open(folder.path(), Durability::Os, NEVER).await;
    let (mut tail, mut records) = (log.tail(TOPIC_CHAT, 0), Vec::new());
    while (records.len() as u64) < count {
        records.extend(tail.next().await.unwrap());
    }
    for (record, pos) in records.iter().zip(1..) {
        assert_eq!((record.pos, record.payload.as_str()), (pos, pos.to_string().as_str()));
        let older = records.iter().filter(|other| other.at < record.at).count() as u64;
        assert_eq!(log.position_before(TOPIC_CHAT, record.at).await.unwrap(), older);
    }
    let later = records[0].at.plus_seconds(3_600);
    assert_eq!(log.position_before(TOPIC_CHAT, later).await.unwrap(), count);
    log.close().await;
}

/// The log as the machine's next start finds it, if the process had been ended now.
async fn after_a_new_start_of_the_machine(log: Log, folder: &Path) {
    let copy = tempfile::tempdir().unwrap();
    for name in ["log.db", "log.db-wal"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    log.close().await;
    for name in ["log.db", "log.db-wal"] {
        std::fs::copy(copy.path().join(name), folder.join(name)).unwrap();
    }
    let options = sqlite_options(&folder.join("log.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    raw_sql("UPDATE unflushed SET boot = 'another'").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_log_that_the_power_may_have_torn_is_another_generation_with_the_same_past() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Durability::Os, NEVER).await;
    let first = log.generation().to_owned();
    append(&log, "one").await;
    append(&log, "two").await;
    log.close().await;

    let log = open(folder.path(), Durability::Os, NEVER).await;
    assert_eq!(log.generation(), first, "it was closed");
    append(&log, "three").await;
    after_a_new_start_of_the_machine(log, folder.path()).await;
    let log = open(folder.path(), Durability::Fsync, NEVER).await;

    assert_ne!(log.generation(), first);
    assert_eq!((log.same_upto(&first), log.same_upto("of another")), (Some(3), None));
    assert_eq!(append(&log, "four").await, 4);
    log.close().await;
    let again = open(folder.path(), Durability::Fsync, NEVER).await;
    assert_eq!((again.generation(), again.same_upto(&first)), (log.generation(), Some(3)));
    again.close().await;
}

#[tokio::test]
async fn a_record_that_is_gone_from_the_file_is_a_hole_and_nothing_behind_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Durability::Fsync, NEVER).await;
    for n in 1..=5 {
        append(&log, &n.to_string()).await;
    }
    log.close().await;
    let mut file =
        SqliteConnection::connect_with(&sqlite_options(&folder.path().join("log.db"))).await.unwrap();
    raw_sql("DELETE FROM records WHERE pos = 3").execute(&mut file).await.unwrap();
    file.close().await.unwrap();

    let log = open(folder.path(), Durability::Fsync, NEVER).await;
    let mut tail = log.tail(TOPIC_CHAT, 0);
    let before: Vec<_> = tail.next().await.unwrap().iter().map(|record| record.pos).collect();
    let hole = tail.next().await.unwrap_err();
    let again = tail.next().await.unwrap_err();

    assert_eq!(before, [1, 2]);
    for hole in [hole, again] {
        assert!(matches!(hole, ReadError::Hole { partition: 0, expected: 3, found: 4 }), "{hole}");
    }
    log.close().await;
}
