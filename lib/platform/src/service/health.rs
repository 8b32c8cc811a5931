//! Health: the parts that a service needs and how to ask them, and `/livez`.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use futures_util::future::join_all;
use wire::paths;

/// How long one part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Answer + Send + Sync>;

/// What has to answer for a service to be ready.
#[derive(Clone, Default)]
pub struct Health {
    checks: BTreeMap<&'static str, Check>,
    notes: BTreeMap<&'static str, String>,
}

impl Health {
    /// Adds a part and how to ask it.
    pub fn check<F, E>(mut self, part: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let check = move || -> Answer {
            let asked = ask();
            Box::pin(async move { asked.await.map_err(|error| error.to_string()) })
        };
        self.checks.insert(part, Arc::new(check));
        self
    }

    /// Adds what is worth knowing beside the parts, and makes nobody ready or unready.
    pub fn note(mut self, what: &'static str, said: impl Into<String>) -> Self {
        self.notes.insert(what, said.into());
        self
    }

    /// All notes.
    pub fn notes(&self) -> &BTreeMap<&'static str, String> {
        &self.notes
    }

    /// Asks all parts at once: what each says, `ok` where it is well.
    pub async fn answers(&self) -> BTreeMap<&'static str, String> {
        let asked = self.checks.iter().map(|(part, check)| async move {
            let state = match tokio::time::timeout(PATIENCE, check()).await {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
            };
            (*part, state)
        });
        join_all(asked).await.into_iter().collect()
    }
}

/// Answers that the process lives; on every listener.
pub fn livez<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(paths::LIVEZ, get(async || "alive\n"))
}
