//! Taking an upload: refuse early, receive, look at it, keep it, queue it.

mod receive;
mod wanted;

use std::path::{Path, PathBuf};

use axum::{
    body::{Body, BodyDataStream},
    extract::State,
    http::{HeaderMap, StatusCode},
};
use convert::{Error, Format, Options};
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome, internal::OnBehalfOf};
use tempfile::TempDir;
use wire::{
    Code, JobId, Timestamp, UserId,
    conversions::{Job, NewConversion},
    document_password::DOCUMENT_PASSWORD,
};

use crate::{
    jobs::{
        self,
        sql::{self, Admitted, NewJob},
    },
    notify, passwords,
    refusal::refusal,
    row::{JobRow, upload_key},
    state::App,
};
use wanted::Wanted;

/// Names the upload: sent again with the same one, it makes no second job.
const REQUEST_KEY: &str = "idempotency-key";

/// The body is the file itself.
pub(crate) async fn create(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    ApiQuery(query): ApiQuery<NewConversion>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<(StatusCode, ApiJson<Job>)> {
    let mut body = body.into_data_stream();
    let taken = take(&app, owner, query, &headers, &mut body).await;
    receive::linger(&app, body);
    Ok((StatusCode::ACCEPTED, ApiJson(taken?)))
}

async fn take(
    app: &App,
    owner: UserId,
    query: NewConversion,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Outcome<Job> {
    let wanted = Wanted::read(with_password(query, headers)?, &app.converters)?;
    let request_key = request_key(headers)?;
    if let Some(job) = again(app, owner, request_key.as_deref(), &wanted).await? {
        return Ok(job);
    }
    receive::announced(headers, app.config.max_upload_bytes)?;

    // Whoever is uploading counts, too: their files will wait, unless they are refused.
    let upload = app.uploads.enter(owner);
    let limit = app.config.waiting_per_user;
    if sql::waiting(&app.db, owner).await? + i64::from(upload.count) > i64::from(limit) {
        return Err(jobs::too_many(limit));
    }

    let id = JobId::new();
    let created_at = app.clock.now();
    let folder = app.scratch.upload(id).map_err(anyhow::Error::from)?;
    let file = folder.path().join("upload");
    let bytes_in = receive::receive(body, &file, app.config.max_upload_bytes).await?;
    let source = look(app, &file, &wanted).await?;

    // Not stopped half way when the caller goes: bytes without a row would stay for ever.
    let received = Received { id, owner, request_key, source, bytes_in, created_at, file, folder };
    let row = tokio::spawn(keep(app.clone(), received, wanted)).await.map_err(anyhow::Error::from)??;
    jobs::now(app, &row).await
}

/// The wish with the password that came in the header; one in a URL is refused, however it was meant.
fn with_password(query: NewConversion, headers: &HeaderMap) -> Outcome<NewConversion> {
    if query.password.is_some() {
        return Err(ApiError::new(Code::InvalidField, "a URL is no place for a password: URLs are logged")
            .field("/password", "must not be in the URL")
            .hint(format!("send it, percent-encoded, in the header {DOCUMENT_PASSWORD}")));
    }
    Ok(NewConversion { password: passwords::of_request(headers)?, ..query })
}

/// An upload that is whole and can be converted.
struct Received {
    id: JobId,
    owner: UserId,
    request_key: Option<String>,
    source: Format,
    bytes_in: u64,
    created_at: Timestamp,
    file: PathBuf,
    /// Holds the file.
    folder: TempDir,
}

/// What the file is, and that it can become what is wanted.
async fn look(app: &App, file: &Path, wanted: &Wanted) -> Outcome<Format> {
    let (path, name, from) = (file.to_owned(), wanted.name.clone(), wanted.from);
    let sniffed = tokio::task::spawn_blocking(move || convert::sniff(&path, &name, from)).await;
    let source = match sniffed.map_err(anyhow::Error::from)? {
        // Whether the password opens it is for the engine to find out; what is inside is for the name to say.
        Err(Error::Encrypted) if wanted.options.password.is_some() => {
            wanted.from.or_else(|| Format::from_name(&wanted.name)).ok_or_else(|| {
                refusal(Error::Encrypted)
                    .hint("say what it is with `from`, because its content cannot be seen")
            })?
        }
        sniffed => sniffed.map_err(refusal)?,
    };
    app.converters.supports(source, wanted.to, &wanted.options).map_err(refusal)?;
    Ok(source)
}

/// Bytes first, then the row: whoever sees the job finds its upload.
async fn keep(app: App, received: Received, wanted: Wanted) -> Outcome<JobRow> {
    let key = upload_key(received.id);
    app.objects.put_file(&key, &received.file).await.map_err(anyhow::Error::from)?;
    match admit(&app, &received, &wanted).await {
        Ok(Admitted::New(row)) => {
            app.wake.notify_one();
            notify::tell(&app, jobs::now(&app, &row).await?).await;
            Ok(*row)
        }
        Ok(Admitted::Full) => {
            app.objects.delete(&key).await.map_err(anyhow::Error::from)?;
            Err(jobs::too_many(app.config.waiting_per_user))
        }
        Ok(Admitted::Again) => {
            app.objects.delete(&key).await.map_err(anyhow::Error::from)?;
            known(&app, received.owner, received.request_key.as_deref(), &wanted).await?.ok_or_else(|| {
                ApiError::new(Code::Conflict, "this upload was sent before, and removed since")
            })
        }
        Err(error) => {
            // Of a commit that failed nobody can say whether it happened. The folder stays and tells a later sweep of
            // this upload: if there is no row by then, the object goes.
            let _ = received.folder.keep();
            Err(error)
        }
    }
}

async fn admit(app: &App, received: &Received, wanted: &Wanted) -> Outcome<Admitted> {
    let Wanted { options, .. } = wanted;
    let seal = |password: &String| app.passwords.seal(received.id, password);
    let password = options.password.as_ref().map(seal).transpose()?;
    let open = Options { password: None, ..options.clone() };
    let options = serde_json::to_string(&open).map_err(anyhow::Error::from)?;
    let new = NewJob {
        id: received.id,
        owner: received.owner,
        request_key: received.request_key.clone(),
        name: wanted.name.clone(),
        source: received.source.code(),
        target: wanted.to.code(),
        options,
        password,
        strict: wanted.strict,
        bytes_in: received.bytes_in,
        created_at: received.created_at,
        now: app.clock.now(),
    };
    Ok(sql::admit(&app.db, &new, app.config.waiting_per_user).await?)
}

async fn again(app: &App, owner: UserId, key: Option<&str>, wanted: &Wanted) -> Outcome<Option<Job>> {
    match known(app, owner, key, wanted).await? {
        Some(row) => Ok(Some(jobs::now(app, &row).await?)),
        None => Ok(None),
    }
}

/// The job that an upload with this key became before.
async fn known(app: &App, owner: UserId, key: Option<&str>, wanted: &Wanted) -> Outcome<Option<JobRow>> {
    let Some(key) = key else { return Ok(None) };
    let Some(row) = sql::find_request(&app.db, owner, key).await? else { return Ok(None) };
    if row.name != wanted.name || row.target != wanted.to.code() {
        return Err(ApiError::new(Code::Conflict, format!("the key `{key}` belongs to another upload"))
            .hint("make a fresh key for each upload"));
    }
    Ok(Some(row))
}

fn request_key(headers: &HeaderMap) -> Outcome<Option<String>> {
    let Some(value) = headers.get(REQUEST_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=128).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::new(
            Code::BadRequest,
            format!("the header {REQUEST_KEY} is not 1 to 128 ASCII characters"),
        )),
    }
}
