//! Small pictures: made when somebody first asks, kept, and gone with their file.

use axum::{extract::State, http::HeaderMap, response::Response};
use futures_util::TryStreamExt as _;
use platform::service::{ApiError, ApiPath, Outcome};
use wire::{Code, FileId, files::File, paths};

use super::{Content, Kept, deliver, download::visible, object_key, sql, thumbnail_key};
use crate::{
    accounts::Caller,
    picture,
    state::{App, State as Hub},
    turns::Turn,
};

/// The largest file of which a picture is made: it is read into memory.
const LARGEST: u64 = 32 * 1024 * 1024;
/// In place of an ending where no picture can be made.
const NONE: &str = "none";

/// A small picture of a file, at most 320 pixels on a side, without anything of the file but its pixels. PNG, JPEG,
/// GIF, WebP, BMP and TIFF files have one.
#[utoipa::path(get, path = paths::FILE_THUMBNAIL, tag = "files", security(("bearer" = [])), params(("id" = FileId, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304),
        (status = 401, body = wire::Problem), (status = 404, body = wire::Problem), (status = 503, body = wire::Problem)))]
pub(crate) async fn thumbnail(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<FileId>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let kept = visible(&state, &caller, id).await?;
    let ending = match &kept.thumbnail {
        Some(ending) => ending.clone(),
        None => state.pictures.take(|turn| made(&state, &caller, id, turn)).await?,
    };
    if ending == NONE {
        return Err(ApiError::new(
            Code::NotFound,
            format!("there is no small picture of {}", kept.file.name),
        ));
    }
    let media_type = if ending == "png" { "image/png" } else { "image/jpeg" };
    let content = Content {
        key: &thumbnail_key(kept.room, id),
        tag: &format!("{}-small", kept.file.sha256),
        name: &format!("small.{ending}"),
        media_type,
    };
    deliver(&state.objects, &headers, content).await
}

/// Its ending, once it is made and kept. What was begun goes on when nobody waits any more: a picture that takes too
/// long is made once, and not again for whoever asks next.
async fn made(state: &App, caller: &Caller, id: FileId, turn: Turn) -> Outcome<String> {
    // Somebody may have had a turn at it meanwhile.
    let kept = visible(state, caller, id).await?;
    if let Some(ending) = kept.thumbnail {
        return Ok(ending);
    }
    let state = state.clone();
    let making = tokio::spawn(async move { make(&state, &kept, turn).await });
    making.await.map_err(anyhow::Error::from)?
}

/// Makes and keeps it; its ending. Two who ask at once may make the same one twice.
async fn make(state: &Hub, kept: &Kept, turn: Turn) -> Outcome<String> {
    let Kept { file: File { id, bytes, .. }, room, .. } = kept;
    let small = match kept.file.is_picture() && *bytes <= LARGEST {
        true => small(state, kept, turn).await?,
        false => None,
    };
    let Some(small) = small else {
        sql::set_thumbnail(&state.db, *id, NONE).await?;
        return Ok(NONE.to_owned());
    };
    let chunks = futures_util::stream::iter([Ok(bytes::Bytes::from(small.bytes))]);
    let key = thumbnail_key(*room, *id);
    state.objects.put(&key, Box::pin(chunks), u64::MAX).await.map_err(anyhow::Error::from)?;
    if !sql::set_thumbnail(&state.db, *id, small.ending).await? {
        state.objects.delete(&key).await.map_err(anyhow::Error::from)?;
        return Err(ApiError::not_found("file"));
    }
    Ok(small.ending.to_owned())
}

/// The picture; `None` when it is damaged or would unfold into too much.
async fn small(state: &Hub, kept: &Kept, turn: Turn) -> Outcome<Option<picture::Clean>> {
    let key = object_key(kept.room, kept.file.id);
    let object = state.objects.get(&key, 0).await.map_err(anyhow::Error::from)?;
    let whole = object.body.try_fold(Vec::new(), async |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        Ok(whole)
    });
    let whole = whole.await.map_err(anyhow::Error::from)?;
    match turn.make(move || picture::small(&whole)).await? {
        Ok(small) => Ok(Some(small)),
        Err(why) => {
            tracing::debug!(file = %kept.file.id, why, "a file has no small picture");
            Ok(None)
        }
    }
}
