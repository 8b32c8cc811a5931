//! SQL of rooms and members.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use uuid::Uuid;
use wire::{
    RoomId, Timestamp, UserId,
    rooms::{Member, MemberRole, Room},
};

struct RoomRow {
    id: Uuid,
    name: String,
    private: bool,
    topic: String,
    created_at: i64,
    members: i64,
    joined: bool,
}

platform::from_row!(RoomRow { id, name, private, topic, created_at, members, joined });

impl From<RoomRow> for Room {
    fn from(row: RoomRow) -> Self {
        Self {
            id: RoomId(row.id),
            name: row.name,
            private: row.private,
            topic: row.topic,
            members: u32::try_from(row.members).unwrap_or(u32::MAX),
            joined: row.joined,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

struct MemberRow {
    user_id: Uuid,
    name: String,
    role: String,
    joined_at: i64,
}

platform::from_row!(MemberRow { user_id, name, role, joined_at });

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            id: UserId(row.user_id),
            name: row.name,
            role: role(&row.role),
            joined_at: Timestamp::from_micros(row.joined_at),
        }
    }
}

fn role(name: &str) -> MemberRole {
    match name {
        "owner" => MemberRole::Owner,
        "moderator" => MemberRole::Moderator,
        _ => MemberRole::Member,
    }
}

fn role_name(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Owner => "owner",
        MemberRole::Moderator => "moderator",
        MemberRole::Member => "member",
    }
}

pub(super) async fn by_id(db: &Db, viewer: UserId, room: RoomId) -> sqlx::Result<Option<Room>> {
    let row: Option<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, name, private, topic, created_at,
                (SELECT count(*) FROM members WHERE room = rooms.id) AS members,
                EXISTS (SELECT 1 FROM members WHERE room = rooms.id AND user_id = $1) AS joined
         FROM rooms WHERE id = $2",
    ).bind(viewer.0).bind(room.0).fetch_optional(pool).await)?;
    Ok(row.map(Room::from))
}

/// Every room of that name: at most one is public, the others are private ones.
pub(super) async fn by_name(db: &Db, viewer: UserId, name: &str) -> sqlx::Result<Vec<Room>> {
    let rows: Vec<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, name, private, topic, created_at,
                (SELECT count(*) FROM members WHERE room = rooms.id) AS members,
                EXISTS (SELECT 1 FROM members WHERE room = rooms.id AND user_id = $1) AS joined
         FROM rooms WHERE name = $2 ORDER BY id",
    ).bind(viewer.0).bind(name).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Room::from).collect())
}

pub(super) async fn of_user(db: &Db, user: UserId) -> sqlx::Result<Vec<Room>> {
    let rows: Vec<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, name, private, topic, created_at,
                (SELECT count(*) FROM members WHERE room = rooms.id) AS members,
                EXISTS (SELECT 1 FROM members WHERE room = rooms.id AND user_id = $1) AS joined
         FROM rooms WHERE id IN (SELECT room FROM members WHERE user_id = $1) ORDER BY name, id LIMIT 1000",
    ).bind(user.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Room::from).collect())
}

pub(super) async fn public(db: &Db, viewer: UserId) -> sqlx::Result<Vec<Room>> {
    let rows: Vec<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT id, name, private, topic, created_at,
                (SELECT count(*) FROM members WHERE room = rooms.id) AS members,
                EXISTS (SELECT 1 FROM members WHERE room = rooms.id AND user_id = $1) AS joined
         FROM rooms WHERE private = $2 ORDER BY name, id LIMIT 1000",
    ).bind(viewer.0).bind(false).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Room::from).collect())
}

pub(super) async fn members(db: &Db, room: RoomId) -> sqlx::Result<Vec<Member>> {
    let rows: Vec<MemberRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT user_id, users.name AS name, members.role AS role, joined_at
         FROM members JOIN users ON users.id = members.user_id
         WHERE room = $1 ORDER BY joined_at, user_id LIMIT 10000",
    ).bind(room.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Member::from).collect())
}

pub(super) async fn is_member(db: &Db, room: RoomId, user: UserId) -> sqlx::Result<bool> {
    each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM members WHERE room = $1 AND user_id = $2)",
    ).bind(room.0).bind(user.0).fetch_one(pool).await)
}

pub(super) async fn member_ids(db: &Db, room: RoomId, most: usize) -> sqlx::Result<Vec<UserId>> {
    let ids: Vec<Uuid> = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT user_id FROM members WHERE room = $1 LIMIT $2",
    ).bind(room.0).bind(i64::try_from(most).unwrap_or(i64::MAX)).fetch_all(pool).await)?;
    Ok(ids.into_iter().map(UserId).collect())
}

pub(super) async fn count_members(tx: &mut Transaction, room: RoomId) -> sqlx::Result<u64> {
    let members: i64 = in_tx!(tx, tx => sqlx::query_scalar(
        "SELECT count(*) FROM members WHERE room = $1",
    ).bind(room.0).fetch_one(&mut **tx).await)?;
    Ok(members.unsigned_abs())
}

pub(super) async fn count(db: &Db) -> sqlx::Result<u64> {
    let rooms: i64 = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT count(*) FROM rooms",
    ).fetch_one(pool).await)?;
    Ok(rooms.unsigned_abs())
}

pub(super) async fn insert(tx: &mut Transaction, room: &Room) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO rooms (id, name, private, topic, created_at) VALUES ($1, $2, $3, $4, $5)",
    ).bind(room.id.0).bind(&room.name).bind(room.private).bind(&room.topic).bind(room.created_at.micros())
     .execute(&mut **tx).await.map(drop))
}

/// Makes somebody a member; `false` when they were one already.
pub(super) async fn add_member(
    tx: &mut Transaction,
    room: RoomId,
    user: UserId,
    role: MemberRole,
    at: Timestamp,
) -> sqlx::Result<bool> {
    let added = in_tx!(tx, tx => sqlx::query(
        "INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (room, user_id) DO NOTHING",
    ).bind(room.0).bind(user.0).bind(role_name(role)).bind(at.micros())
     .execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(added == 1)
}

/// Ends a membership; `false` when there was none.
pub(super) async fn remove_member(tx: &mut Transaction, room: RoomId, user: UserId) -> sqlx::Result<bool> {
    let removed = in_tx!(tx, tx => sqlx::query(
        "DELETE FROM members WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(removed == 1)
}
