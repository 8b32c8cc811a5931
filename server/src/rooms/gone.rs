//! Removed texts: taken out of what this gateway still has in memory, as the database takes them out of its rows.

use wire::events::RoomEvent;

/// Takes the text of a message, and of every edit of it, out of events. Their digests stay.
pub(crate) fn blank<'a>(events: impl IntoIterator<Item = &'a mut RoomEvent>, tgt: u64) {
    for event in events {
        if event.pos == tgt || event.what.target() == Some(tgt) {
            event.what.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::{ClientId, MessageId, RoomId, Timestamp, UserId, events::What};

    use super::*;

    fn event(pos: u64, what: What) -> RoomEvent {
        let (id, room, by, cid) = (MessageId::new(), RoomId::new(), UserId::new(), ClientId::new());
        RoomEvent { id, room, pos, prev: None, ts: Timestamp::default(), by, name: "Ann".into(), cid, what }
    }

    #[test]
    fn the_message_and_its_edits_lose_their_text_and_nothing_else_does() {
        let edited = What::Edited { tgt: 1, body: "two".into(), mentions: Vec::new(), removed: None };
        let sign = What::Reacted { tgt: 1, body: "👍".into() };
        let mut events =
            [event(1, What::said("one")), event(2, What::said("other")), event(3, edited), event(4, sign)];

        blank(&mut events, 1);

        assert_eq!(events.each_ref().map(|event| event.what.body()), ["", "other", "", "👍"]);
        // SHA-256 of `one`.
        let digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
        assert_eq!(events[0].what.removed(), Some(digest));
    }
}
