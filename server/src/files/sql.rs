//! SQL of files.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use uuid::Uuid;
use wire::{ClientId, FileId, RoomId, Timestamp, UserId, files::File};

use super::Kept;

struct FileRow {
    id: Uuid,
    room: Uuid,
    owner: Uuid,
    name: String,
    bytes: i64,
    sha256: Option<String>,
    media_type: String,
    created_at: i64,
    cid: Option<Uuid>,
    pos: Option<i64>,
    thumbnail: Option<String>,
}

platform::from_row!(FileRow {
    id,
    room,
    owner,
    name,
    bytes,
    sha256,
    media_type,
    created_at,
    cid,
    pos,
    thumbnail
});

impl From<FileRow> for Kept {
    fn from(row: FileRow) -> Self {
        Self {
            file: File {
                id: FileId(row.id),
                name: row.name,
                bytes: row.bytes.unsigned_abs(),
                sha256: row.sha256.unwrap_or_default(),
                media_type: row.media_type,
            },
            room: RoomId(row.room),
            owner: UserId(row.owner),
            created_at: Timestamp::from_micros(row.created_at),
            cid: row.cid.map(ClientId),
            pos: row.pos.map(i64::unsigned_abs),
            thumbnail: row.thumbnail,
        }
    }
}

macro_rules! files {
    ($which:literal) => {
        concat!(
            "SELECT id, room, owner, name, bytes, sha256, media_type, created_at, cid, pos, thumbnail FROM files ",
            $which
        )
    };
}

/// An upload that begins.
pub(super) struct Begun<'a> {
    pub(super) id: FileId,
    pub(super) room: RoomId,
    pub(super) owner: UserId,
    pub(super) name: &'a str,
    /// As announced; 0 where nothing was.
    pub(super) bytes: u64,
    pub(super) at: Timestamp,
}

/// Notes an upload before its first byte is kept, so that a sweep finds what is left of it.
pub(super) async fn begin(db: &Db, begun: &Begun<'_>) -> sqlx::Result<()> {
    let Begun { id, room, owner, name, bytes, at } = begun;
    each!(db.writer(), pool => sqlx::query(
        "INSERT INTO files (id, room, owner, name, bytes, media_type, created_at) VALUES ($1, $2, $3, $4, $5, '', $6)",
    ).bind(id.0).bind(room.0).bind(owner.0).bind(*name).bind(i64::try_from(*bytes).unwrap_or(i64::MAX))
     .bind(at.micros()).execute(pool).await.map(drop))
}

/// Notes that an upload is whole; `false` when it was removed meanwhile. Violates a constraint when one with this key
/// is whole already.
pub(super) async fn finish(db: &Db, file: &File, key: Option<&str>) -> sqlx::Result<bool> {
    let noted = each!(db.writer(), pool => sqlx::query(
        "UPDATE files SET bytes = $2, sha256 = $3, media_type = $4, request_key = $5 WHERE id = $1",
    ).bind(file.id.0).bind(i64::try_from(file.bytes).unwrap_or(i64::MAX)).bind(&file.sha256).bind(&file.media_type)
     .bind(key).execute(pool).await.map(|done| done.rows_affected()))?;
    Ok(noted == 1)
}

/// A file that is whole from its beginning.
pub(super) struct Whole<'a> {
    pub(super) file: &'a File,
    pub(super) room: RoomId,
    pub(super) owner: UserId,
    /// The message that will tell of it.
    pub(super) cid: ClientId,
    pub(super) at: Timestamp,
}

/// Notes a file that is whole; one that is there already stays.
pub(super) async fn insert_whole(db: &Db, whole: &Whole<'_>) -> sqlx::Result<()> {
    let Whole { file, room, owner, cid, at } = whole;
    each!(db.writer(), pool => sqlx::query(
        "INSERT INTO files (id, room, owner, name, bytes, sha256, media_type, created_at, cid)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
    ).bind(file.id.0).bind(room.0).bind(owner.0).bind(&file.name)
     .bind(i64::try_from(file.bytes).unwrap_or(i64::MAX)).bind(&file.sha256).bind(&file.media_type)
     .bind(at.micros()).bind(cid.0).execute(pool).await.map(drop))
}

/// Files that one of two messages of somebody has.
pub(super) async fn of_messages(
    db: &Db,
    room: RoomId,
    owner: UserId,
    [one, other]: [ClientId; 2],
) -> sqlx::Result<Vec<Kept>> {
    let rows: Vec<FileRow> = each!(db.reader(), pool => sqlx::query_as(
        files!("WHERE room = $1 AND owner = $2 AND (cid = $3 OR cid = $4)"),
    ).bind(room.0).bind(owner.0).bind(one.0).bind(other.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// The file that an upload with this key became.
pub(super) async fn by_request(db: &Db, owner: UserId, key: &str) -> sqlx::Result<Option<Kept>> {
    let row: Option<FileRow> = each!(db.reader(), pool => sqlx::query_as(
        files!("WHERE owner = $1 AND request_key = $2"),
    ).bind(owner.0).bind(key).fetch_optional(pool).await)?;
    Ok(row.map(Kept::from))
}

/// Bytes of a person's files, and how many of these no message has. Of uploads that are not whole only those count that
/// began after `since`.
pub(super) async fn usage(db: &Db, owner: UserId, since: Timestamp) -> sqlx::Result<(u64, i64)> {
    let (bytes, waiting): (i64, i64) = each!(db.reader(), pool => sqlx::query_as(
        "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT), count(CASE WHEN cid IS NULL THEN 1 END)
         FROM files WHERE owner = $1 AND (sha256 IS NOT NULL OR created_at > $2)",
    ).bind(owner.0).bind(since.micros()).fetch_one(pool).await)?;
    Ok((bytes.unsigned_abs(), waiting))
}

/// A file that is whole.
pub(super) async fn by_id(db: &Db, id: FileId) -> sqlx::Result<Option<Kept>> {
    let row: Option<FileRow> = each!(db.reader(), pool => sqlx::query_as(
        files!("WHERE id = $1 AND sha256 IS NOT NULL"),
    ).bind(id.0).fetch_optional(pool).await)?;
    Ok(row.map(Kept::from))
}

/// Gives a person's upload to a message, unless another has it or it is older than `since`.
pub(super) async fn claim(
    tx: &mut Transaction,
    id: FileId,
    room: RoomId,
    owner: UserId,
    cid: ClientId,
    since: Timestamp,
) -> sqlx::Result<Option<Kept>> {
    let row: Option<FileRow> = in_tx!(tx, tx => sqlx::query_as(
        "UPDATE files SET cid = $4
         WHERE id = $1 AND room = $2 AND owner = $3 AND (cid IS NULL OR cid = $4) AND created_at > $5
             AND sha256 IS NOT NULL
         RETURNING id, room, owner, name, bytes, sha256, media_type, created_at, cid, pos, thumbnail",
    ).bind(id.0).bind(room.0).bind(owner.0).bind(cid.0).bind(since.micros()).fetch_optional(&mut **tx).await)?;
    Ok(row.map(Kept::from))
}

/// Files of a room that a message claimed, newest first, older than `before`.
pub(super) async fn of_room(db: &Db, room: RoomId, before: FileId, limit: i64) -> sqlx::Result<Vec<Kept>> {
    let rows: Vec<FileRow> = each!(db.reader(), pool => sqlx::query_as(
        files!("WHERE room = $1 AND id < $2 AND cid IS NOT NULL ORDER BY id DESC LIMIT $3"),
    ).bind(room.0).bind(before.0).bind(limit).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// Every file of a room, whole or not.
pub(super) async fn all_of_room(db: &Db, room: RoomId, limit: i64) -> sqlx::Result<Vec<Kept>> {
    let rows: Vec<FileRow> = each!(db.reader(), pool => sqlx::query_as(
        files!("WHERE room = $1 LIMIT $2"),
    ).bind(room.0).bind(limit).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// Notes where the message of a file is.
pub(super) async fn set_place(db: &Db, id: FileId, pos: u64) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "UPDATE files SET pos = $2 WHERE id = $1",
    ).bind(id.0).bind(pos.cast_signed()).execute(pool).await.map(drop))
}

/// Notes what became of the attempt to make a small picture; `false` when the file was removed meanwhile.
pub(super) async fn set_thumbnail(db: &Db, id: FileId, ending: &str) -> sqlx::Result<bool> {
    let noted = each!(db.writer(), pool => sqlx::query(
        "UPDATE files SET thumbnail = $2 WHERE id = $1",
    ).bind(id.0).bind(ending).execute(pool).await.map(|done| done.rows_affected()))?;
    Ok(noted == 1)
}

/// Files that nobody claimed before one moment, or that were claimed and not seen in the log before an earlier one.
/// `after` is where an earlier look ended.
pub(super) async fn unsent(
    db: &Db,
    unclaimed: Timestamp,
    claimed: Timestamp,
    after: FileId,
    limit: i64,
) -> sqlx::Result<Vec<Kept>> {
    let rows: Vec<FileRow> = each!(db.reader(), pool => sqlx::query_as(
        files!("WHERE pos IS NULL AND created_at < $1 AND (cid IS NULL OR created_at < $2) AND id > $3
                ORDER BY id LIMIT $4"),
    ).bind(unclaimed.micros()).bind(claimed.micros()).bind(after.0).bind(limit).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// Removes a row.
pub(super) async fn delete(db: &Db, id: FileId) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM files WHERE id = $1",
    ).bind(id.0).execute(pool).await.map(drop))
}
