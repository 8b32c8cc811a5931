//! Uploads as a form: the file as one part, what is wanted of it as the others, in any order.

use axum::{
    extract::{
        Query,
        multipart::{Field, Multipart, MultipartError},
    },
    http::{HeaderMap, Uri},
};
use platform::service::{ApiError, Outcome};
use wire::{
    Code, UserId,
    conversions::{Job, NewConversion},
};

use super::{
    Wish,
    desk::{Desk, Received},
};
use crate::{passwords, state::App};

/// The part that is the file.
const FILE: &str = "file";
/// Bytes of any other part.
const LONGEST: usize = 4096;
/// Parts of one form.
const PARTS: usize = 32;

/// What a form has said so far.
struct Form {
    /// As a query would say it.
    said: String,
    /// What the part with the file calls it.
    file_name: Option<String>,
    password: Option<String>,
    received: Option<Received>,
}

/// Takes the upload in. What the URL says counts as said by the form.
pub(super) async fn take(
    app: &App,
    owner: UserId,
    query: Option<&str>,
    headers: &HeaderMap,
    parts: &mut Multipart,
) -> Outcome<Job> {
    let mut form = Form {
        said: query.unwrap_or_default().to_owned(),
        file_name: None,
        password: passwords::of_request(headers)?,
        received: None,
    };
    for _ in 0..PARTS {
        let Some(part) = parts.next_field().await.map_err(broken)? else {
            return form.fulfil(app, owner, headers).await;
        };
        form.hear(app, owner, headers, part).await?;
    }
    Err(ApiError::new(Code::BadRequest, format!("a form has at most {PARTS} parts")))
}

impl Form {
    async fn hear(&mut self, app: &App, owner: UserId, headers: &HeaderMap, part: Field<'_>) -> Outcome<()> {
        match part.name().map(str::to_owned).as_deref() {
            Some(FILE) => self.receive(app, owner, headers, part).await,
            Some("password") => {
                self.password = Some(text("password", part).await?);
                Ok(())
            }
            Some(name) => {
                let value = text(name, part).await?;
                self.say(name, &value);
                Ok(())
            }
            None => Err(ApiError::new(Code::BadRequest, "a part of the form has no name")),
        }
    }

    async fn receive(
        &mut self,
        app: &App,
        owner: UserId,
        headers: &HeaderMap,
        mut part: Field<'_>,
    ) -> Outcome<()> {
        if self.received.is_some() {
            return Err(ApiError::new(Code::BadRequest, "the form has more than one file")
                .hint("send each file in a request of its own"));
        }
        self.file_name = part.file_name().map(str::to_owned);
        // What was said before the file can be refused before its bytes have come.
        let early = self.wish()?;
        if !early.to.is_empty() {
            Wish::read(app, owner, early, headers)?;
        }
        self.received = Some(Desk::open(app, owner).await?.receive(&mut part).await?);
        Ok(())
    }

    fn say(&mut self, name: &str, value: &str) {
        let said = std::mem::take(&mut self.said);
        let mut pairs = url::form_urlencoded::Serializer::new(said);
        self.said = pairs.append_pair(name, value).finish();
    }

    fn wish(&self) -> Outcome<NewConversion> {
        let uri = Uri::builder().path_and_query(format!("/?{}", self.said)).build();
        let uri = uri.map_err(|_| ApiError::new(Code::BadRequest, "the form cannot be read"))?;
        let Query(wish) = Query::<NewConversion>::try_from_uri(&uri)?;
        if wish.url.is_some() {
            return Err(ApiError::new(Code::InvalidField, "a form brings its file along")
                .field("/url", "must be in the query of a request without a body"));
        }
        let Some(name) = self.file_name.clone().filter(|_| wish.name.is_empty()) else {
            return Ok(NewConversion { password: self.password.clone(), ..wish });
        };
        Ok(NewConversion { password: self.password.clone(), name, ..wish })
    }

    async fn fulfil(self, app: &App, owner: UserId, headers: &HeaderMap) -> Outcome<Job> {
        let wish = Wish::read(app, owner, self.wish()?, headers)?;
        if let Some(job) = wish.again(app).await? {
            return Ok(job);
        }
        let received = self.received.ok_or_else(|| {
            ApiError::new(Code::BadRequest, format!("the form has no part `{FILE}`"))
                .hint("send the document in it, such as with `curl -F file=@a.docx`")
        })?;
        wish.fulfil(app, received).await
    }
}

async fn text(name: &str, mut part: Field<'_>) -> Outcome<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST {
            let detail = format!("the part `{name}` has more than {LONGEST} bytes");
            return Err(ApiError::new(Code::BadRequest, detail));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| ApiError::new(Code::BadRequest, format!("the part `{name}` is not UTF-8")))
}

fn broken(error: MultipartError) -> ApiError {
    ApiError::new(Code::BadRequest, format!("the form cannot be read: {}", error.body_text()))
}
