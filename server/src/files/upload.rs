//! Uploading: the body streams into the store as it comes, and is looked at on the way.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::State,
    http::{HeaderMap, StatusCode},
};
use futures_util::{StreamExt, stream};
use platform::{
    db::is_taken,
    objects::{self, Stored},
    service::{
        ApiError, ApiJson, ApiPath, ApiQuery, Outcome,
        upload::{announced, drain, linger, request_key, too_large},
    },
    traces,
};
use wire::{
    Code, FileId, UserId,
    files::{File, NewFile, plain_name},
    paths,
};

use super::{media, object_key, remove, sql};
use crate::{
    accounts::Caller,
    rooms,
    state::{App, State as Hub},
};

/// How long a sender may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one upload may take.
const UPLOAD: Duration = Duration::from_secs(3600);
/// Uploads of one person that no message has yet.
pub(crate) const WAITING: i64 = 100;

/// A body that can be given away and still be read to its end afterwards.
type Shared = Arc<tokio::sync::Mutex<BodyDataStream>>;

/// Uploads a file into a room that the caller is in. The body is the file itself. Nobody else sees it until a message
/// carries it, and it is removed when none does within a day.
///
/// With the header `Idempotency-Key`, sending the same upload again makes no second file.
#[utoipa::path(post, path = paths::ROOM_FILES, tag = "files", security(("bearer" = [])),
    params(
        ("room" = String, Path),
        ("name" = Option<String>, Query, description = "What to call it."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made fresh for each upload."),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = File), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 413, body = wire::Problem), (status = 422, body = wire::Problem)))]
pub(crate) async fn upload(
    State(state): State<App>,
    caller: Result<Caller, ApiError>,
    ApiPath(room): ApiPath<String>,
    query: Result<ApiQuery<NewFile>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<(StatusCode, ApiJson<File>)> {
    let body = Shared::new(body.into_data_stream().into());
    let work = {
        let (state, body) = (state.clone(), body.clone());
        async move { take(&state, caller, &room, query, &headers, &body).await }
    };
    // It comes to its end when whoever asked is gone: what is left half done would count as theirs.
    let taken = tokio::spawn(traces::carried(work)).await.map_err(anyhow::Error::from)?;
    if taken.is_err() {
        linger(&state.tasks, async move { drain(&mut *body.lock().await).await });
    }
    Ok((StatusCode::CREATED, ApiJson(taken?)))
}

async fn take(
    state: &App,
    caller: Result<Caller, ApiError>,
    room: &str,
    query: Result<ApiQuery<NewFile>, ApiError>,
    headers: &HeaderMap,
    body: &Shared,
) -> Outcome<File> {
    let (caller, ApiQuery(NewFile { name })) = (caller?, query?);
    let room = rooms::joined(state, &caller, room).await?.id;
    let key = request_key(headers)?;
    if let Some(key) = key
        && let Some(kept) = sql::by_request(&state.db, caller.user, key).await?
    {
        return if kept.room == room { Ok(kept.file) } else { Err(other_upload(key)) };
    }
    let announced = announced(headers, state.config.max_upload_bytes)?.unwrap_or_default();
    check_usage(state, caller.user, announced).await?;

    let (id, name) = (FileId::new(), plain_name(&name, "file"));
    let begun =
        sql::Begun { id, room, owner: caller.user, name: &name, bytes: announced, at: state.clock.now() };
    sql::begin(&state.db, &begun).await?;
    let kept = keep(state, &object_key(room, id), body).await;
    let (stored, head) = match kept {
        Ok(kept) => kept,
        Err(refused) => {
            remove::one(state, room, id).await?;
            return Err(refused);
        }
    };
    let media_type = media::of(&head, &name).to_owned();
    let file = File { id, name, bytes: stored.bytes, sha256: stored.sha256, media_type };
    match sql::finish(&state.db, &file, key).await {
        Err(error) if is_taken(&error) => {
            remove::one(state, room, id).await?;
            let key = key.unwrap_or_default();
            let earlier = sql::by_request(&state.db, caller.user, key).await?;
            earlier.map(|kept| kept.file).ok_or_else(|| other_upload(key))
        }
        Ok(true) => Ok(file),
        // The room was deleted meanwhile.
        Ok(false) => {
            remove::one(state, room, id).await?;
            Err(ApiError::not_found("room"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores the body; with what it begins with.
async fn keep(state: &Hub, key: &str, body: &Shared) -> Outcome<(Stored, Vec<u8>)> {
    let limit = state.config.max_upload_bytes;
    let head = Arc::new(Mutex::new(Vec::with_capacity(media::HEAD)));
    let chunks = chunks(body.clone(), head.clone());
    let stored = tokio::time::timeout(UPLOAD, state.objects.put(key, chunks, limit)).await;
    let stored = stored.unwrap_or_else(|_| Err(objects::Error::Body(io::ErrorKind::TimedOut.into())));
    let stored = stored.map_err(|error| match error {
        objects::Error::TooLarge { limit } => {
            too_large(format!("the file is larger than the {limit} bytes that are allowed"))
        }
        objects::Error::Body(_) => {
            ApiError::new(Code::BadRequest, "the upload was cut off").hint("send it again")
        }
        error => anyhow::Error::new(error).into(),
    })?;
    if stored.bytes == 0 {
        return Err(ApiError::new(Code::EmptyFile, "the file has no content"));
    }
    let head = std::mem::take(&mut *head.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((stored, head))
}

/// The body piece by piece, for as long as the sender is not silent. Its beginning is kept.
fn chunks(body: Shared, head: Arc<Mutex<Vec<u8>>>) -> objects::Body {
    Box::pin(stream::unfold((body, head), async |(body, head)| {
        let next = tokio::time::timeout(SILENCE, async { body.lock().await.next().await }).await;
        let chunk = match next {
            Ok(next) => next?.map_err(io::Error::other),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        if let Ok(chunk) = &chunk {
            let mut head = head.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = media::HEAD - head.len();
            head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
        }
        Some((chunk, (body, head)))
    }))
}

/// Uploads that run at the same moment may pass the bound together by what they do not announce.
async fn check_usage(state: &Hub, owner: UserId, announced: u64) -> Outcome<()> {
    let waiting = check_bytes(state, owner, announced).await?;
    if waiting >= WAITING {
        let detail = format!("{waiting} of your uploads belong to no message yet");
        return Err(ApiError::new(Code::RateLimited, detail).retry_after(3600));
    }
    Ok(())
}

/// Refuses so many more bytes of somebody when they would have too many; how many of their files wait for a message.
pub(super) async fn check_bytes(state: &Hub, owner: UserId, more: u64) -> Outcome<i64> {
    let most = state.config.max_user_files_bytes;
    // An upload that takes longer than one may is none any more, whatever is left of it.
    let since = state.clock.now().plus_seconds(-UPLOAD.as_secs().cast_signed());
    let (bytes, waiting) = sql::usage(&state.db, owner, since).await?;
    if bytes.saturating_add(more) > most {
        let detail = format!("your files in rooms have {bytes} bytes together, and {most} are allowed");
        return Err(ApiError::new(Code::TooLarge, detail).hint(
            "remove messages with files that nobody needs, or ask whoever runs the hub to raise the limit",
        ));
    }
    Ok(waiting)
}

fn other_upload(key: &str) -> ApiError {
    ApiError::new(Code::Conflict, format!("the key `{key}` belongs to another upload"))
        .hint("make a fresh key for each upload")
}
