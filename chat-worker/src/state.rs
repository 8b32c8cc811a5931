//! What every part of the chat-worker can reach.

use std::sync::Arc;

use platform::{
    bus::Bus,
    db::Db,
    fanout::Fanout,
    service::{Tasks, Wedge, internal::InternalKey},
};

/// The chat-worker's state.
pub(crate) struct State {
    pub(crate) key: InternalKey,
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    pub(crate) fanout: Fanout,
    pub(crate) tasks: Tasks,
    /// Whether the consumer hangs.
    pub(crate) wedge: Wedge,
}

/// As handlers take it.
#[derive(Clone)]
pub(crate) struct App(pub(crate) Arc<State>);

impl AsRef<InternalKey> for App {
    fn as_ref(&self) -> &InternalKey {
        &self.0.key
    }
}

impl std::ops::Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
