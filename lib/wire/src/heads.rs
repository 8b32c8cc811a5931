//! The head of a room: how many events it has, and a chain hash over them.
//!
//! `h(n) = SHA-256(h(n-1) ‖ pos ‖ author ‖ cid ‖ kind ‖ SHA-256(body))`, cut to 16 bytes, with `pos` as eight bytes
//! big-endian, ids as their sixteen bytes, and sixteen zero bytes before the first event. The body is the event's
//! field of that name, empty where it has none, and goes in as its own hash, so that the chain can still be checked
//! after a body was removed. Two that have the same `(n, h)` have the same history.

use sha2::{Digest, Sha256};

use crate::{
    ClientId, RoomId, UserId,
    events::{Head, RoomEvent},
};

/// A chain hash.
pub type Hash = [u8; 16];

/// What of an event goes into the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Its place.
    pub pos: u64,
    /// Who did it.
    pub by: UserId,
    /// As the client made it.
    pub cid: ClientId,
    /// The stable name of its kind.
    pub kind: &'a str,
    /// SHA-256 of its body.
    pub body: [u8; 32],
}

impl<'a> Link<'a> {
    /// The part of an event that goes into the chain.
    pub fn of(event: &'a RoomEvent) -> Self {
        let mut body = [0; 32];
        let removed = event.what.removed().map(|kept| hex::decode_to_slice(kept, &mut body));
        if !matches!(removed, Some(Ok(()))) {
            body = digest(event.what.body());
        }
        Self { pos: event.pos, by: event.by, cid: event.cid, kind: event.what.kind(), body }
    }
}

/// SHA-256 of a body.
pub fn digest(body: &str) -> [u8; 32] {
    Sha256::digest(body.as_bytes()).into()
}

/// Where a room stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Standing {
    /// Position of the newest event that counts, 0 before the first.
    pub pos: u64,
    /// How many events there are.
    pub n: u64,
    /// The chain hash over them.
    pub h: Hash,
}

impl Standing {
    /// The standing after one more event.
    pub fn after(&self, event: &RoomEvent) -> Self {
        self.after_link(&Link::of(event))
    }

    /// The same for the part of an event that matters.
    pub fn after_link(&self, link: &Link<'_>) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.h);
        hash.update(link.pos.to_be_bytes());
        hash.update(link.by.0.as_bytes());
        hash.update(link.cid.0.as_bytes());
        hash.update(link.kind.as_bytes());
        hash.update(link.body);
        let mut h = Hash::default();
        h.copy_from_slice(&hash.finalize()[..16]);
        Self { pos: link.pos, n: self.n + 1, h }
    }

    /// As it travels.
    pub fn head(&self, room: RoomId) -> Head {
        Head { room, pos: self.pos, n: self.n, h: hex::encode(self.h) }
    }

    /// From how it travels; `None` when the hash is none.
    pub fn of(head: &Head) -> Option<Self> {
        let mut h = Hash::default();
        hex::decode_to_slice(&head.h, &mut h).ok()?;
        Some(Self { pos: head.pos, n: head.n, h })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_the_wire_and_the_order_of_events_matters() {
        let (by, cid) = (UserId(uuid::Uuid::nil()), ClientId(uuid::Uuid::nil()));
        let link = |pos, body| Link { pos, by, cid, kind: "said", body: digest(body) };
        let (first, second) = (link(1, "a"), link(2, "b"));

        let standing = Standing::default().after_link(&first).after_link(&second);
        let swapped = Standing::default().after_link(&second).after_link(&first);

        assert_eq!(Standing::of(&standing.head(RoomId::new())), Some(standing));
        assert_eq!((standing.n, standing.pos), (2, 2));
        assert_ne!(standing.h, swapped.h);
    }
}
