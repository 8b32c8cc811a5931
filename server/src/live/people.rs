//! Who is connected to this gateway: sockets by account and by session.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use uuid::Uuid;
use wire::{UserId, frames::close};

use super::{
    limits::SOCKETS,
    line::{Ending, Line},
    locked,
    room::SocketId,
};

/// Every open socket.
#[derive(Default)]
pub(super) struct People {
    users: Mutex<HashMap<UserId, Vec<Entry>>>,
    open: AtomicU64,
    next: AtomicU64,
    /// Set once the gateway ends: who comes now is told so.
    ending: OnceLock<Ending>,
}

struct Entry {
    socket: SocketId,
    session: Uuid,
    jobs: bool,
    line: Arc<Line>,
}

impl People {
    /// A new socket takes its seat, unless the account has too many.
    pub(super) fn sit(&self, user: UserId, session: Uuid, line: Arc<Line>) -> Option<SocketId> {
        let mut users = locked(&self.users);
        let entries = users.entry(user).or_default();
        if entries.len() >= SOCKETS {
            return None;
        }
        let socket = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(ending) = self.ending.get() {
            line.end(*ending);
        }
        entries.push(Entry { socket, session, jobs: false, line });
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        metrics::gauge!("mshub_live_sockets").set(open as f64);
        Some(socket)
    }

    /// A socket goes on with a token of this session: it ends with this one from now on.
    pub(super) fn renews(&self, user: UserId, socket: SocketId, session: Uuid) {
        let mut users = locked(&self.users);
        let entries = users.get_mut(&user).into_iter().flatten();
        entries.filter(|entry| entry.socket == socket).for_each(|entry| entry.session = session);
    }

    /// A socket is gone.
    pub(super) fn leave(&self, user: UserId, socket: SocketId) {
        let mut users = locked(&self.users);
        let Some(entries) = users.get_mut(&user) else { return };
        entries.retain(|entry| entry.socket != socket);
        if entries.is_empty() {
            users.remove(&user);
        }
        let open = self.open.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!("mshub_live_sockets").set(open as f64);
    }

    /// How many sockets are open.
    pub(super) fn count(&self) -> usize {
        usize::try_from(self.open.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    pub(super) fn watch_jobs(&self, user: UserId, socket: SocketId, on: bool) {
        let mut users = locked(&self.users);
        let mine = users.get_mut(&user).into_iter().flatten().filter(|entry| entry.socket == socket);
        mine.for_each(|entry| entry.jobs = on);
    }

    /// A frame for every socket.
    pub(super) fn tell_all(&self, frame: &Bytes) {
        let users = locked(&self.users);
        users.values().flatten().for_each(|entry| entry.line.tell(frame.clone()));
    }

    /// A frame for every socket of a person.
    pub(super) fn tell(&self, user: UserId, frame: &Bytes) {
        let users = locked(&self.users);
        users.get(&user).into_iter().flatten().for_each(|entry| entry.line.tell(frame.clone()));
    }

    /// Something that may be lost, for every socket of a person.
    pub(super) fn hint(&self, user: UserId, frame: &Bytes) {
        let users = locked(&self.users);
        users.get(&user).into_iter().flatten().for_each(|entry| entry.line.hint(frame.clone()));
    }

    /// The state of a conversion, for those of its owner's sockets that asked. A full line drops it: the next one
    /// says more, and the job can be read.
    pub(super) fn hint_job(&self, owner: UserId, frame: &Bytes) {
        let users = locked(&self.users);
        let asked = users.get(&owner).into_iter().flatten().filter(|entry| entry.jobs);
        asked.for_each(|entry| entry.line.hint(frame.clone()));
    }

    /// A session ended: its sockets close.
    pub(super) fn end_session(&self, session: Uuid) {
        let users = locked(&self.users);
        let its = users.values().flatten().filter(|entry| entry.session == session);
        its.for_each(|entry| entry.line.end((close::UNAUTHENTICATED, "the session has ended")));
    }

    /// Every socket has to end, and every one that comes later.
    pub(super) fn end_all(&self, ending: Ending) {
        self.ending.get_or_init(|| ending);
        let users = locked(&self.users);
        users.values().flatten().for_each(|entry| entry.line.end(ending));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_so_many_sockets_and_no_more() {
        let (people, ann, bob) = (People::default(), UserId::new(), UserId::new());
        let sit = |user| people.sit(user, Uuid::nil(), Arc::default());
        let seats: Vec<_> = (0..SOCKETS).map(|_| sit(ann).unwrap()).collect();

        assert!(sit(ann).is_none());
        assert!(sit(bob).is_some());
        people.leave(ann, seats[0]);

        assert!(sit(ann).is_some());
        assert_eq!(people.count(), SOCKETS + 1);
    }
}
