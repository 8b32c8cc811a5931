//! Messages on their way out: first in, first out, each kept until the hub keeps it or refuses it.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;
use wire::{ClientId, RoomId, frames::ToServer};

use crate::backoff;

/// More than a person types while a hub is away.
pub(crate) const MOST: usize = 1_000;

/// What has not been acknowledged yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    cid: ClientId,
    room: RoomId,
    body: String,
    failures: u32,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    /// To be sent as soon as there is room in the window.
    Due,
    /// Sent on this connection; no answer yet.
    Sent,
    /// To be sent again at this moment.
    Later(Instant),
}

impl Outbox {
    /// Takes a message; gives it back when there are too many.
    pub(crate) fn push(
        &mut self,
        cid: ClientId,
        room: RoomId,
        body: String,
    ) -> Result<(), (ClientId, RoomId)> {
        if self.queue.len() >= MOST {
            return Err((cid, room));
        }
        self.queue.push_back(Waiting { cid, room, body, failures: 0, state: State::Due });
        Ok(())
    }

    /// What is to be sent now, oldest first: at most `window` messages are out at once, and none overtakes an
    /// older one of its room that has to be sent again.
    pub(crate) fn ready(&mut self, window: usize, now: Instant) -> Vec<ToServer> {
        let mut free = window.saturating_sub(self.queue.iter().filter(|m| m.state == State::Sent).count());
        let mut held = HashSet::new();
        let mut frames = Vec::new();
        for message in &mut self.queue {
            let due = match message.state {
                State::Sent => continue,
                State::Due => true,
                State::Later(when) => when <= now,
            };
            if free == 0 || !due || held.contains(&message.room) {
                held.insert(message.room);
                continue;
            }
            free -= 1;
            message.state = State::Sent;
            frames.push(ToServer::Send { cid: message.cid, room: message.room, body: message.body.clone() });
        }
        frames
    }

    /// When something is to be sent again, if anything is.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let later = self.queue.iter().filter_map(|message| match message.state {
            State::Later(when) => Some(when),
            _ => None,
        });
        later.min()
    }

    /// The message is kept, or refused for good. Whether it was waiting: an answer may come twice.
    pub(crate) fn done(&mut self, cid: ClientId) -> Option<RoomId> {
        let at = self.queue.iter().position(|message| message.cid == cid)?;
        self.queue.remove(at).map(|message| message.room)
    }

    /// The message was not taken, or nobody knows: it stays, and is sent again after a while.
    pub(crate) fn retry(&mut self, cid: ClientId, after: Option<Duration>, now: Instant) {
        if let Some(message) = self.queue.iter_mut().find(|message| message.cid == cid) {
            let wait = after.unwrap_or_default() + backoff::full_jitter(message.failures);
            message.failures += 1;
            message.state = State::Later(now + wait);
        }
    }

    /// The connection is gone: what was out on it may or may not have arrived, so it is sent again.
    pub(crate) fn disconnected(&mut self) {
        for message in &mut self.queue {
            message.state = State::Due;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(frames: &[ToServer]) -> Vec<&str> {
        let bodies = frames.iter().map(|frame| match frame {
            ToServer::Send { body, .. } => body.as_str(),
            other => panic!("not a send: {other:?}"),
        });
        bodies.collect()
    }

    fn with(messages: &[(RoomId, &str)]) -> (Outbox, Vec<ClientId>) {
        let mut outbox = Outbox::default();
        let cids = messages.iter().map(|(room, body)| {
            let cid = ClientId::new();
            outbox.push(cid, *room, (*body).to_owned()).unwrap();
            cid
        });
        let cids = cids.collect();
        (outbox, cids)
    }

    #[test]
    fn no_more_than_the_window_is_out_at_once_and_the_oldest_goes_first() {
        let room = RoomId::new();
        let (mut outbox, cids) = with(&[(room, "a"), (room, "b"), (room, "c")]);
        let now = Instant::now();

        assert_eq!(sent(&outbox.ready(2, now)), ["a", "b"]);
        assert!(outbox.ready(2, now).is_empty());

        assert_eq!(outbox.done(cids[0]), Some(room));
        assert_eq!(sent(&outbox.ready(2, now)), ["c"]);
        assert_eq!(outbox.done(cids[0]), None);
    }

    #[test]
    fn a_message_that_has_to_wait_is_not_overtaken_within_its_room() {
        let (room, other) = (RoomId::new(), RoomId::new());
        let (mut outbox, cids) = with(&[(room, "a")]);
        let now = Instant::now();
        outbox.ready(9, now);

        outbox.retry(cids[0], Some(Duration::from_secs(5)), now);
        outbox.push(ClientId::new(), room, "b".into()).unwrap();
        outbox.push(ClientId::new(), other, "x".into()).unwrap();

        assert_eq!(sent(&outbox.ready(9, now)), ["x"]);
        let later = outbox.wake().unwrap();
        assert!(later >= now + Duration::from_secs(5));
        assert_eq!(sent(&outbox.ready(9, later)), ["a", "b"]);
    }

    #[test]
    fn what_was_out_on_a_lost_connection_is_sent_again_in_order() {
        let room = RoomId::new();
        let (mut outbox, cids) = with(&[(room, "a"), (room, "b"), (room, "c")]);
        let now = Instant::now();
        outbox.ready(9, now);
        outbox.done(cids[1]);

        outbox.disconnected();

        assert_eq!(sent(&outbox.ready(9, now)), ["a", "c"]);
    }

    #[test]
    fn an_outbox_has_a_bound() {
        let room = RoomId::new();
        let mut outbox = Outbox::default();
        for _ in 0..MOST {
            outbox.push(ClientId::new(), room, "x".into()).unwrap();
        }

        assert!(outbox.push(ClientId::new(), room, "x".into()).is_err());
    }
}
