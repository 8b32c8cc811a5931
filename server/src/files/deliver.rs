//! Handing out an object as a file to save: whole or a part of it, and never as a page of ours.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::{
    objects::{Error, Object, Objects, attachment},
    service::{ApiError, Outcome},
};
use wire::Code;

use super::range::{Range, first_bytes};

/// An object and what is said of it. It never changes: `tag` names its bytes.
pub(crate) struct Content<'a> {
    pub(crate) key: &'a str,
    /// Visible ASCII without quotes.
    pub(crate) tag: &'a str,
    pub(crate) name: &'a str,
    pub(crate) media_type: &'a str,
}

/// The answer to a request for it.
pub(crate) async fn deliver(
    objects: &Objects,
    headers: &HeaderMap,
    content: Content<'_>,
) -> Outcome<Response> {
    let tag = format!("\"{}\"", content.tag);
    if asks(headers, &header::IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|known| known.trim() == tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let current = asks(headers, &header::IF_RANGE).is_none_or(|known| known == tag);
    let range = asks(headers, &header::RANGE).filter(|_| current).and_then(Range::parse);

    let object = match range {
        None => open(objects, content.key, 0).await?,
        Some(Range::From(from, _)) => open(objects, content.key, from).await?,
        // Where that begins only its size tells.
        Some(Range::Last(count)) => {
            let bytes = open(objects, content.key, 0).await?.bytes;
            open(objects, content.key, bytes.saturating_sub(count)).await?
        }
    };
    let mut response = answer(object, range)?;
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::try_from(tag).map_err(anyhow::Error::from)?);
    dress(headers, &content)?;
    Ok(response)
}

async fn open(objects: &Objects, key: &str, from: u64) -> Outcome<Object> {
    objects.get(key, from).await.map_err(|error| match error {
        Error::NotFound(_) => ApiError::not_found("file"),
        error => anyhow::Error::new(error).into(),
    })
}

/// Status, length and bytes.
fn answer(object: Object, range: Option<Range>) -> Outcome<Response> {
    let Object { bytes, body } = object;
    let Some(range) = range else {
        return Ok(([(header::CONTENT_LENGTH, bytes)], Body::from_stream(body)).into_response());
    };
    let Some((from, to)) = range.within(bytes) else {
        let refused =
            ApiError::new(Code::BadRange, format!("the file has {bytes} bytes, none of them in this range"));
        return Ok(([(header::CONTENT_RANGE, format!("bytes */{bytes}"))], refused).into_response());
    };
    let length = to - from + 1;
    let headers = [
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_RANGE, format!("bytes {from}-{to}/{bytes}")),
    ];
    Ok((StatusCode::PARTIAL_CONTENT, headers, Body::from_stream(first_bytes(body, length))).into_response())
}

/// What keeps a stranger's document from acting as a page of ours.
fn dress(headers: &mut HeaderMap, content: &Content<'_>) -> Outcome<()> {
    if !headers.contains_key(header::CONTENT_TYPE) {
        let media = HeaderValue::try_from(content.media_type).map_err(anyhow::Error::from)?;
        headers.insert(header::CONTENT_TYPE, media);
    }
    let named = HeaderValue::try_from(attachment(content.name)).map_err(anyhow::Error::from)?;
    headers.insert(header::CONTENT_DISPOSITION, named);
    for (name, value) in [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(())
}

fn asks<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
