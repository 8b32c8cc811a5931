//! The head of a room: how many events it has, and a chain hash over them.
//!
//! `h(n) = SHA-256(h(n-1) ‖ pos ‖ author ‖ cid ‖ kind ‖ SHA-256(body))`, cut to 16 bytes, with `pos` as eight bytes
//! big-endian, ids as their sixteen bytes, and sixteen zero bytes before the first event. The body goes in as its own
//! hash, so that the chain can still be checked after a body was removed. Two that have the same `(n, h)` have the
//! same history.

use sha2::{Digest, Sha256};
use wire::{
    RoomId,
    events::{Head, RoomEvent},
};

/// A chain hash.
pub(crate) type Hash = [u8; 16];

/// Where a room stands in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    pub(crate) pos: u64,
    pub(crate) n: u64,
    pub(crate) h: Hash,
}

impl Standing {
    /// The standing after one more event.
    pub(crate) fn after(&self, event: &RoomEvent) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.h);
        hash.update(event.pos.to_be_bytes());
        hash.update(event.by.0.as_bytes());
        hash.update(event.cid.0.as_bytes());
        hash.update(event.what.kind().as_bytes());
        hash.update(Sha256::digest(event.what.body().as_bytes()));
        let mut h = Hash::default();
        h.copy_from_slice(&hash.finalize()[..16]);
        Self { pos: event.pos, n: self.n + 1, h }
    }

    pub(crate) fn head(&self, room: RoomId) -> Head {
        Head { room, pos: self.pos, n: self.n, h: hex::encode(self.h) }
    }
}
