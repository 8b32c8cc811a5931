//! Traces: what each part of the hub did for one message or one conversion, and for how long, told to an OpenTelemetry
//! collector.
//!
//! Off until [`start`] names a collector. A span is nothing then, and beginning one costs one atomic load; so nobody
//! asks before he begins one. The context of a span goes on as a [`Context`]: in the header `traceparent` of HTTP and
//! Kafka, in a column of the embedded log and of the conversions' rows.

mod context;
mod export;
mod otlp;

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, Instant},
};

use futures_util::future::Either;
use wire::Timestamp;

pub use context::{Context, TRACEPARENT};
pub use export::{finish, start};

use crate::Clock;

tokio::task_local! {
    /// The span that the running code works for.
    static CURRENT: Current;
}

#[derive(Clone, Copy)]
struct Current {
    service: &'static str,
    context: Context,
}

/// What a span is to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work inside a part.
    Internal = 1,
    /// A request that is answered.
    Server = 2,
    /// Something that is left for others to take.
    Producer = 4,
    /// What others left, taken.
    Consumer = 5,
}

/// What is said about a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A word.
    Text(String),
    /// A number.
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A piece of work for a trace, from its beginning until it is dropped; or nothing, while traces are off.
#[derive(Default)]
pub struct Span(Option<Box<Open>>);

struct Open {
    service: &'static str,
    name: Cow<'static, str>,
    kind: Kind,
    context: Context,
    parent: Option<[u8; 8]>,
    began: Timestamp,
    since: Instant,
    notes: Vec<(&'static str, Value)>,
    failed: Option<String>,
}

/// A span that is over.
struct Ended {
    open: Box<Open>,
    took: Duration,
}

impl Span {
    /// Work of a service for somebody's span; without one, the beginning of a trace.
    pub fn begin(
        service: &'static str,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        parent: Option<Context>,
    ) -> Self {
        let Some(share) = export::share() else { return Self(None) };
        let context = parent.map_or_else(|| Context::root(share), Context::child);
        let parent = parent.map(|parent| parent.span);
        Self(Some(Box::new(Open {
            service,
            name: name.into(),
            kind,
            context,
            parent,
            began: Clock::System.now(),
            since: Instant::now(),
            notes: Vec::new(),
            failed: None,
        })))
    }

    /// Work of a service for a span that came from elsewhere; without one, nothing.
    pub fn follow(service: &'static str, name: &'static str, kind: Kind, parent: Option<Context>) -> Self {
        match parent {
            Some(_) => Self::begin(service, name, kind, parent),
            None => Self(None),
        }
    }

    /// A part of what the running code works for; nothing, where that is nothing.
    pub fn within(name: &'static str, kind: Kind) -> Self {
        match CURRENT.try_with(|current| *current) {
            Ok(Current { service, context }) => Self::begin(service, name, kind, Some(context)),
            Err(_) => Self(None),
        }
    }

    /// What its children have to know.
    pub fn context(&self) -> Option<Context> {
        self.0.as_ref().map(|open| open.context)
    }

    /// Says something about it.
    pub fn note(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.0 {
            open.notes.push((name, value.into()));
        }
    }

    /// The same, with what has to be written first.
    pub fn note_shown(&mut self, name: &'static str, value: impl fmt::Display) {
        if let Some(open) = &mut self.0 {
            open.notes.push((name, Value::Text(value.to_string())));
        }
    }

    /// It came to nothing.
    pub fn fail(&mut self, why: &dyn fmt::Display) {
        if let Some(open) = &mut self.0 {
            open.failed = Some(why.to_string());
        }
    }

    /// Lets work know, however deep it is, what it is for.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        scoped(self.0.as_ref().map(|open| Current { service: open.service, context: open.context }), work)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take()
            && open.context.sampled
        {
            let took = open.since.elapsed();
            export::tell(Ended { open, took });
        }
    }
}

/// Whether a collector is told.
pub fn are_on() -> bool {
    export::share().is_some()
}

/// What the running code works for.
pub fn current() -> Option<Context> {
    CURRENT.try_with(|current| current.context).ok()
}

/// Work for the same, for a task of its own.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> + use<F> {
    scoped(CURRENT.try_with(|current| *current).ok(), work)
}

fn scoped<F: Future>(current: Option<Current>, work: F) -> impl Future<Output = F::Output> + use<F> {
    match current {
        Some(current) => Either::Left(CURRENT.scope(current, work)),
        None => Either::Right(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn while_nobody_is_told_a_span_is_nothing_and_nothing_goes_on() {
        let given = Context::root(1.0);

        let mut span = Span::begin("test", "work", Kind::Server, Some(given));
        span.note("of", "no interest");
        let within = span.around(async { (current(), Span::within("part", Kind::Internal).context()) }).await;

        assert!(span.0.is_none() && !are_on());
        assert_eq!(within, (None, None));
        assert!(Span::begin("test", "work", Kind::Server, None).context().is_none());
    }
}
