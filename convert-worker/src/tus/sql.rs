//! Uploads that come in pieces, in the database: how far each is, who appends, and where its bytes are.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use uuid::Uuid;
use wire::{
    JobId, Timestamp, UploadId, UserId,
    uploads::{NewUpload, Upload},
};

/// One row of `uploads`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    id: Uuid,
    owner: Uuid,
    length: i64,
    received: i64,
    metadata: Option<String>,
    /// JSON of a [`wire::conversions::NewConversion`].
    pub(super) wish: String,
    /// Sealed for the upload.
    pub(super) password: Option<Vec<u8>>,
    /// The owner's consent when it began.
    pub(super) third_party: bool,
    job: Option<Uuid>,
    /// JSON of a [`wire::Problem`].
    pub(super) refusal: Option<String>,
    expires_at: i64,
    closed_at: Option<i64>,
}

platform::from_row!(Row {
    id,
    owner,
    length,
    received,
    metadata,
    wish,
    password,
    third_party,
    job,
    refusal,
    expires_at,
    closed_at
});

macro_rules! columns {
    () => {
        "id, owner, length, received, metadata, wish, password, third_party, job, refusal, expires_at, closed_at"
    };
}

impl Row {
    pub(super) fn id(&self) -> UploadId {
        UploadId(self.id)
    }

    pub(super) fn owner(&self) -> UserId {
        UserId(self.owner)
    }

    pub(super) fn length(&self) -> u64 {
        count(self.length)
    }

    pub(super) fn received(&self) -> u64 {
        count(self.received)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.received == self.length
    }

    pub(super) fn job(&self) -> Option<JobId> {
        self.job.map(JobId)
    }

    /// Whether something became of it.
    pub(super) fn is_settled(&self) -> bool {
        self.job.is_some() || self.refusal.is_some()
    }

    /// Whether it was given up, or nothing came for too long.
    pub(super) fn is_gone(&self, now: Timestamp) -> bool {
        !self.is_settled() && (self.closed_at.is_some() || self.expires_at <= now.micros())
    }

    /// As its owner sees it.
    pub(super) fn told(&self) -> Upload {
        Upload {
            id: self.id(),
            length: self.length(),
            offset: self.received(),
            metadata: self.metadata.clone(),
            expires_at: Timestamp::from_micros(self.expires_at),
            job: self.job(),
        }
    }
}

/// An upload that begins.
pub(super) struct Begun<'a> {
    pub(super) id: UploadId,
    pub(super) owner: UserId,
    pub(super) request_key: Option<&'a str>,
    pub(super) new: &'a NewUpload,
    pub(super) wish: &'a str,
    pub(super) password: Option<Vec<u8>>,
    pub(super) third_party: bool,
    pub(super) now: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Some bytes in the store.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) upload: Uuid,
    pub(super) id: Uuid,
    pub(super) at: i64,
    pub(super) bytes: i64,
}

platform::from_row!(Part { upload, id, at, bytes });

impl Part {
    pub(super) fn key(&self) -> String {
        format!("up/{}/{}", self.upload, self.id)
    }
}

pub(super) async fn begin(db: &Db, begun: &Begun<'_>) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "INSERT INTO uploads (id, owner, request_key, length, metadata, wish, password, third_party,
                                  created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(begun.id.0)
        .bind(begun.owner.0)
        .bind(begun.request_key)
        .bind(signed(begun.new.length))
        .bind(&begun.new.metadata)
        .bind(begun.wish)
        .bind(&begun.password)
        .bind(begun.third_party)
        .bind(begun.now.micros())
        .bind(begun.expires_at.micros())
        .execute(pool)
        .await
        .map(drop)
    })
}

pub(super) async fn find(db: &Db, owner: UserId, id: UploadId) -> sqlx::Result<Option<Row>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM uploads WHERE id = $1 AND owner = $2"))
            .bind(id.0).bind(owner.0).fetch_optional(pool).await
    })
}

pub(super) async fn find_request(db: &Db, owner: UserId, key: &str) -> sqlx::Result<Option<Row>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM uploads WHERE owner = $1 AND request_key = $2"))
            .bind(owner.0).bind(key).fetch_optional(pool).await
    })
}

/// How many of this person's uploads are not whole yet.
pub(super) async fn open(db: &Db, owner: UserId, now: Timestamp) -> sqlx::Result<i64> {
    each!(db.reader(), pool => {
        sqlx::query_scalar(
            "SELECT count(*) FROM uploads WHERE owner = $1 AND closed_at IS NULL AND expires_at > $2",
        )
        .bind(owner.0).bind(now.micros()).fetch_one(pool).await
    })
}

/// Makes somebody the one who appends, if the upload is still at this place.
pub(super) async fn take_over(
    db: &Db,
    row: &Row,
    writer: Uuid,
    now: Timestamp,
    expires_at: Timestamp,
) -> sqlx::Result<bool> {
    each!(db.writer(), pool => {
        sqlx::query(
            "UPDATE uploads SET writer = $3, expires_at = $5
             WHERE id = $1 AND received = $2 AND closed_at IS NULL AND expires_at > $4",
        )
        .bind(row.id)
        .bind(row.received)
        .bind(writer)
        .bind(now.micros())
        .bind(expires_at.micros())
        .execute(pool)
        .await
        .map(|done| done.rows_affected() == 1)
    })
}

/// Notes an object before it is stored, so that it is found whatever happens. `false` when somebody else appends.
pub(super) async fn place(db: &Db, part: &Part, writer: Uuid) -> sqlx::Result<bool> {
    each!(db.writer(), pool => {
        sqlx::query(
            "INSERT INTO upload_parts (upload, id, at)
             SELECT id, $2, $3 FROM uploads WHERE id = $1 AND writer = $4 AND closed_at IS NULL",
        )
        .bind(part.upload)
        .bind(part.id)
        .bind(part.at)
        .bind(writer)
        .execute(pool)
        .await
        .map(|done| done.rows_affected() == 1)
    })
}

/// Lets stored bytes count, all or none. `false` when somebody else appends.
pub(super) async fn append(
    db: &Db,
    parts: &[Part],
    writer: Uuid,
    expires_at: Timestamp,
) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    for part in parts {
        if !grow(&mut tx, part, writer, expires_at).await? {
            return Ok(false);
        }
    }
    tx.commit().await?;
    Ok(true)
}

async fn grow(tx: &mut Transaction, part: &Part, writer: Uuid, expires_at: Timestamp) -> sqlx::Result<bool> {
    in_tx!(tx, connection => {
        let grown = sqlx::query(
            "UPDATE uploads SET received = received + $4, expires_at = $5
             WHERE id = $1 AND writer = $2 AND received = $3 AND closed_at IS NULL",
        )
        .bind(part.upload)
        .bind(writer)
        .bind(part.at)
        .bind(part.bytes)
        .bind(expires_at.micros())
        .execute(&mut **connection)
        .await?;
        let counts = sqlx::query("UPDATE upload_parts SET bytes = $3 WHERE upload = $1 AND id = $2")
            .bind(part.upload)
            .bind(part.id)
            .bind(part.bytes)
            .execute(&mut **connection)
            .await?;
        Ok(grown.rows_affected() == 1 && counts.rows_affected() == 1)
    })
}

/// How many objects there are, those that do not count among them.
pub(super) async fn count_parts(db: &Db, id: UploadId) -> sqlx::Result<i64> {
    each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT count(*) FROM upload_parts WHERE upload = $1").bind(id.0).fetch_one(pool).await
    })
}

/// What counts, in the order of the file.
pub(super) async fn parts(db: &Db, id: UploadId) -> sqlx::Result<Vec<Part>> {
    each!(db.reader(), pool => {
        sqlx::query_as(
            "SELECT upload, id, at, bytes FROM upload_parts WHERE upload = $1 AND bytes IS NOT NULL ORDER BY at",
        )
        .bind(id.0).fetch_all(pool).await
    })
}

/// Forgets an object that is gone.
pub(super) async fn forget_part(db: &Db, part: &Part) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query("DELETE FROM upload_parts WHERE upload = $1 AND id = $2")
            .bind(part.upload).bind(part.id).execute(pool).await.map(drop)
    })
}

/// What became of an upload, once and for all.
pub(super) async fn settle(
    db: &Db,
    row: &Row,
    job: Option<JobId>,
    refusal: Option<&str>,
    now: Timestamp,
) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "UPDATE uploads SET job = $2, refusal = $3, closed_at = $4, writer = NULL, password = NULL
             WHERE id = $1 AND job IS NULL AND closed_at IS NULL",
        )
        .bind(row.id)
        .bind(job.map(|job| job.0))
        .bind(refusal)
        .bind(now.micros())
        .execute(pool)
        .await
        .map(drop)
    })
}

/// Takes nothing more for an upload that its owner gives up.
pub(super) async fn close(db: &Db, row: &Row, now: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "UPDATE uploads SET closed_at = $2, writer = NULL, password = NULL WHERE id = $1 AND closed_at IS NULL",
        )
        .bind(row.id).bind(now.micros()).execute(pool).await.map(drop)
    })
}

/// Takes nothing more for uploads for which nothing came for too long.
pub(super) async fn close_expired(db: &Db, now: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "UPDATE uploads SET closed_at = $1, writer = NULL, password = NULL
             WHERE closed_at IS NULL AND expires_at <= $1",
        )
        .bind(now.micros()).execute(pool).await.map(drop)
    })
}

/// Objects of closed uploads, of one or of all, of which nobody needs any more: in the order of their ids, behind one.
pub(super) async fn leftovers(
    db: &Db,
    of: Option<UploadId>,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Part>> {
    each!(db.reader(), pool => {
        sqlx::query_as(
            "SELECT parts.upload, parts.id, parts.at, coalesce(parts.bytes, 0) AS bytes
             FROM uploads JOIN upload_parts AS parts ON parts.upload = uploads.id
             WHERE uploads.closed_at IS NOT NULL AND ($1 IS NULL OR uploads.id = $1) AND parts.id > $3
             ORDER BY parts.id LIMIT $2",
        )
        .bind(of.map(|id| id.0)).bind(limit).bind(after).fetch_all(pool).await
    })
}

/// Forgets closed uploads without objects: those closed before a moment, or one.
pub(super) async fn forget(db: &Db, of: Option<UploadId>, before: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "DELETE FROM uploads
             WHERE closed_at IS NOT NULL AND (closed_at <= $1 OR id = $2)
                   AND NOT EXISTS (SELECT 1 FROM upload_parts WHERE upload = uploads.id)",
        )
        .bind(before.micros()).bind(of.map(|id| id.0)).execute(pool).await.map(drop)
    })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
