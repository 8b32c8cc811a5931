//! One room as this gateway sees it: its newest events, and who listens.

use std::collections::{HashMap, VecDeque};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;
use wire::{UserId, events::RoomEvent};

/// Newest events of a room that are kept in memory.
const RECENT: usize = 256;
/// Events that may arrive while a subscription catches up.
const MEANWHILE: usize = 1_024;

/// Names a socket of this gateway.
pub(super) type SocketId = u64;

/// A frame on its way to one socket. A socket whose line is full is too slow and is closed.
pub(super) type Line = mpsc::Sender<Utf8Bytes>;

/// One socket that listens to the room.
pub(super) struct Listener {
    pub(super) user: UserId,
    pub(super) line: Line,
    /// While the past is being sent: what happened since, with its position.
    meanwhile: Option<Vec<(u64, Utf8Bytes)>>,
}

/// A room of the live registry.
pub(super) struct Room {
    /// Everything after `complete_after`, oldest first.
    recent: VecDeque<RoomEvent>,
    complete_after: u64,
    /// The newest position, once one was seen.
    last: Option<u64>,
    listeners: HashMap<SocketId, Listener>,
}

impl Room {
    /// A room of which everything after a position will be seen.
    pub(super) fn new(complete_after: u64) -> Self {
        Self { recent: VecDeque::new(), complete_after, last: None, listeners: HashMap::new() }
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Takes an event and its frame; answers with the sockets that were too slow for it.
    pub(super) fn take(&mut self, event: RoomEvent, frame: &Utf8Bytes) -> Vec<SocketId> {
        let pos = event.pos;
        self.last = Some(pos);
        self.recent.push_back(event);
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.complete_after = oldest.pos;
        }
        let mut slow = Vec::new();
        for (socket, listener) in &mut self.listeners {
            if !listener.hear(pos, frame) {
                slow.push(*socket);
            }
        }
        slow
    }

    /// Everything after a position, if memory reaches back that far.
    pub(super) fn after(&self, pos: u64) -> Option<Vec<RoomEvent>> {
        let known = pos >= self.complete_after;
        known.then(|| self.recent.iter().filter(|event| event.pos > pos).cloned().collect())
    }

    /// Begins to hear: what happens from now on waits until [`Room::caught_up`].
    pub(super) fn listen(&mut self, socket: SocketId, user: UserId, line: Line) {
        self.listeners.insert(socket, Listener { user, line, meanwhile: Some(Vec::new()) });
    }

    /// What happened after a position while the past was being sent. When nothing did, the socket is live from here
    /// on and the answer is empty. `None` when it does not listen any more.
    pub(super) fn caught_up(&mut self, socket: SocketId, upto: u64) -> Option<Vec<(u64, Utf8Bytes)>> {
        let listener = self.listeners.get_mut(&socket)?;
        let meanwhile = listener.meanwhile.as_mut()?;
        let waiting: Vec<_> = std::mem::take(meanwhile).into_iter().filter(|(pos, _)| *pos > upto).collect();
        if waiting.is_empty() {
            listener.meanwhile = None;
        }
        Some(waiting)
    }

    pub(super) fn forget(&mut self, socket: SocketId) {
        self.listeners.remove(&socket);
    }

    /// Ends every subscription of a person; answers with their lines.
    pub(super) fn forget_user(&mut self, user: UserId) -> Vec<(SocketId, Line)> {
        self.listeners
            .extract_if(|_, listener| listener.user == user)
            .map(|(socket, listener)| (socket, listener.line))
            .collect()
    }

    pub(super) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.values()
    }
}

impl Listener {
    /// `false` when the socket is too slow for it.
    fn hear(&mut self, pos: u64, frame: &Utf8Bytes) -> bool {
        match &mut self.meanwhile {
            Some(meanwhile) if meanwhile.len() < MEANWHILE => {
                meanwhile.push((pos, frame.clone()));
                true
            }
            Some(_) => false,
            None => self.line.try_send(frame.clone()).is_ok(),
        }
    }
}
