//! The head of a room: how many events it has, and a chain hash over them.
//!
//! `h(n) = SHA-256(h(n-1) ‖ pos ‖ author ‖ cid ‖ kind ‖ SHA-256(body))`, cut to 16 bytes, with `pos` as eight bytes
//! big-endian, ids as their sixteen bytes, and sixteen zero bytes before the first event. The body is the event's
//! field of that name, empty where it has none, and goes in as its own hash, so that the chain can still be checked
//! after a body was removed. Where a message has files, `SHA-256(SHA-256(body) ‖ (id ‖ SHA-256)…)` stands in place of
//! the body's hash, with id and SHA-256 of each file in their order. Two that have the same `(n, h)` have the same history.

use sha2::{Digest, Sha256};

use crate::{
    ClientId, RoomId, UserId,
    events::{Head, RoomEvent},
    files::File,
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
    /// SHA-256 of its body, or of that and its files.
    pub body: [u8; 32],
}

impl<'a> Link<'a> {
    /// The part of an event that goes into the chain.
    pub fn of(event: &'a RoomEvent) -> Self {
        let mut body = [0; 32];
        let removed = event.what.removed().map(|kept| hex::decode_to_slice(kept, &mut body));
        if !matches!(removed, Some(Ok(()))) {
            body = digest_of(event.what.body(), event.what.files());
        }
        Self { pos: event.pos, by: event.by, cid: event.cid, kind: event.what.kind(), body }
    }
}

/// SHA-256 of a body.
pub fn digest(body: &str) -> [u8; 32] {
    Sha256::digest(body.as_bytes()).into()
}

/// SHA-256 of a body, or of that and the files that go with it.
pub fn digest_of(body: &str, files: &[File]) -> [u8; 32] {
    let body = digest(body);
    if files.is_empty() {
        return body;
    }
    let mut hash = Sha256::new();
    hash.update(body);
    for file in files {
        let mut content = [0; 32];
        // A hash that is none is like no content: whoever wrote it, everybody comes to the same.
        let _ = hex::decode_to_slice(&file.sha256, &mut content);
        hash.update(file.id.0.as_bytes());
        hash.update(content);
    }
    hash.finalize().into()
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
    use crate::events::What;

    #[test]
    fn the_files_of_a_message_count_and_removing_them_changes_no_head() {
        let file = |sha256: &str| File {
            id: crate::FileId(uuid::Uuid::nil()),
            name: "a.txt".into(),
            bytes: 1,
            sha256: sha256.repeat(32),
            media_type: "text/plain".into(),
        };
        let said = |att| RoomEvent {
            id: crate::MessageId::new(),
            room: RoomId(uuid::Uuid::nil()),
            pos: 1,
            prev: None,
            ts: crate::Timestamp::from_micros(0),
            by: UserId(uuid::Uuid::nil()),
            name: "Ann".into(),
            cid: ClientId(uuid::Uuid::nil()),
            what: What::Said { body: "hi".into(), re: None, mentions: Vec::new(), att, removed: None },
        };
        let [plain, one, other] =
            [vec![], vec![file("ab")], vec![file("cd")]].map(|att| Standing::default().after(&said(att)));

        let mut removed = said(vec![file("ab")]);
        removed.what.remove();
        removed.what.remove();

        assert!(plain.h != one.h && one.h != other.h);
        assert!(removed.what.files().is_empty());
        assert_eq!(Standing::default().after(&removed), one);
    }

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
