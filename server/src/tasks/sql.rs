//! SQL of tasks: claimed with a lease and a fence, so that a runner that was thought dead changes nothing.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use uuid::Uuid;
use wire::Timestamp;

use super::Kind;

/// A task that this runner may work on until its lease ends.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) seq: i64,
    pub(super) id: Uuid,
    pub(super) payload: String,
    pub(super) created_at: i64,
    pub(super) attempts: i64,
    pub(super) fence: i64,
}

/// When something is claimed.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) now: Timestamp,
    /// See [`next_due`].
    pub(super) horizon: Timestamp,
    /// How long the claim lasts.
    pub(super) until: Timestamp,
}

platform::from_row!(Claimed { seq, id, payload, created_at, attempts, fence });

/// Writes a task, or begins the attempts of the one of this id anew.
pub(super) async fn insert(
    tx: &mut Transaction,
    id: Uuid,
    lane: Option<Uuid>,
    payload: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO tasks (id, lane, payload, created_at, due_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, attempts = 0",
    ).bind(id).bind(lane).bind(payload).bind(now.micros()).execute(&mut **tx).await.map(drop))
}

/// When the next task of a kind that nobody works on is due, which may be in the past. What is put off to after `horizon`
/// is due now: a clock that was ahead put it there.
pub(super) async fn next_due(db: &Db, kind: Kind, horizon: Timestamp) -> sqlx::Result<Option<Timestamp>> {
    let due: Option<i64> = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT min(CASE WHEN due_at > $1 OR lease_until > $1 THEN 0
                         WHEN lease_until > due_at THEN lease_until ELSE due_at END)
         FROM tasks AS task WHERE dead_at IS NULL AND (lane IS NOT NULL) = $2 AND NOT EXISTS (
             SELECT 1 FROM tasks AS earlier
             WHERE earlier.lane = task.lane AND earlier.seq < task.seq AND earlier.dead_at IS NULL)",
    ).bind(horizon.micros()).bind(kind == Kind::Fact).fetch_one(pool).await)?;
    Ok(due.map(Timestamp::from_micros))
}

/// Claims tasks of a kind that are due: at most `limit`, and of each lane only the first row.
///
/// The lease is asked for twice: PostgreSQL looks again only at the outer condition when another gateway has just
/// changed the row, and must then see that it is taken.
pub(super) async fn claim(db: &Db, kind: Kind, span: Span, limit: i64) -> sqlx::Result<Vec<Claimed>> {
    let Span { now, horizon, until } = span;
    let mut claimed: Vec<Claimed> = each!(db.writer(), pool => sqlx::query_as(
        "UPDATE tasks SET lease_until = $1, fence = fence + 1, attempts = attempts + 1
         WHERE (lease_until <= $2 OR lease_until > $5) AND seq IN (
             SELECT seq FROM tasks AS task
             WHERE dead_at IS NULL AND (lane IS NOT NULL) = $4 AND (due_at <= $2 OR due_at > $5)
                 AND (lease_until <= $2 OR lease_until > $5) AND NOT EXISTS (
                 SELECT 1 FROM tasks AS earlier
                 WHERE earlier.lane = task.lane AND earlier.seq < task.seq AND earlier.dead_at IS NULL)
             ORDER BY seq LIMIT $3)
         RETURNING seq, id, payload, created_at, attempts, fence",
    ).bind(until.micros()).bind(now.micros()).bind(limit).bind(kind == Kind::Fact)
    .bind(horizon.micros()).fetch_all(pool).await)?;
    claimed.sort_by_key(|task| task.seq);
    Ok(claimed)
}

/// Removes a task that is done, and with it the last plain text of a link or a code.
pub(super) async fn finish(db: &Db, task: &Claimed) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM tasks WHERE seq = $1 AND fence = $2",
    ).bind(task.seq).bind(task.fence).execute(pool).await.map(drop))
}

/// Gives a task back until a later time.
pub(super) async fn retry(db: &Db, task: &Claimed, due: Timestamp, error: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "UPDATE tasks SET due_at = $3, lease_until = 0, error = $4 WHERE seq = $1 AND fence = $2",
    ).bind(task.seq).bind(task.fence).bind(due.micros()).bind(error).execute(pool).await.map(drop))
}

/// Gives a task up. The row stays as a trace, without its content.
pub(super) async fn bury(db: &Db, task: &Claimed, now: Timestamp, error: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "UPDATE tasks SET dead_at = $3, payload = '{}', lease_until = 0, error = $4 WHERE seq = $1 AND fence = $2",
    ).bind(task.seq).bind(task.fence).bind(now.micros()).bind(error).execute(pool).await.map(drop))
}

/// Forgets tasks that were given up before a moment.
pub(super) async fn forget_dead(db: &Db, before: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM tasks WHERE dead_at < $1",
    ).bind(before.micros()).execute(pool).await.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATIONS;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(0).plus_seconds(1_800_000_000 + seconds)
    }

    /// Tells a story on an empty database of each engine.
    async fn on_every_engine(story: impl AsyncFn(Db)) {
        let folder = tempfile::tempdir().unwrap();
        for url in platform::testing::engines::databases(folder.path()).await.unwrap() {
            story(Db::open(&url, "server", MIGRATIONS).await.unwrap()).await;
        }
    }

    async fn add(db: &Db, lane: Option<Uuid>, payload: &str) {
        add_as(db, Uuid::now_v7(), lane, payload, 0).await;
    }

    async fn add_as(db: &Db, id: Uuid, lane: Option<Uuid>, payload: &str, seconds: i64) {
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, id, lane, payload, at(seconds)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Claims for half a minute.
    async fn claim_at(db: &Db, kind: Kind, seconds: i64) -> Vec<Claimed> {
        let span = Span { now: at(seconds), horizon: at(seconds + 600), until: at(seconds + 30) };
        claim(db, kind, span, 16).await.unwrap()
    }

    async fn due(db: &Db, kind: Kind) -> Option<Timestamp> {
        next_due(db, kind, at(3_000)).await.unwrap()
    }

    fn payloads(claimed: &[Claimed]) -> Vec<&str> {
        claimed.iter().map(|task| task.payload.as_str()).collect()
    }

    #[tokio::test]
    async fn a_lane_is_worked_off_in_order_beside_the_others() {
        on_every_engine(async |db| {
            let (here, there) = (Some(Uuid::now_v7()), Some(Uuid::now_v7()));
            for (lane, payload) in [(here, "a1"), (here, "a2"), (there, "b1"), (None, "c1"), (None, "c2")] {
                add(&db, lane, payload).await;
            }

            let first = claim_at(&db, Kind::Fact, 0).await;
            assert_eq!(payloads(&first), ["a1", "b1"]);
            assert_eq!(due(&db, Kind::Other).await, Some(at(0)), "the others are not held back");
            assert_eq!(payloads(&claim_at(&db, Kind::Other, 0).await), ["c1", "c2"]);
            retry(&db, &first[0], at(10), "no").await.unwrap();
            finish(&db, &first[1]).await.unwrap();

            assert!(claim_at(&db, Kind::Fact, 5).await.is_empty(), "a2 waits for a1, which waits");
            assert_eq!(due(&db, Kind::Fact).await, Some(at(10)));
            let again = claim_at(&db, Kind::Fact, 10).await;
            assert_eq!(payloads(&again), ["a1"]);
            finish(&db, &again[0]).await.unwrap();
            assert_eq!(payloads(&claim_at(&db, Kind::Fact, 11).await), ["a2"]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_task_of_a_dead_runner_is_taken_over_and_the_dead_one_changes_nothing_any_more() {
        on_every_engine(async |db| {
            add(&db, None, "x").await;
            let dead = claim_at(&db, Kind::Other, 0).await.remove(0);
            assert!(claim_at(&db, Kind::Other, 29).await.is_empty());

            let taken = claim_at(&db, Kind::Other, 30).await.remove(0);
            finish(&db, &dead).await.unwrap();
            retry(&db, &dead, at(1_000), "no").await.unwrap();
            bury(&db, &dead, at(31), "no").await.unwrap();

            assert_eq!((taken.seq, taken.attempts, taken.fence), (dead.seq, 2, dead.fence + 1));
            assert_eq!(due(&db, Kind::Other).await, Some(at(60)), "it is still the second one's");
            finish(&db, &taken).await.unwrap();
            assert_eq!(due(&db, Kind::Other).await, None);
        })
        .await;
    }

    #[tokio::test]
    async fn a_task_that_is_written_again_is_there_once_and_due_again() {
        on_every_engine(async |db| {
            let id = Uuid::now_v7();
            add_as(&db, id, None, "x", 0).await;
            let first = claim_at(&db, Kind::Other, 0).await.remove(0);
            retry(&db, &first, at(300), "").await.unwrap();

            add_as(&db, id, None, "x", 7).await;

            let again = claim_at(&db, Kind::Other, 7).await;
            assert_eq!((payloads(&again), again[0].attempts), (vec!["x"], 1));
        })
        .await;
    }

    #[tokio::test]
    async fn what_a_clock_that_was_ahead_put_off_is_due_when_it_is_right_again() {
        on_every_engine(async |db| {
            for payload in ["put off", "taken"] {
                add(&db, None, payload).await;
            }
            let hour_ahead = claim_at(&db, Kind::Other, 3_600).await;
            retry(&db, &hour_ahead[0], at(3_700), "no").await.unwrap();

            assert!(due(&db, Kind::Other).await.is_some_and(|due| due < at(0)));
            assert_eq!(payloads(&claim_at(&db, Kind::Other, 1).await), ["put off", "taken"]);
            assert!(claim_at(&db, Kind::Other, 2).await.is_empty(), "they are leased now");
        })
        .await;
    }

    #[tokio::test]
    async fn what_was_given_up_holds_nothing_back_and_is_forgotten_later() {
        on_every_engine(async |db| {
            let lane = Some(Uuid::now_v7());
            add(&db, lane, "first").await;
            add(&db, lane, "second").await;
            let first = claim_at(&db, Kind::Fact, 0).await.remove(0);

            bury(&db, &first, at(1), "no").await.unwrap();

            assert_eq!(payloads(&claim_at(&db, Kind::Fact, 2).await), ["second"]);
            forget_dead(&db, at(2)).await.unwrap();
            let left: i64 = each!(db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM tasks")
            .fetch_one(pool).await.unwrap());
            assert_eq!(left, 1);
        })
        .await;
    }
}
