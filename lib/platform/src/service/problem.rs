//! Errors as answers: every failure of a handler becomes `application/problem+json`.

use axum::{
    extract::{FromRequest, FromRequestParts, rejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wire::{Code, Problem};

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
    /// A failure of ours: logged here, once; the caller learns only that it happened.
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a request failed");
        Self::new(Code::Internal, "the hub failed to do this; its log says why")
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(anyhow::Error::new(error).context("the database failed"))
    }
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
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub struct ApiJson<T>(pub T);

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
