//! SQL of sessions and their refresh tokens.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use uuid::Uuid;
use wire::{
    Timestamp, UserId,
    accounts::{Role, Session},
};

use super::super::sql::role;

/// Whose session it is, as far as every request needs it.
pub(in crate::accounts) struct SessionAccount {
    pub(in crate::accounts) id: UserId,
    pub(in crate::accounts) name: String,
    pub(in crate::accounts) role: Role,
    pub(in crate::accounts) allows_third_party: bool,
}

/// The account of a session that has not ended.
pub(in crate::accounts) async fn session_account(
    db: &Db,
    session: Uuid,
) -> sqlx::Result<Option<SessionAccount>> {
    let row: Option<(Uuid, String, String, bool)> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT users.id, users.name, users.role, users.allow_third_party
         FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.id = $1 AND sessions.ended_at IS NULL",
    ).bind(session).fetch_optional(pool).await)?;
    Ok(row.map(|(id, name, by_name, allows_third_party)| SessionAccount {
        id: UserId(id),
        name,
        role: role(&by_name),
        allows_third_party,
    }))
}

pub(super) async fn insert(
    tx: &mut Transaction,
    session: Uuid,
    user: UserId,
    device: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO sessions (id, user_id, device, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $4)",
    ).bind(session).bind(user.0).bind(device).bind(now.micros()).execute(&mut **tx).await.map(drop))
}

pub(super) async fn insert_token(
    tx: &mut Transaction,
    print: &[u8],
    session: Uuid,
    now: Timestamp,
) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO refresh_tokens (print, session_id, made_at) VALUES ($1, $2, $3)",
    ).bind(print).bind(session).bind(now.micros()).execute(&mut **tx).await.map(drop))
}

/// Spends a refresh token; `None` when it is not there or was spent before. Of two who try at once, one does it.
pub(super) async fn spend(tx: &mut Transaction, print: &[u8], now: Timestamp) -> sqlx::Result<Option<Uuid>> {
    in_tx!(tx, tx => sqlx::query_scalar(
        "UPDATE refresh_tokens SET spent_at = $2 WHERE print = $1 AND spent_at IS NULL RETURNING session_id",
    ).bind(print).bind(now.micros()).fetch_optional(&mut **tx).await)
}

/// The session of a refresh token, and when it was spent.
pub(super) async fn token(tx: &mut Transaction, print: &[u8]) -> sqlx::Result<Option<(Uuid, Option<i64>)>> {
    in_tx!(tx, tx => sqlx::query_as(
        "SELECT session_id, spent_at FROM refresh_tokens WHERE print = $1",
    ).bind(print).fetch_optional(&mut **tx).await)
}

/// Notes that a session was used, and says whose it is; `None` when it has ended or was idle or alive for too long.
pub(super) async fn touch(
    tx: &mut Transaction,
    session: Uuid,
    idle_since: Timestamp,
    made_since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Option<UserId>> {
    let user: Option<Uuid> = in_tx!(tx, tx => sqlx::query_scalar(
        "UPDATE sessions SET last_seen_at = $4
         WHERE id = $1 AND ended_at IS NULL AND last_seen_at > $2 AND created_at > $3 RETURNING user_id",
    ).bind(session).bind(idle_since.micros()).bind(made_since.micros()).bind(now.micros())
     .fetch_optional(&mut **tx).await)?;
    Ok(user.map(UserId))
}

/// Ends a session; `false` when it has ended already.
pub(super) async fn end(db: &Db, session: Uuid, now: Timestamp) -> sqlx::Result<bool> {
    let ended = each!(db.writer(), pool => sqlx::query(
        "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
    ).bind(session).bind(now.micros()).execute(pool).await.map(|done| done.rows_affected()))?;
    Ok(ended == 1)
}

/// Whether a session is somebody's own and has not ended.
pub(super) async fn is_of(db: &Db, session: Uuid, user: UserId) -> sqlx::Result<bool> {
    let found: Option<i64> = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT created_at FROM sessions WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
    ).bind(session).bind(user.0).fetch_optional(pool).await)?;
    Ok(found.is_some())
}

struct SessionRow {
    id: Uuid,
    device: String,
    created_at: i64,
    last_seen_at: i64,
}

platform::from_row!(SessionRow { id, device, created_at, last_seen_at });

/// Somebody's sessions that work, newest first.
pub(super) async fn list(
    db: &Db,
    user: UserId,
    current: Uuid,
    idle_since: Timestamp,
    made_since: Timestamp,
) -> sqlx::Result<Vec<Session>> {
    let rows: Vec<SessionRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, device, created_at, last_seen_at FROM sessions
         WHERE user_id = $1 AND ended_at IS NULL AND last_seen_at > $2 AND created_at > $3
         ORDER BY created_at DESC, id DESC LIMIT 1000",
    ).bind(user.0).bind(idle_since.micros()).bind(made_since.micros()).fetch_all(pool).await)?;
    let session = |row: SessionRow| Session {
        id: row.id,
        device: row.device,
        created_at: Timestamp::from_micros(row.created_at),
        last_seen_at: Timestamp::from_micros(row.last_seen_at),
        current: row.id == current,
    };
    Ok(rows.into_iter().map(session).collect())
}

/// Removes sessions that ended or were last used before a moment (their tokens go with them), and tokens that were
/// spent before it: the session of whoever still has one has expired by then.
pub(super) async fn sweep(db: &Db, before: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM sessions WHERE ended_at < $1 OR last_seen_at < $1",
    ).bind(before.micros()).execute(pool).await.map(drop))?;
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM refresh_tokens WHERE spent_at < $1",
    ).bind(before.micros()).execute(pool).await.map(drop))
}
