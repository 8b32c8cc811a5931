//! Appending to an upload: part after part is stored and then counts, whatever becomes of the sender or of us.

use axum::{body::Body, extract::State, http::HeaderMap};
use platform::{
    service::{
        ApiError, ApiJson, ApiPath, ApiQuery, Outcome,
        internal::OnBehalfOf,
        upload::{announced, linger},
    },
    traces,
};
use uuid::Uuid;
use wire::{
    Code, UploadId,
    uploads::{Append, Upload},
};

use super::{
    checksum::Checksum,
    finish,
    source::{End, PART, Source},
    sql::{self, Part, Row},
};
use crate::{consent, state::App};

/// Objects that one upload may have: more of them are bytes that somebody sends one by one.
const PARTS: i64 = 20_000;

/// The bytes of the body follow those that are there. Those of a body that breaks off count as far as they came, unless
/// it has a checksum: then all count, or none.
pub(crate) async fn append(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    ApiPath(id): ApiPath<UploadId>,
    ApiQuery(Append { at }): ApiQuery<Append>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<ApiJson<Upload>> {
    let source = Source::of(body);
    let work = {
        let (app, source) = (app.clone(), source.clone());
        async move {
            let checksum = Checksum::of_request(&headers)?;
            let row = super::of(&app, owner, id).await?;
            if at != row.received() {
                return Err(elsewhere(&row, at));
            }
            let lacking = row.length() - at;
            announced(&headers, lacking)?;
            if !row.is_settled() {
                source.expect(lacking, checksum).await;
                take(&app, &row, &source).await?;
            }
            finish::finished(&app, owner, id, consent::of_request(&headers)).await
        }
    };
    // It goes on when whoever asked is gone: what has arrived is kept.
    let done = tokio::spawn(traces::carried(work)).await.map_err(anyhow::Error::from)?;
    linger(&app.tasks, source.drain());
    Ok(ApiJson(done?.told()))
}

fn elsewhere(row: &Row, at: u64) -> ApiError {
    let detail = format!("the upload has {} bytes, and these belong behind {at}", row.received());
    ApiError::new(Code::OffsetMismatch, detail).hint("ask how far it is, and go on there")
}

/// Stores what comes until nothing comes any more.
async fn take(app: &App, row: &Row, source: &Source) -> Outcome<()> {
    if sql::count_parts(&app.db, row.id()).await? >= PARTS {
        return Err(ApiError::new(Code::TooLarge, "the upload came in too many pieces")
            .hint("begin another one, and send more at once"));
    }
    let pen = Pen { app, row, writer: Uuid::now_v7() };
    if !sql::take_over(&app.db, row, pen.writer, app.clock.now(), super::expiry(app)).await? {
        return Err(somebody_else());
    }
    match source.holds().await {
        None => pen.write(source).await,
        Some(_) => pen.write_checked(source).await,
    }
}

/// Whoever may append now.
struct Pen<'a> {
    app: &'a App,
    row: &'a Row,
    writer: Uuid,
}

impl Pen<'_> {
    /// Each part counts as soon as it is stored.
    async fn write(&self, source: &Source) -> Outcome<()> {
        let mut at = self.row.received();
        while source.has_more().await {
            let part = self.store(at, source).await?;
            at += u64::try_from(part.bytes).unwrap_or_default();
            if source.end().await == Some(End::TooMuch) {
                self.discard(&[part]).await;
                break;
            }
            self.count(&[part]).await?;
        }
        match source.end().await {
            Some(End::Broken(why)) => Err(broken(why, "what has arrived is kept: ask how far it is")),
            Some(End::TooMuch) => Err(too_much()),
            Some(End::Whole) | None => Ok(()),
        }
    }

    /// All parts count at once, when they are what was announced.
    async fn write_checked(&self, source: &Source) -> Outcome<()> {
        let (mut at, mut parts) = (self.row.received(), Vec::new());
        let verdict = loop {
            if !source.has_more().await {
                break match source.end().await {
                    Some(End::Broken(why)) => Err(broken(why, "send it again: nothing of it can be checked")),
                    Some(End::TooMuch) => Err(too_much()),
                    _ if source.holds().await == Some(false) => Err(ApiError::new(
                        Code::ChecksumMismatch,
                        "the bytes that arrived do not have the checksum that was announced",
                    )
                    .hint("send them again")),
                    _ => Ok(()),
                };
            }
            match self.store(at, source).await {
                Ok(part) => {
                    at += u64::try_from(part.bytes).unwrap_or_default();
                    parts.push(part);
                }
                Err(refused) => break Err(refused),
            }
        };
        match verdict {
            Ok(()) => self.count(&parts).await,
            Err(refused) => {
                self.discard(&parts).await;
                Err(refused)
            }
        }
    }

    /// Stores the next part; it does not count yet.
    async fn store(&self, at: u64, source: &Source) -> Outcome<Part> {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let mut part = Part { upload: self.row.id().0, id: Uuid::now_v7(), at, bytes: 0 };
        if !sql::place(&self.app.db, &part, self.writer).await? {
            return Err(somebody_else());
        }
        let stored = self.app.objects.put(&part.key(), source.part(), PART).await;
        part.bytes = i64::try_from(stored.map_err(anyhow::Error::from)?.bytes).unwrap_or(i64::MAX);
        Ok(part)
    }

    async fn count(&self, parts: &[Part]) -> Outcome<()> {
        if sql::append(&self.app.db, parts, self.writer, super::expiry(self.app)).await? {
            return Ok(());
        }
        self.discard(parts).await;
        Err(somebody_else())
    }

    /// Removes what does not count. What cannot be removed now goes with the upload.
    async fn discard(&self, parts: &[Part]) {
        for part in parts {
            let gone = self.app.objects.delete(&part.key()).await;
            if let Err(error) = gone {
                tracing::debug!(%error, "a part of an upload stays until the upload goes");
                continue;
            }
            if let Err(error) = sql::forget_part(&self.app.db, part).await {
                tracing::debug!(%error, "a part of an upload is forgotten later");
            }
        }
    }
}

fn somebody_else() -> ApiError {
    ApiError::new(Code::OffsetMismatch, "another request appends to this upload, or it was given up")
        .hint("ask how far it is, and go on there")
}

fn broken(why: &str, then: &str) -> ApiError {
    ApiError::new(Code::BadRequest, format!("the upload was cut off: {why}")).hint(then)
}

fn too_much() -> ApiError {
    ApiError::new(Code::TooLarge, "more bytes came than the upload was to have")
        .hint("say the size of the whole file when an upload begins")
}
