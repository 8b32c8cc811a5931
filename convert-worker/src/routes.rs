//! The whole internal API on one page. Every route asks for the internal key by [`OnBehalfOf`].
//!
//! [`OnBehalfOf`]: platform::service::internal::OnBehalfOf

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use platform::service::{
    health,
    problem::{no_method, no_route},
    telemetry,
};
use wire::paths::internal;

use crate::{
    batches, formats, intake,
    jobs::{cancel, dead, events, list, remove, retry, show},
    report, result,
    state::App,
    tus, webhooks,
};

pub(crate) fn routes(app: &App) -> Router {
    Router::new()
        .route(internal::JOBS, get(list::list).post(intake::create).layer(DefaultBodyLimit::disable()))
        .route(internal::JOB, get(show::show).delete(remove::remove))
        .route(internal::JOB_CANCEL, post(cancel::cancel))
        .route(internal::JOB_RETRY, post(retry::retry))
        .route(internal::JOB_RESULT, get(result::show))
        .route(internal::DEAD_LETTERS, get(dead::all))
        .route(internal::DEAD_LETTER, get(dead::one))
        .route(internal::JOB_EVENTS, get(events::list))
        .route(internal::JOB_REPORT, get(report::show))
        .route(internal::BATCHES, get(batches::list::list).post(batches::create::create))
        .route(internal::BATCH, get(batches::show::show).delete(batches::remove::remove))
        .route(internal::BATCH_CANCEL, post(batches::cancel::cancel))
        .route(internal::WEBHOOK_SECRET, get(webhooks::secret))
        .route(internal::UPLOADS, post(tus::begin))
        .route(internal::UPLOAD, get(tus::show).patch(tus::append).delete(tus::remove))
        .route(internal::FORMATS, get(formats::list))
        .route(internal::UPLOAD_CHECK, get(intake::check))
        .merge(health::livez())
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(crate::SERVICE, telemetry::observe))
        .with_state(app.clone())
}
