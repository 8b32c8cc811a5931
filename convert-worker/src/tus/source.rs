//! The body of a request that appends: it is cut into parts, and may end at any moment without being lost.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use platform::{objects, service::upload::drain};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::checksum::Checksum;

/// How long a sender may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one request may take.
const LONGEST: Duration = Duration::from_secs(3600);
/// Bytes of one part: so much is kept in one step.
pub(super) const PART: u64 = 4 * 1024 * 1024;
/// A slow sender's part is kept after so long, however small it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The sender has said all.
    Whole,
    /// It broke off.
    Broken(&'static str),
    /// More came than the file has.
    TooMuch,
}

/// A body that is lent to one part after the other.
#[derive(Clone)]
pub(super) struct Source(Arc<Mutex<State>>);

struct State {
    body: BodyDataStream,
    /// What came and is in no part yet.
    rest: Bytes,
    /// How many bytes the file still lacks.
    lacking: u64,
    checksum: Option<Checksum>,
    deadline: Instant,
    end: Option<End>,
}

impl Source {
    /// Nothing of it is taken before it is said how much may come.
    pub(super) fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State {
            body: body.into_data_stream(),
            rest: Bytes::new(),
            lacking: 0,
            checksum: None,
            deadline: Instant::now() + LONGEST,
            end: None,
        })))
    }

    /// So many bytes may come, and what they have to be.
    pub(super) async fn expect(&self, lacking: u64, checksum: Option<Checksum>) {
        let mut state = self.0.lock().await;
        (state.lacking, state.checksum) = (lacking, checksum);
    }

    /// Whether there is something for another part; waits until that is known.
    pub(super) async fn has_more(&self) -> bool {
        self.0.lock().await.has_more().await
    }

    /// The next part. It ends where the body does, for whatever reason: that is asked for afterwards.
    pub(super) fn part(&self) -> objects::Body {
        let until = Instant::now() + PATIENCE;
        Box::pin(stream::unfold((self.clone(), PART, until), async |(source, room, until)| {
            if room == 0 || Instant::now() > until {
                return None;
            }
            let piece = source.0.lock().await.piece(room).await?;
            let room = room - piece.len() as u64;
            Some((Ok(piece), (source, room, until)))
        }))
    }

    /// Why nothing more comes, if that is so.
    pub(super) async fn end(&self) -> Option<End> {
        self.0.lock().await.end
    }

    /// Whether what came is what was announced, where something was; nothing, where nothing was.
    pub(super) async fn holds(&self) -> Option<bool> {
        self.0.lock().await.checksum.as_ref().map(Checksum::holds)
    }

    /// Reads on to the end, for the sender's sake.
    pub(super) async fn drain(self) {
        drain(&mut self.0.lock().await.body).await;
    }
}

impl State {
    async fn has_more(&mut self) -> bool {
        while self.rest.is_empty() && self.end.is_none() {
            self.read().await;
        }
        !self.rest.is_empty()
    }

    async fn read(&mut self) {
        let patience = self.deadline.min(Instant::now() + SILENCE);
        match timeout_at(patience, self.body.next()).await {
            Err(_) => self.end = Some(End::Broken("the sender fell silent")),
            Ok(None) => self.end = Some(End::Whole),
            Ok(Some(Err(_))) => self.end = Some(End::Broken("the connection broke")),
            Ok(Some(Ok(chunk))) if chunk.len() as u64 > self.lacking => self.end = Some(End::TooMuch),
            Ok(Some(Ok(chunk))) => self.rest = chunk,
        }
    }

    async fn piece(&mut self, room: u64) -> Option<Bytes> {
        if !self.has_more().await {
            return None;
        }
        let most = usize::try_from(room).unwrap_or(usize::MAX);
        let piece = self.rest.split_to(self.rest.len().min(most));
        self.lacking -= piece.len() as u64;
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&piece);
        }
        Some(piece)
    }
}
