//! Messages between being put in line and being durable: one task hears of the failures, the log itself shows the rest.

use std::sync::Mutex;

use platform::bus::{AppendError, Pending};
use tokio::sync::mpsc;
use wire::MessageId;

use super::{attempts::Key, limits::APPENDS, locked};
use crate::state::{App, State};

/// An append of which nothing is known yet.
type Begun = (Key, MessageId, Pending);

/// The appends of this gateway.
pub(crate) struct Appends {
    line: mpsc::Sender<Begun>,
    /// Until the task takes it.
    begun: Mutex<Option<mpsc::Receiver<Begun>>>,
}

impl Default for Appends {
    fn default() -> Self {
        let (line, begun) = mpsc::channel(APPENDS);
        Self { line, begun: Mutex::new(Some(begun)) }
    }
}

impl Appends {
    /// Leaves an append to the task. The attempt outlives whoever asked: when the connection goes away half way, a
    /// resend still finds it.
    pub(super) async fn leave(&self, key: Key, id: MessageId, pending: Pending) {
        // At the end of the gateway nobody waits any more.
        let _ = self.line.send((key, id, pending)).await;
    }
}

pub(super) fn start(state: &App) {
    let begun = locked(&state.appends.begun).take();
    if let Some(begun) = begun {
        state.tasks.spawn("appends", follow(state.clone(), begun));
    }
}

async fn follow(state: App, mut begun: mpsc::Receiver<Begun>) {
    loop {
        let next = tokio::select! {
            () = state.tasks.stopping() => return,
            next = begun.recv() => next,
        };
        let Some((key, id, pending)) = next else { return };
        if let Err(error) = pending.durable().await {
            failed(&state, key, id, &error);
        }
    }
}

/// Those who wait hear of it, and everybody when the log takes nothing any more.
pub(super) fn failed(state: &State, key: Key, id: MessageId, error: &AppendError) {
    if matches!(error, AppendError::Unavailable(_)) {
        state.live.set_read_only(true);
    }
    state.live.fail(key, id, error);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use platform::{Clock, bus::Bus};
    use wire::{ClientId, RoomId, UserId, paths::TOPIC_CHAT};

    use super::*;

    #[tokio::test]
    async fn so_many_appends_are_awaited_at_once_and_the_next_one_waits_for_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let bus = Bus::open(&format!("embedded:{}", folder.path().display()), Clock::System).await.unwrap();
        let (appends, key) = (Appends::default(), (RoomId::new(), UserId::new(), ClientId::new()));
        let pending = async || bus.enqueue(TOPIC_CHAT, "room", String::new()).await.unwrap();

        for _ in 0..APPENDS {
            let left = appends.leave(key, MessageId::new(), pending().await);
            assert!(left.now_or_never().is_some(), "there is a place for it");
        }
        let mut waits = Box::pin(appends.leave(key, MessageId::new(), pending().await));
        let early = waits.as_mut().now_or_never();
        let mut begun = locked(&appends.begun).take().unwrap();
        begun.recv().await.unwrap().2.durable().await.unwrap();

        assert_eq!(early, None);
        waits.await;
        bus.close().await;
    }
}
