//! The whole API on one page; only the gateway calls it.

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use platform::service::{
    health::{self, Health},
    problem::{no_method, no_route},
    telemetry,
};
use wire::paths::internal;

use crate::{
    consume, history, messages, search,
    state::{App, State},
};

pub(crate) fn all(state: &Arc<State>) -> Router {
    Router::new()
        .route(internal::HISTORY, get(history::page))
        .route(internal::MESSAGES, get(messages::page))
        .route(internal::PINS, get(messages::pins))
        .route(internal::UNREAD, post(messages::unread))
        .route(internal::SEARCH, post(search::search))
        .route(internal::SENT, get(history::sent))
        .route(internal::HEAD, get(history::head))
        .merge(health::livez())
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(crate::SERVICE, telemetry::observe))
        .with_state(App(state.clone()))
}

/// What has to answer for the chat-worker to be ready.
pub(crate) fn health(state: &Arc<State>) -> Health {
    let [db, log, consumer] = std::array::from_fn(|_| state.clone());
    Health::default()
        .check("database", move || {
            let state = db.clone();
            async move { state.db.ping().await }
        })
        .check("log", move || {
            let state = log.clone();
            async move { state.bus.ping().await }
        })
        .check("consumer", move || {
            let state = consumer.clone();
            async move { consume::ping(&state).await }
        })
}
