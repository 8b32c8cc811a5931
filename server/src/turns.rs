//! Turns at making pictures: few at once, a short line before them, and an answer in time whatever a picture does.

use std::{future::Future, sync::Arc, time::Duration};

use platform::service::{ApiError, Outcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::Code;

/// Pictures that one gateway makes at once: what one unfolds into is in memory.
const AT_ONCE: usize = 2;
/// Requests that wait for a turn or have one, each with its upload in memory.
const LINE: usize = 64;
/// How long a request waits for its turn and for the picture.
const PATIENCE: Duration = Duration::from_secs(20);

/// The turns of one gateway.
pub(crate) struct Turns {
    line: Semaphore,
    free: Arc<Semaphore>,
    patience: Duration,
}

/// A turn. It goes with the work: who hangs up must not make room for one picture more than there are turns.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self::of(AT_ONCE, PATIENCE)
    }
}

impl Turns {
    fn of(at_once: usize, patience: Duration) -> Self {
        Self { line: Semaphore::new(LINE), free: Arc::new(Semaphore::new(at_once)), patience }
    }

    /// Does something with a turn. When it is not done in time the request is answered: a picture that is being made
    /// then goes on, and keeps its turn to the end.
    pub(crate) async fn take<T, Work: Future<Output = Outcome<T>>>(
        &self,
        work: impl FnOnce(Turn) -> Work,
    ) -> Outcome<T> {
        let busy = || {
            ApiError::new(
                Code::Unavailable,
                "too many pictures are made right now, or this one takes too long",
            )
            .retry_after(2)
        };
        let _place = self.line.try_acquire().map_err(|_| busy())?;
        let done = async {
            let permit = self.free.clone().acquire_owned().await.map_err(anyhow::Error::from)?;
            work(Turn { _permit: permit }).await
        };
        tokio::time::timeout(self.patience, done).await.unwrap_or_else(|_| Err(busy()))
    }
}

impl Turn {
    /// Makes a picture, which blocks, on a thread for that.
    pub(crate) async fn make<T: Send + 'static>(
        self,
        picture: impl FnOnce() -> T + Send + 'static,
    ) -> Outcome<T> {
        let made = tokio::task::spawn_blocking(move || {
            let made = picture();
            drop(self);
            made
        });
        Ok(made.await.map_err(anyhow::Error::from)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_picture_without_an_end_is_answered_and_keeps_only_its_own_turn() {
        let turns = Turns::of(1, Duration::from_millis(50));
        let (finish, is_finished) = mpsc::channel::<()>();

        let endless = turns.take(|turn| turn.make(move || is_finished.recv())).await;
        let next = turns.take(|turn| turn.make(|| ())).await;

        let refusal = endless.err().unwrap().into_problem();
        assert_eq!((refusal.known(), refusal.retryable), (Some(Code::Unavailable), true), "{refusal}");
        assert!(next.is_err(), "there is one turn, and it is taken");
        finish.send(()).unwrap();
        drop(turns.free.acquire().await.unwrap());
        let turns = Turns { patience: Duration::from_secs(60), ..turns };
        turns.take(|turn| turn.make(|| ())).await.unwrap();
    }
}
