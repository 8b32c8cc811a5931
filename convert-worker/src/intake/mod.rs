//! Taking an upload: refuse early, receive, look at it, answer from an earlier result, or keep and queue it.

mod cache;
mod desk;
mod fetch;
mod form;
mod keep;
mod receive;
pub(crate) mod sql;
mod wanted;

use std::path::Path;

use axum::{
    body::BodyDataStream,
    extract::{FromRequest as _, Multipart, Request, State},
    http::{HeaderMap, StatusCode, header},
};
use convert::{Error, Format};
use platform::{
    service::{
        ApiError, ApiJson, ApiQuery, Outcome,
        internal::OnBehalfOf,
        upload::{announced, drain, length, linger, request_key},
    },
    traces,
};
use wire::{
    Code, UserId,
    conversions::{Job, NewConversion},
    document_password::DOCUMENT_PASSWORD,
};

use crate::{consent, jobs, passwords, refusal::refusal, row::JobRow, state::App, webhooks};
use wanted::Wanted;

pub(crate) use desk::{Desk, Received};
pub(crate) use fetch::Fetcher;

/// The body is the file itself, or a form with the file in it.
pub(crate) async fn create(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    ApiQuery(query): ApiQuery<NewConversion>,
    request: Request,
) -> Outcome<(StatusCode, ApiJson<Job>)> {
    let headers = request.headers().clone();
    let taken = if is_form(&headers) {
        let said = request.uri().query().map(str::to_owned);
        without_password(&query)?;
        let mut parts = Multipart::from_request(request, &()).await.map_err(|refused| {
            ApiError::new(Code::BadRequest, format!("the form cannot be read: {}", refused.body_text()))
        })?;
        let taken = form::take(&app, owner, said.as_deref(), &headers, &mut parts).await;
        linger(&app.tasks, async move { while let Ok(Some(_)) = parts.next_field().await {} });
        taken
    } else {
        let mut body = request.into_body().into_data_stream();
        let taken = take(&app, owner, query, &headers, &mut body).await;
        linger(&app.tasks, drain(body));
        taken
    };
    Ok((StatusCode::ACCEPTED, ApiJson(taken?)))
}

/// Whether an upload like this would be taken, before it is sent.
pub(crate) async fn check(
    State(app): State<App>,
    OnBehalfOf(_): OnBehalfOf,
    ApiQuery(query): ApiQuery<NewConversion>,
    headers: HeaderMap,
) -> Outcome<StatusCode> {
    Wanted::read(query, consent::of_request(&headers), &app.converters)?;
    Ok(StatusCode::NO_CONTENT)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("multipart/form-data")
}

async fn take(
    app: &App,
    owner: UserId,
    query: NewConversion,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Outcome<Job> {
    let mut query = with_password(query, headers)?;
    let url = query.url.take();
    if let (Some(url), true) = (&url, query.name.is_empty()) {
        query.name = fetch::name_of(url);
    }
    let wish = Wish::read(app, owner, query, headers)?;
    if let Some(job) = wish.again(app).await? {
        // What it is told by its length alone: a file that is sent again is not read again.
        let is_other = url.is_none() && length(headers).is_some_and(|length| length != job.bytes_in);
        return if is_other { Err(wish.of_another()) } else { Ok(job) };
    }
    if let Some(url) = url {
        return wish.fulfil(app, app.fetcher.fetch(app, owner, &url).await?).await;
    }
    announced(headers, app.config.max_upload_bytes)?;
    let desk = Desk::open(app, owner).await?;
    let received = desk.receive(body).await?;
    wish.fulfil(app, received).await
}

/// The wish with the password that came in the header.
fn with_password(query: NewConversion, headers: &HeaderMap) -> Outcome<NewConversion> {
    without_password(&query)?;
    Ok(NewConversion { password: passwords::of_request(headers)?, ..query })
}

/// A password in a URL is refused, however it was meant.
fn without_password(query: &NewConversion) -> Outcome<()> {
    match &query.password {
        None => Ok(()),
        Some(_) => {
            Err(ApiError::new(Code::InvalidField, "a URL is no place for a password: URLs are logged")
                .field("/password", "must not be in the URL")
                .hint(format!("send it, percent-encoded, in the header {DOCUMENT_PASSWORD}")))
        }
    }
}

/// What somebody wants of an upload, and what names it.
pub(crate) struct Wish {
    owner: UserId,
    request_key: Option<String>,
    wanted: Wanted,
}

impl Wish {
    fn read(app: &App, owner: UserId, query: NewConversion, headers: &HeaderMap) -> Outcome<Self> {
        Self::of(app, owner, query, consent::of_request(headers), request_key(headers)?.map(str::to_owned))
    }

    /// One that does not come with a request of its own. `third_party` is the owner's consent.
    pub(crate) fn of(
        app: &App,
        owner: UserId,
        query: NewConversion,
        third_party: bool,
        request_key: Option<String>,
    ) -> Outcome<Self> {
        let mut wanted = Wanted::read(query, third_party, &app.converters)?;
        let private = app.config.webhooks_to_private;
        wanted.webhook = wanted.webhook.map(|url| webhooks::check(&url, private)).transpose()?;
        Ok(Self { owner, request_key, wanted })
    }

    /// The job that the same upload became before.
    pub(crate) async fn again(&self, app: &App) -> Outcome<Option<Job>> {
        match self.known(app).await? {
            Some(row) => Ok(Some(jobs::now(app, &row).await?)),
            None => Ok(None),
        }
    }

    async fn known(&self, app: &App) -> Outcome<Option<JobRow>> {
        let Some(key) = &self.request_key else { return Ok(None) };
        let Some(row) = sql::find_request(&app.db, self.owner, key).await? else { return Ok(None) };
        let is_other = row.name != self.wanted.name || row.target != self.wanted.to.code();
        if is_other || row.wish.as_ref().is_some_and(|wish| *wish != self.wanted.digest()) {
            return Err(self.of_another());
        }
        Ok(Some(row))
    }

    /// That the key was used for something else.
    fn of_another(&self) -> ApiError {
        let key = self.request_key.as_deref().unwrap_or_default();
        ApiError::new(Code::Conflict, format!("the key `{key}` belongs to another upload"))
            .hint("make a fresh key for each upload")
    }

    /// Makes a job of an upload that is whole.
    pub(crate) async fn fulfil(self, app: &App, received: Received) -> Outcome<Job> {
        let source = look(app, &received.file, &self.wanted).await?;
        jobs::check_bytes(app, self.owner, received.bytes).await?;
        // Not stopped half way when the caller goes: bytes without a row would stay for ever.
        let row = tokio::spawn(traces::carried(keep::keep(app.clone(), self, source, received))).await;
        jobs::now(app, &row.map_err(anyhow::Error::from)??).await
    }
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
