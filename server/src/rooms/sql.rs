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
    direct: bool,
    role: Option<String>,
    mark: Option<i64>,
}

platform::from_row!(RoomRow { id, name, private, topic, created_at, members, direct, role, mark });

impl From<RoomRow> for Room {
    fn from(row: RoomRow) -> Self {
        Self {
            id: RoomId(row.id),
            name: row.name,
            private: row.private,
            topic: row.topic,
            members: u32::try_from(row.members).unwrap_or(u32::MAX),
            joined: row.role.is_some(),
            direct: row.direct,
            role: row.role.as_deref().map(role),
            unread: None,
            mentions: None,
            mark: row.mark.map(i64::unsigned_abs),
            upto: None,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

/// Rooms as the person in `$1` sees them; a direct conversation is called what its other half is called.
macro_rules! rooms {
    ($which:literal) => {
        concat!(
            "SELECT rooms.id AS id, private, topic, rooms.created_at AS created_at, direct IS NOT NULL AS direct,
                    CASE WHEN direct IS NULL THEN rooms.name ELSE coalesce((
                        SELECT users.name FROM members AS other JOIN users ON users.id = other.user_id
                        WHERE other.room = rooms.id AND other.user_id <> $1), '') END AS name,
                    (SELECT count(*) FROM members WHERE members.room = rooms.id) AS members,
                    me.role AS role, me.mark AS mark
             FROM rooms LEFT JOIN members AS me ON me.room = rooms.id AND me.user_id = $1 ",
            $which
        )
    };
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
            presence: None,
        }
    }
}

fn role(name: &str) -> MemberRole {
    // What this build does not know may do least.
    MemberRole::from_name(name).unwrap_or(MemberRole::Member)
}

pub(super) async fn by_id(db: &Db, viewer: UserId, room: RoomId) -> sqlx::Result<Option<Room>> {
    let row: Option<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        rooms!("WHERE rooms.id = $2"),
    ).bind(viewer.0).bind(room.0).fetch_optional(pool).await)?;
    Ok(row.map(Room::from))
}

/// Every room of that name that the viewer may see, those first that they were in first: at most one is public, the
/// others are private ones of theirs.
pub(super) async fn by_name(db: &Db, viewer: UserId, name: &str) -> sqlx::Result<Vec<Room>> {
    let rows: Vec<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        rooms!("WHERE direct IS NULL AND rooms.name = $2 AND (private = $3 OR me.role IS NOT NULL)
                ORDER BY me.joined_at, rooms.id"),
    ).bind(viewer.0).bind(name).bind(false).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Room::from).collect())
}

/// The direct conversation of a pair.
pub(super) async fn by_pair(db: &Db, viewer: UserId, pair: &[u8]) -> sqlx::Result<Option<Room>> {
    let row: Option<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        rooms!("WHERE direct = $2"),
    ).bind(viewer.0).bind(pair).fetch_optional(pool).await)?;
    Ok(row.map(Room::from))
}

/// Whether two people are in one room, a conversation of theirs included.
pub(super) async fn share_a_room(db: &Db, one: UserId, other: UserId) -> sqlx::Result<bool> {
    each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM members AS mine JOIN members AS theirs ON theirs.room = mine.room
                        WHERE mine.user_id = $1 AND theirs.user_id = $2)",
    ).bind(one.0).bind(other.0).fetch_one(pool).await)
}

pub(super) async fn of_user(db: &Db, user: UserId) -> sqlx::Result<Vec<Room>> {
    let rows: Vec<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        rooms!("WHERE me.role IS NOT NULL ORDER BY name, id LIMIT 1000"),
    ).bind(user.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Room::from).collect())
}

pub(super) async fn public(db: &Db, viewer: UserId) -> sqlx::Result<Vec<Room>> {
    let rows: Vec<RoomRow> = each!(db.reader(), pool => sqlx::query_as(
        rooms!("WHERE private = $2 ORDER BY name, id LIMIT 1000"),
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

/// One member of a room.
pub(super) async fn member(db: &Db, room: RoomId, user: UserId) -> sqlx::Result<Option<Member>> {
    let row: Option<MemberRow> = each!(db.reader(), pool => sqlx::query_as(
        "SELECT user_id, users.name AS name, members.role AS role, joined_at
         FROM members JOIN users ON users.id = members.user_id WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).fetch_optional(pool).await)?;
    Ok(row.map(Member::from))
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

pub(super) async fn count(db: &Db) -> sqlx::Result<u64> {
    let rooms: i64 = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT count(*) FROM rooms",
    ).fetch_one(pool).await)?;
    Ok(rooms.unsigned_abs())
}

/// Makes a room. `pair` is of a direct conversation; somebody else may have made that one just before.
pub(super) async fn insert(tx: &mut Transaction, room: &Room, pair: Option<&[u8]>) -> sqlx::Result<bool> {
    let made = in_tx!(tx, tx => sqlx::query(
        "INSERT INTO rooms (id, name, private, topic, created_at, direct) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (direct) DO NOTHING",
    ).bind(room.id.0).bind(&room.name).bind(room.private).bind(&room.topic).bind(room.created_at.micros())
     .bind(pair).execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(made == 1)
}

/// Makes whoever changes the same room wait until this transaction ends; `false` when there is no such room.
pub(super) async fn lock(tx: &mut Transaction, room: RoomId) -> sqlx::Result<bool> {
    let found = in_tx!(tx, tx => sqlx::query(
        "UPDATE rooms SET created_at = created_at WHERE id = $1",
    ).bind(room.0).execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(found == 1)
}

/// A room as a transaction sees it that has locked it.
pub(super) async fn locked(tx: &mut Transaction, viewer: UserId, room: RoomId) -> sqlx::Result<Option<Room>> {
    let row: Option<RoomRow> = in_tx!(tx, tx => sqlx::query_as(
        rooms!("WHERE rooms.id = $2"),
    ).bind(viewer.0).bind(room.0).fetch_optional(&mut **tx).await)?;
    Ok(row.map(Room::from))
}

/// Changes name and topic.
pub(super) async fn describe(tx: &mut Transaction, room: &Room) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "UPDATE rooms SET name = $2, topic = $3 WHERE id = $1",
    ).bind(room.id.0).bind(&room.name).bind(&room.topic).execute(&mut **tx).await.map(drop))
}

/// Removes a room and every membership in it.
pub(super) async fn delete(tx: &mut Transaction, room: RoomId) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "DELETE FROM rooms WHERE id = $1",
    ).bind(room.0).execute(&mut **tx).await.map(drop))
}

/// How many are in a room, and how many of them own it.
pub(super) async fn count_members(tx: &mut Transaction, room: RoomId) -> sqlx::Result<(i64, i64)> {
    in_tx!(tx, tx => sqlx::query_as(
        "SELECT count(*), count(CASE WHEN role = 'owner' THEN 1 END) FROM members WHERE room = $1",
    ).bind(room.0).fetch_one(&mut **tx).await)
}

/// What a member may do; `None` when they are none.
pub(super) async fn role_of(
    tx: &mut Transaction,
    room: RoomId,
    user: UserId,
) -> sqlx::Result<Option<MemberRole>> {
    let found: Option<String> = in_tx!(tx, tx => sqlx::query_scalar(
        "SELECT role FROM members WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).fetch_optional(&mut **tx).await)?;
    Ok(found.as_deref().map(role))
}

/// Changes what a member may do.
pub(super) async fn set_role(
    tx: &mut Transaction,
    room: RoomId,
    user: UserId,
    role: MemberRole,
) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "UPDATE members SET role = $3 WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).bind(role.name()).execute(&mut **tx).await.map(drop))
}

/// Makes somebody a member who has read everything up to `mark`; `false` when they were one already.
pub(super) async fn add_member(
    tx: &mut Transaction,
    room: RoomId,
    user: UserId,
    role: MemberRole,
    mark: u64,
    at: Timestamp,
) -> sqlx::Result<bool> {
    let added = in_tx!(tx, tx => sqlx::query(
        "INSERT INTO members (room, user_id, role, mark, joined_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (room, user_id) DO NOTHING",
    ).bind(room.0).bind(user.0).bind(role.name()).bind(mark.cast_signed()).bind(at.micros())
     .execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(added == 1)
}

/// Keeps somebody from coming back by themselves.
pub(super) async fn ban(tx: &mut Transaction, room: RoomId, user: UserId, at: Timestamp) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO bans (room, user_id, at) VALUES ($1, $2, $3) ON CONFLICT (room, user_id) DO NOTHING",
    ).bind(room.0).bind(user.0).bind(at.micros()).execute(&mut **tx).await.map(drop))
}

/// Whether somebody was made to leave and not invited since.
pub(super) async fn is_banned(tx: &mut Transaction, room: RoomId, user: UserId) -> sqlx::Result<bool> {
    in_tx!(tx, tx => sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM bans WHERE room = $1 AND user_id = $2)",
    ).bind(room.0).bind(user.0).fetch_one(&mut **tx).await)
}

/// Lets somebody come again.
pub(super) async fn lift_ban(tx: &mut Transaction, room: RoomId, user: UserId) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "DELETE FROM bans WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).execute(&mut **tx).await.map(drop))
}

/// Up to where a member has read; `None` when they are none.
pub(super) async fn mark(db: &Db, room: RoomId, user: UserId) -> sqlx::Result<Option<u64>> {
    let mark: Option<i64> = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT mark FROM members WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).fetch_optional(pool).await)?;
    Ok(mark.map(i64::unsigned_abs))
}

/// Moves a read mark on; `false` when it was there already, or there is no such member.
pub(super) async fn set_mark(db: &Db, room: RoomId, user: UserId, pos: u64) -> sqlx::Result<bool> {
    let moved = each!(db.writer(), pool => sqlx::query(
        "UPDATE members SET mark = $3 WHERE room = $1 AND user_id = $2 AND mark < $3",
    ).bind(room.0).bind(user.0).bind(pos.cast_signed())
     .execute(pool).await.map(|done| done.rows_affected()))?;
    Ok(moved == 1)
}

/// Ends a membership; `false` when there was none.
pub(super) async fn remove_member(tx: &mut Transaction, room: RoomId, user: UserId) -> sqlx::Result<bool> {
    let removed = in_tx!(tx, tx => sqlx::query(
        "DELETE FROM members WHERE room = $1 AND user_id = $2",
    ).bind(room.0).bind(user.0).execute(&mut **tx).await.map(|done| done.rows_affected()))?;
    Ok(removed == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MIGRATIONS, rooms::new};

    #[tokio::test]
    async fn private_rooms_of_others_are_not_even_looked_at_for_their_name() {
        let folder = tempfile::tempdir().unwrap();
        for url in platform::testing::engines::databases(folder.path()).await.unwrap() {
            let db = Db::open(&url, "server", MIGRATIONS).await.unwrap();
            let (ann, now) = (UserId::new(), Timestamp::from_micros(0));
            for private in [false, true, true] {
                let room = Room { private, ..new::fresh("general".into(), MemberRole::Owner, now) };
                let mut tx = db.begin().await.unwrap();
                insert(&mut tx, &room, None).await.unwrap();
                add_member(&mut tx, room.id, ann, MemberRole::Owner, 0, now).await.unwrap();
                tx.commit().await.unwrap();
            }

            let (own, bobs) =
                (by_name(&db, ann, "general").await, by_name(&db, UserId::new(), "general").await);

            assert_eq!(own.unwrap().len(), 3);
            assert!(matches!(&bobs.unwrap()[..], [room] if !room.private));
        }
    }
}
