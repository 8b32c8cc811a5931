//! SQL of accounts and of sign-ups that wait for verification.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use uuid::Uuid;
use wire::{
    Timestamp, UserId,
    accounts::{AdminUser, EditProfile, Me, Profile, Role},
};

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) password: String,
    pub(super) bio: String,
    pub(super) tz: String,
    pub(super) role: String,
    pub(super) photo: Option<String>,
    pub(super) allow_third_party: bool,
    pub(super) created_at: i64,
}

platform::from_row!(Account {
    id,
    email,
    name,
    password,
    bio,
    tz,
    role,
    photo,
    allow_third_party,
    created_at
});

impl Account {
    pub(super) fn role(&self) -> Role {
        role(&self.role)
    }

    pub(super) fn me(self) -> Me {
        Me {
            id: UserId(self.id),
            role: self.role(),
            email: self.email,
            name: self.name,
            bio: self.bio,
            tz: self.tz,
            has_photo: self.photo.is_some(),
            allow_third_party: self.allow_third_party,
            created_at: Timestamp::from_micros(self.created_at),
        }
    }

    pub(super) fn profile(self) -> Profile {
        let Self { id, name, bio, tz, photo, .. } = self;
        Profile { id: UserId(id), name, bio, tz, has_photo: photo.is_some() }
    }
}

/// A sign-up that waits for its link or code.
#[derive(Clone, Debug)]
pub(super) struct SignUpRow {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) password: String,
}

platform::from_row!(SignUpRow { id, email, name, password });

/// What opens a sign-up, as it is kept.
pub(super) struct Prints {
    pub(super) link: Vec<u8>,
    pub(super) link_until: Timestamp,
    pub(super) code: Vec<u8>,
    pub(super) code_until: Timestamp,
}

pub(super) fn role(name: &str) -> Role {
    if name == "admin" { Role::Admin } else { Role::User }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::User => "user",
    }
}

pub(super) async fn account(db: &Db, user: UserId) -> sqlx::Result<Option<Account>> {
    each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, email, name, password, bio, tz, role, photo, allow_third_party, created_at FROM users WHERE id = $1",
    ).bind(user.0).fetch_optional(pool).await)
}

pub(super) async fn account_of(db: &Db, email: &str) -> sqlx::Result<Option<Account>> {
    each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, email, name, password, bio, tz, role, photo, allow_third_party, created_at FROM users WHERE email = $1",
    ).bind(email).fetch_optional(pool).await)
}

/// The newest sign-up that waits with this address.
pub(super) async fn newest_signup(db: &Db, email: &str) -> sqlx::Result<Option<SignUpRow>> {
    each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, email, name, password FROM signups WHERE email = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
    ).bind(email).fetch_optional(pool).await)
}

/// How many sign-ups wait with this address.
pub(super) async fn count_signups(db: &Db, email: &str) -> sqlx::Result<i64> {
    each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT count(*) FROM signups WHERE email = $1",
    ).bind(email).fetch_one(pool).await)
}

pub(super) async fn insert_signup(
    tx: &mut Transaction,
    row: &SignUpRow,
    prints: &Prints,
    now: Timestamp,
) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO signups (id, email, name, password, link_print, link_until, code_print, code_until, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    ).bind(row.id).bind(&row.email).bind(&row.name).bind(&row.password)
     .bind(&prints.link).bind(prints.link_until.micros()).bind(&prints.code).bind(prints.code_until.micros())
     .bind(now.micros()).execute(&mut **tx).await.map(drop))
}

/// Gives a sign-up a new link and code; the earlier ones open nothing any more.
pub(super) async fn renew_signup(tx: &mut Transaction, id: Uuid, prints: &Prints) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "UPDATE signups SET link_print = $2, link_until = $3, code_print = $4, code_until = $5 WHERE id = $1",
    ).bind(id).bind(&prints.link).bind(prints.link_until.micros()).bind(&prints.code)
     .bind(prints.code_until.micros()).execute(&mut **tx).await.map(drop))
}

/// Takes the sign-up that a link opens. Of two who try at once, one gets it.
pub(super) async fn take_by_link(
    tx: &mut Transaction,
    print: &[u8],
    now: Timestamp,
) -> sqlx::Result<Option<SignUpRow>> {
    in_tx!(tx, tx => sqlx::query_as(
        "DELETE FROM signups WHERE link_print = $1 AND link_until > $2 RETURNING id, email, name, password",
    ).bind(print).bind(now.micros()).fetch_optional(&mut **tx).await)
}

/// The same for a short code.
pub(super) async fn take_by_code(
    tx: &mut Transaction,
    print: &[u8],
    now: Timestamp,
) -> sqlx::Result<Option<SignUpRow>> {
    in_tx!(tx, tx => sqlx::query_as(
        "DELETE FROM signups WHERE code_print = $1 AND code_until > $2 RETURNING id, email, name, password",
    ).bind(print).bind(now.micros()).fetch_optional(&mut **tx).await)
}

/// Makes the account of a sign-up; `false` when its address has one.
pub(super) async fn insert_user(
    tx: &mut Transaction,
    row: &SignUpRow,
    role: Role,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let made = in_tx!(tx, tx => sqlx::query(
        "INSERT INTO users (id, email, name, password, role, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (email) DO NOTHING",
    ).bind(row.id).bind(&row.email).bind(&row.name).bind(&row.password).bind(role_name(role)).bind(now.micros())
     .execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(made == 1)
}

/// Drops the other sign-ups of an address that has an account now.
pub(super) async fn drop_signups(tx: &mut Transaction, email: &str) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "DELETE FROM signups WHERE email = $1",
    ).bind(email).execute(&mut **tx).await.map(drop))
}

/// `true` for exactly one caller ever: the unique key lets the others wait for the first one's commit.
pub(super) async fn reach_milestone(tx: &mut Transaction, name: &str, now: Timestamp) -> sqlx::Result<bool> {
    let reached = in_tx!(tx, tx => sqlx::query(
        "INSERT INTO milestones (name, at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
    ).bind(name).bind(now.micros()).execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(reached == 1)
}

/// Changes what is given of a profile.
pub(super) async fn edit(db: &Db, user: UserId, changes: &EditProfile) -> sqlx::Result<()> {
    let EditProfile { name, bio, tz, allow_third_party } = changes;
    each!(db.writer(), pool => sqlx::query(
        "UPDATE users SET name = COALESCE($2, name), bio = COALESCE($3, bio), tz = COALESCE($4, tz),
                          allow_third_party = COALESCE($5, allow_third_party)
         WHERE id = $1",
    ).bind(user.0).bind(name).bind(bio).bind(tz).bind(allow_third_party).execute(pool).await.map(drop))
}

/// Points an account at another photo; `false` when somebody else changed it since `old` was read.
pub(super) async fn swap_photo(
    db: &Db,
    user: UserId,
    old: Option<&str>,
    new: Option<&str>,
) -> sqlx::Result<bool> {
    let swapped = each!(db.writer(), pool => sqlx::query(
        "UPDATE users SET photo = $3 WHERE id = $1 AND COALESCE(photo, '') = $2",
    ).bind(user.0).bind(old.unwrap_or_default()).bind(new).execute(pool).await.map(|done| done.rows_affected()))?;
    Ok(swapped == 1)
}

pub(super) async fn sweep_signups(db: &Db, before: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM signups WHERE created_at < $1 AND link_until < $1",
    ).bind(before.micros()).execute(pool).await.map(drop))
}

struct AdminRow {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    verified: i64,
    created_at: i64,
}

platform::from_row!(AdminRow { id, email, name, role, verified, created_at });

/// Accounts and waiting sign-ups, newest first.
pub(super) async fn everybody(db: &Db, limit: i64) -> sqlx::Result<Vec<AdminUser>> {
    let rows: Vec<AdminRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, email, name, role, CAST(1 AS BIGINT) AS verified, created_at FROM users
         UNION ALL
         SELECT id, email, name, 'user' AS role, CAST(0 AS BIGINT) AS verified, created_at FROM signups
         ORDER BY created_at DESC, id DESC LIMIT $1",
    ).bind(limit).fetch_all(pool).await)?;
    let user = |row: AdminRow| AdminUser {
        id: UserId(row.id),
        email: row.email,
        name: row.name,
        role: role(&row.role),
        verified: row.verified == 1,
        created_at: Timestamp::from_micros(row.created_at),
    };
    Ok(rows.into_iter().map(user).collect())
}

/// How many accounts and waiting sign-ups there are.
pub(super) async fn count(db: &Db) -> sqlx::Result<u64> {
    let count: i64 = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM signups)",
    ).fetch_one(pool).await)?;
    Ok(count.unsigned_abs())
}
