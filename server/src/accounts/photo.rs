//! Profile photos: an object each, and a pointer to it in the account.

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::{
    objects,
    service::{ApiError, ApiPath, Outcome, in_time},
};
use uuid::Uuid;
use wire::{Code, UserId, paths};

use super::{Caller, sql};
use crate::{
    picture,
    state::{App, State as Hub},
};

/// The largest file that is taken, in bytes.
const LARGEST: usize = 5 * 1024 * 1024;

/// One's own photo.
#[utoipa::path(get, path = paths::MY_PHOTO, tag = "accounts", security(("bearer" = [])),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304),
        (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn mine(State(state): State<App>, caller: Caller, headers: HeaderMap) -> Outcome<Response> {
    show(&state, caller.user, &headers).await
}

/// Somebody's photo.
#[utoipa::path(get, path = paths::USER_PHOTO, tag = "accounts", params(("id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304),
        (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn of_user(
    State(state): State<App>,
    _: Caller,
    ApiPath(user): ApiPath<UserId>,
    headers: HeaderMap,
) -> Outcome<Response> {
    show(&state, user, &headers).await
}

/// Sets one's own photo: a PNG, JPEG, WebP or GIF file as the body. It is cropped to a square and written anew.
#[utoipa::path(put, path = paths::MY_PHOTO, tag = "accounts", security(("bearer" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204), (status = 401, body = wire::Problem), (status = 413, body = wire::Problem),
        (status = 422, body = wire::Problem)))]
pub(crate) async fn set(State(state): State<App>, caller: Caller, body: Body) -> Outcome<StatusCode> {
    let bytes = in_time(to_bytes(body, LARGEST)).await?.map_err(|error| unread(&error))?;
    let clean = state.pictures.take(|turn| turn.make(move || picture::square(&bytes))).await?;
    let clean = clean.map_err(|refusal| {
        ApiError::new(Code::BadPhoto, refusal).hint("send a PNG, JPEG, WebP or GIF file of at most 5 MiB")
    })?;
    // A fresh name each time: whoever reads the old one meanwhile reads it whole.
    let key = format!("photos/{}/{}.{}", caller.user, Uuid::new_v4(), clean.ending);
    let chunks = futures_util::stream::iter([Ok(bytes::Bytes::from(clean.bytes))]);
    state.objects.put(&key, Box::pin(chunks), u64::MAX).await.map_err(anyhow::Error::from)?;
    if let Err(refusal) = swap(&state, caller.user, Some(&key)).await {
        forget(&state, &key).await;
        return Err(refusal);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Removes one's own photo. One that is not there is removed already.
#[utoipa::path(delete, path = paths::MY_PHOTO, tag = "accounts", security(("bearer" = [])),
    responses((status = 204), (status = 401, body = wire::Problem)))]
pub(crate) async fn remove(State(state): State<App>, caller: Caller) -> Outcome<StatusCode> {
    swap(&state, caller.user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The pointer first, the old object afterwards: a crash between the two leaves a file that nobody sees.
async fn swap(state: &Hub, user: UserId, new: Option<&str>) -> Outcome<()> {
    let old = sql::account(&state.db, user).await?.and_then(|account| account.photo);
    if !sql::swap_photo(&state.db, user, old.as_deref(), new).await? {
        return Err(
            ApiError::new(Code::Conflict, "the photo was changed at the same moment").hint("try again")
        );
    }
    if let Some(old) = old {
        forget(state, &old).await;
    }
    Ok(())
}

async fn forget(state: &Hub, key: &str) {
    if let Err(error) = state.objects.delete(key).await {
        tracing::warn!(%error, "an old photo could not be removed and stays behind");
    }
}

async fn show(state: &Hub, user: UserId, headers: &HeaderMap) -> Outcome<Response> {
    let none = || ApiError::not_found("photo");
    let key = sql::account(&state.db, user).await?.and_then(|account| account.photo).ok_or_else(none)?;
    // The last part of the key is drawn anew for each photo.
    let tag = format!("\"{}\"", key.rsplit('/').next().unwrap_or_default());
    let fresh = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, fresh).into_response());
    }
    let object = match state.objects.get(&key, 0).await {
        Ok(object) => object,
        // It was changed between the two reads.
        Err(objects::Error::NotFound(_)) => return Err(none()),
        Err(failure) => return Err(anyhow::Error::from(failure).into()),
    };
    let media_type = if key.ends_with(".png") { "image/png" } else { "image/jpeg" };
    let content = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_LENGTH, object.bytes.to_string()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    Ok((fresh, content, Body::from_stream(object.body)).into_response())
}

fn unread(error: &axum::Error) -> ApiError {
    let is_too_large =
        std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit"));
    if is_too_large {
        return ApiError::new(Code::TooLarge, format!("a photo is at most {LARGEST} bytes"));
    }
    ApiError::new(Code::BadRequest, "the photo did not arrive whole")
}
