//! What only the embedded log can show: its file outlives the process, and a restart changes nothing.

use mshub_platform::{
    Clock,
    bus::{AppendError, Bus},
};
use wire::{Timestamp, paths::TOPIC_CHAT};

async fn open(folder: &std::path::Path, clock: Clock) -> Bus {
    Bus::open(&format!("embedded:{}", folder.display()), clock).await.unwrap()
}

#[tokio::test]
async fn a_log_that_is_opened_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Clock::System).await;
    let first = log.append(TOPIC_CHAT, "room", "before".into()).await.unwrap();
    let epoch = log.epoch(0);
    log.close().await;

    let log = open(folder.path(), Clock::System).await;
    let second = log.append(TOPIC_CHAT, "room", "after".into()).await.unwrap();

    assert_eq!((first.pos, second.pos), (1, 2));
    assert_eq!(log.epoch(0), epoch);
    let mut tail = log.tail(TOPIC_CHAT, [(0, 0)].into()).await.unwrap();
    let read = tail.next().await.unwrap();
    assert_eq!(read[0].payload, "before");
}

#[tokio::test]
async fn time_in_the_log_never_goes_back_even_when_the_clock_does() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::held(Timestamp::from_micros(1_000_000_000));
    let log = open(folder.path(), clock.clone()).await;
    let first = log.append(TOPIC_CHAT, "room", "a".into()).await.unwrap();

    clock.advance(-3_600);
    let second = log.append(TOPIC_CHAT, "room", "b".into()).await.unwrap();
    log.close().await;
    let log = open(folder.path(), clock).await;
    let third = log.append(TOPIC_CHAT, "room", "c".into()).await.unwrap();

    assert!(first.at <= second.at && second.at <= third.at);
}

#[tokio::test]
async fn a_new_log_is_a_new_epoch() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    let (one, other) = (open(one.path(), Clock::System).await, open(other.path(), Clock::System).await);

    assert_ne!(one.epoch(0), other.epoch(0));
}

#[tokio::test]
async fn a_reader_far_behind_reads_the_file_and_joins_the_ring_without_a_seam() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Clock::System).await;
    let mut pending = Vec::new();
    for n in 0..20_000 {
        pending.push(log.enqueue(TOPIC_CHAT, "room", n.to_string()).await.unwrap());
    }
    for pending in pending {
        pending.durable().await.unwrap();
    }

    let mut tail = log.tail(TOPIC_CHAT, [(0, 0)].into()).await.unwrap();
    let mut next = 1;
    while next <= 20_000 {
        for record in tail.next().await.unwrap() {
            assert_eq!(record.pos, next);
            assert_eq!(record.payload, (next - 1).to_string());
            next += 1;
        }
    }
}

#[tokio::test]
async fn a_closed_log_takes_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Clock::System).await;

    log.close().await;

    assert!(log.append(TOPIC_CHAT, "room", "late".into()).await.is_err());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "in the way").unwrap();

    let error = Bus::open(&format!("embedded:{}", file.display()), Clock::System).await.err().unwrap();

    assert!(error.to_string().contains("a file"), "{error}");
}

/// Lets SQLite itself take back any transaction that writes this key, as it does when the disk is full.
async fn refuse(folder: &std::path::Path, key: &str) {
    use sqlx::Connection as _;
    let file = format!("sqlite:{}", folder.join("log.db").display());
    let mut other = sqlx::SqliteConnection::connect(&file).await.unwrap();
    let trigger = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON records WHEN new.key = '{key}' BEGIN SELECT RAISE(ROLLBACK, 'full'); END"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(trigger)).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_the_disk_refused_does_not_stop_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Clock::System).await;
    refuse(folder.path(), "poison").await;

    let refused = log.append(TOPIC_CHAT, "poison", "lost".into()).await;
    let taken = log.append(TOPIC_CHAT, "room", "kept".into()).await;

    assert!(matches!(refused, Err(AppendError::Unknown(_))), "{refused:?}");
    assert_eq!(taken.unwrap().pos, 1);
}
