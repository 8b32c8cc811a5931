//! Errors as answers: every failure of a handler becomes `application/problem+json`.

use std::time::Duration;

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use wire::{Code, Problem};

use crate::db;

/// How long a body may take that is read as a whole.
const BODY: Duration = Duration::from_secs(30);

/// What a handler answers with.
pub type Outcome<T> = Result<T, ApiError>;

/// A refusal or a failure on its way to the caller.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// A refusal of the catalogue.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, detail)), retry_after: None }
    }

    /// Nothing there, or nothing that the caller may know of: the two must not be told apart.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}, or you may not see it"))
    }

    /// The same with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        *self.problem = self.problem.hint(hint);
        self
    }

    /// The same with a field that breaks a rule; `pointer` is a JSON pointer.
    pub fn field(mut self, pointer: &str, detail: impl Into<String>) -> Self {
        *self.problem = self.problem.field(pointer, detail);
        self
    }

    /// The same with a `Retry-After` in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// What is said to the caller.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// What is said to the caller, for a frame instead of an answer.
    pub fn into_problem(self) -> Problem {
        *self.problem
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), retry_after: None }
    }
}

impl From<anyhow::Error> for ApiError {
    /// A failure of ours: logged here, once; the caller learns only that it happened, and whether it passes.
    fn from(error: anyhow::Error) -> Self {
        let database = error.downcast_ref::<sqlx::Error>();
        if database.is_some_and(db::is_unstorable) {
            return Self::new(
                Code::BadRequest,
                "a text has the character U+0000, which the hub's database does not take",
            );
        }
        if let Some(away) = database.and_then(away) {
            tracing::warn!(error = format!("{error:#}"), "the database does not do it now");
            return away;
        }
        tracing::error!(error = format!("{error:#}"), "a request failed");
        Self::new(Code::Internal, "the hub failed to do this; its log says why")
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(anyhow::Error::new(error).context("the database failed"))
    }
}

/// What a database that is away, or has undone a transaction for another's sake, means to the caller, if it is that: the
/// same request can succeed later.
fn away(error: &sqlx::Error) -> Option<ApiError> {
    use std::io::ErrorKind;
    if db::is_outdone(error) {
        let detail = "others changed the same in the same moment, and nothing was done";
        return Some(ApiError::new(Code::Unavailable, detail).retry_after(1));
    }
    let done_nothing = match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // Only a connection that was never made has certainly committed nothing.
        sqlx::Error::Io(error) => matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound),
        sqlx::Error::WorkerCrashed => false,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // PostgreSQL's classes 53 (no room for another connection) and 57P03 (it starts); SQLite is busy.
            Some("53300" | "57P03" | "5" | "517") => true,
            // It stops, or has lost a process, and our connection with it.
            Some("57P01" | "57P02" | "08006" | "08003") => false,
            _ => return None,
        },
        _ => return None,
    };
    let (code, detail) = match done_nothing {
        true => (Code::Unavailable, "the hub's database does not answer"),
        false => (Code::OutcomeUnknown, "the connection to the hub's database broke before it had answered"),
    };
    Some(ApiError::new(code, detail).retry_after(1))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).expect("a problem is plain data");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A JSON body; what is wrong with one is said as a problem.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Outcome<Self> {
        let axum::Json(body) = in_time(axum::Json::from_request(request, state)).await??;
        Ok(Self(body))
    }
}

/// What comes of reading a body that has to fit into memory, if it is there in time: whoever sends a byte now and then
/// would hold a connection for ever.
pub async fn in_time<T>(reading: impl Future<Output = T>) -> Outcome<T> {
    within(BODY, reading).await
}

async fn within<T>(limit: Duration, reading: impl Future<Output = T>) -> Outcome<T> {
    tokio::time::timeout(limit, reading).await.map_err(|_| {
        ApiError::new(Code::BadRequest, "the request's body did not arrive in time").hint("send it again")
    })
}

/// Path parameters; what is wrong with them is said as a problem.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct ApiPath<T>(pub T);

/// Query parameters; what is wrong with them is said as a problem.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct ApiQuery<T>(pub T);

impl<T: serde::Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl From<rejection::JsonRejection> for ApiError {
    fn from(rejected: rejection::JsonRejection) -> Self {
        match rejected.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::TooLarge, "the request body is too large"),
            _ => Self::new(Code::BadRequest, rejected.body_text()),
        }
    }
}

impl From<rejection::PathRejection> for ApiError {
    /// An id that is no id names nothing.
    fn from(_: rejection::PathRejection) -> Self {
        Self::not_found("thing")
    }
}

impl From<rejection::QueryRejection> for ApiError {
    fn from(rejected: rejection::QueryRejection) -> Self {
        Self::new(Code::BadRequest, rejected.body_text())
    }
}

/// The answer for a path that no route has.
pub async fn no_route() -> ApiError {
    ApiError::new(Code::NotFound, "there is nothing at this path").hint("see /docs for what there is")
}

/// The answer for a method that a route does not have.
pub async fn no_method() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "this path does not take this method")
        .hint("see /docs for what it takes")
}

#[cfg(test)]
mod tests {
    use std::{
        borrow::Cow,
        io::{Error as IoError, ErrorKind},
    };

    use anyhow::Context as _;
    use sqlx::error::{DatabaseError, ErrorKind as ErrorOf};

    use super::*;

    #[test]
    fn a_database_that_is_away_is_no_refusal_for_good() {
        let told = |error: sqlx::Error| ApiError::from(error).into_problem();

        for error in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(ErrorKind::ConnectionRefused.into())] {
            let problem = told(error);
            assert_eq!((problem.known(), problem.retryable), (Some(Code::Unavailable), true));
        }
        let broken = told(sqlx::Error::Io(IoError::from(ErrorKind::UnexpectedEof)));
        assert_eq!((broken.known(), broken.retryable), (Some(Code::OutcomeUnknown), true));
        let bug = told(sqlx::Error::ColumnNotFound("x".into()));
        assert_eq!((bug.known(), bug.retryable), (Some(Code::Internal), false));
    }

    /// As PostgreSQL says it.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorOf {
            ErrorOf::Other
        }
    }

    #[test]
    fn what_was_undone_for_anothers_sake_can_be_done_again() {
        let told = |code| ApiError::from(sqlx::Error::Database(Box::new(Said(code)))).into_problem();

        for code in ["40P01", "40001"] {
            let problem = told(code);
            assert_eq!((problem.known(), problem.retryable), (Some(Code::Unavailable), true), "{code}");
        }
        assert_eq!(told("42601").known(), Some(Code::Internal));
    }

    #[test]
    fn what_stands_around_the_database_s_failure_does_not_hide_it() {
        let failed: anyhow::Result<()> = Err(sqlx::Error::PoolClosed).context("the room could not be read");

        assert!(ApiError::from(failed.unwrap_err()).problem().retryable);
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        let read = within(Duration::from_millis(1), std::future::pending::<()>()).await;

        assert_eq!(read.unwrap_err().problem().known(), Some(Code::BadRequest));
    }
}
