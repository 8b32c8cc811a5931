//! Beginning an upload: what can be refused by its words is refused before a byte has come.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use platform::{
    db::is_taken,
    service::{
        ApiError, ApiJson, Outcome,
        internal::OnBehalfOf,
        upload::{fits, request_key},
    },
};
use wire::{
    Code, JobId, UploadId, UserId,
    conversions::NewConversion,
    uploads::{NewUpload, Upload},
};

use super::sql::{self, Begun, Row};
use crate::{consent, intake::Wish, jobs, passwords, state::App};

/// Begun again with the same `Idempotency-Key` it is the same upload, however far it is.
pub(crate) async fn begin(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    headers: HeaderMap,
    ApiJson(new): ApiJson<NewUpload>,
) -> Outcome<(StatusCode, ApiJson<Upload>)> {
    let key = request_key(&headers)?;
    let wish = serde_json::to_string(&new.wish).map_err(anyhow::Error::from)?;
    let row = match known(&app, owner, key, &new, &wish).await? {
        Some(row) => row,
        None => fresh(&app, owner, &headers, key, &new, &wish).await?,
    };
    Ok((StatusCode::CREATED, ApiJson(row.told())))
}

async fn known(
    app: &App,
    owner: UserId,
    key: Option<&str>,
    new: &NewUpload,
    wish: &str,
) -> Outcome<Option<Row>> {
    let Some(key) = key else { return Ok(None) };
    match sql::find_request(&app.db, owner, key).await? {
        Some(row) if row.length() == new.length && row.wish == wish => {
            if row.is_gone(app.clock.now()) {
                Err(super::gone())
            } else {
                Ok(Some(row))
            }
        }
        Some(_) => Err(ApiError::new(Code::Conflict, format!("the key `{key}` belongs to another upload"))
            .hint("make a fresh key for each upload")),
        None => Ok(None),
    }
}

async fn fresh(
    app: &App,
    owner: UserId,
    headers: &HeaderMap,
    key: Option<&str>,
    new: &NewUpload,
    wish: &str,
) -> Outcome<Row> {
    fits(new.length, app.config.max_upload_bytes)?;
    if new.length == 0 {
        return Err(ApiError::new(Code::EmptyFile, "the file is empty"));
    }
    if new.wish.url.is_some() {
        return Err(ApiError::new(Code::InvalidField, "an upload brings its file along")
            .field("/url", "must be in the query of a request without a body"));
    }
    let (password, third_party) = (passwords::of_request(headers)?, consent::of_request(headers));
    let wanted = NewConversion { password: password.clone(), ..new.wish.clone() };
    Wish::of(app, owner, wanted, third_party, None)?;
    let now = app.clock.now();
    let limit = app.config.waiting_per_user;
    if jobs::sql::waiting(&app.db, owner).await? + sql::open(&app.db, owner, now).await? >= i64::from(limit) {
        let detail = format!("{limit} of your conversions wait, or are on their way here, already");
        return Err(ApiError::new(Code::RateLimited, detail)
            .hint("finish an upload that was begun or give it up, or wait until a conversion has started")
            .retry_after(1));
    }
    let id = UploadId::new();
    let seal = |password: String| app.passwords.seal(JobId(id.0), &password);
    let password = password.map(seal).transpose()?;
    let expires_at = super::expiry(app);
    let begun = Begun { id, owner, request_key: key, new, wish, password, third_party, now, expires_at };
    match sql::begin(&app.db, &begun).await {
        // The same request, sent twice at once.
        Err(error) if is_taken(&error) => known(app, owner, key, new, wish)
            .await?
            .ok_or_else(|| ApiError::new(Code::Conflict, "this upload was begun and given up just now")),
        begun => {
            begun?;
            super::of(app, owner, id).await
        }
    }
}
