//! A body that is there once, lent to one request after the other until one has read from it.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::Stream;

/// Who has the body.
pub(super) struct Lender(Arc<Shared>);

/// The body, as one request has it.
pub(super) struct Lent(Arc<Shared>);

struct Shared {
    body: Mutex<BodyDataStream>,
    /// Whether somebody has read from it: then it is not whole any more.
    begun: AtomicBool,
}

impl Lender {
    pub(super) fn of(body: Body) -> Self {
        let body = Mutex::new(body.into_data_stream());
        Self(Arc::new(Shared { body, begun: AtomicBool::new(false) }))
    }

    /// The whole body; nothing once somebody has read from it.
    pub(super) fn lend(&self) -> Option<Lent> {
        (!self.0.begun.load(Ordering::Acquire)).then(|| Lent(self.0.clone()))
    }
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.begun.store(true, Ordering::Release);
        let mut body = self.0.body.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn it_goes_to_another_until_somebody_has_read_from_it() {
        let lender = Lender::of(Body::from("words"));

        drop(lender.lend().unwrap());
        let mut second = lender.lend().unwrap();

        assert_eq!(second.next().await.unwrap().unwrap(), "words");
        assert!(lender.lend().is_none());
    }
}
