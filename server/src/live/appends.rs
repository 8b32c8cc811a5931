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
