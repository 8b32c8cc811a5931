//! What every HTTP service needs, once: accept loop, errors, health, telemetry, owned tasks, internal callers.

pub mod admin;
pub mod catalogue;
pub mod health;
pub mod internal;
pub mod problem;
pub mod program;
pub mod serve;
pub mod signals;
pub mod tasks;
pub mod telemetry;
pub mod upload;
pub mod wedge;

pub use admin::Admin;
pub use health::Health;
pub use problem::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome, in_time};
pub use serve::{Peer, Waits, serve, taken_over};
pub use tasks::Tasks;
pub use wedge::Wedge;

use std::time::Duration;

use futures_util::future::BoxFuture;

/// What a service calls once it answers requests, with how to ask after its health.
pub type Ready = Box<dyn FnOnce(Health) + Send>;

/// A service at work. It is boxed where it is written: the code of an `async fn` is compiled by whoever awaits it, and
/// whoever composes services would compile all of them again.
pub type Running = BoxFuture<'static, anyhow::Result<()>>;

/// A client for calls between our own parts and to engines: bounded waits, no redirects, no proxy for loopback.
pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .expect("the TLS backend of this build is compiled in")
}

/// Chooses the TLS implementation of the process; call it first in every `main`.
pub fn install_tls() {
    // Already installed is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
